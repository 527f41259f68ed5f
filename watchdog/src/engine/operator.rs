//! An operator's word: start, stop, restart, monitor, unmonitor.
//!
//! Not here: who may give it (`status`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::observed::Why;
use crate::engine::order::Turn;
use crate::engine::service::Life;
use crate::message::{Command, CommandVerb, Context, Decision, Level, RequestId, Verb};
use crate::service::{EventWord, ServiceKind};

impl Engine {
    pub(crate) fn command(&mut self, command: &Command, at: BootTime) {
        let known = self.services.iter().position(|state| state.service.name == command.service);
        let Some(i) = known else {
            let result = Err(format!("there is no service '{}'", command.service));
            self.out.push(Decision::Reply { id: command.id, result });
            return;
        };
        let is_system = matches!(self.services[i].service.kind, ServiceKind::System);
        let answer = match command.verb {
            CommandVerb::Monitor => Some(self.monitor(i, at)),
            CommandVerb::Unmonitor => Some(self.unmonitor_asked(i, at)),
            verb if is_system => {
                Some(Err(format!("a system service has nothing to {}", verb.word())))
            }
            CommandVerb::Start => self.act_asked(i, Verb::Start, command.id, at),
            CommandVerb::Stop => self.act_asked(i, Verb::Stop, command.id, at),
            CommandVerb::Restart => self.act_asked(i, Verb::Restart, command.id, at),
        };
        if let Some(result) = answer {
            self.out.push(Decision::Reply { id: command.id, result });
        }
    }

    fn monitor(&mut self, i: usize, at: BootTime) -> Result<String, String> {
        self.log(i, Level::Info, Some(EventWord::Action), "monitor on user request".into(), at);
        self.pull_up(i, false, at);
        self.monitor_one(i, at);
        self.out.push(Decision::Save);
        Ok("monitored".into())
    }

    pub(crate) fn monitor_one(&mut self, i: usize, at: BootTime) {
        let state = &mut self.services[i];
        state.retry.clear();
        state.unwatched = None;
        let was = std::mem::replace(&mut state.monitored, true);
        if !was {
            state.restart_log.clear();
            state.rules.iter_mut().for_each(super::rule::RuleState::reset);
            // What is now is right: whoever says `monitor` has seen it.
            self.services[i].forget_observed();
            self.observe(i, Why::Stirred);
            self.find_afresh(i, at);
            self.observe(i, Why::Stirred);
        } else if state.wanted.is_some() {
            // It was in back-off or given up: try at once.
            if let Some(wanted) = &mut state.wanted {
                wanted.at = at;
            }
        }
    }

    /// Looks for the process of a service that was not monitored until now.
    fn find_afresh(&mut self, i: usize, at: BootTime) {
        let state = &mut self.services[i];
        let Some(process) = state.service.process() else { return };
        if process.has_selector() {
            state.life = Life::Unknown;
            self.look(i);
        } else if let Some(main) = state.last_known() {
            // If it has ended meanwhile, the sensor says so at once.
            state.life = Life::Present { main, candidates: 1 };
            state.former_main = None;
            self.look(i);
        } else {
            state.life = Life::Absent { why: "it was never started".into() };
            self.judge_service(i, super::judging::Moment::Presence, at);
        }
    }

    fn unmonitor_asked(&mut self, i: usize, at: BootTime) -> Result<String, String> {
        let text = "unmonitor on user request";
        self.log(i, Level::Info, Some(EventWord::Action), text.into(), at);
        let lives = self.services[i].main().is_some();
        self.unmonitor(i, text, at);
        Ok(if lives { "unmonitored; its processes keep running" } else { "unmonitored" }.into())
    }

    fn act_asked(
        &mut self,
        i: usize,
        verb: Verb,
        request: RequestId,
        at: BootTime,
    ) -> Option<Result<String, String>> {
        let state = &self.services[i];
        let under_way = state.acting.as_ref().map(|acting| acting.verb).or(state.stops());
        if let Some(other) = under_way {
            let text = format!("a {} is under way", other.word());
            // Stopped with what it depends on, it needs no word of its own.
            let same = verb == Verb::Stop && other == Verb::Stop;
            return Some(if same { Ok(text) } else { Err(text) });
        }
        if verb == Verb::Start && state.service.checked().is_some() && !state.is_startable() {
            // Nothing to run: to watch it again is all that a start can mean.
            return Some(self.monitor(i, at));
        }
        let state = &mut self.services[i];
        if verb != Verb::Stop && !state.is_startable() {
            return Some(Err("it has no start program".into()));
        }
        let main = state.main();
        if verb == Verb::Start
            && state.monitored
            && let Some(main) = main
        {
            return Some(Ok(format!("process is running with pid {} already", main.pid)));
        }
        if let Life::Untrusted { why } = &state.life {
            return Some(Err(why.clone()));
        }
        state.retry.clear();
        state.unwatched = None;
        let was = std::mem::replace(&mut state.monitored, true);
        let nameless = state.service.process().is_some_and(|process| !process.has_selector());
        if !was
            && nameless
            && let Some(main) = state.last_known()
        {
            // Nothing but our own note names the process, and nobody followed it until now.
            state.life = Life::Present { main, candidates: 1 };
            state.former_main = None;
            let service = state.service.id;
            self.out.push(Decision::Watch { service, main });
        }
        // What waited to be started is asked for anew, or not wanted any more.
        self.drop_turn(i, Err(format!("a {} was asked for instead", verb.word())));
        let main = self.services[i].main();
        let text = format!("{} on user request", verb.word());
        let context = Context {
            event: "Action done".into(),
            description: text.clone(),
            pid: main.map(|main| main.pid),
            at,
            ..Context::default()
        };
        self.log(i, Level::Info, Some(EventWord::Action), text, at);
        if verb != Verb::Stop {
            self.pull_up(i, true, at);
        }
        self.launch(i, Turn::own(verb, context, Some(request)), at);
        None
    }
}
