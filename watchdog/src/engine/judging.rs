//! Rules are judged and their changes told: logs, alerts, and which actions follow.
//!
//! Not here: carrying an action through (`acting`).

use std::cell::Cell;

use crate::clock::BootTime;
use crate::engine::brake;
use crate::engine::crossing;
use crate::engine::deaths::End;
use crate::engine::judge::{Facts, Finding, judge, limit_number};
use crate::engine::levels::Over;
use crate::engine::order::Turn;
use crate::engine::rule::Change;
use crate::engine::wording;
use crate::engine::{Detail, Engine};
use crate::engine::{stalls, survey};
use crate::message::Decision;
use crate::message::{Context, Level as LogLevel, RuleStatus, RunProgram, Verb};
use crate::metric::Metric;
use crate::service::{Action, Qualifier, Rule, Service, ServiceKind, Severity, Test, Way};

/// Which rules a moment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The end of a cycle: all of them.
    Cycle,
    /// A sample between cycles: rules in time.
    Sample,
    /// The main process came or went: rules about that, but for those that count cycles.
    Presence,
    /// An attempt has ended: rules about restarts.
    Attempt,
    /// A limit was crossed: rules that are judged then.
    Crossing,
    /// Work stood still for long: rules that are judged then.
    Stall,
    /// What the cycle asked to observe was observed: all rules about that.
    Observed,
    /// Something was observed between cycles: those of them that do not count cycles.
    Noticed,
}

/// What a judgement goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    /// The stretch of time of rates.
    pub over: Over,
    /// The deaths it is about.
    pub deaths: &'a [End],
    /// Whether it can wait for a reading of PSS.
    pub ask: bool,
}

impl Engine {
    pub(crate) fn judge_service(&mut self, i: usize, moment: Moment, at: BootTime) {
        // What was observed was asked for in time.
        if !self.is_judged(i) || moment != Moment::Observed && self.is_asleep(i) {
            return;
        }
        for r in 0..self.services[i].service.rules.len() {
            let state = &self.services[i];
            let service = state.service.clone();
            let rule = &service.rules[r];
            let failing = state.rules[r].status() == RuleStatus::Failing;
            if !concerns(rule, moment, failing)
                || is_observed(&service, rule) != moment.observes()
                || !self.is_its_time(i, r, moment)
            {
                continue;
            }
            let state = &self.services[i];
            // Held still, it proves nothing: the storm is over when it is quiet after the release.
            if failing && state.brake.is_some() && brake::brakes(rule) {
                continue;
            }
            let over = match moment {
                _ if is_for_samples(rule) => Over::Sample,
                Moment::Sample | Moment::Crossing | Moment::Stall | Moment::Noticed => Over::Known,
                _ => Over::Cycle,
            };
            // Rules that count cycles see each death once, at the cycle's end; the others were
            // told at once and recover now.
            let deaths: &[End] = match rule.qualifier {
                Qualifier::Cycles { .. } => &state.deaths.ends,
                _ => &[],
            };
            let mut findings = Vec::new();
            let ask = matches!(moment, Moment::Cycle | Moment::Sample | Moment::Crossing);
            let by = By { over, deaths, ask };
            let (truth, wanted) = self.judge_rule(i, r, &by, at, &mut findings);
            if truth.is_none() && wanted {
                self.put_off(i, r, moment, at);
                continue;
            }
            self.conclude(i, r, moment, truth, &findings, at);
            // An action or an operator's word may have changed everything.
            let state = &self.services[i];
            if !state.monitored || state.acting.is_some() || state.turn.is_some() {
                return;
            }
        }
        self.ask_pss(i, at);
    }

    /// Takes a judgement and tells what it changes.
    pub(crate) fn conclude(
        &mut self,
        i: usize,
        r: usize,
        moment: Moment,
        truth: Option<bool>,
        findings: &[Finding],
        at: BootTime,
    ) {
        let state = &mut self.services[i];
        let (rule, remembered) = (&state.service.rules[r], &mut state.rules[r]);
        let failing = remembered.status() == RuleStatus::Failing;
        let between = matches!(moment, Moment::Crossing | Moment::Stall);
        if between && !crossing::counts(rule, failing, truth) {
            return;
        }
        if moment == Moment::Noticed && failing && has(rule, Test::is_change) {
            // It was told between two cycles; what changes further waits for the cycle. Whoever
            // writes all the time is not told of all the time.
            return;
        }
        let cycle = matches!(moment, Moment::Cycle | Moment::Observed);
        let change = if truth == Some(true) && findings.iter().any(tells_change) {
            remembered.judge_change(at)
        } else {
            remembered.judge(rule, truth, cycle, at)
        };
        if moment.observes() && truth.is_some() {
            // What changes from now on is another change.
            remembered.base = state.observed.now().cloned();
        }
        self.changed(i, r, change, findings, cycle, at);
    }

