//! Processes: coming and going, and starts that fail.

use super::situation::Step::{Count, Cycles, Do, Holds, Say, Says};
use super::situation::{PLAIN, Situation, Who};

/// A shell's words for a service that runs before any tool does, with a parent that buries it at once
/// (not every init does): its pidfile is there when they have been said.
macro_rules! buried {
    ($pidfile:literal) => {
        concat!(
            "./actor begin parent.",
            $pidfile,
            " nurse ",
            $pidfile,
            " ./actor wish wish; ",
            "until test -s ",
            $pidfile,
            "; do sleep 0.05; done; "
        )
    };
}
pub(super) use buried;

/// A service without rules of its own.
pub(super) const SERVICE: Situation = Situation {
    monit: "check process svc with pidfile {dir}/pid\n \
            start program = \"{dir}/actor begin {dir}/pid wish {dir}/wish\"\n \
            stop program = \"{dir}/actor signal {dir}/pid KILL\"\n",
    ours: "  - process: svc\n    pidfile: {dir}/pid\n    \
           start: {dir}/actor begin {dir}/pid wish {dir}/wish\n    \
           stop: {dir}/actor signal {dir}/pid KILL\n",
    ..PLAIN
};

/// Why more is said of another main process.
pub(super) const ANOTHER: &str =
    "another main process is told without a rule; Monit wants `if changed pid`";

/// Why a start that fails is another story.
const BACK_OFF: &str = "a start that failed is tried again after pauses that grow, and given up \
    loudly after five; Monit tries in each cycle for ever, and each attempt stops all its other \
    checks until its timeout";

/// What we say more after an operator's command.
pub(super) const RUNS: &str = "after a start or restart on request the log says that the service runs, and \
    with which pid; Monit's says that the command is done, and so it does if nothing runs";

/// A start program that refuses.
const REFUSED: Situation = Situation {
    before: "printf '#!/bin/sh\\necho cannot start: refused\\nexit 3\\n' > start; chmod 755 start",
    monit: "check process svc with pidfile {dir}/pid\n \
            start program = \"{dir}/start\" with timeout 1 second\n",
    ours: "  - process: svc\n    pidfile: {dir}/pid\n    start: { program: {dir}/start, timeout: 1s }\n",
    ..PLAIN
};

