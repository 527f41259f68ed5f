//! When a service or a rule is checked: `every:`.
//!
//! Each so many cycles thins what a cycle does; what the kernel tells at once acts at once all the same.
//! Outside of a crontab's minutes nothing is judged, whatever happens, and nothing is started by itself.
//! Not here: what a crontab names (`service::every`).

use crate::clock::BootTime;
use crate::clock::Minute;
use crate::engine::Engine;
use crate::engine::judging::{Moment, is_observed};
use crate::engine::observed::Why;
use crate::engine::rule::RuleState;
use crate::service::every::Every;
use crate::service::{Rule, Service};

impl Engine {
    /// Whether anything waits for minutes of local time.
    pub fn needs_minutes(&self) -> bool {
        let waits =
            |every: &Option<Every>| matches!(every, Some(Every::Minutes(_) | Every::NotMinutes(_)));
        self.config.services.iter().any(|service| {
            waits(&service.control.every) || service.rules.iter().any(|rule| waits(&rule.every))
        })
    }

    /// Another minute of local time.
    pub(crate) fn minute(&mut self, minute: Minute, at: BootTime) {
        let first = self.minute.replace(minute).is_none();
        if first {
            // Told before anything is known; the first cycle judges.
            self.services.touch_all();
            return;
        }
        for i in 0..self.services.len() {
            let state = &mut self.services[i];
            // A reload tells the minute again.
            let fresh = state.minute != Some(minute.number);
            if fresh && waits_for(&state.service.control.every, minute) {
                state.minute = Some(minute.number);
                self.cycle_of(i, at);
            } else {
                self.minute_of_rules(i, minute, at);
            }
        }
    }

    /// Rules with a crontab of their own do not wait for a cycle: it may be longer than a minute.
    fn minute_of_rules(&mut self, i: usize, minute: Minute, at: BootTime) {
        let state = &self.services[i];
        let service = state.service.clone();
        let due = |(rule, remembered): (&Rule, &RuleState)| {
            (waits_for(&rule.every, minute) && remembered.minute != Some(minute.number))
                .then(|| is_observed(&service, rule))
        };
        let due: Vec<bool> = service.rules.iter().zip(&state.rules).filter_map(due).collect();
        if due.contains(&false) {
            self.judge_service(i, Moment::Minute, at);
        }
        if due.contains(&true) && !self.is_asleep(i) {
            self.observe(i, Why::Minute);
        }
    }

    /// Whether a cycle is one of the service's.
    pub(crate) fn is_its_cycle(&mut self, i: usize) -> bool {
        let (cycle, minute) = (self.cycle, self.minute);
        let state = &mut self.services[i];
        let Some(every) = &state.service.control.every else { return true };
        let Some(minute) = minute else {
            return match every {
                Every::Cycles(every) => cycle.is_multiple_of(u64::from((*every).max(1))),
                Every::Minutes(_) | Every::NotMinutes(_) => false,
            };
        };
        let now = every.is_now(cycle, minute, state.minute);
        if now {
            state.minute = Some(minute.number);
        }
        now
    }

    /// Whether nothing of the service is judged in this minute.
    pub(crate) fn is_asleep(&self, i: usize) -> bool {
        sleeps(&self.services[i].service.control.every, self.minute)
    }

    /// Whether a rule is judged at this moment, as far as its `every` goes.
    pub(crate) fn is_its_time(&mut self, i: usize, r: usize, moment: Moment) -> bool {
        let service = self.services[i].service.clone();
        let Some(every) = service.rules.get(r).and_then(|rule: &Rule| rule.every.as_ref()) else {
            return true;
        };
        let counted = moment.counts();
        // What was observed belongs to the cycle and the minute in which it was asked for.
        let (cycle, minute) = match (moment, self.services[i].observed.asked_in()) {
            (Moment::Observed | Moment::ObservedMinute, Some(asked)) => asked,
            _ => (self.cycle, self.minute),
        };
        match (every, minute) {
            (Every::Cycles(_), _) if !counted => true,
            (Every::Cycles(every), _) => cycle.is_multiple_of(u64::from((*every).max(1))),
            (_, None) => false,
            (every, Some(minute)) if counted => {
                let Some(remembered) = self.services[i].rules.get_mut(r) else { return false };
                let now = every.is_now(cycle, minute, remembered.minute);
                if now {
                    remembered.minute = Some(minute.number);
                }
                now
            }
            (_, minute) => !sleeps(&Some(every.clone()), minute),
        }
    }
}

/// A crontab that names the minute.
fn waits_for(every: &Option<Every>, minute: Minute) -> bool {
    matches!(every, Some(Every::Minutes(cron)) if cron.names(minute))
}

fn sleeps(every: &Option<Every>, minute: Option<Minute>) -> bool {
    let named = |cron: &crate::service::every::Cron| minute.map(|minute| cron.names(minute));
    match every {
        None | Some(Every::Cycles(_)) => false,
        Some(Every::Minutes(cron)) => named(cron) != Some(true),
        Some(Every::NotMinutes(cron)) => named(cron) != Some(false),
    }
}

/// Why nothing is judged now, for people.
pub(crate) fn asleep(service: &Service) -> String {
    match &service.control.every {
        Some(every) => format!("not judged now: every {every}"),
        None => String::new(),
    }
}
