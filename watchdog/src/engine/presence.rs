//! A service's main process comes and goes: what the finder, the sensor and a pass tell of it.
//!
//! Not here: which rule asks for something then (`judging`), attempts (`attempt`).

use crate::check::{CheckTest, attribute};
use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::attempt::human;
use crate::engine::deaths::End;
use crate::engine::judging::{Moment, is_about_presence};
use crate::engine::levels::Levels;
use crate::engine::observed::Why;
use crate::engine::rule::RuleState;
use crate::engine::service::{Life, RECOVERY_LOOK};
use crate::identity::ProcessKey;
use crate::message::{Context, Decision, Found, Level, Presence};
use crate::service::{EventWord, Qualifier, Service, Severity};

impl Engine {
    /// Asks where the main process is, or believes our own note of it.
    pub(crate) fn look(&mut self, i: usize) {
        let state = &self.services[i];
        let Some(process) = state.service.process() else { return };
        if !state.monitored {
            return;
        }
        let service = state.service.id;
        if process.has_selector() {
            let known = state.last_known();
            self.out.push(Decision::Find {
                service: state.service.clone(),
                known,
                begun: Vec::new(),
            });
        } else if let Life::Present { main, .. } = state.life {
            // The sensor says at once where the note is out of date.
            self.services[i].levels.count_from_next_pass();
            self.out.push(Decision::Watch { service, main });
        }
    }

    pub(crate) fn found(&mut self, found: Found, at: BootTime) {
        let Some(i) = self.index(found.service) else { return };
        let state = &self.services[i];
        if !state.monitored || state.acting.is_some() || found.looked < state.settled {
            return;
        }
        self.learn(i, found.by);
        self.take_presence(i, found.presence, found.others, at);
        self.ask(i);
    }

    fn take_presence(
        &mut self,
        i: usize,
        presence: Presence,
        others: Vec<ProcessKey>,
        at: BootTime,
    ) {
        let dead = self.services[i].dead.map(|(dead, _)| dead);
        let presence = match presence {
            Presence::Present { main, .. } if dead == Some(main) => {
                Presence::Absent { why: format!("process {} has ended", main.pid) }
            }
            presence => presence,
        };
        match presence {
            Presence::Present { main, candidates } => {
                self.appeared(i, main, candidates, at);
                if !others.is_empty() && self.services[i].main() == Some(main) {
                    let service = self.services[i].service.id;
                    self.out.push(Decision::Enlist { service, others });
                }
            }
            Presence::Absent { why } => {
                if let Some(recovering) = &mut self.services[i].recovering
                    && at < recovering.until
                {
                    recovering.next = at + RECOVERY_LOOK;
                    return;
                }
                if let Some(hint) = self.services[i].hint {
                    self.tell_unseen_end(i, hint, at);
                }
                if self.services[i].main().is_some() {
                    // The next run is not to look for it.
                    self.out.push(Decision::Save);
                }
                self.services[i].life = Life::Absent { why };
                self.services[i].levels.if_there(Levels::forget_main);
                self.judge_service(i, Moment::Presence, at);
            }
            Presence::Untrusted { why } => {
                let life = Life::Untrusted { why: why.clone() };
                let state = &mut self.services[i];
                state.former_main = state.main().or(state.former_main);
                state.life = life;
                state.levels.if_there(Levels::forget_main);
                if state.untrusted_told.replace(why.clone()).as_ref() != Some(&why) {
                    self.log(i, Level::Error, Some(EventWord::Nonexist), why.clone(), at);
                    let context = Context::plain("Process not trusted", why, at);
                    self.alert_service(i, EventWord::Nonexist, &context, &[], Severity::Critical);
                }
            }
        }
    }

