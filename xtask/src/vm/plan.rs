//! What runs in a guest, in which variant of it, and why there.

use std::fmt::Write;

use super::payload::Programs;
use super::variant::Variant;

/// A test program of `tests/tests`.
struct Suite {
    name: &'static str,
    variants: &'static [Variant],
    /// Seconds: several times what it takes on a busy machine, where the guest starts about twenty
    /// processes a second.
    limit: u32,
}

use Variant::{Lockdown, Old, Plain};

/// Not here: what needs servers that the guest lacks (`apache`, `mail`), and what is the same on
/// every kernel (`engine`, `state`, `docs`).
const SUITES: &[Suite] = &[
    // The programs load, and what they count agrees with the kernel's own account.
    Suite { name: "kernel", variants: &[Plain, Old, Lockdown], limit: 300 },
    // Starting, stopping and signalling by what the kernel offers of pidfds and control groups.
    Suite { name: "actions", variants: &[Plain, Old], limit: 300 },
    // The same where the kernel refuses the programs, in real ways.
    Suite { name: "fallback", variants: &[Plain], limit: 300 },
    // The whole daemon.
    Suite { name: "daemon", variants: &[Plain, Old, Lockdown], limit: 300 },
    Suite { name: "survey", variants: &[Plain, Old], limit: 120 },
    Suite { name: "pressure", variants: &[Plain], limit: 120 },
];

/// The longest command line that somebody gives by hand may take.
const COMMAND_LIMIT: u32 = 600;

/// What to run.
#[derive(Debug)]
pub(crate) enum Plan {
    /// The tests whose name contains the text.
    Tests(Option<String>),
    /// A command line.
    Command(String),
}

impl Plan {
    pub(crate) fn tests(filter: Option<&str>) -> Self {
        Self::Tests(filter.map(str::to_owned))
    }

    pub(crate) fn command(line: &str) -> Self {
        Self::Command(line.to_owned())
    }

    /// Whether there is something to do in the variant.
    pub(crate) fn has(&self, variant: Variant) -> bool {
        match self {
            Self::Command(_) => true,
            Self::Tests(_) => SUITES.iter().any(|suite| suite.variants.contains(&variant)),
        }
    }

    /// The guest's list: a name, seconds, a command line.
    pub(crate) fn lines(&self, variant: Variant, programs: &Programs) -> anyhow::Result<String> {
        let mut text = String::new();
        match self {
            Self::Command(line) => writeln!(text, "command {COMMAND_LIMIT} {line}")?,
            Self::Tests(filter) => {
                let filter = filter.as_deref().unwrap_or_default();
                let there = || SUITES.iter().filter(|suite| suite.variants.contains(&variant));
                // The name of a suite means all of it.
                let one = there().any(|suite| suite.name == filter);
                for Suite { name, limit, .. } in there() {
                    if one && *name != filter {
                        continue;
                    }
                    let program = programs.test(name)?.display();
                    let filter = if one { "" } else { filter };
                    let options = "--include-ignored --test-threads=1";
                    writeln!(text, "{name} {limit} {program} {options} {filter}")?;
                }
            }
        }
        Ok(text)
    }
}
