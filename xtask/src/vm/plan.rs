//! What runs in a guest, in which variant of it, and why there.

use std::fmt::Write;
use std::time::Duration;

use super::payload::Programs;
use super::variant::Variant;

/// A test program of `tests/tests`, in some variants.
struct Suite {
    name: &'static str,
    variants: &'static [Variant],
    always: Always,
    /// Seconds for what always runs: several times what it takes on a busy machine, where the guest
    /// starts about twenty processes a second. What stands still is ended long before, by its silence.
    limit: u32,
}

/// What of a suite runs with every change. All of it runs by `--all`.
enum Always {
    /// These: names, or parts of them.
    Only(&'static [&'static str]),
    /// All but these.
    But(&'static [&'static str]),
    Nothing,
}

use Always::{But, Nothing, Only};
use Variant::{Lockdown, Old, Plain};

/// Not here: what needs servers that the guest lacks (`apache`, `mail`), and what is the same on
/// every kernel (`engine`, `state`, `docs`).
const SUITES: &[Suite] = &[
    // The verifier takes the programs, the kernel's structures are read right, each hook tells.
    Suite {
        name: "kernel",
        variants: &[Plain],
        always: But(&[
            // It measures, which means nothing under emulation, and can hardly fail.
            "the_price",
            // The ring and the table are ours and the same on every kernel; to fill them takes
            // hundreds of processes, which is a quarter of the suite's time.
            "a_ring_too_small_loses_and_counts",
            "a_crossing_that_is_lost_is_told_again",
            "a_pass_larger_than_the_ring",
            // Two accounts of CPU time that must agree to some milliseconds, where the host takes
            // the emulated CPU away for longer than that between the one and the other.
            "a_pid_that_is_reused_at_once",
            "a_running_tree_is_enrolled_and_its_past_is_not_counted",
            // They differ from `children_that_are_waited_for` in who reaps, and take as long.
            "children_whose_parent_ignores_their_end",
        ]),
        limit: 1200,
    },
    // The sensor on /proc, where this kernel refuses the programs.
    Suite {
        name: "fallback",
        variants: &[Plain],
        always: Only(&["on_a_kernel_without_bpf"]),
        limit: 300,
    },
    // Units, our own among them; what each kind of host lacks.
    Suite { name: "units", variants: &[Plain], always: But(&[]), limit: 1200 },
    Suite {
        name: "units",
        variants: &[Old, Lockdown],
        always: Only(&["what_a_host_lacks_is_named_and_a_death_is_answered_all_the_same"]),
        limit: 120,
    },
    // A control group of version 2 that is frozen: a storm against the clock of a starved guest.
    Suite { name: "brake", variants: &[Plain], always: Nothing, limit: 0 },
    Suite { name: "found", variants: &[Plain], always: Nothing, limit: 0 },
    // Spinners on each CPU: what else runs in the guest may then be late by any amount.
    Suite { name: "pressure", variants: &[Plain], always: Nothing, limit: 0 },
    // Pidfds and start programs from hell, and the whole daemon: the same on every kernel.
    Suite { name: "actions", variants: &[Plain], always: Nothing, limit: 0 },
    Suite { name: "daemon", variants: &[Plain], always: Nothing, limit: 0 },
    Suite { name: "survey", variants: &[Plain], always: Nothing, limit: 0 },
];

impl Always {
    /// As words for the test program; none: nothing.
    fn words(&self) -> Option<String> {
        match self {
            Self::Only(names) => Some(names.join(" ")),
            Self::But(names) => {
                let words: Vec<String> =
                    names.iter().map(|name| format!("--skip {name}")).collect();
                Some(words.join(" "))
            }
            Self::Nothing => None,
        }
    }
}

/// A command line or a suite that somebody gives by hand may take.
const BY_HAND_LIMIT: u32 = 900;

/// What to run.
#[derive(Debug)]
pub(crate) enum Plan {
    /// What runs with every change.
    Always,
    /// All tests of the suites.
    All,
    /// The tests whose name contains the text; the name of a suite means all of it.
    Named(String),
    /// A command line.
    Command(String),
}

impl Plan {
    /// Whether there is something to do in the variant.
    pub(crate) fn has(&self, variant: Variant) -> bool {
        matches!(self, Self::Command(_))
            || SUITES.iter().any(|suite| suite.variants.contains(&variant))
    }

    /// How long a guest may work for it: longer than all commands' own limits.
    pub(crate) fn limit(&self, variant: Variant) -> Duration {
        let suites = SUITES.iter().filter(|suite| suite.variants.contains(&variant));
        let seconds: u32 = match self {
            Self::Command(_) => BY_HAND_LIMIT,
            _ => suites.filter_map(|suite| self.chosen(suite)).map(|one| one.0).sum(),
        };
        Duration::from_secs(u64::from(seconds) + 60)
    }

    /// The guest's list: a name, seconds, a command line.
    pub(crate) fn lines(&self, variant: Variant, programs: &Programs) -> anyhow::Result<String> {
        let mut text = String::new();
        if let Self::Command(line) = self {
            writeln!(text, "command {BY_HAND_LIMIT} {line}")?;
        }
        for suite in SUITES.iter().filter(|suite| suite.variants.contains(&variant)) {
            let Some((limit, filter)) = self.chosen(suite) else { continue };
            let (name, program) = (suite.name, programs.test(suite.name)?.display());
            writeln!(text, "{name} {limit} {program} --include-ignored --test-threads=1 {filter}")?;
        }
        Ok(text)
    }

    /// Seconds, and the names for the test program; none: not this suite.
    fn chosen(&self, suite: &Suite) -> Option<(u32, String)> {
        // A variant other than the usual is for what it lacks, whatever else was asked for.
        let always = || suite.always.words().map(|words| (suite.limit, words));
        let plain = suite.variants.contains(&Plain);
        let one = |text: &str| SUITES.iter().any(|suite| suite.name == text);
        match self {
            Self::Command(_) => None,
            Self::Always => always(),
            Self::All if plain => Some((BY_HAND_LIMIT, String::new())),
            Self::All => always(),
            Self::Named(text) if one(text) => {
                (suite.name == text).then(|| (BY_HAND_LIMIT, String::new()))
            }
            Self::Named(text) => Some((BY_HAND_LIMIT, text.clone())),
        }
    }
}
