//! What the sensor tells: each event goes to whom it concerns; samples are gathered until their pass
//! ends.
//!
//! Not here: deaths (`deaths`), crossings (`crossing`), what the numbers mean (`judging`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::event::{Event, Sample};
use crate::message::Level;
use crate::service::Severity;

impl Engine {
    pub(crate) fn event(&mut self, event: Event, at: BootTime) {
        match event {
            Event::Sample(sample) => self.sample(sample),
            Event::Group(group) => {
                if let Some(i) = self.index(group.service) {
                    self.services.levels(i).group(&group);
                }
            }
            Event::PassEnd { at: began, complete } => self.pass_end(began, complete, at),
            Event::Exited(exited) => self.exited(&exited),
            Event::Signalled(signal) => self.signalled(signal),
            Event::OomVictim { service, process, at } => self.oom(service, process, at),
            Event::Looked { service, at: began, complete } => {
                self.looked(service, began, complete);
            }
            // The daemon looks first, and then tells it as an input of its own.
            Event::Crossed(_) => {}
            Event::Wanted { service, process, at } => self.begun(service, process, at),
            Event::Regrouped { service } => {
                if let Some(i) = self.index(service) {
                    self.services[i].levels.regrouped();
                }
            }
            Event::Blind { hook, why } => {
                let text = format!("sensor: {hook} is blind: {why}");
                self.alert_daemon("Sensor blind", &text, Severity::Critical, at);
                self.log_daemon(Level::Error, None, text, at);
            }
            Event::Sighted { hook } => {
                let text = format!("sensor: {hook} sees again");
                self.alert_daemon("Sensor sees again", &text, Severity::Info, at);
                self.log_daemon(Level::Info, None, text, at);
            }
            // The same process under another program: nothing about it changes for the rules.
            Event::Executed { .. } => {}
            Event::Lost { records } => {
                let text =
                    format!("{records} kernel records were lost; the table is being repaired");
                self.log_daemon(Level::Warning, None, text, at);
            }
        }
    }

    pub(crate) fn sample(&mut self, sample: Sample) {
        if let Some(i) = self.index(sample.service) {
            self.services.levels(i).sample(sample);
        }
    }

    fn pass_end(&mut self, began: BootTime, complete: bool, at: BootTime) {
        for i in 0..self.services.len() {
            if self.services[i].service.process().is_none() {
                continue;
            }
            let seen = self.services.levels(i).pass_end(began, complete);
            if !seen
                && complete
                && self.services[i].acting.is_none()
                && self.services[i].monitored
                && let Some(main) = self.services[i].main()
            {
                if !self.tell_unseen_end(i, main, at) {
                    // The record of its death was lost; the pass is the repair.
                    let text = "is gone; how it ended was not seen";
                    self.tell_end(i, format!("process with pid {} {text}", main.pid), at);
                }
                self.gone(i, main, at, None);
            } else if seen && self.services[i].seen.is_some() {
                self.services[i].seen = None;
            }
        }
    }
}
