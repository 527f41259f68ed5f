//! Programs that are run to be judged.

use super::file::ONE_LINE;
use super::situation::Step::{Cycles, Do, Say};
use super::situation::{PLAIN, Situation};

/// A program that does what a file says.
const PROBE: &str = "printf '#!/bin/sh\\n. %s/does\\n' \"$PWD\" > probe; chmod 755 probe; \
    echo 'echo disk ok' > does";

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "program: status",
        before: PROBE,
        monit: "check program probe with path {dir}/probe\n if status != 0 then alert\n",
        ours: "  - program: probe\n    path: {dir}/probe\n    rules:\n      \
               - { if: \"status != 0\", then: alert }\n",
        play: &[
            Cycles(3),
            Do("echo 'echo disk full; exit 3' > new; mv new does"),
            Say("error    'probe' status failed (3) -- disk full"),
            Do("echo 'echo disk ok' > new; mv new does"),
            Say("info     'probe' status succeeded (0) -- disk ok"),
            Cycles(2),
        ],
        ..PLAIN
    },
    Situation {
        name: "program: what it says",
        before: PROBE,
        monit: "check program probe with path {dir}/probe\n if content = \"full\" then alert\n",
        ours: "  - program: probe\n    path: {dir}/probe\n    rules:\n      \
               - { if: 'content = \"full\"', then: alert }\n",
        play: &[
            Cycles(3),
            Do("echo 'echo disk full' > new; mv new does"),
            Say("error    'probe' content match on program output:"),
            Do("echo 'echo disk ok' > new; mv new does"),
            Say("info     'probe' content doesn't match on program output:"),
            Cycles(2),
        ],
        better: Some(ONE_LINE),
        ..PLAIN
    },
];
