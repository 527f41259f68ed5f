//! The changes of a rule are told: log lines and alerts, and the actions that follow.
//!
//! Not here: whether it has changed (`rule`), what its actions do (`taking`).

use crate::clock::BootTime;
use crate::engine::judge::Finding;
use crate::engine::judging::has;
use crate::engine::rule::{Change, Matter};
use crate::engine::{Detail, Engine, survey, wording};
use crate::message::Level;
use crate::service::{Action, EventWord, Rule, Service, ServiceKind, Severity, Test};

/// Bytes of what was seen that are kept for the status: lines of a file can be long.
const SEEN: usize = 2048;

impl Engine {
    pub(crate) fn changed(
        &mut self,
        i: usize,
        r: usize,
        change: Change,
        findings: &[Finding],
        cycle: bool,
        at: BootTime,
    ) {
        let service = self.services[i].service.clone();
        let rule = &service.rules[r];
        let former = self.see(i, r, change, findings);
        let rounds = match change {
            Change::Recovered => self.services[i].rules[r].take_rounds(),
            _ => 0,
        };
        if rule.then == [Action::Ignore] {
            return;
        }
        let Some(lead) = lead(findings) else { return };
        let other = is_other(lead);
        let change = self.services[i].rules[r].of_event(rule, change, other, cycle);
        let (other, both) = self.services[i].rules[r].told_as(change, other);
        let (event, failed_title, succeeded_title) = wording::event(&lead.test, other);
        let also = both.then(|| wording::event(&lead.test, !other).0);
        if !matches!(change, Change::None | Change::Pending | Change::StillFailing(_)) {
            self.people_know();
        }
        match change {
            Change::None => {}
            Change::Pending => {
                // One warning a cycle; samples between cycles are not worth a line each.
                if cycle {
                    let text =
                        failed_text(&service, rule, findings, &self.services[i].deaths.matter);
                    self.log(i, Level::Warning, Some(event), text, at);
                }
            }
            Change::Resumed => {
                let text = failed_text(&service, rule, findings, &self.services[i].deaths.matter);
                self.log(i, level_of(rule), Some(event), text, at);
            }
            Change::Failed | Change::FailedAgain => {
                let mut text =
                    failed_text(&service, rule, findings, &self.services[i].deaths.matter);
                if let Some(Action::Unmonitor) = rule.then.iter().find(|a| **a != Action::Alert)
                    && matches!(lead.test, Test::Restarts { .. })
                {
                    // As Monit, which says so of this limit only.
                    text.push_str(" - unmonitor");
                }
                self.log(i, level_of(rule), Some(event), text.clone(), at);
                let detail = (change == Change::Failed).then(|| Detail {
                    lines: self.detail(i, &lead.test, at),
                    survey: survey::asked(&lead.test),
                    also,
                });
                let context = self.context(i, rule, lead, failed_title, &text, at);
                self.take(i, r, &rule.then, &context, event, detail.as_ref(), at);
            }
            Change::StillFailing(cycles) => {
                if cycle {
                    self.tell_another_cause(i, r, former, event, at);
                    self.remind(i, r, cycles, findings, at);
                    self.bring_about_again(i, rule, at);
                }
            }
            // That something did not happen again is no news.
            Change::Recovered if has(rule, Test::is_event) && rule.otherwise.is_empty() => {}
            // That nothing has changed since is a line in the log, as Monit has it, and no mail.
            Change::Recovered if has(rule, Test::is_change) && rule.otherwise.is_empty() => {
                let texts: Vec<String> = findings
                    .iter()
                    .filter(|finding| finding.test.is_change() && finding.truth == Some(false))
                    .map(|finding| wording::succeeded(finding, None))
                    .collect();
                self.log(i, Level::Info, Some(event), texts.join(" and "), at);
            }
            Change::Recovered => {
                let pid = self.services[i].main().map(|main| main.pid);
                let text: Vec<String> = findings
                    .iter()
                    .filter(|finding| finding.truth == Some(false) || findings.len() == 1)
                    .map(|finding| wording::succeeded(finding, pid))
                    .collect();
                let text = text.join(" and ");
                self.log(i, Level::Info, Some(event), text.clone(), at);
                let state = &mut self.services[i];
                if state.main().is_some()
                    && state.wanted.as_ref().is_some_and(|wanted| wanted.context.rule == rule.text)
                {
                    // What this rule wanted to restart is good again without it.
                    state.wanted = None;
                }
                let context = self.context(i, rule, lead, succeeded_title, &text, at);
                let mut actions = rule.otherwise.clone();
                if actions.is_empty() {
                    actions.push(Action::Alert);
                }
                let ends = if rounds == 1 { "end" } else { "ends" };
                let ends = format!("after {rounds} more {ends} within a minute of a start");
                let lines = (rounds > 0).then_some(ends).into_iter().collect();
                let detail = Detail { lines, survey: None, also };
                self.take(i, r, &actions, &context, event, Some(&detail), at);
            }
        }
    }

