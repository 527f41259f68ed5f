//! The host's own numbers.

use super::situation::Step::{Cycles, Say};
use super::situation::{PLAIN, Situation};

macro_rules! system {
    ($name:literal, $monit:literal, $ours:literal, $failed:literal) => {
        Situation {
            name: $name,
            monit: concat!("check system box\n ", $monit, "\n"),
            ours: concat!("  - system: box\n    rules:\n      - { ", $ours, " }\n"),
            play: &[Say($failed), Cycles(2)],
            tolerance: 1.0,
            ..PLAIN
        }
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    system!("system: cpu", "if cpu > 0.1% then alert", "if: \"cpu > 0.1%\", then: alert", "cpu"),
    system!(
        "system: cpu (user)",
        "if cpu (user) > 0.01% then alert",
        "if: \"cpu (user) > 0.01%\", then: alert",
        "cpu"
    ),
    system!(
        "system: memory",
        "if memory > 1% then alert",
        "if: \"memory > 1%\", then: alert",
        "mem usage of"
    ),
    Situation {
        better: Some("a limit is told as it is written, also with two digits"),
        ..system!(
            "system: loadavg",
            "if loadavg (1min) > 0.01 for 2 cycles then alert",
            "if: \"loadavg (1min) > 0.01 for 2 cycles\", then: alert",
            "loadavg"
        )
    },
];
