//! What an operator does: commands, a reload, mail.

use super::process::{RUNS, SERVICE};
use super::situation::Step::{Count, Cycles, Dies, Do, Lives, Mail, Order, Reload, Say, Says};
use super::situation::{Situation, Who};

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "operator: unmonitor and monitor",
        play: &[
            Say("process is running with pid"),
            Order("unmonitor svc"),
            Cycles(2),
            Do("./actor signal pid KILL"),
            Cycles(3),
            Order("monitor svc"),
            Say("process is not running"),
            Say("process is running with pid"),
            Cycles(1),
        ],
        ..SERVICE
    },
    Situation {
        name: "operator: stop and start",
        play: &[
            Say("process is running with pid"),
            Order("stop svc"),
            Cycles(3),
            Order("start svc"),
            Cycles(3),
            Count(Who::Monit, "stop: 'D/actor", 1),
            Count(Who::Monit, "start: 'D/actor", 2),
            Count(Who::Ours, "stop: 'D/actor", 1),
            Count(Who::Ours, "start: 'D/actor", 2),
            Says(Who::Ours, "process is running with pid"),
        ],
        better: Some(RUNS),
        ..SERVICE
    },
    Situation {
        name: "operator: restart",
        play: &[
            Say("process is running with pid"),
            Order("restart svc"),
            Say("trying to restart"),
            Say("stop: 'D/actor"),
            Say("start: 'D/actor"),
            Cycles(3),
            Says(Who::Ours, "process is running with pid"),
        ],
        better: Some(RUNS),
        ..SERVICE
    },
    Situation {
        name: "operator: a syntax error at reload",
        play: &[
            Say("process is running with pid"),
            Do("echo 'nonsense nonsense {' >> rules"),
            Reload,
            Dies(Who::Monit),
            Do("./actor signal pid KILL"),
            Says(Who::Ours, "process is not running"),
            Says(Who::Ours, "process is running with pid"),
            Lives(Who::Ours),
        ],
        better: Some(
            "a rule file that cannot be read leaves the old one in force; it ends Monit, and with \
             it all that was watched",
        ),
        ..SERVICE
    },
    Situation {
        name: "alert: by mail, and of its recovery",
        monit_head: "set mailserver 127.0.0.1 port {mailport}\nset alert ops@example.org\n",
        ours_head: "mail: { servers: [{ host: 127.0.0.1, port: {mailport}, tls: none }], from: w@example.org, subject: \"monit alert --  $EVENT $SERVICE\" }\n\
                    alerts: [{ mail: ops@example.org }]\n",
        play: &[
            Say("process is not running"),
            Mail("monit alert --  Does not exist svc"),
            Mail("monit alert --  Exists svc"),
        ],
        ..SERVICE
    },
];