    /// Whether the rule's condition holds, and whether that depends on a reading of PSS.
    pub(crate) fn judge_rule(
        &self,
        i: usize,
        r: usize,
        by: &By<'_>,
        at: BootTime,
        findings: &mut Vec<Finding>,
    ) -> (Option<bool>, bool) {
        let By { over, deaths, ask } = *by;
        let state = &self.services[i];
        let rule = &state.service.rules[r];
        let is_system = matches!(state.service.kind, ServiceKind::System);
        let value = |metric: Metric| {
            if metric.is_of_host() {
                // Whichever is greater: a trail of few samples is a mean over a longer time.
                let told = self.told_share(metric).into_iter();
                told.chain(self.host.value(metric, over)).reduce(f64::max)
            } else if is_system {
                // The only process metric that a system service shares: uptime of the host.
                (metric == Metric::Uptime).then(|| at.since(BootTime::default()).as_secs_f64())
            } else {
                let told = state.armed.told(metric);
                told.or_else(|| state.levels.value(metric, over, self.host.cpus(), at))
            }
        };
        let wanted = Cell::new(false);
        let facts = Facts {
            value: &value,
            whole: &|metric| match metric {
                Metric::FileDescriptors => state.levels.whole(metric),
                _ => self.host.whole(metric),
            },
            trail: &|metric: Metric, window| match metric.is_of_host() {
                true => self.host.trail(metric, window),
                false => state.levels.trail(metric, window),
            },
            pss: &|metric, rss| self.pss(state, ask, metric, rss),
            wanted: &wanted,
            present: state.present(),
            deaths,
            restarts: &|span| state.restarts_within(span, self.cycle, at),
            seen: state.observed.seen(&state.rules[r]),
            thing: state.service.checked().map(|checked| checked.check.word()),
        };
        let truth = judge(&rule.condition, &facts, findings);
        (truth, wanted.get())
    }

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
        if rule.then == [Action::Ignore] {
            return;
        }
        let Some(lead) = lead(findings) else { return };
        let (event, failed_title, succeeded_title) = wording::event(&lead.test);
        match change {
            Change::None => {}
            Change::Pending => {
                // One warning a cycle; samples between cycles are not worth a line each.
                if cycle {
                    let text =
                        failed_text(&service, rule, findings, &self.services[i].deaths.matter);
                    self.log(i, LogLevel::Warning, Some(event), text, at);
                }
            }
            Change::Failed => {
                let mut text =
                    failed_text(&service, rule, findings, &self.services[i].deaths.matter);
                if let Some(Action::Unmonitor) = rule.then.iter().find(|a| **a != Action::Alert)
                    && matches!(lead.test, Test::Restarts { .. })
                {
                    // As Monit, which says so of this limit only.
                    text.push_str(" - unmonitor");
                }
                let level = if rule.severity == Severity::Critical {
                    LogLevel::Critical
                } else {
                    LogLevel::Error
                };
                self.log(i, level, Some(event), text.clone(), at);
                let lines = self.detail(i, &lead.test, at);
                let detail = Detail { lines, survey: survey::asked(&lead.test) };
                let context = self.context(i, rule, lead, failed_title, &text, at);
                self.take(i, r, &rule.then, &context, event, &detail, at);
            }
            Change::StillFailing(cycles) => {
                if cycle {
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
                self.log(i, LogLevel::Info, Some(event), texts.join(" and "), at);
            }
            Change::Recovered => {
                let pid = self.services[i].main().map(|main| main.pid);
                let text: Vec<String> = findings
                    .iter()
                    .filter(|finding| finding.truth == Some(false) || findings.len() == 1)
                    .map(|finding| wording::succeeded(finding, pid))
                    .collect();
                let text = text.join(" and ");
                self.log(i, LogLevel::Info, Some(event), text.clone(), at);
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
                self.take(i, r, &actions, &context, event, &Detail::default(), at);
            }
        }
    }