/// A service that runs before any tool does, whose name begins another line of a log, and whose words
/// hold more of them, quotation marks and a terminal's orders.
const HOSTILE: &str = concat!(
    "name=$(printf '\\033a\\n[2026-01-01T00:00:00+0000] error    : \"\\047svc\\047'); ",
    "ln actor \"$name\"; ln -s wish \"wish$name\"; ",
    "./actor begin parent.pid nurse pid \"./$name\" wish \"wish$name\"; ",
    "until test -s pid; do sleep 0.05; done"
);

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "process: not running, started",
        play: &[Say("'svc' process is not running"), Say("process is running with pid"), Cycles(3)],
        ..SERVICE
    },
    Situation {
        name: "process: killed, restarted",
        play: &[
            Say("process is running with pid"),
            Cycles(3),
            Do("./actor signal pid KILL"),
            Say("'svc' process is not running"),
            Say("process is running with pid"),
            Cycles(3),
        ],
        ..SERVICE
    },
    Situation {
        name: "process: start refused",
        play: &[
            Say("process is not running"),
            Say("trying to restart"),
            Say("failed to start (exit status 3) -- 'D/start': cannot start: refused"),
            Says(Who::Monit, "process is not running"),
            Says(Who::Monit, "trying to restart"),
            Says(Who::Ours, "next attempt to start in"),
            Says(Who::Ours, "failed to start (exit status 3) -- 'D/start': cannot start: refused"),
            Says(Who::Ours, "next attempt to start in"),
        ],
        better: Some(BACK_OFF),
        ..REFUSED
    },
    Situation {
        name: "process: start hangs",
        monit: "check process svc with pidfile {dir}/pid\n \
                start program = \"/bin/sleep 60\" with timeout 2 seconds\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    \
               start: { program: /bin/sleep 60, timeout: 2s }\n",
        play: &[
            Say("process is not running"),
            Say("trying to restart"),
            Say("failed to start (exit status -1) -- Program '/bin/sleep 60' timed out after 2 s"),
            Says(Who::Monit, "process is not running"),
            Says(Who::Monit, "trying to restart"),
            Says(Who::Ours, "next attempt to start in"),
            Says(Who::Ours, "timed out after 2 s"),
            Says(Who::Ours, "next attempt to start in"),
        ],
        better: Some(BACK_OFF),
        ..PLAIN
    },
    Situation {
        name: "process: restart limit",
        monit: "check process svc with pidfile {dir}/pid\n \
                start program = \"{dir}/start\" with timeout 1 second\n \
                if 3 restarts within 5 cycles then unmonitor\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    start: { program: {dir}/start, timeout: 1s }\n    \
               rules:\n      - { if: \"3 restarts within 5 cycles\", then: unmonitor }\n",
        play: &[
            Say("process is not running"),
            Say("failed to start"),
            Say("failed to start"),
            Say("failed to start"),
            Say("'svc' service restarted 3 times within"),
            Cycles(4),
            Count(Who::Monit, "start: 'D/start'", 3),
            Count(Who::Ours, "start: 'D/start'", 3),
        ],
        better: Some(
            "the same limit after the same attempts, but as a critical matter: nobody watches the \
             service from now on; and between them the pauses of a start that fails",
        ),
        ..REFUSED
    },
    Situation {
        name: "process: another PID",
        play: &[
            Say("process is running with pid"),
            Cycles(3),
            Do("cp pid old; ./actor begin pid wish wish; ./actor signal old KILL"),
            Says(Who::Ours, "process PID changed from"),
            Cycles(3),
            Count(Who::Monit, "PID changed", 0),
        ],
        better: Some(ANOTHER),
        ..SERVICE
    },
    Situation {
        name: "process: changed pid, as a rule",
        monit: "check process svc with pidfile {dir}/pid\n \
                if changed pid then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    rules:\n      \
               - { if: changed pid, then: alert }\n",
        before: buried!("pid"),
        play: &[
            Cycles(3),
            Do("cp pid old; ./actor begin pid wish wish; ./actor signal old KILL"),
            Say("error    'svc' process PID changed from"),
            Say("info     'svc' process PID has not changed since last cycle"),
            Cycles(3),
        ],
        ..PLAIN
    },
    Situation {
        name: "process: a hostile name",
        before: HOSTILE,
        monit: "check process svc with pidfile {dir}/pid\n \
                if memory > 60 MB for 2 cycles then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    rules:\n      \
               - { if: memory > 60 MB for 2 cycles, then: alert }\n",
        play: &[
            Cycles(2),
            Do("echo memory 100 > new; mv new wish"),
            Say("error    'svc' mem amount of 1"),
            // We say who holds it, Monit does not. Its log is known by its own name.
            Holds("grep -q 'a.*2026-01-01' log || grep -q \"' Monit \" log"),
            Do("rm wish"),
            Say("mem amount check succeeded"),
            Cycles(2),
            Holds("! grep -q '^.2026-01-01' log"),
            Holds("! grep -q \"$(printf '\\033')\" log"),
        ],
        ..PLAIN
    },
    Situation {
        name: "process: a zombie",
        before: "./actor begin main orphan \"$PWD/bury\"; until test -s bury.pid; do sleep 0.1; done",
        monit: "check process svc with pidfile {dir}/bury.pid\n",
        ours: "  - process: svc\n    pidfile: {dir}/bury.pid\n",
        play: &[
            Cycles(3),
            Do("./actor signal bury.pid KILL"),
            Says(Who::Monit, "is a zombie"),
            Says(Who::Ours, "process is not running"),
            Cycles(2),
            Count(Who::Monit, "process is not running", 0),
            Do("touch bury"),
            Says(Who::Monit, "process is not running"),
        ],
        better: Some(
            "a process that has ended does nothing any more, whether or not its parent has noticed: \
             it is restarted at once; Monit alerts, and restarts when the zombie is buried",
        ),
        ..PLAIN
    },
    Situation {
        name: "process: a start program that forges the log",
        before: "printf '#!/bin/sh\\nprintf \"no\\\\n[2026-01-01T00:00:00+0000] error    : \\047svc\\047 forged\\\\033[31m\"\\nexit 1\\n' > start; chmod 755 start",
        play: &[
            Say("process is not running"),
            Say("failed to start (exit status 1) -- 'D/start': no"),
            Says(Who::Monit, "error    'svc' forged\u{1b}[31m"),
            Count(Who::Ours, "error    'svc' forged", 0),
            Count(Who::Ours, "\u{1b}", 0),
        ],
        better: Some(
            "what a program says stays in its line, and its control characters are shown, not \
             obeyed; in Monit's log it forges a line of its own",
        ),
        ..REFUSED
    },
];
