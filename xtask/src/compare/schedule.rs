//! When a service is looked at, and whether it is touched.

use super::process::{ANOTHER, buried};
use super::situation::Step::{Count, Cycles, Do, Holds, Order, Say};
use super::situation::{PLAIN, Situation, Who};

/// A file whose rights are wrong, looked at when the sentence says.
macro_rules! wrong {
    ($name:literal, $monit:literal, $ours:literal, [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            before: "echo one > thing; chmod 600 thing; echo two > other; chmod 644 other",
            // The other file shows that there were cycles.
            monit: concat!(
                "check file other with path {dir}/other\n if failed permission 644 then alert\n",
                "check file thing with path {dir}/thing\n ", $monit, "\n ",
                "if failed permission 644 then alert\n"
            ),
            ours: concat!(
                "  - file: thing\n    path: {dir}/thing\n    ", $ours, "\n    rules:\n      ",
                "- { if: \"failed permission 644\", then: alert }\n",
                "  - file: other\n    path: {dir}/other\n    rules:\n      ",
                "- { if: \"failed permission 644\", then: alert }\n"
            ),
            play: &[$($step),*],
            $($more)*
            ..PLAIN
        }
    };
}

/// The same, where nobody is to look at the thing while the cycles go by.
macro_rules! unseen {
    ($name:literal, $monit:literal, $ours:literal $(,)?) => {
        wrong!(
            $name,
            $monit,
            $ours,
            [
                Cycles(2),
                Do("chmod 600 other"),
                Say("'other' permission test failed"),
                Cycles(3),
                Count(Who::Monit, "'thing'", 0),
                Count(Who::Ours, "'thing'", 0),
            ],
        )
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "every 2 cycles",
        before: "printf '#!/bin/sh\\ndate +%%s%%3N >> %s/runs\\n' \"$PWD\" > probe; chmod 755 probe",
        monit: "check program probe with path {dir}/probe\n every 2 cycles\n if status != 0 then alert\n",
        ours: "  - program: probe\n    path: {dir}/probe\n    every: 2 cycles\n    rules:\n      \
               - { if: \"status != 0\", then: alert }\n",
        // Four times two cycles of a second, less what a busy machine may be late by.
        play: &[Holds(
            "test $(wc -l < runs) -ge 5; \
             test $(($(sed -n 5p runs) - $(sed -n 1p runs))) -ge 6000",
        )],
        ..PLAIN
    },
    wrong!(
        "every: a crontab that is due",
        "every \"* * * * *\"",
        "every: \"* * * * *\"",
        [Say("'thing' permission test failed"), Cycles(2)],
    ),
    unseen!("every: a crontab that is never due", "every \"* * 30 2 *\"", "every: \"* * 30 2 *\"",),
    unseen!(
        "not every: a crontab that is due",
        "not every \"* * * * *\"",
        "every: { not: \"* * * * *\" }",
    ),
    wrong!(
        "not every: a crontab that is never due",
        "not every \"* * 30 2 *\"",
        "every: { not: \"* * 30 2 *\" }",
        [Say("'thing' permission test failed"), Cycles(3)],
    ),
    Situation {
        name: "mode passive: killed, not touched",
        before: buried!("pid"),
        monit: "check process svc with pidfile {dir}/pid\n mode passive\n \
                start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
                stop program = \"{dir}/actor signal {dir}/pid KILL\"\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    mode: passive\n    \
               start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    \
               stop: {dir}/actor signal {dir}/pid KILL\n",
        play: &[
            Cycles(3),
            Do("./actor signal pid KILL"),
            Say("'svc' process is not running"),
            Cycles(3),
            Count(Who::Monit, "start:", 0),
            Count(Who::Ours, "start:", 0),
            Do("./actor begin pid wish wish"),
            Say("'svc' process is running with pid"),
            Cycles(2),
        ],
        better: Some(ANOTHER),
        ..PLAIN
    },
    Situation {
        name: "mode passive: a program is run all the same",
        before: buried!("pid"),
        monit: "check process svc with pidfile {dir}/pid\n mode passive\n \
                start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
                if does not exist then exec \"/bin/touch {dir}/told\"\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    mode: passive\n    \
               start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    rules:\n      \
               - { if: \"does not exist\", then: { exec: \"/bin/touch {dir}/told\" } }\n",
        play: &[
            Cycles(3),
            Do("./actor signal pid KILL"),
            Say("exec: '/bin/touch D/told'"),
            Holds("test -e told"),
            Cycles(2),
        ],
        ..PLAIN
    },
    wrong!(
        "unmonitored by an operator, monitored again",
        "mode active",
        "mode: active",
        [
            Say("'thing' permission test failed"),
            Order("unmonitor thing"),
            Cycles(2),
            Do("chmod 644 thing"),
            Cycles(2),
            Count(Who::Monit, "permission test succeeded", 0),
            Count(Who::Ours, "permission test succeeded", 0),
            Do("chmod 600 thing"),
            Order("monitor thing"),
            Cycles(3),
        ],
    ),
];
