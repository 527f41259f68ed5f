//! Services that depend on each other, and groups of them.

use super::process::{RUNS, buried};
use super::situation::Step::{Count, Cycles, Do, Order, Orders, Say};
use super::situation::{PLAIN, Situation, Who};

/// `web` on `app` on `db`: each a process of its own.
const CHAIN: Situation = Situation {
    monit: "check process db with pidfile {dir}/db\n \
            start program = \"{dir}/actor begin {dir}/db wish {dir}/wish\"\n \
            stop program = \"{dir}/actor signal {dir}/db KILL\"\n group data\n\
            check process app with pidfile {dir}/app\n \
            start program = \"{dir}/actor begin {dir}/app wish {dir}/wish\"\n \
            stop program = \"{dir}/actor signal {dir}/app KILL\"\n depends on db\n group front\n\
            check process web with pidfile {dir}/web\n \
            start program = \"{dir}/actor begin {dir}/web wish {dir}/wish\"\n \
            stop program = \"{dir}/actor signal {dir}/web KILL\"\n depends on app\n group front\n",
    ours: "  - process: db\n    pidfile: {dir}/db\n    group: data\n    \
           start: {dir}/actor begin {dir}/db wish {dir}/wish\n    \
           stop: {dir}/actor signal {dir}/db KILL\n\
           \x20 - process: app\n    pidfile: {dir}/app\n    group: front\n    depends_on: db\n    \
           start: {dir}/actor begin {dir}/app wish {dir}/wish\n    \
           stop: {dir}/actor signal {dir}/app KILL\n\
           \x20 - process: web\n    pidfile: {dir}/web\n    group: front\n    depends_on: app\n    \
           start: {dir}/actor begin {dir}/web wish {dir}/wish\n    \
           stop: {dir}/actor signal {dir}/web KILL\n",
    ..PLAIN
};

/// As before, but all three run already.
const RUNNING: Situation =
    Situation { before: concat!(buried!("db"), buried!("app"), buried!("web")), ..CHAIN };

/// A process on a file.
const ON_A_FILE: Situation = Situation {
    before: concat!("echo one > thing; chmod 644 thing; ", buried!("svc")),
    monit: "check file thing with path {dir}/thing\n \
            if failed permission 644 then unmonitor\n \
            if does not exist then alert\n\
            check process svc with pidfile {dir}/svc\n \
            start program = \"{dir}/actor begin {dir}/svc wish {dir}/wish\"\n \
            stop program = \"{dir}/actor signal {dir}/svc KILL\"\n depends on thing\n",
    ours: "  - file: thing\n    path: {dir}/thing\n    rules:\n      \
           - { if: \"failed permission 644\", then: unmonitor }\n      \
           - { if: \"does not exist\", then: alert }\n\
           \x20 - process: svc\n    pidfile: {dir}/svc\n    depends_on: thing\n    \
           start: {dir}/actor begin {dir}/svc wish {dir}/wish\n    \
           stop: {dir}/actor signal {dir}/svc KILL\n",
    ..PLAIN
};

/// Why there is more to read of a cascade.
const EACH: &str = "of each service the log says that it was down, that it is started, and that it \
    runs, with its pid; of those above the first Monit says the start alone";

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "cascade: nothing runs, all are started",
        play: &[
            Say("'db' process is not running"),
            Say("'db' start:"),
            Say("'app' start:"),
            Say("'web' start:"),
            Cycles(3),
            Count(Who::Monit, "start:", 3),
            Count(Who::Ours, "start:", 3),
        ],
        better: Some(EACH),
        ..CHAIN
    },
    Situation {
        name: "cascade: killed at the bottom",
        play: &[
            Cycles(3),
            Do("./actor signal db KILL"),
            Say("'db' process is not running"),
            Say("'db' trying to restart"),
            Say("'web' stop:"),
            Say("'app' stop:"),
            Say("'db' start:"),
            Say("'app' start:"),
            Say("'web' start:"),
            Cycles(4),
        ],
        better: Some(EACH),
        ..RUNNING
    },
    Situation {
        name: "cascade: killed at the top",
        play: &[
            Cycles(3),
            Do("./actor signal web KILL"),
            Say("'web' process is not running"),
            Say("'web' start:"),
            Say("'web' process is running"),
            Cycles(3),
            Count(Who::Monit, "stop:", 0),
            Count(Who::Ours, "stop:", 0),
        ],
        ..RUNNING
    },
    Situation {
        name: "cascade: stopped and started by an operator",
        play: &[
            Cycles(3),
            Order("stop db"),
            Say("'web' stop:"),
            Say("'app' stop:"),
            Say("'db' stop:"),
            Cycles(2),
            Order("start web"),
            Say("'db' start:"),
            Say("'app' start:"),
            Say("'web' start:"),
            Cycles(3),
        ],
        better: Some(RUNS),
        ..RUNNING
    },
    Situation {
        name: "cascade: a file that is touched unmonitors what depends on it",
        play: &[
            Cycles(3),
            Do("chmod 600 thing"),
            Say("'thing' permission test failed for D/thing [current permission 0600]"),
            Cycles(2),
            Do("./actor signal svc KILL"),
            Cycles(3),
            Count(Who::Monit, "not running", 0),
            Count(Who::Ours, "not running", 0),
            Count(Who::Ours, "'svc' unmonitored with 'thing', which it depends on", 1),
        ],
        better: Some("that a service is watched no longer is told of each one that it happens to"),
        ..ON_A_FILE
    },
    Situation {
        name: "cascade: nobody is started while what it depends on is missing",
        play: &[
            Cycles(3),
            Do("mv thing away"),
            Say("'thing' file doesn't exist"),
            Do("./actor signal svc KILL"),
            Cycles(3),
            Count(Who::Monit, "start:", 0),
            Count(Who::Ours, "start:", 0),
            Do("mv away thing"),
            Say("'thing' file exist"),
            Say("'svc' process is running with pid"),
            Cycles(2),
        ],
        better: Some(
            "what is down and why it is not started is told at once, not when it can be started",
        ),
        ..ON_A_FILE
    },
    Situation {
        name: "operator: a group is stopped and started",
        play: &[
            Cycles(3),
            Orders(Who::Monit, "-g front stop"),
            Orders(Who::Ours, "stop --group front"),
            Say("'web' stop:"),
            Say("'app' stop:"),
            Cycles(2),
            Count(Who::Monit, "'db' stop:", 0),
            Count(Who::Ours, "'db' stop:", 0),
            Orders(Who::Monit, "-g front start"),
            Orders(Who::Ours, "start --group front"),
            Say("'app' start:"),
            Say("'web' start:"),
            Cycles(3),
        ],
        better: Some(RUNS),
        ..RUNNING
    },
];