    fn appeared(&mut self, i: usize, main: ProcessKey, candidates: u32, at: BootTime) {
        let state = &mut self.services[i];
        (state.recovering, state.seen) = (None, None);
        let former = state.former_main.take();
        (state.hint, state.ended) = (None, false);
        if state.main() == Some(main) {
            state.life = Life::Present { main, candidates };
            return;
        }
        let former = state.main().or(former).filter(|former| *former != main);
        state.life = Life::Present { main, candidates };
        state.settle_down();
        state.was_up = true;
        state.wanted = None;
        state.retry.came_up(at);
        state.failure_told = false;
        state.levels.if_there(Levels::forget_main);
        state.levels.count_from_next_pass();
        let service = state.service.id;
        self.out.push(Decision::Watch { service, main });
        self.out.push(Decision::Save);
        if watches_pid(&self.services[i].service) {
            // The rule tells it.
            self.observe(i, Why::Stirred);
        } else if let Some(former) = former {
            let text = format!("process PID changed from {} to {}", former.pid, main.pid);
            self.log(i, Level::Error, Some(EventWord::Pid), text.clone(), at);
            let context = Context::plain("PID changed", text, at);
            self.alert_service(i, EventWord::Pid, &context, &[], Severity::Warning);
        }
        self.presence_counts_afresh(i);
        self.judge_service(i, Moment::Presence, at);
        self.rouse(i, at);
    }

    /// A process of which a former run has known ended before this one looked. False where this run
    /// has seen the service already.
    pub(crate) fn tell_unseen_end(&mut self, i: usize, main: ProcessKey, at: BootTime) -> bool {
        let Some(seen) = self.services[i].seen.take() else { return false };
        let last = human(at.since(seen));
        let text = format!(
            "process with pid {} ended while nobody watched, within the last {last}",
            main.pid
        );
        self.tell_end(i, text, at);
        self.services[i].ended = true;
        true
    }

    /// A process has ended, and nobody has seen how.
    pub(crate) fn tell_end(&mut self, i: usize, text: String, at: BootTime) {
        let state = &mut self.services[i];
        state.last_death = Some(text.clone());
        state.deaths.if_there(|deaths| deaths.last = None);
        self.log(i, Level::Info, Some(EventWord::Exit), text, at);
        // The next run is not to tell it again.
        self.out.push(Decision::Save);
    }

    /// The main process is no more, by event or because a pass no longer saw it.
    pub(crate) fn gone(&mut self, i: usize, main: ProcessKey, at: BootTime, end: Option<End>) {
        let state = &mut self.services[i];
        let Some(process) = state.service.process() else { return };
        let has_selector = process.has_selector();
        // Unknown until the pidfile or the match has been asked: another may have taken over.
        state.life = if has_selector {
            Life::Unknown
        } else {
            Life::Absent { why: format!("process {} has ended", main.pid) }
        };
        (state.former_main, state.ended) = (Some(main), true);
        self.shake_above(i);
        let state = &mut self.services[i];
        if let Some(end) = end {
            state.dead = Some((main, at));
            self.judge_death(i, end, true, at);
        }
        self.services[i].levels.if_there(Levels::forget_main);
        if self.services[i].acting.is_some() || !self.services[i].monitored {
            return;
        }
        let state = &mut self.services[i];
        state.retry.ended(at);
        if state.retry.fell() == 0 {
            // It had lived for long enough, though no cycle may have seen that.
            state.rules.iter_mut().for_each(RuleState::ends_rounds);
        }
        // Before the look: whoever began meanwhile is seen by the one or by the other.
        self.ask(i);
        if has_selector {
            self.look(i);
        } else {
            self.judge_service(i, Moment::Presence, at);
        }
    }

    /// Rules that count cycles of absence do not see what comes and goes between two cycles: what
    /// they counted and did was about an absence that is over now.
    pub(crate) fn presence_counts_afresh(&mut self, i: usize) {
        let state = &mut self.services[i];
        for (rule, remembered) in state.service.rules.iter().zip(&mut state.rules) {
            if is_about_presence(rule) && matches!(rule.qualifier, Qualifier::Cycles { .. }) {
                remembered.start_afresh();
            }
        }
    }
}

/// Whether a rule asks for another main process.
fn watches_pid(service: &Service) -> bool {
    let mut asked = false;
    service.for_each_check_test(|test| {
        asked |= *test == CheckTest::Attribute(attribute::Test::PidChanged);
    });
    asked
}
