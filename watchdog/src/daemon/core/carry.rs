//! Each decision goes to the part that carries it out.
//!
//! Not here: deeds that wait for their note (`deeds`).

use std::collections::VecDeque;
use std::io;

use super::Core;
use super::deeds::Deed;
use crate::clock::{self, BootTime};
use crate::daemon::record;
use crate::identity::{ProcessKey, ServiceId};
use crate::message::{Decision, Found, Input, Level, LogLine, Presence, Stamped};
use crate::service::Config;
use crate::source::Limits;

impl Core {
    /// Carries decisions out, in their order.
    pub(super) fn carry(&mut self, decisions: Vec<Decision>) {
        let mut queue = VecDeque::from(decisions);
        while let Some(decision) = queue.pop_front() {
            match decision {
                Decision::Find { service, known, begun } => {
                    self.parts.io.runner.find(service, known, begun);
                }
                Decision::Watch { service, main } => {
                    if let Err(error) = self.parts.source.watch(service, main) {
                        let found = Self::not_watched(service, main, &error);
                        let at = clock::boot_now();
                        queue.extend(self.parts.engine.step(Stamped { at, input: found }));
                    }
                }
                Decision::Enlist { service, others } => {
                    if let Err(error) = self.parts.source.enlist(service, &others) {
                        let text = format!("processes of a cgroup cannot be followed: {error}");
                        self.note(Level::Error, text);
                    }
                }
                Decision::Unwatch(service) => self.parts.source.unwatch(service),
                Decision::Arm { service, limits } => self.arm(service, &limits),
                Decision::Want { service, by } => self.parts.source.want(service, &by),
                Decision::Measure { service, members } => {
                    self.parts.io.runner.measure(service, members);
                }
                Decision::Observe(order) => self.parts.io.runner.observe(order),
                Decision::Act(act) => self.deeds.push(Deed::Act(act)),
                Decision::Brake(order) => self.deeds.push(Deed::Brake(order)),
                // Before a following `Unwatch`: who was stopped is asked now.
                Decision::Release(order) => {
                    let others = self.parts.io.runner.stopped(&order);
                    self.deeds.push(Deed::Release(order, others));
                }
                Decision::Exec(order) => self.parts.io.runner.exec(order),
                Decision::Log(line) => self.log(&line),
                Decision::Alert(alert) => self.parts.io.tell(alert, &self.parts.engine.config()),
                Decision::Reply { id, result } => {
                    if let Some(reply) = self.waiting.remove(&id) {
                        // The operator may have gone away meanwhile.
                        let _ = reply.send(result);
                    }
                }
                Decision::Save => self.unsaved = true,
            }
        }
    }

    /// Tells the sensor which programs are never braked.
    pub(super) fn spare(&mut self, config: &Config) {
        if let Err(error) = self.parts.source.spare(&config.protect) {
            self.note(Level::Error, format!("`protect` cannot be told to the kernel: {error}"));
        }
    }

    pub(super) fn arm(&mut self, service: ServiceId, limits: &Limits) {
        if let Err(error) = self.parts.source.limits(service, limits) {
            let text = format!("limits between cycles cannot be set: {error}");
            self.note(Level::Error, text);
        }
        // What is near a limit wants a closer look.
        self.next_tend = Some(BootTime::default());
    }

    pub(super) fn not_watched(service: ServiceId, main: ProcessKey, error: &io::Error) -> Input {
        let presence = if error.kind() == io::ErrorKind::NotFound {
            Presence::Absent { why: format!("process {} is gone", main.pid) }
        } else {
            // It is there. To call it absent would start another copy at each attempt.
            let why = format!("process {} cannot be followed: {error}", main.pid);
            Presence::Untrusted { why }
        };
        let looked = clock::boot_now();
        Input::Found(Found { looked, service, presence, others: Vec::new(), by: Vec::new() })
    }

    pub(super) fn log(&self, line: &LogLine) {
        record(&self.parts.log, &self.parts.events, line);
    }

    pub(super) fn note(&self, level: Level, text: String) {
        self.log(&LogLine { at: clock::boot_now(), level, service: None, event: None, text });
    }
}
