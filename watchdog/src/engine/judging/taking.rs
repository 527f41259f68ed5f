//! What a rule asks for is begun: its actions, its programs, its reminders.
//!
//! Not here: carrying an action through (`acting`).

use crate::clock::BootTime;
use crate::engine::judge::Finding;
use crate::engine::judging::is_about_presence;
use crate::engine::judging::telling::{failed_text, is_other, lead};
use crate::engine::order::Turn;
use crate::engine::programs::Place;
use crate::engine::rule::is_spared;
use crate::engine::unwatched::why;
use crate::engine::{Detail, Engine, wording};
use crate::message::{Context, Decision, RunProgram, Verb};
use crate::service::{Action, EventWord, Program, Rule, Severity};

impl Engine {
    /// Does what the rule says; one alert, whatever the number of actions, and none without `detail`.
    #[expect(clippy::too_many_arguments, reason = "one call carries one decision's whole reason")]
    pub(super) fn take(
        &mut self,
        i: usize,
        r: usize,
        actions: &[Action],
        context: &Context,
        event: EventWord,
        detail: Option<&Detail>,
        at: BootTime,
    ) {
        let service = self.services[i].service.clone();
        let rule = &service.rules[r];
        if actions == [Action::Ignore] {
            return;
        }
        let passive = service.control.passive;
        let touches = |a: &&Action| is_spared(a, passive);
        let deed = deed(actions, passive);
        let word = deed.map_or("alert", Action::word);
        // Nobody watches it any more: never a quiet matter.
        let unmonitors = deed == Some(&Action::Unmonitor);
        let severity = if unmonitors { Severity::Critical } else { rule.severity };
        let context = Context { action: word.to_owned(), ..context.clone() };
        let none = Detail::default();
        if let Some(detail) = detail.or(unmonitors.then_some(&none)) {
            self.alert_rule(i, rule, event, &context, detail, severity, None, at);
        }
        for (n, action) in actions.iter().enumerate() {
            match action {
                Action::Alert | Action::Ignore => {}
                action if touches(&action) => {}
                Action::Restart => self.request(i, Verb::Restart, context.clone(), at),
                Action::Start => self.request(i, Verb::Start, context.clone(), at),
                Action::Stop => {
                    self.launch(i, Turn::own(Verb::Stop, context.clone(), None), at);
                }
                Action::Unmonitor => self.unmonitor(i, &why("unmonitor", &context), at),
                Action::Exec(exec) => self.exec(i, (r, n), &exec.program, &context, false),
                Action::Brake(brake) => self.brake(i, rule, *brake, at),
            }
        }
    }

    /// What is no process and still missing after its start program ran well is started again, as
    /// often as all that does not come up.
    pub(super) fn bring_about_again(&mut self, i: usize, rule: &Rule, at: BootTime) {
        if self.services[i].service.checked().is_none() || !is_about_presence(rule) {
            return;
        }
        for action in &rule.then {
            let verb = match action {
                Action::Restart => Verb::Restart,
                Action::Start => Verb::Start,
                _ => continue,
            };
            let context = Context { rule: rule.text.clone(), at, ..Context::default() };
            self.request(i, verb, context, at);
        }
    }

    fn exec(&mut self, i: usize, place: Place, program: &Program, context: &Context, again: bool) {
        let id = self.next_action();
        self.services[i].programs.begin(id, place, again);
        let service = self.services[i].service.clone();
        let context = Context { action: "exec".into(), ..context.clone() };
        self.out.push(Decision::Exec(RunProgram {
            id,
            service,
            program: program.clone(),
            context,
        }));
    }

    /// Reminders and repeated programs of a rule that goes on failing.
    pub(super) fn remind(
        &mut self,
        i: usize,
        r: usize,
        cycles: u32,
        findings: &[Finding],
        at: BootTime,
    ) {
        let service = self.services[i].service.clone();
        let rule = &service.rules[r];
        let Some(lead) = lead(findings) else { return };
        let (event, title, _) = wording::event(&lead.test, is_other(lead));
        let text = failed_text(&service, rule, findings, &self.services[i].deaths.matter);
        let word = deed(&rule.then, service.control.passive).map_or("alert", Action::word);
        let context = self.context(i, rule, lead, title, &text, at);
        let context = Context { action: word.to_owned(), ..context };
        let none = Detail::default();
        self.alert_rule(i, rule, event, &context, &none, rule.severity, Some(cycles), at);
        for (n, action) in rule.then.iter().enumerate() {
            if let Action::Exec(exec) = action
                && exec.repeat.is_some_and(|repeat| repeat > 0 && cycles.is_multiple_of(repeat))
            {
                self.exec(i, (r, n), &exec.program, &context, true);
            }
        }
    }
}

/// What is done besides telling.
fn deed(actions: &[Action], passive: bool) -> Option<&Action> {
    actions.iter().find(|action| **action != Action::Alert && !is_spared(action, passive))
}