    /// Keeps in mind what was seen of a rule whose condition holds, and gives back what was seen before.
    fn see(&mut self, i: usize, r: usize, change: Change, findings: &[Finding]) -> Option<Matter> {
        let state = &mut self.services[i];
        let matter = match change {
            // Not known, or not good for long enough: what was seen last is still the matter.
            Change::None => return None,
            Change::Recovered => None,
            Change::Pending
            | Change::Failed
            | Change::FailedAgain
            | Change::Resumed
            | Change::StillFailing(_) => {
                let service = &state.service;
                let rule = &service.rules[r];
                let mut text = failed_text(service, rule, findings, &state.deaths.matter);
                text.truncate(text.floor_char_boundary(SEEN));
                Some(Box::new(Matter { text, cause: cause(findings) }))
            }
        };
        std::mem::replace(&mut state.rules[r].matter, matter).map(|former| *former)
    }

    /// It goes on failing, but for another cause: a line in the log. Whoever was told that it has
    /// failed gets no second alert for that.
    fn tell_another_cause(
        &mut self,
        i: usize,
        r: usize,
        former: Option<Matter>,
        event: EventWord,
        at: BootTime,
    ) {
        let state = &self.services[i];
        let Some(matter) = &state.rules[r].matter else { return };
        let former = former.and_then(|former| former.cause);
        if former.is_some() && matter.cause.is_some() && former != matter.cause {
            let (level, text) = (level_of(&state.service.rules[r]), matter.text.clone());
            self.log(i, level, Some(event), text, at);
        }
    }
}

/// Why the condition holds, where that can be another while it goes on holding: numbers move always.
fn cause(findings: &[Finding]) -> Option<String> {
    let holding = findings.iter().filter(|finding| finding.truth == Some(true));
    let causes: Vec<String> = holding
        .filter_map(|finding| match &finding.test {
            Test::Check(test) => test.cause(finding.told.as_ref()?),
            _ => None,
        })
        .collect();
    (!causes.is_empty()).then(|| causes.join(" and "))
}

/// Whether what it says is its test's other event.
pub(super) fn is_other(finding: &Finding) -> bool {
    match (&finding.test, &finding.told) {
        (Test::Check(test), Some(told)) if finding.truth == Some(true) => test.is_other_event(told),
        _ => false,
    }
}

fn level_of(rule: &Rule) -> Level {
    if rule.severity == Severity::Critical { Level::Critical } else { Level::Error }
}

/// The finding that names the event: a death that holds before a level that does, else the first.
pub(super) fn lead(findings: &[Finding]) -> Option<&Finding> {
    let mut holding = findings.iter().filter(|finding| finding.truth == Some(true));
    let first = holding.clone().next().or(findings.first());
    holding.find(|finding| finding.test.is_event()).or(first)
}

/// The findings that hold, in Monit's words. A death is told in full where one is the matter.
pub(super) fn failed_text(
    service: &Service,
    rule: &Rule,
    findings: &[Finding],
    matter: &Option<String>,
) -> String {
    let pidfile = match &service.kind {
        ServiceKind::Process(process) => process.pidfile.as_deref(),
        _ => None,
    };
    let holding: Vec<String> = findings
        .iter()
        .filter(|finding| finding.truth == Some(true))
        .map(|finding| match (&finding.test, matter) {
            (test, Some(death)) if test.is_event() => death.clone(),
            _ => wording::failed(finding, pidfile),
        })
        .collect();
    if holding.is_empty() {
        // `not (…)`: no single test holds.
        return format!("rule matches: {}", rule.text);
    }
    holding.join(" and ")
}