    /// Does what the rule says; one alert, whatever the number of actions.
    #[expect(clippy::too_many_arguments, reason = "one call carries one decision's whole reason")]
    fn take(
        &mut self,
        i: usize,
        r: usize,
        actions: &[Action],
        context: &Context,
        event: crate::service::EventWord,
        detail: &Detail,
        at: BootTime,
    ) {
        let service = self.services[i].service.clone();
        let rule = &service.rules[r];
        if actions == [Action::Ignore] {
            return;
        }
        // What is passive is told of, not touched.
        let passive = service.control.passive;
        let touches =
            |a: &&Action| matches!(a, Action::Restart | Action::Start | Action::Stop) && passive;
        let deed = actions.iter().find(|action| **action != Action::Alert && !touches(action));
        let word = deed.map_or("alert", Action::word);
        let severity = if deed == Some(&Action::Unmonitor) {
            // Nobody watches it any more: never a quiet matter.
            Severity::Critical
        } else {
            rule.severity
        };
        let context = Context { action: word.to_owned(), ..context.clone() };
        self.alert_rule(i, rule, event, &context, detail, severity, None, at);
        for action in actions {
            match action {
                Action::Alert | Action::Ignore => {}
                action if touches(&action) => {}
                Action::Restart => self.request(i, Verb::Restart, context.clone(), at),
                Action::Start => self.request(i, Verb::Start, context.clone(), at),
                Action::Stop => {
                    self.launch(i, Turn::own(Verb::Stop, context.clone(), None), at);
                }
                Action::Unmonitor => self.unmonitor(i, at),
                Action::Exec(exec) => self.exec(i, &exec.program, &context),
                Action::Brake(brake) => self.brake(i, rule, *brake, at),
            }
        }
    }

