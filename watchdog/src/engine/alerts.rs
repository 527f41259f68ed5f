//! Lines for the log and alerts: who is told of what.
//!
//! Not here: the words (`wording`), sending (`crate::notify`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::message::{Alert, Context, Decision, Level, LogLine, Receiver, SurveyBy};
use crate::service::{Control, EventWord, Recipient, Rule, Severity};

impl Engine {
    pub(crate) fn log(
        &mut self,
        i: usize,
        level: Level,
        event: Option<EventWord>,
        text: String,
        at: BootTime,
    ) {
        let service = Some(self.services[i].service.name.clone());
        self.out.push(Decision::Log(LogLine { at, level, service, event, text }));
    }

    pub(crate) fn log_daemon(
        &mut self,
        level: Level,
        event: Option<EventWord>,
        text: String,
        at: BootTime,
    ) {
        self.out.push(Decision::Log(LogLine { at, level, service: None, event, text }));
    }

    /// An alert that no rule stands behind.
    pub(crate) fn alert_service(
        &mut self,
        i: usize,
        event: EventWord,
        context: &Context,
        detail: &[String],
        severity: Severity,
    ) {
        let detail = Detail { lines: detail.to_vec(), ..Detail::default() };
        let config = self.config.clone();
        let told = told_of(&config.alerts, &self.services[i].service.control);
        let to = receivers(told, event, None, None);
        let service = self.services[i].service.name.clone();
        self.push_alert(service, event, context, &detail, severity, to);
    }

    #[expect(clippy::too_many_arguments, reason = "one call carries one alert's whole reason")]
    pub(crate) fn alert_rule(
        &mut self,
        i: usize,
        rule: &Rule,
        event: EventWord,
        context: &Context,
        detail: &Detail,
        severity: Severity,
        reminder: Option<u32>,
        at: BootTime,
    ) {
        let config = self.config.clone();
        let state = self.services[i].service.clone();
        let told = told_of(&config.alerts, &state.control);
        let to = receivers(told.chain(&rule.alert), event, detail.also, reminder);
        if reminder.is_some() && to.is_empty() {
            return;
        }
        let context = Context { at, ..context.clone() };
        let service = self.services[i].service.name.clone();
        self.push_alert(service, event, &context, detail, severity, to);
    }

    /// An alert of the daemon's own: it has started, stopped or reloaded.
    pub fn alert_instance(&mut self, description: &str, at: BootTime) -> Vec<Decision> {
        self.alert_daemon("Instance changed", description, Severity::Info, at);
        let host = self.host_name.clone();
        self.out.push(Decision::Log(LogLine {
            at,
            level: Level::Info,
            service: Some(host),
            event: Some(EventWord::Instance),
            text: description.to_owned(),
        }));
        std::mem::take(&mut self.out)
    }

    /// An alert about the daemon itself: Monit's word for all of these is `instance`.
    pub(crate) fn alert_daemon(
        &mut self,
        title: &str,
        text: &str,
        severity: Severity,
        at: BootTime,
    ) {
        let context = Context {
            event: title.to_owned(),
            description: text.to_owned(),
            action: "alert".into(),
            at,
            ..Context::default()
        };
        let config = self.config.clone();
        let to = receivers(config.alerts.iter(), EventWord::Instance, None, None);
        let host = self.host_name.clone();
        self.push_alert(host, EventWord::Instance, &context, &Detail::default(), severity, to);
    }

    fn push_alert(
        &mut self,
        service: String,
        event: EventWord,
        context: &Context,
        detail: &Detail,
        severity: Severity,
        to: Vec<Receiver>,
    ) {
        self.alerts += 1;
        self.out.push(Decision::Alert(Alert {
            number: self.alerts,
            at: context.at,
            service,
            event,
            title: context.event.clone(),
            action: context.action.clone(),
            description: context.description.clone(),
            detail: detail.lines.clone(),
            severity,
            to,
            survey: detail.survey,
        }));
    }
}

/// What an alert says besides what happened.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    /// What did it, as far as the engine knows.
    pub lines: Vec<String>,
    /// What else is to be found out.
    pub survey: Option<SurveyBy>,
    /// Whoever wants to know of this event is told, too.
    pub also: Option<EventWord>,
}

/// Who is told of a service: its own receivers, and those of all that it does not replace or exclude.
fn told_of<'a>(all: &'a [Recipient], control: &'a Control) -> impl Iterator<Item = &'a Recipient> {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let wanted = move |one: &&Recipient| {
        !control.noalert.iter().any(|not| same(not, &one.mail))
            && !control.alert.iter().any(|own| same(&own.mail, &one.mail))
    };
    all.iter().filter(wanted).chain(&control.alert)
}

/// Who is told: filters applied, each address once. A reminder goes only to those who asked for
/// one at this many cycles.
fn receivers<'a>(
    all: impl Iterator<Item = &'a Recipient>,
    event: EventWord,
    also: Option<EventWord>,
    reminder: Option<u32>,
) -> Vec<Receiver> {
    let mut to: Vec<Receiver> = Vec::new();
    let wants = |recipient: &Recipient, event: EventWord| {
        (recipient.only.is_empty() || recipient.only.contains(&event))
            && !recipient.not.contains(&event)
    };
    for recipient in all {
        let wanted = wants(recipient, event) || also.is_some_and(|also| wants(recipient, also));
        let due = match (reminder, recipient.reminder) {
            (None, _) => true,
            (Some(_), None | Some(0)) => false,
            (Some(cycles), Some(every)) => cycles.is_multiple_of(every),
        };
        if wanted && due && to.iter().all(|known| known.mail != recipient.mail) {
            let (mail, format) = (recipient.mail.clone(), recipient.format.clone());
            to.push(Receiver { mail, format });
        }
    }
    to
}
