//! Decisions in words, as a case's last part has them.

use std::fmt::Write as _;

use ebpf_watchdog::message::{Alert, Decision, Receiver};
use ebpf_watchdog::source::Limits;

use crate::play::Play;

impl Play {
    pub(crate) fn words(&self, decision: &Decision) -> String {
        match decision {
            Decision::Find { service, known, begun } => {
                let known = known.map_or(String::new(), |known| format!(" known={}", known.pid));
                let begun: Vec<_> = begun.iter().map(|key| key.pid.to_string()).collect();
                let among = if begun.is_empty() { "" } else { " among=" };
                format!("find {}{known}{among}{}", service.name, begun.join(","))
            }
            Decision::Watch { service, main } => {
                format!("watch {} {}", self.name(*service), main.pid)
            }
            Decision::Brake(order) => {
                let main = order.main.map_or(0, |main| main.pid);
                format!("brake {} {} main={main}", order.service.name, order.how.word())
            }
            Decision::Release(order) => {
                let held: Vec<u32> = order.held.stopped.iter().map(|key| key.pid).collect();
                format!("release {} held={held:?}", order.service.name)
            }
            Decision::Arm { service, limits } => {
                format!("arm {} {}", self.name(*service), armed(limits))
            }
            Decision::Enlist { service, others } => {
                let pids: Vec<_> = others.iter().map(|key| key.pid.to_string()).collect();
                format!("enlist {} {}", self.name(*service), pids.join(" "))
            }
            Decision::Want { service, by } => format!("want {} {by:?}", self.name(*service)),
            Decision::Measure { service, members } => {
                format!("measure {} {} processes", self.name(*service), members.len())
            }
            Decision::Observe(order) => {
                let again = if order.before.is_some() { " again" } else { "" };
                format!("observe {}{again}", order.service.name)
            }
            Decision::Unwatch(service) => format!("unwatch {}", self.name(*service)),
            Decision::Act(act) => {
                let main = act.main.map_or("-".into(), |main| main.pid.to_string());
                let leftover =
                    act.leftover.map_or(String::new(), |left| format!(" leftover={}", left.pid));
                let dead = act.dead.map_or(String::new(), |dead| format!(" dead={}", dead.pid));
                format!("act {} {} main={main}{dead}{leftover}", act.verb.word(), act.service.name)
            }
            Decision::Exec(order) => format!(
                "exec {} {} event={:?} value={} limit={}",
                order.service.name,
                order.program.line(),
                order.context.event,
                order.context.value,
                order.context.limit
            ),
            Decision::Log(line) => {
                let name = line.service.as_deref().map_or(String::new(), |n| format!("'{n}' "));
                format!("log {:<8} {name}{}", line.level.word(), line.text)
            }
            Decision::Alert(alert) => {
                let mut text = format!(
                    "alert {}: {} [{}] action={}: {} -> {}",
                    alert.service,
                    alert.title,
                    alert.severity.word(),
                    alert.action,
                    alert.description,
                    receivers(alert)
                );
                for detail in &alert.detail {
                    let _ = write!(text, "\n        | {detail}");
                }
                if let Some(by) = alert.survey {
                    let _ = write!(text, "\n        ? worst by {by:?}");
                }
                text
            }
            Decision::Reply { id, result } => format!("reply {} {result:?}", id.0),
            Decision::Save => "save".into(),
        }
    }
}

pub(crate) fn armed(limits: &Limits) -> String {
    let mut words = Vec::new();
    let numbers = [
        ("totalmem", limits.total_memory),
        ("memory", limits.memory),
        ("children", limits.children),
    ];
    for (name, limit) in numbers {
        words.extend(limit.map(|limit| format!("{name}>{limit}")));
    }
    if let Some(forks) = limits.forks {
        words.push(format!("forks>{}/{:?} brake={:?}", forks.count, forks.window, forks.brake));
    }
    if limits.member_deaths {
        words.push("deaths".to_owned());
    }
    words.join(" ")
}

/// Addresses; one that has mails of its own look is marked.
pub(crate) fn receivers(alert: &Alert) -> String {
    let marked = |to: &Receiver| match &to.format {
        Some(_) => format!("{}*", to.mail),
        None => to.mail.clone(),
    };
    alert.to.iter().map(marked).collect::<Vec<_>>().join(",")
}
