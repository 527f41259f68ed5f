//! Attempts to start or restart a service: when they may begin, that they begin, when we give up.
//!
//! Not here: which rule asks for one (`judging`), how it ended (`acting`), the figures (`retry`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::{counts_events, is_about_presence};
use crate::engine::measure::Measure;
use crate::engine::order::{Role, Turn};
use crate::engine::retry::GIVEN_UP_PAUSE;
use crate::engine::service::{Acting, RECOVERY_LOOK, Wanted};
use crate::engine::unwatched::why;
use crate::message::{Act, Context, Decision, Level, Verb};
use crate::service::{EventWord, Severity};

/// So long after a death nobody else can have started the service, as far as was seen.
const FRESH: Duration = Duration::from_secs(1);

impl Engine {
    /// A rule wants the service restarted or started: now, or when the pause since the last
    /// attempt is over.
    pub(crate) fn request(&mut self, i: usize, verb: Verb, context: Context, at: BootTime) {
        let state = &mut self.services[i];
        if state.acting.is_some() || state.turn.is_some() || !state.is_startable() {
            return;
        }
        if state.service.control.passive {
            return;
        }
        if (verb == Verb::Start && state.main().is_some()) || state.wanted.is_some() {
            return;
        }
        self.credit_life(i, at);
        let state = &mut self.services[i];
        let pace = state.own_pace(self.config.cycle);
        if pace.is_none() && state.retry.gives_up() {
            self.give_up(i, &context, at);
        }
        let state = &self.services[i];
        let due = state.retry.next(at, pace, state.seed());
        let held = self.held(i);
        if due <= at && held.is_none() {
            self.launch(i, Turn::own(verb, context, None), at);
            return;
        }
        self.services[i].wanted = Some(Box::new(Wanted { at: due, verb, context }));
        let word = verb.word();
        let text = match held {
            Some(why) => format!("{word} waits: {why}"),
            None => format!("next attempt to {word} in {}", human(due.since(at))),
        };
        self.log(i, Level::Info, None, text, at);
    }

    /// The life that the service has led until now counts for its attempts.
    pub(crate) fn credit_life(&mut self, i: usize, at: BootTime) {
        let state = &mut self.services[i];
        if state.acting.is_some() || !state.is_up() {
            return;
        }
        let attempts = state.retry.attempts;
        let forgiven = state.retry.lives(at);
        if state.retry.attempts != attempts {
            self.out.push(Decision::Save);
        }
        if forgiven {
            let text = "it has lived for ten minutes: no longer given up".to_owned();
            self.log(i, Level::Info, None, text, at);
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
    pub(crate) fn begin(&mut self, i: usize, turn: Turn, at: BootTime) {
        let id = self.next_action();
        let cycle = self.cycle;
        self.shake_above(i);
        let state = &mut self.services[i];
        if turn.unmonitors() {
            state.unwatch(&why("stop", &turn.context), at);
        }
        let Turn { verb, role, context, request, cascade } = turn;
        // Nothing to stop: the stop program of a dead service is not run.
        let absent = state.present() == Some(false);
        let carried = if verb == Verb::Restart && absent { Verb::Start } else { verb };
        if verb != Verb::Stop {
            // A start that somebody asks for after a stop is no restart, nor is the first of what was
            // not up before; what follows when that fails is.
            let asked = verb == Verb::Start && request.is_some() && role != Role::Above;
            let again = carried == Verb::Restart || state.was_up || state.retry.attempts > 0;
            if again && !asked && role != Role::Below {
                state.restarts = state.restarts.saturating_add(1);
            }
            if role != Role::Above {
                // What is up again for another's sake has not failed.
                state.retry.begin(at);
                state.note_restart(cycle, at);
            }
        }
        let leftover = state.recovering.take().and_then(|recovering| recovering.program);
        state.wanted = None;
        state.measure.if_there(Measure::drop_waiting);
        state.acting = Some(Box::new(Acting {
            id,
            verb: carried,
            since: at,
            program: None,
            request,
            role,
            cascade,
        }));
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
        let (service, main) = (state.service.clone(), state.main());
        let act = Act {
            id,
            service,
            verb: carried,
            main,
            dead: dead.map(|(dead, _)| dead),
            leftover,
            braked: self.ends_brake(i),
            context: Context { action: verb.word().into(), ..context },
        };
        // The note stands before the deed: after a crash of ours nothing is started twice.
        self.out.push(Decision::Save);
        if matches!(role, Role::Own | Role::Below) {
            self.log(i, Level::Info, None, format!("trying to {}", verb.word()), at);
        }
        self.out.push(Decision::Act(act));
    }

    /// Attempts whose time has come, and looks for what a former run had begun.
    pub(crate) fn wake(&mut self, due: &[usize], at: BootTime) {
        for &i in due {
            let held = self.services[i].wanted.is_some()
                && (self.holder(i).is_some() || self.is_asleep(i));
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
            self.look_again(i, at);
            self.look_once_more(i, at);
            let state = &mut self.services[i];
            if !held
                && state.wanted.as_ref().is_some_and(|wanted| wanted.at <= at)
                && let Some(wanted) = state.wanted.take()
            {
                self.launch(i, Turn::own(wanted.verb, wanted.context, None), at);
            }
        }
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
