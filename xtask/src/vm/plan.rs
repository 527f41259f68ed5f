//! What runs in a guest, in which variant of it, and why there.

use std::fmt::Write;
use std::time::Duration;

use super::payload::Programs;
use super::variant::Variant;

/// A test program of `tests/tests`.
struct Suite {
    name: &'static str,
    variants: &'static [Variant],
    /// What always runs: names, or parts of them. The rest takes too long under emulation to run
    /// with every change, and only runs by `--all`.
    always: &'static [&'static str],
    /// Seconds for what always runs: several times what it takes on a busy machine, where the guest
    /// starts about twenty processes a second.
    limit: u32,
}

use Variant::{Lockdown, Old, Plain};

/// Not here: what needs servers that the guest lacks (`apache`, `mail`), and what is the same on
/// every kernel (`engine`, `state`, `docs`).
const SUITES: &[Suite] = &[
    // The verifier takes the programs, the kernel's structures are read right, each hook tells.
    Suite {
        name: "kernel",
        variants: &[Plain],
        always: &[
            "everything_loads_on_this_kernel",
            // Run time, where the kernel frees tasks in its own way.
            "threads_living_and_dead_count_once",
            "children_that_are_waited_for",
            // Resident memory: counters of another kind before 6.2.
            "memory_that_is_shared_whole_counts_once",
            // The exit's code, its sender and its memory: fields that move between kernels.
            "the_death_of_a_main_process_wakes",
            "who_sent_the_signal",
            "deaths_of_members_are_told_where_wanted",
            "the_oom_killers_choice_is_told_before_the_death",
            // The fault sampler, the latches and the windows of forks.
            "small_pages_cross_at_the_fault_and_are_told_once",
            "children_and_forks_cross_at_the_fork",
            // Canaries, and hooks attached anew.
            "lost_hooks_are_noticed_and_attached_anew",
            // By file, and by a control group of version 2.
            "a_program_that_is_waited_for_is_told_when_it_begins",
            "a_process_that_begins_in_a_cgroup_is_told_unless_it_is_a_member",
        ],
        limit: 300,
    },
    // The sensor on /proc, where this kernel refuses the programs.
    Suite {
        name: "fallback",
        variants: &[Plain],
        always: &["without_type_information", "on_a_kernel_without_bpf"],
        limit: 120,
    },
    // A control group of version 2 that is frozen.
    Suite {
        name: "brake",
        variants: &[Plain],
        always: &["a_cgroup_of_its_own_is_frozen_and_thawed"],
        limit: 120,
    },
    // Services found by control groups of version 2.
    Suite {
        name: "found",
        variants: &[Plain],
        always: &["a_service_that_others_restart_is_found_at_once"],
        limit: 120,
    },
    // Units, our own among them; what each kind of host lacks.
    Suite { name: "units", variants: &[Plain], always: &[""], limit: 240 },
    Suite {
        name: "units",
        variants: &[Old, Lockdown],
        always: &["what_a_host_lacks_is_named_and_a_death_is_answered_all_the_same"],
        limit: 120,
    },
    // Triggers of /proc/pressure, which not every host offers.
    Suite { name: "pressure", variants: &[Plain], always: &[""], limit: 120 },
    // By hand only: pidfds and start programs from hell, and the whole daemon.
    Suite { name: "actions", variants: &[Plain], always: &[], limit: 0 },
    Suite { name: "daemon", variants: &[Plain], always: &[], limit: 0 },
    Suite { name: "survey", variants: &[Plain], always: &[], limit: 0 },
];

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
        let always = || (suite.limit, suite.always.join(" "));
        let plain = suite.variants.contains(&Plain);
        let one = |text: &str| SUITES.iter().any(|suite| suite.name == text);
        match self {
            Self::Command(_) => None,
            Self::Always => (!suite.always.is_empty()).then(always),
            Self::All if plain => Some((BY_HAND_LIMIT, String::new())),
            Self::All => Some(always()),
            Self::Named(text) if one(text) => {
                (suite.name == text).then(|| (BY_HAND_LIMIT, String::new()))
            }
            Self::Named(text) => Some((BY_HAND_LIMIT, text.clone())),
        }
    }
}
