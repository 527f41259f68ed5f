//! Programs that are run to be judged, and ports that are connected to.

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

/// Connections: with a server of the situation's own at `{port}`.
pub(super) const CONNECTIONS: &[Situation] = &[
    Situation {
        name: "host: a port closed, open, closed",
        monit: "check host web with address 127.0.0.1\n if failed port {port} then alert\n",
        ours: "  - host: web\n    address: 127.0.0.1\n    rules:\n      \
               - { if: \"failed port {port}\", then: alert }\n",
        play: &[
            Say("error    'web' failed protocol test [DEFAULT] at [127.0.0.1]:P [TCP/IP]"),
            Do("./actor begin server serve $PORT"),
            Say("info     'web' connection succeeded to [127.0.0.1]:P [TCP/IP]"),
            Do("./actor signal server KILL"),
            Say("error    'web' failed protocol test [DEFAULT] at [127.0.0.1]:P [TCP/IP]"),
        ],
        ..PLAIN
    },
    Situation {
        name: "process: a Unix socket",
        before: "./actor begin pid serve \"$PWD/socket\"; until test -S socket; do sleep 0.1; done",
        monit: "check process svc with pidfile {dir}/pid\n \
                if failed unixsocket {dir}/socket then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    rules:\n      \
               - { if: \"failed unixsocket {dir}/socket\", then: alert }\n",
        play: &[
            Cycles(3),
            Do("mv socket away"),
            Say("failed protocol test [DEFAULT] at D/socket"),
            Do("mv away socket"),
            Say("connection succeeded to D/socket"),
            Cycles(2),
        ],
        better: Some("the reason is the system's own; Monit says that it cannot create a socket"),
        ..PLAIN
    },
];
