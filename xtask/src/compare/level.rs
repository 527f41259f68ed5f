//! Processes: what they use, and rules about that.

use super::process::SERVICE;
use super::situation::Step::{Count, Cycles, Do, Say, Says};
use super::situation::{Situation, Who};

/// What a load needs to be seen and gone again: the rule, its two lines, and the wish.
macro_rules! level {
    ($name:literal, $monit:literal, $ours:literal, $wish:literal, $failed:literal, $well:literal, $($more:tt)*) => {
        Situation {
            name: $name,
            monit: concat!(
                "check process svc with pidfile {dir}/pid\n ",
                "start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n ",
                "stop program = \"{dir}/actor signal {dir}/pid KILL\"\n ",
                $monit, "\n"
            ),
            ours: concat!(
                "  - process: svc\n    pidfile: {dir}/pid\n    ",
                "start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    ",
                "stop: {dir}/actor signal {dir}/pid KILL\n    ",
                "rules:\n      - { ", $ours, " }\n"
            ),
            play: &[
                Say("process is running with pid"),
                Cycles(2),
                Do(concat!("echo ", $wish, " > new; mv new wish")),
                Say($failed),
                Cycles(2),
                Do("rm wish"),
                Say($well),
                Cycles(2),
            ],
            $($more)*
            ..SERVICE
        }
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    level!(
        "process: memory for 2 cycles",
        "if memory > 60 MB for 2 cycles then alert",
        "if: \"memory > 60 MB for 2 cycles\", then: alert",
        "memory 100",
        "error    'svc' mem amount of 1",
        "mem amount check succeeded",
    ),
    level!(
        "process: memory, at the crossing",
        "if memory > 60 MB then alert",
        "if: \"memory > 60 MB\", then: alert",
        "memory 100",
        "mem amount of",
        "mem amount check succeeded",
        better: Some(
            "the limit is seen when it is crossed, with what was held then and by whom; Monit sees \
             what is there at its next cycle",
        ),
    ),
    level!(
        "process: cpu",
        "if cpu > 5% for 2 cycles then alert",
        "if: \"cpu > 5% for 2 cycles\", then: alert",
        "spin 90",
        "error    'svc' cpu usage of",
        "cpu usage check succeeded",
        tolerance: 1.0,
    ),
    level!(
        "process: total cpu",
        "if total cpu > 3% for 2 cycles then alert",
        "if: \"total cpu > 3% for 2 cycles\", then: alert",
        "spin 90",
        "error    'svc' total cpu usage of",
        "cpu usage check succeeded",
        tolerance: 1.0,
    ),
    level!(
        "process: children for 2 cycles",
        "if children > 2 for 2 cycles then alert",
        "if: \"children > 2 for 2 cycles\", then: alert",
        "children 5",
        "error    'svc' children count 5 matches resource limit",
        "check succeeded",
    ),
    level!(
        "process: threads",
        "if threads > 3 then alert",
        "if: \"threads > 3\", then: alert",
        "threads 5",
        "threads count 6 matches resource limit",
        "check succeeded",
    ),
    level!(
        "process: exec on failure and on recovery",
        "if memory > 60 MB for 2 cycles then exec \"/bin/touch {dir}/failed\" \
         else if succeeded then exec \"/bin/touch {dir}/well\"",
        "if: \"memory > 60 MB for 2 cycles\", then: { exec: \"/bin/touch {dir}/failed\" }, \
         else: { exec: \"/bin/touch {dir}/well\" }",
        "memory 100",
        "exec: '/bin/touch D/failed'",
        "exec: '/bin/touch D/well'",
    ),
    Situation {
        name: "process: loadavg in a process",
        monit: "check process svc with pidfile {dir}/pid\n \
                start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
                if loadavg (1min) > 0.001 then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    \
               start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    \
               rules:\n      - { if: \"loadavg (1min) > 0.001\", then: alert }\n",
        play: &[
            Say("process is running with pid"),
            Says(Who::Monit, "unknown resource ID"),
            Says(Who::Ours, "loadavg (1min) of"),
        ],
        better: Some(
            "loadavg in a process works; in Monit 5.33 the rule says an error and does nothing",
        ),
        ..SERVICE
    },
    Situation {
        name: "process: two conditions",
        before: "echo children 5 > wish",
        monit: "check process svc with pidfile {dir}/pid\n \
                start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
                if memory > 9 GB and children > 2 then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    \
               start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    \
               rules:\n      - { if: \"memory > 9 GB and children > 2\", then: alert }\n",
        play: &[
            Say("process is running with pid"),
            Says(Who::Monit, "children count 5 matches"),
            Cycles(3),
            Count(Who::Ours, "matches", 0),
        ],
        better: Some(
            "`and` means and; to Monit it is a noise word, and the last condition alone decides",
        ),
        ..SERVICE
    },
    Situation {
        name: "process: uptime",
        monit: "check process svc with pidfile {dir}/pid\n \
                start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
                if uptime < 5 seconds then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    \
               start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    \
               rules:\n      - { if: \"uptime < 5 seconds\", then: alert }\n",
        play: &[
            Say("process is running with pid"),
            Say("uptime test failed for D/pid -- current uptime is"),
            Say("uptime test succeeded"),
            Cycles(1),
        ],
        tolerance: 1.0,
        ..SERVICE
    },
    Situation {
        name: "process: total memory for 3 cycles, restarted twice",
        monit: "check process svc with pidfile {dir}/pid\n \
                start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
                stop program = \"{dir}/actor signal {dir}/pid KILL\"\n \
                if total memory > 60 MB for 3 cycles then restart\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    \
               start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    \
               stop: {dir}/actor signal {dir}/pid KILL\n    \
               rules:\n      - { if: \"total memory > 60 MB for 3 cycles\", then: restart }\n",
        play: &[
            Say("process is running with pid"),
            Do("echo memory 100 > new; mv new wish"),
            Say("warning  'svc' total mem amount of"),
            Say("warning  'svc' total mem amount of"),
            Say("error    'svc' total mem amount of"),
            Say("trying to restart"),
            Say("stop: 'D/actor"),
            Say("start: 'D/actor"),
            Says(Who::Monit, "error    'svc' total mem amount of"),
            Says(Who::Monit, "trying to restart"),
            Count(Who::Monit, "warning", 2),
            Says(Who::Ours, "warning  'svc' total mem amount of"),
            Says(Who::Ours, "warning  'svc' total mem amount of"),
            Says(Who::Ours, "error    'svc' total mem amount of"),
            Says(Who::Ours, "trying to restart"),
        ],
        better: Some(
            "after a restart the count starts afresh, so that the service has its 3 cycles again; \
             Monit restarts it in each cycle until it sees one good sample",
        ),
        ..SERVICE
    },
];
