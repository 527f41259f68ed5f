//! What comes by the inbox: answers of the runner, operators, reloads.
//!
//! Not here: reading a configuration (`crate::config`), obeying (`crate::engine`).

use std::sync::Arc;
use std::time::Duration;

use super::super::users;
use super::Core;
use crate::clock;
use crate::descriptors::Descriptors;
use crate::inbox::Message;
use crate::message::{Command, Input, Level, RequestId};
use crate::service::{Config, difference};

/// Whoever wants to see the processes gets a pass of their own where the last is older: many readers cost
/// no more than one.
const FRESH: Duration = Duration::from_millis(900);

impl Core {
    pub(super) fn message(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.step(input),
            Message::Spawning { progress, noted } => {
                self.step(Input::Progress(progress));
                if self.unsaved {
                    // The program waits for this: after a crash of ours it is known what ran.
                    self.save();
                }
                // Nobody waits any longer where the deed's time was up.
                let _ = noted.send(());
            }
            Message::Command { verb, service, reply } => {
                self.requests += 1;
                let id = RequestId(self.requests);
                self.waiting.insert(id, reply);
                self.step(Input::Command(Command { id, verb, service }));
            }
            Message::Snapshot(reply) => {
                let mut snapshot = self.parts.engine.snapshot(clock::boot_now());
                snapshot.sensor = self.parts.source.health();
                snapshot.sensor.missing.extend_from_slice(&self.parts.refused);
                snapshot.sensor.missing.extend(self.pressure_missing());
                let _ = reply.send(Arc::new(snapshot));
            }
            Message::Top(reply) => {
                let now = clock::boot_now();
                if now.since(self.passed) >= FRESH {
                    self.pass();
                }
                let _ = reply.send(self.parts.engine.top(self.passed));
            }
            Message::Reload(reply) => {
                if let Err(error) = self.parts.log.reopen() {
                    self.note(Level::Error, format!("cannot reopen the log file: {error}"));
                }
                self.parts.io.read_config(&self.parts.place, &self.parts.inbox, reply);
            }
            Message::Loaded { result, reply } => {
                let result = result.and_then(|config| Ok(self.reload(config)?));
                if let Err(refusal) = &result {
                    // Whoever asked: who looks for the cause later looks here.
                    let why = &refusal.line;
                    let text =
                        format!("reload refused: the old configuration stays in force: {why}");
                    self.note(Level::Error, text);
                }
                let _ = reply.send(result.map_err(|refusal| refusal.shown));
            }
            Message::Validate(reply) => {
                let now = clock::boot_now();
                self.note(Level::Info, "judging now on user request".into());
                self.cycle(now);
                self.next_cycle = now + self.parts.config.cycle;
                let _ = reply.send(Ok("judged".into()));
            }
            Message::Quit(reply) => self.quit = Some(reply),
        }
    }

    /// The new configuration takes over, or the old one stays in force.
    pub(super) fn reload(&mut self, config: Config) -> Result<String, String> {
        let old = &self.parts.config;
        for (what, same) in [
            ("state_dir", old.state_dir == config.state_dir),
            ("control: { socket }", old.socket == config.socket),
            ("log: { file }", old.log_file == config.log_file),
        ] {
            if !same {
                return Err(format!("{what} cannot change by a reload: restart the daemon"));
            }
        }
        self.parts.log.set_least(config.log_level);
        let before = Arc::clone(old);
        self.parts.io.reconfigure(&config);
        self.spare(&config);
        self.step(Input::Users(users::names()));
        let decisions = self.parts.engine.reload(config);
        self.parts.config = self.parts.engine.config();
        self.samples = self.parts.engine.needs_samples();
        self.descriptors = Descriptors::of(&self.parts.config);
        self.carry(decisions);
        self.follow_pressure();
        self.follow_minutes();
        let text = format!("configuration reloaded: {}", difference(&before, &self.parts.config));
        let decisions = self.parts.engine.alert_instance(&text, clock::boot_now());
        self.carry(decisions);
        self.next_cycle = self.next_cycle.min(clock::boot_now() + self.parts.config.cycle);
        Ok(text)
    }
}
