//! A service comes, goes and is acted upon: presence, attempts, answers of the runner.
//!
//! Not here: which rule asks for it (`judging`), doing it (`runner`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::{Moment, counts_events, is_about_presence};
use crate::engine::retry::GIVEN_UP_PAUSE;
use crate::engine::service::{Acting, Life, RECOVERY_LOOK, Wanted, has_selector};
use crate::engine::wording;
use crate::event::{ExitStatus, Exited, Signalled};
use crate::identity::ProcessKey;
use crate::message::{
    Act, Acted, Context, Decision, Found, Level, Outcome, Part, Presence, Progress, RequestId,
    Step, Verb,
};
use crate::service::{EventWord, Qualifier, Severity};

/// So long after a death nobody else can have started the service, as far as was seen.
const FRESH: Duration = Duration::from_secs(1);

impl Engine {
    /// Asks where the main process is, or believes our own note of it.
    pub(crate) fn look(&mut self, i: usize) {
        let state = &self.services[i];
        let Some(process) = state.service.process() else { return };
        if !state.monitored {
            return;
        }
        let service = state.service.id;
        if has_selector(process) {
            let known = state.last_known();
            self.out.push(Decision::Find { service: state.service.clone(), known });
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
        let dead = self.services[i].dead.map(|(dead, _)| dead);
        let presence = match found.presence {
            Presence::Present { main, .. } if dead == Some(main) => {
                Presence::Absent { why: format!("process {} has ended", main.pid) }
            }
            presence => presence,
        };
        match presence {
            Presence::Present { main, candidates } => self.appeared(i, main, candidates, at),
            Presence::Absent { why } => {
                if let Some(recovering) = &mut self.services[i].recovering
                    && at < recovering.until
                {
                    recovering.next = at + RECOVERY_LOOK;
                    return;
                }
                self.services[i].life = Life::Absent { why };
                self.services[i].levels.forget_main();
                self.judge_service(i, Moment::Presence, at);
            }
            Presence::Untrusted { why } => {
                let life = Life::Untrusted { why: why.clone() };
                let state = &mut self.services[i];
                state.former_main = state.main().or(state.former_main);
                state.life = life;
                state.levels.forget_main();
                if state.untrusted_told.replace(why.clone()).as_ref() != Some(&why) {
                    self.log(i, Level::Error, Some(EventWord::Nonexist), why.clone(), at);
                    let context = Context {
                        event: "Process not trusted".into(),
                        description: why,
                        action: "alert".into(),
                        at,
                        ..Context::default()
                    };
                    self.alert_service(i, EventWord::Nonexist, &context, &[], Severity::Critical);
                }
            }
        }
    }

    fn appeared(&mut self, i: usize, main: ProcessKey, candidates: u32, at: BootTime) {
        let state = &mut self.services[i];
        state.recovering = None;
        let former = state.former_main.take();
        state.hint = None;
        if state.main() == Some(main) {
            state.life = Life::Present { main, candidates };
            return;
        }
        let former = state.main().or(former).filter(|former| *former != main);
        state.life = Life::Present { main, candidates };
        state.was_up = true;
        state.wanted = None;
        state.retry.came_up(at);
        state.failure_told = false;
        state.levels.forget_main();
        state.levels.count_from_next_pass();
        let service = state.service.id;
        self.out.push(Decision::Watch { service, main });
        self.out.push(Decision::Save);
        if let Some(former) = former {
            let text = format!("process PID changed from {} to {}", former.pid, main.pid);
            self.log(i, Level::Error, Some(EventWord::Pid), text.clone(), at);
            let context = Context {
                event: "PID changed".into(),
                description: text,
                action: "alert".into(),
                pid: Some(main.pid),
                at,
                ..Context::default()
            };
            self.alert_service(i, EventWord::Pid, &context, &[], Severity::Warning);
        }
        self.presence_counts_afresh(i);
        self.judge_service(i, Moment::Presence, at);
    }

    pub(crate) fn exited(&mut self, exited: &Exited) {
        let Some(i) = self.index(exited.service) else { return };
        let state = &mut self.services[i];
        if !exited.main || state.main() != Some(exited.process) {
            return;
        }
        let at = exited.at;
        let pid = exited.process.pid;
        let signal = state.last_signal.take().filter(|signal| {
            signal.process == exited.process
                && matches!(exited.status, ExitStatus::Signal { number, .. }
                    if number == signal.signal)
        });
        let by = match signal {
            _ if state.acting.as_ref().is_some_and(|acting| acting.verb != Verb::Start) => {
                ", as we told it to".to_owned()
            }
            Some(signal) => format!(", {}", wording::sender(&signal)),
            None => String::new(),
        };
        let lived =
            at.since(BootTime(exited.process.start * crate::identity::NANOSECONDS_PER_TICK));
        let held = state.levels.value(
            crate::metric::Metric::TotalMemory,
            crate::engine::levels::Over::Sample,
            1,
            at,
        );
        let held = held.map(|b| format!(", held {}", wording::bytes(b))).unwrap_or_default();
        let text = format!(
            "process with pid {pid} {}{by} (lived {}{held})",
            wording::death(exited.status),
            human(lived)
        );
        state.last_death = Some(text.clone());
        state.deaths.push(exited.status);
        // A long life ended is not a failed start.
        state.retry.lives(at);
        self.out.push(Decision::Save);
        self.log(i, Level::Info, Some(EventWord::Exit), text, at);
        if self.services[i].acting.is_some() {
            self.services[i].life = Life::Absent { why: format!("process {pid} has ended") };
            return;
        }
        self.gone(i, exited.process, at, Some(exited.status));
    }

    /// The main process is no more, by event or because a pass no longer saw it.
    pub(crate) fn gone(
        &mut self,
        i: usize,
        main: ProcessKey,
        at: BootTime,
        status: Option<ExitStatus>,
    ) {
        let state = &mut self.services[i];
        let Some(process) = state.service.process() else { return };
        let has_selector = has_selector(process);
        // Unknown until the pidfile or the match has been asked: another may have taken over.
        state.life = if has_selector {
            Life::Unknown
        } else {
            Life::Absent { why: format!("process {} has ended", main.pid) }
        };
        state.former_main = Some(main);
        if status.is_some() {
            state.dead = Some((main, at));
        }
        if let Some(status) = status {
            self.judge_death(i, status, at);
        }
        self.services[i].levels.forget_main();
        if self.services[i].acting.is_some() || !self.services[i].monitored {
            return;
        }
        if has_selector {
            self.look(i);
        } else {
            self.judge_service(i, Moment::Presence, at);
        }
    }

    pub(crate) fn signalled(&mut self, signal: Signalled) {
        if let Some(i) = self.index(signal.service) {
            self.services[i].last_signal = Some(signal);
        }
    }

    /// A rule wants the service restarted or started: now, or when the pause since the last
    /// attempt is over.
    pub(crate) fn request(&mut self, i: usize, verb: Verb, context: Context, at: BootTime) {
        let state = &mut self.services[i];
        if state.acting.is_some() || !state.is_startable() {
            return;
        }
        if (verb == Verb::Start && state.main().is_some()) || state.wanted.is_some() {
            return;
        }
        self.credit_life(i, at);
        let state = &mut self.services[i];
        let own_limit = state.own_limit();
        if !own_limit && state.retry.gives_up() {
            self.give_up(i, &context, at);
        }
        let state = &mut self.services[i];
        let due = state.retry.next(at, own_limit, state.seed());
        if due <= at {
            self.begin(i, verb, context, None, at);
            return;
        }
        state.wanted = Some(Wanted { at: due, verb, context });
        let text = format!("next attempt to {} in {}", verb.word(), human(due.since(at)));
        self.log(i, Level::Info, None, text, at);
    }

    /// The life that the service has led until now counts for its attempts.
    pub(crate) fn credit_life(&mut self, i: usize, at: BootTime) {
        let state = &mut self.services[i];
        if state.acting.is_none() && state.main().is_some() && state.retry.lives(at) {
            let text = "it has lived for ten minutes: no longer given up".to_owned();
            self.log(i, Level::Info, None, text, at);
            self.out.push(Decision::Save);
        }
    }

    fn give_up(&mut self, i: usize, context: &Context, at: BootTime) {
        let attempts = self.services[i].retry.attempts;
        let text = format!(
            "given up: {attempts} attempts in a row did not lead to a minute of life; \
             one try every {} minutes from now on",
            GIVEN_UP_PAUSE.as_secs() / 60
        );
        self.log(i, Level::Critical, Some(EventWord::Timeout), text.clone(), at);
        let detail: Vec<String> = self.services[i].last_death.iter().cloned().collect();
        let context = Context {
            event: "Timeout".into(),
            description: text,
            action: "given up".into(),
            ..context.clone()
        };
        self.alert_service(i, EventWord::Timeout, &context, &detail, Severity::Critical);
        self.out.push(Decision::Save);
    }

    /// Begins an action on the service as a whole.
    pub(crate) fn begin(
        &mut self,
        i: usize,
        verb: Verb,
        context: Context,
        request: Option<RequestId>,
        at: BootTime,
    ) {
        let id = self.next_action();
        let cycle = self.cycle;
        let state = &mut self.services[i];
        // Nothing to stop: the stop program of a dead service is not run.
        let absent = matches!(state.life, Life::Absent { .. });
        let carried = if verb == Verb::Restart && absent { Verb::Start } else { verb };
        if verb != Verb::Stop {
            state.retry.begin(at);
            state.note_restart(cycle, at);
            if state.was_up {
                state.restarts = state.restarts.saturating_add(1);
            }
        }
        let leftover = state.recovering.take().and_then(|recovering| recovering.program);
        state.wanted = None;
        state.acting = Some(Acting { id, verb: carried, since: at, program: None, request });
        for (rule, remembered) in state.service.rules.iter().zip(&mut state.rules) {
            // That it is down goes on until it is up: one alert for all attempts. And events are
            // counted over restarts, or a service that is restarted each time never dies twice.
            let goes_on = absent && is_about_presence(rule)
                || counts_events(rule) && context.rule != rule.text;
            if !goes_on {
                remembered.start_afresh();
            }
        }
        // It died a moment ago and was looked for already: the runner need not look again.
        let dead = state.dead.filter(|(_, died)| request.is_none() && at.since(*died) < FRESH);
        let act = Act {
            id,
            service: state.service.clone(),
            verb: carried,
            main: state.main(),
            dead: dead.map(|(dead, _)| dead),
            leftover,
            context: Context { action: verb.word().into(), ..context },
        };
        let text = format!("trying to {}", verb.word());
        // The note stands before the deed: after a crash of ours nothing is started twice.
        self.out.push(Decision::Save);
        self.log(i, Level::Info, None, text, at);
        self.out.push(Decision::Act(act));
    }

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
                    state.levels.forget_main();
                }
            }
        }
    }

    pub(crate) fn acted(&mut self, acted: Acted, at: BootTime) {
        if self.retired.get(&acted.service) == Some(&acted.id) {
            self.retired.remove(&acted.service);
            // What was born into its group meanwhile is nobody's.
            self.out.push(Decision::Unwatch(acted.service));
            return;
        }
        let Some(i) = self.index(acted.service) else { return };
        if self.services[i].acting.as_ref().is_none_or(|acting| acting.id != acted.id) {
            self.ran(i, acted.outcome, at);
            return;
        }
        let Some(acting) = self.services[i].acting.take() else { return };
        self.services[i].settled = at;
        let reply = match acted.outcome {
            Outcome::Started { main, candidates } => {
                self.started(i, main, candidates, at);
                Ok(format!("process is running with pid {}", main.pid))
            }
            Outcome::Stopped => {
                self.stopped(i, at);
                Ok("stopped".to_owned())
            }
            Outcome::Ran => Ok("done".to_owned()),
            Outcome::Failed { part, message } => Err(self.failed(i, part, &message, at)),
        };
        if let Some(id) = acting.request {
            self.out.push(Decision::Reply { id, result: reply });
        }
        self.judge_service(i, Moment::Attempt, at);
    }

    fn started(&mut self, i: usize, main: ProcessKey, candidates: u32, at: BootTime) {
        let state = &mut self.services[i];
        let announced = !matches!(&state.life, Life::Present { main: known, .. } if *known == main);
        state.life = Life::Present { main, candidates };
        state.was_up = true;
        (state.former_main, state.hint) = (None, None);
        state.levels.forget_main();
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
        self.presence_counts_afresh(i);
        let before = self.out.len();
        self.judge_service(i, Moment::Presence, at);
        let told = self.out[before..].iter().any(|decision| matches!(decision, Decision::Log(_)));
        if announced && !told {
            let text = format!("process is running with pid {}", main.pid);
            self.log(i, Level::Info, None, text, at);
        }
    }

    /// Rules that count cycles of absence do not see what comes and goes between two cycles: what
    /// they counted and did was about an absence that is over now.
    fn presence_counts_afresh(&mut self, i: usize) {
        let state = &mut self.services[i];
        for (rule, remembered) in state.service.rules.iter().zip(&mut state.rules) {
            if is_about_presence(rule) && matches!(rule.qualifier, Qualifier::Cycles { .. }) {
                remembered.start_afresh();
            }
        }
    }

    fn stopped(&mut self, i: usize, at: BootTime) {
        let state = &mut self.services[i];
        state.life = Life::Absent { why: "it was stopped".into() };
        (state.former_main, state.hint) = (None, None);
        state.levels.forget_main();
        let service = state.service.id;
        self.out.push(Decision::Unwatch(service));
        self.out.push(Decision::Save);
        self.log(i, Level::Info, Some(EventWord::Action), "stop action done".into(), at);
    }

    fn failed(&mut self, i: usize, part: Part, message: &str, at: BootTime) -> String {
        let word = match part {
            Part::Stop => "stop",
            Part::Start | Part::Exec => "start",
        };
        let text = format!("failed to {word} {message}");
        self.log(i, Level::Error, Some(EventWord::Exec), text.clone(), at);
        let context = Context {
            event: "Execution failed".into(),
            description: text.clone(),
            action: "alert".into(),
            at,
            ..Context::default()
        };
        if !std::mem::replace(&mut self.services[i].failure_told, true) {
            // The attempts after it are in the log; the end of them is told again.
            self.alert_service(i, EventWord::Exec, &context, &[], Severity::Critical);
        }
        let state = &mut self.services[i];
        state.retry.failed(at);
        self.out.push(Decision::Save);
        match part {
            Part::Start => {
                self.services[i].life = Life::Absent { why: text.clone() };
                if self.services[i].monitored {
                    // Whoever asked for it wants it up: try again when the pause is over.
                    self.request(i, Verb::Start, context, at);
                }
            }
            Part::Stop => {
                // What is left of it is looked for; the rule counts afresh.
                self.look(i);
            }
            Part::Exec => {}
        }
        text
    }

    /// A rule's program has ended.
    fn ran(&mut self, i: usize, outcome: Outcome, at: BootTime) {
        if let Outcome::Failed { part: Part::Exec, message } = outcome {
            let text = format!("failed to execute {message}");
            self.log(i, Level::Error, Some(EventWord::Exec), text.clone(), at);
            let context = Context {
                event: "Execution failed".into(),
                description: text,
                action: "alert".into(),
                at,
                ..Context::default()
            };
            self.alert_service(i, EventWord::Exec, &context, &[], Severity::Warning);
        }
    }

    /// Attempts whose time has come, and looks for what a former run had begun.
    pub(crate) fn wake(&mut self, at: BootTime) {
        for i in 0..self.services.len() {
            let state = &mut self.services[i];
            if state.acting.is_some() || !state.monitored {
                continue;
            }
            if let Some(recovering) = &mut state.recovering
                && recovering.next <= at
            {
                // Beyond its time it is looked for once a cycle, as everything that is down.
                let over = at >= recovering.until;
                recovering.next = if over { BootTime(u64::MAX) } else { at + RECOVERY_LOOK };
                self.look(i);
                continue;
            }
            if state.wanted.as_ref().is_some_and(|wanted| wanted.at <= at)
                && let Some(wanted) = state.wanted.take()
            {
                self.begin(i, wanted.verb, wanted.context, None, at);
            }
        }
    }

    /// When [`Engine::step`] wants an `Input::Wake`, at the latest.
    pub fn next_wake(&self) -> Option<BootTime> {
        self.services
            .iter()
            .filter(|state| state.acting.is_none() && state.monitored)
            .flat_map(|state| {
                let recovering = state.recovering.as_ref().map(|recovering| recovering.next);
                recovering.into_iter().chain(state.wanted.as_ref().map(|wanted| wanted.at))
            })
            .min()
    }

    /// Nobody watches the service any longer.
    pub(crate) fn unmonitor(&mut self, i: usize) {
        let state = &mut self.services[i];
        // Kept for `monitor` and `start`, where nothing else can name the process.
        state.former_main = state.main().or(state.former_main);
        state.monitored = false;
        state.wanted = None;
        state.recovering = None;
        state.life = Life::Unknown;
        state.levels.forget_main();
        for rule in &mut state.rules {
            rule.reset();
        }
        let (id, is_process) = (state.service.id, state.service.process().is_some());
        if is_process {
            self.out.push(Decision::Unwatch(id));
        }
        self.out.push(Decision::Save);
    }
}

/// A length of time for people.
pub(crate) fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