    /// What is no process and still missing after its start program ran well is started again, as
    /// often as all that does not come up.
    fn bring_about_again(&mut self, i: usize, rule: &Rule, at: BootTime) {
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

    fn exec(&mut self, i: usize, program: &crate::service::Program, context: &Context) {
        let id = self.next_action();
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
    fn remind(&mut self, i: usize, r: usize, cycles: u32, findings: &[Finding], at: BootTime) {
        let service = self.services[i].service.clone();
        let rule = &service.rules[r];
        let Some(lead) = lead(findings) else { return };
        let (event, title, _) = wording::event(&lead.test);
        let text = failed_text(&service, rule, findings, &self.services[i].deaths.matter);
        let context = self.context(i, rule, lead, title, &text, at);
        let none = Detail::default();
        self.alert_rule(i, rule, event, &context, &none, rule.severity, Some(cycles), at);
        for action in &rule.then {
            if let Action::Exec(exec) = action
                && exec.repeat.is_some_and(|repeat| repeat > 0 && cycles.is_multiple_of(repeat))
            {
                self.exec(i, &exec.program, &context);
            }
        }
    }

    /// Why: for programs' environments, mails and the log.
    fn context(
        &self,
        i: usize,
        rule: &Rule,
        lead: &Finding,
        title: &str,
        text: &str,
        at: BootTime,
    ) -> Context {
        let state = &self.services[i];
        let metrics = state.levels.shown(self.host.cpus());
        let (value, limit) = match &lead.test {
            Test::Level(level) => (
                lead.value.map(|value| wording::number(value, level.limit, level.metric)),
                Some(wording::number(limit_number(level.limit), level.limit, level.metric)),
            ),
            Test::Trend(trend) => wording::trend_numbers(trend, lead.value),
            Test::Restarts { count, .. } => {
                (lead.value.map(|value| format!("{value:.0}")), Some(count.to_string()))
            }
            _ => match &lead.told {
                Some(told) => (told.value.clone(), told.limit.clone()),
                None => (None, None),
            },
        };
        Context {
            event: title.to_owned(),
            description: text.to_owned(),
            action: String::new(),
            rule: rule.text.clone(),
            value: value.unwrap_or_default(),
            limit: limit.unwrap_or_default(),
            pid: state.main().map(|main| main.pid),
            memory_kb: metrics.memory_bytes.map(|bytes| bytes / 1024),
            children: metrics.children,
            cpu_percent: metrics.cpu.map(|cpu| cpu * 100.0),
            program_status: state.observed.now().and_then(|seen| seen.facts.program_status()),
            at,
        }
    }

    /// What did it: logged as a line and sent with the alert.
    fn detail(&mut self, i: usize, test: &Test, at: BootTime) -> Vec<String> {
        let state = &self.services[i];
        let metric = match test {
            Test::Level(level) => Some(level.metric),
            Test::Trend(trend) => Some(trend.metric),
            _ => None,
        };
        match test {
            Test::Level(_) | Test::Trend(_) => {
                let by = match metric {
                    Some(Metric::Cpu | Metric::TotalCpu) => wording::By::Cpu,
                    Some(Metric::Disk { direction, .. }) => wording::By::Disk(direction),
                    Some(Metric::FileDescriptors | Metric::TotalFileDescriptors) => {
                        wording::By::Descriptors
                    }
                    // Who forked most is not told by memory.
                    Some(Metric::Forks { .. }) => {
                        let by = self.crossed_by(i);
                        if let Some(text) = &by {
                            self.log(i, LogLevel::Info, None, text.clone(), at);
                        }
                        return by.into_iter().collect();
                    }
                    Some(metric) if metric.is_of_host() => return Vec::new(),
                    _ => wording::By::Memory,
                };
                let mut culprits = wording::culprits(state.levels.members(), by);
                if let Some(first) = culprits.first() {
                    let text = format!("{} {first}", by.lead());
                    self.log(i, LogLevel::Info, None, text, at);
                }
                if let Some(text) = metric.and_then(|metric| self.proportional(i, metric)) {
                    culprits.push(text);
                }
                if let Some(text) = self.crossed_by(i) {
                    self.log(i, LogLevel::Info, None, text.clone(), at);
                    culprits.insert(0, text);
                }
                culprits
            }
            Test::DoesNotExist => state.last_death.iter().cloned().collect(),
            Test::Death(death) if death.way == Way::OomKilled => {
                wording::culprits(state.levels.members(), wording::By::Memory)
            }
            _ => Vec::new(),
        }
    }
}

pub(crate) fn has(rule: &Rule, what: impl Fn(&Test) -> bool) -> bool {
    let mut found = false;
    rule.condition.for_each_test(&mut |test| found |= what(test));
    found
}

impl Moment {
    /// Whether it is for rules about what has to be observed.
    fn observes(self) -> bool {
        matches!(self, Self::Observed | Self::Noticed)
    }
}

/// Whether the rule is about what has to be observed: it is judged when that has come.
pub(crate) fn is_observed(service: &Service, rule: &Rule) -> bool {
    service.checked().is_some() || has(rule, |test| matches!(test, Test::Check(_)))
}

/// Whether the rule is about the process being there.
pub(crate) fn is_about_presence(rule: &Rule) -> bool {
    has(rule, |test| matches!(test, Test::DoesNotExist | Test::Exists))
}

/// Whether the rule is about what happens to the service rather than how it is.
pub(crate) fn counts_events(rule: &Rule) -> bool {
    has(rule, |test| test.is_event() || matches!(test, Test::Restarts { .. }))
}

/// Whether the rule is judged at samples between cycles: it lasts a time, or it is about how a number
/// moves and does not count cycles.
pub(crate) fn is_for_samples(rule: &Rule) -> bool {
    // The host's forks have no crossing that the kernel could tell.
    let is_host_rate = |test: &Test| match test {
        Test::Level(level) => matches!(level.metric, Metric::SystemForks { .. }),
        _ => false,
    };
    match rule.qualifier {
        Qualifier::Lasting(_) => true,
        Qualifier::Cycles { .. } => false,
        Qualifier::Once | Qualifier::TimesWithin { .. } => {
            looks_back(rule) || has(rule, is_host_rate)
        }
    }
}

/// Whether the rule is about how a number moves: that needs samples between cycles. So does the share
/// of stalled time over ten seconds.
pub(crate) fn looks_back(rule: &Rule) -> bool {
    has(rule, |test| match test {
        Test::Trend(_) => true,
        Test::Level(level) => matches!(level.metric, Metric::Pressure { .. }),
        _ => false,
    })
}

fn concerns(rule: &Rule, moment: Moment, failing: bool) -> bool {
    let counts_cycles = matches!(rule.qualifier, Qualifier::Cycles { .. });
    match moment {
        Moment::Cycle | Moment::Observed => true,
        Moment::Noticed => !counts_cycles,
        // What failed between cycles recovers at the next pass.
        Moment::Sample => is_for_samples(rule) || failing && crossing::is_at_once(rule),
        Moment::Crossing => crossing::is_at_once(rule),
        Moment::Stall => stalls::is_at_once(rule),
        Moment::Presence => !counts_cycles && is_about_presence(rule),
        Moment::Attempt => {
            !counts_cycles && has(rule, |test| matches!(test, Test::Restarts { .. }))
        }
    }
}

/// A change that is the case: each is told anew.
fn tells_change(finding: &Finding) -> bool {
    finding.truth == Some(true) && finding.test.is_change()
}

/// The finding that names the event: a death that holds before a level that does, else the first.
fn lead(findings: &[Finding]) -> Option<&Finding> {
    let mut holding = findings.iter().filter(|finding| finding.truth == Some(true));
    let first = holding.clone().next().or(findings.first());
    holding.find(|finding| finding.test.is_event()).or(first)
}

/// The findings that hold, in Monit's words. A death is told in full where one is the matter.
fn failed_text(
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
