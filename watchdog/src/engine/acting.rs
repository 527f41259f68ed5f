//! The runner answers: how an action gets on and how it ended.
//!
//! Not here: beginning it (`attempt`), doing it (`runner`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::Moment;
use crate::engine::levels::Levels;
use crate::engine::observed::Why;
use crate::engine::order::{Role, Turn};
use crate::engine::service::Life;
use crate::identity::ProcessKey;
use crate::message::{Acted, Context, Decision, Level, Outcome, Part, Progress, Step, Verb};
use crate::service::{EventWord, ProcessService, Severity};

impl Engine {
    pub(crate) fn progress(&mut self, progress: Progress, at: BootTime) {
        let Some(i) = self.index(progress.service) else { return };
        let state = &mut self.services[i];
        let ours = state.acting.as_mut().filter(|acting| acting.id == progress.id);
        match progress.step {
            Step::Doing(text) => self.log(i, Level::Info, None, text, at),
            Step::Spawned(program) => {
                if let Some(acting) = ours {
                    acting.program = Some(program);
                    self.out.push(Decision::Save);
                }
            }
            Step::Gone => {
                if ours.is_some() {
                    state.life = Life::Absent { why: "it was stopped for a restart".into() };
                    state.levels.if_there(Levels::forget_main);
                }
            }
        }
    }

    pub(crate) fn acted(&mut self, acted: Acted, at: BootTime) {
        if self.retired.get(&acted.service) == Some(&acted.id) {
            self.retired.remove(&acted.service);
            self.left(acted.service);
            // What was born into its group meanwhile is nobody's.
            self.out.push(Decision::Unwatch(acted.service));
            return;
        }
        let Some(i) = self.index(acted.service) else { return };
        if self.services[i].acting.as_ref().is_none_or(|acting| acting.id != acted.id) {
            self.ran(i, acted.id, acted.outcome, at);
            return;
        }
        let Some(acting) = self.services[i].acting.take() else { return };
        self.services[i].settled = at;
        if self.services[i].service.checked().is_some() {
            self.services[i].observed.outdate();
        }
        self.brake_ended(i);
        let mut request = acting.request;
        let reply = match acted.outcome {
            Outcome::Started { main, candidates } => {
                self.started(i, main, candidates, at);
                Ok(format!("process is running with pid {}", main.pid))
            }
            Outcome::Stopped if matches!(acting.role, Role::Above | Role::Unsure) => {
                self.stopped(i, "it was stopped for another service's restart");
                if self.services[i].monitored && acting.role == Role::Above {
                    let context = Context::plain("Action done", "start again".to_owned(), at);
                    let turn = Turn::own(Verb::Start, context, request.take());
                    let (role, cascade) = (acting.role, acting.cascade);
                    self.give_turn(i, Turn { role, cascade, ..turn });
                }
                Ok("stopped".to_owned())
            }
            Outcome::Stopped => {
                self.stopped(i, "it was stopped");
                let text = "stop action done".to_owned();
                self.log(i, Level::Info, Some(EventWord::Action), text, at);
                Ok("stopped".to_owned())
            }
            Outcome::Ran => {
                // Whether it brought about what it should is observed now.
                self.services[i].failure_told = false;
                let text = format!("{} action done", acting.verb.word());
                self.log(i, Level::Info, Some(EventWord::Action), text, at);
                self.observe(i, Why::Cycle);
                self.out.push(Decision::Save);
                Ok("done".to_owned())
            }
            Outcome::Failed { part, message } => {
                let text = self.failed(i, part, &message, at);
                if self.services[i].service.checked().is_some() {
                    // What it is like now is not what was seen before.
                    self.observe(i, Why::Stirred);
                }
                Err(text)
            }
        };
        if let Some(id) = request {
            self.out.push(Decision::Reply { id, result: reply });
        }
        self.services[i].settle_down();
        self.ask(i);
        self.judge_service(i, Moment::Attempt, at);
        self.rouse(i, at);
    }

    fn started(&mut self, i: usize, main: ProcessKey, candidates: u32, at: BootTime) {
        let state = &mut self.services[i];
        let announced = !matches!(&state.life, Life::Present { main: known, .. } if *known == main);
        state.life = Life::Present { main, candidates };
        state.was_up = true;
        (state.former_main, state.hint, state.seen) = (None, None, None);
        // That it is another process is our own doing.
        state.rules.iter_mut().for_each(|rule| rule.base = None);
        state.levels.if_there(Levels::forget_main);
        state.levels.count_from_birth();
        state.retry.came_up(at);
        state.failure_told = false;
        let service = state.service.id;
        if !state.monitored {
            // Unmonitored meanwhile: it is kept in mind and not followed.
            state.life = Life::Unknown;
            state.former_main = Some(main);
            self.out.push(Decision::Unwatch(service));
            self.out.push(Decision::Save);
            let text = format!("process is running with pid {}", main.pid);
            self.log(i, Level::Info, None, text, at);
            return;
        }
        self.out.push(Decision::Watch { service, main });
        self.out.push(Decision::Save);
        if self.services[i].service.process().is_some_and(ProcessService::has_cgroup) {
            // Who else is in its cgroup.
            self.look(i);
        }
        self.presence_counts_afresh(i);
        let before = self.out.len();
        self.judge_service(i, Moment::Presence, at);
        let told = self.out[before..].iter().any(|decision| matches!(decision, Decision::Log(_)));
        if announced && !told {
            let text = format!("process is running with pid {}", main.pid);
            self.log(i, Level::Info, None, text, at);
        }
    }

    fn stopped(&mut self, i: usize, why: &str) {
        let state = &mut self.services[i];
        if state.service.process().is_none() {
            self.out.push(Decision::Save);
            return;
        }
        state.life = Life::Absent { why: why.to_owned() };
        (state.former_main, state.hint) = (None, None);
        state.levels.if_there(Levels::forget_main);
        let service = state.service.id;
        self.out.push(Decision::Unwatch(service));
        self.out.push(Decision::Save);
    }

    fn failed(&mut self, i: usize, part: Part, message: &str, at: BootTime) -> String {
        let word = match part {
            Part::Stop => "stop",
            Part::Start | Part::Exec => "start",
        };
        let text = format!("failed to {word} {message}");
        self.log(i, Level::Error, Some(EventWord::Exec), text.clone(), at);
        let context = Context::plain("Execution failed", text.clone(), at);
        if !std::mem::replace(&mut self.services[i].failure_told, true) {
            // The attempts after it are in the log; the end of them is told again.
            self.alert_service(i, EventWord::Exec, &context, &[], Severity::Critical);
        }
        let state = &mut self.services[i];
        state.retry.failed(at);
        self.out.push(Decision::Save);
        match part {
            Part::Start => {
                if self.services[i].service.process().is_some() {
                    self.services[i].life = Life::Absent { why: text.clone() };
                }
                self.start_failed(i);
                if self.services[i].monitored {
                    // Whoever asked for it wants it up: try again when the pause is over.
                    self.request(i, Verb::Start, context, at);
                }
            }
            Part::Stop => {
                // What is left of it is looked for; the rule counts afresh.
                self.look(i);
                self.stop_failed(i, at);
            }
            Part::Exec => {}
        }
        let state = &self.services[i];
        if !state.monitored && state.service.process().is_some() {
            // Unmonitored meanwhile.
            self.out.push(Decision::Unwatch(state.service.id));
        }
        text
    }
}
