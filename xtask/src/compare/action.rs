//! Programs that rules run, how often, and what follows when all is well again.

use super::situation::Step::{Cycles, Do, Holds, Say};
use super::situation::{PLAIN, Situation};

/// A file whose rights are made wrong, and right again.
macro_rules! rights {
    ($name:literal, $monit:literal, $ours:literal, [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            before: "echo one > thing; chmod 644 thing; \
                     printf '#!/bin/sh\\nenv >> %s/ran\\n' \"$PWD\" > hook; chmod 755 hook",
            monit: concat!("check file thing with path {dir}/thing\n ", $monit, "\n"),
            ours: concat!(
                "  - file: thing\n    path: {dir}/thing\n    rules:\n      - { ", $ours, " }\n"
            ),
            play: &[Cycles(2), Do("chmod 600 thing"), $($step),*],
            $($more)*
            ..PLAIN
        }
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    rights!(
        "exec: once for each failure",
        "if failed permission 644 then exec \"{dir}/hook\"",
        "if: \"failed permission 644\", then: { exec: \"{dir}/hook\" }",
        [
            Say("exec: 'D/hook'"),
            Cycles(3),
            Do("test $(grep -c ^MONIT_EVENT= ran) = 1"),
            Do("chmod 644 thing"),
            Say("permission test succeeded"),
            Cycles(2),
        ],
    ),
    rights!(
        "exec: repeated every 2 cycles",
        "if failed permission 644 then exec \"{dir}/hook\" repeat every 2 cycles",
        "if: \"failed permission 644\", then: { exec: { program: \"{dir}/hook\", repeat: 2 cycles } }",
        [
            Say("exec: 'D/hook'"),
            Say("exec: 'D/hook'"),
            Say("exec: 'D/hook'"),
            Do("chmod 644 thing"),
            Say("permission test succeeded"),
        ],
    ),
    rights!(
        "exec: what the program is told",
        "if failed permission 644 then exec \"{dir}/hook\"",
        "if: \"failed permission 644\", then: { exec: \"{dir}/hook\" }",
        [
            Say("exec: 'D/hook'"),
            Holds("grep -qx 'MONIT_EVENT=Permission failed' ran"),
            Holds("grep -qx 'MONIT_SERVICE=thing' ran"),
            Holds(
                "grep -q '^MONIT_DESCRIPTION=permission test failed for .*/thing \\[current permission 0600\\]$' ran"
            ),
            Holds("grep -q '^MONIT_HOST=.' ran"),
            Holds("grep -q '^MONIT_DATE=[A-Z][a-z][a-z], [0-9]* [A-Z][a-z][a-z] 20' ran"),
        ],
    ),
    rights!(
        "else: a program after two good cycles",
        "if failed permission 644 then alert else if succeeded for 3 cycles then exec \"{dir}/hook\"",
        "if: \"failed permission 644\", then: alert, \
         else: { after: 3 cycles, then: { exec: \"{dir}/hook\" } }",
        [
            Say("error    'thing' permission test failed"),
            Cycles(2),
            Do("chmod 644 thing"),
            Say("exec: 'D/hook'"),
            Cycles(2),
        ],
    ),
    rights!(
        "for 2 times within 4 cycles",
        "if failed permission 644 for 2 times within 4 cycles then alert",
        "if: \"failed permission 644 for 2 times within 4 cycles\", then: alert",
        [
            Say("warning  'thing' permission test failed"),
            Say("error    'thing' permission test failed"),
            Cycles(2),
            Do("chmod 644 thing"),
            Say("permission test succeeded"),
        ],
    ),
    Situation {
        name: "stop by a rule about a file",
        before: "echo one > thing; chmod 644 thing",
        monit: "check file thing with path {dir}/thing\n \
                stop program = \"/bin/touch {dir}/stopped\"\n \
                if failed permission 644 then stop\n",
        ours: "  - file: thing\n    path: {dir}/thing\n    stop: /bin/touch {dir}/stopped\n    \
               rules:\n      - { if: \"failed permission 644\", then: stop }\n",
        play: &[
            Cycles(2),
            Do("chmod 600 thing"),
            Say("error    'thing' permission test failed"),
            Holds("test -e stopped"),
            Do("chmod 644 thing"),
            Cycles(3),
        ],
        ..PLAIN
    },
];
