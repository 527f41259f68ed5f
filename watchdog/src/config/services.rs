//! `services:`: items with one kind each, unique names, and what a kind needs.
//!
//! Not here: rules (`rule`) and programs (`programs`).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::ServiceId;
use crate::service::{Action, Match, ProcessService, Program, Service, ServiceKind, Test};

use super::diagnostic::Diagnostic;
use super::grammar::Subject;
use super::raw::{Node, Value};
use super::reader::{Entry, Reader, Table, item_place};
use super::rule::{PlacedRule, implicit_rule};
use super::source::Place;
use super::vocabulary::{
    KINDS, KINDS_LATER, MATCH, PROCESS_KEYS, PROGRAM, SERVICE_KEYS, SERVICE_KEYS_LATER, suggestion,
};

const METHOD_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_NAME: usize = 200;
/// The kernel side numbers groups; far above any host.
const MAX_SERVICES: usize = 100_000;
/// A compiled pattern of more than this is a trap.
const MAX_PATTERN: usize = 1 << 20;

/// The services of all files, as they come.
#[derive(Default)]
pub(super) struct Services {
    pub(super) list: Vec<Arc<Service>>,
    /// Lower-case name to the place of the first.
    names: HashMap<String, Place>,
    /// Only one system makes sense.
    system: Option<Place>,
}

impl Reader {
    /// All items of one file's `services:`.
    pub(super) fn services(&mut self, entry: Entry, services: &mut Services) {
        let at = entry.key;
        for node in self.strict_list(entry) {
            if services.list.len() >= MAX_SERVICES {
                self.error(at, format!("more than {MAX_SERVICES} services"));
                return;
            }
            self.service(node, at, services);
        }
    }

    fn service(&mut self, node: Node, at: Place, services: &mut Services) {
        let at = item_place(&node, at);
        let Some(mut table) = self.open_table(node, at) else { return };
        let Some(kind) = self.kind(&mut table) else { return };
        let Some(name) = self.service_name(&kind, services) else { return };
        let subject = if kind.name == "system" { Subject::System } else { Subject::Process };
        if subject == Subject::System {
            if let Some(first) = services.system {
                self.out.push(
                    Diagnostic::error(kind.key, "a second `system`: there is one host")
                        .also(first, "the first is here"),
                );
            }
            services.system.get_or_insert(kind.key);
        }
        self.drop_foreign_keys(&mut table, subject);
        let groups = table.take("group").map(|entry| self.names(entry)).unwrap_or_default();
        let mut placed = Vec::new();
        if let Some(entry) = table.take("rules") {
            let at = entry.key;
            for node in self.strict_list(entry) {
                placed.extend(self.rule(node, at, subject));
            }
        }
        let kind = match subject {
            Subject::System => {
                self.refuse_methods(&placed);
                ServiceKind::System
            }
            Subject::Process => match self.process(&mut table, kind.key, &placed) {
                Some(process) => ServiceKind::Process(process),
                None => return,
            },
        };
        let mut rules: Vec<_> = placed.into_iter().map(|placed| placed.rule).collect();
        if let ServiceKind::Process(process) = &kind {
            let mut own = false;
            for rule in &rules {
                rule.condition.for_each_test(&mut |test| own |= *test == Test::DoesNotExist);
            }
            if !own {
                let can = process.start.is_some() || process.restart.is_some();
                rules.push(implicit_rule(if can { Action::Restart } else { Action::Alert }));
            }
        }
        let id = ServiceId(u32::try_from(services.list.len()).unwrap_or(u32::MAX));
        services.list.push(Arc::new(Service { id, name, groups, kind, rules }));
    }

    /// The one key that says what it is.
    fn kind(&mut self, table: &mut Table) -> Option<Entry> {
        let is_kind = |name: &str| KINDS.contains(&name) || KINDS_LATER.contains(&name);
        let kinds: Vec<(String, Place)> = table
            .entries
            .iter()
            .filter(|entry| is_kind(&entry.name))
            .map(|entry| (entry.name.clone(), entry.key))
            .collect();
        match kinds.as_slice() {
            [] => {
                let near = table.entries.first().map(|first| suggestion(&first.name, KINDS));
                self.out.push(
                    Diagnostic::error(table.place, "the service has no kind")
                        .label("expected `process: NAME` or `system: NAME`")
                        .maybe_help(near),
                );
                None
            }
            [(name, key)] if KINDS_LATER.contains(&name.as_str()) => {
                self.error(*key, format!("services of the kind `{name}` are not supported yet"));
                None
            }
            [(name, _)] => table.take(name),
            [(first, first_key), (second, second_key), ..] => {
                self.out.push(
                    Diagnostic::error(
                        *second_key,
                        format!("the service has two kinds: `{first}` and `{second}`"),
                    )
                    .also(*first_key, "the first is here"),
                );
                None
            }
        }
    }

    /// The name, unique whatever its case.
    fn service_name(&mut self, kind: &Entry, services: &mut Services) -> Option<String> {
        let text = self.line(&kind.value, kind.key)?;
        let name = self.with_host(&text);
        let place = kind.value.place;
        if name.len() > LONGEST_NAME {
            self.error(place, format!("a service's name has at most {LONGEST_NAME} bytes"));
            return None;
        }
        if name.starts_with('/') || name.starts_with('-') {
            self.error_help(
                place,
                format!("a service's name does not begin with `{}`", &name[..1]),
                "the command line would take it for something else",
            );
            return None;
        }
        if let Some(first) = services.names.get(&name.to_lowercase()) {
            self.out.push(
                Diagnostic::error(place, format!("a second service `{name}`"))
                    .label("names are unique, whatever their case")
                    .also(*first, "the first is here"),
            );
            return None;
        }
        services.names.insert(name.to_lowercase(), place);
        Some(name)
    }

    /// Reports and drops what the kind does not take.
    fn drop_foreign_keys(&mut self, table: &mut Table, subject: Subject) {
        let process = subject == Subject::Process;
        let known: Vec<&str> =
            SERVICE_KEYS.iter().chain(PROCESS_KEYS.iter().filter(|_| process)).copied().collect();
        table.entries.retain(|entry| {
            let name = entry.name.as_str();
            if known.contains(&name) {
                return true;
            }
            if PROCESS_KEYS.contains(&name) {
                self.error(entry.key, format!("`{name}` is a key of a process, not of a system"));
            } else if SERVICE_KEYS_LATER.contains(&name) {
                self.error(entry.key, format!("`{name}` is not supported yet"));
            } else {
                self.out.push(
                    Diagnostic::error(entry.key, format!("a service has no key `{name}`"))
                        .label("unknown key")
                        .help(suggestion(name, &known)),
                );
            }
            false
        });
    }

    /// A system can be watched, not started.
    fn refuse_methods(&mut self, rules: &[PlacedRule]) {
        for (action, place) in rules.iter().flat_map(|rule| &rule.actions) {
            if matches!(action, Action::Restart | Action::Start | Action::Stop) {
                self.error_help(
                    *place,
                    format!("a system cannot {}", action.word()),
                    "use alert or exec",
                );
            }
        }
    }

    fn process(
        &mut self,
        table: &mut Table,
        kind: Place,
        rules: &[PlacedRule],
    ) -> Option<ProcessService> {
        let pidfile = table.take("pidfile").and_then(|entry| self.path(&entry));
        let matched = table.take("match").map(|entry| (entry.key, self.matching(entry)));
        let match_at = matched.as_ref().map(|(at, _)| *at);
        let wrong_match = matches!(matched, Some((_, None)));
        let matching = matched.and_then(|(_, matching)| matching);
        let had = ["start", "stop", "restart"].map(|name| table.key(name).is_some());
        let [start, stop, restart] =
            ["start", "stop", "restart"].map(|name| self.method(table, name));
        let stop_timeout = table.take("stop_timeout").and_then(|entry| self.duration(&entry));
        let process = ProcessService {
            pidfile,
            matching,
            start,
            stop,
            restart,
            stop_timeout: stop_timeout.unwrap_or(STOP_TIMEOUT),
        };
        let found =
            process.pidfile.is_some() || process.matching.is_some() || had[0] || wrong_match;
        if !found {
            self.error_help(
                kind,
                "nothing says how the process is found",
                "add `pidfile: /run/….pid` or `match: { exe: /usr/sbin/… }`",
            );
            return None;
        }
        let can_start = had[0];
        let can_restart = had[0] || had[2];
        for (action, place) in rules.iter().flat_map(|rule| &rule.actions) {
            let (missing, key) = match action {
                Action::Restart => (!can_restart, "start"),
                Action::Start => (!can_start, "start"),
                _ => (false, ""),
            };
            if missing {
                self.error_help(
                    *place,
                    format!("this service has no program to {} it", action.word()),
                    format!("add `{key}: /path/to/program …` to the service"),
                );
            }
        }
        let acts = had.contains(&true)
            || rules.iter().flat_map(|rule| &rule.actions).any(|(action, _)| {
                matches!(action, Action::Restart | Action::Start | Action::Stop)
            });
        if let (Some(matching), Some(at)) = (&process.matching, match_at)
            && matching.exe.is_none()
            && matching.user.is_none()
            && acts
        {
            self.error_help(
                at,
                "any user's process can have these arguments: root must not act on them alone",
                "add `exe: /path/of/the/program` or `user: NAME` to `match`",
            );
        }
        Some(process)
    }

    fn method(&mut self, table: &mut Table, name: &str) -> Option<Program> {
        let entry = table.take(name)?;
        self.program(entry, &PROGRAM, METHOD_TIMEOUT).map(|(program, _)| program)
    }

    /// `match:`.
    fn matching(&mut self, entry: Entry) -> Option<Match> {
        let at = entry.key;
        if let Value::Scalar(_) = entry.value.value {
            self.error_help(
                entry.value.place,
                "`match` is a mapping",
                "write `match: { exe: /usr/sbin/…, args: \"regular expression\", user: NAME }`",
            );
            return None;
        }
        let mut table = self.table(entry.value, at, &MATCH)?;
        let keys = table.entries.len();
        let exe = table.take("exe").and_then(|entry| self.executable(&entry));
        let args = table.take("args").and_then(|entry| self.pattern(&entry));
        let user = table.take("user").and_then(|entry| {
            let name = self.line(&entry.value, entry.key)?;
            if !self.host.has_user(&name) {
                self.missing(entry.value.place, format!("this host has no user `{name}`"));
            }
            Some(name)
        });
        if keys == 0 {
            self.error_help(at, "`match` is empty", "say at least one of exe, args and user");
            return None;
        }
        (exe.is_some() || args.is_some() || user.is_some()).then_some(Match { exe, args, user })
    }

    /// A path or glob of executables.
    fn executable(&mut self, entry: &Entry) -> Option<String> {
        let path: PathBuf = self.path(entry)?;
        let text = path.to_str()?.to_owned();
        if let Err(error) = glob::Pattern::new(&text) {
            self.error(
                entry.value.place,
                format!("`exe` is not a pattern of paths: {}", error.msg),
            );
            return None;
        }
        Some(text)
    }

    /// A regular expression on arguments.
    fn pattern(&mut self, entry: &Entry) -> Option<regex::Regex> {
        let text = self.text(&entry.value, entry.key)?;
        if text.is_empty() {
            self.error(entry.key, "`args` is empty: it would fit every process");
            return None;
        }
        match regex::RegexBuilder::new(&text).size_limit(MAX_PATTERN).build() {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                // The crate draws the pattern itself; its last line says what is wrong.
                let text = error.to_string();
                let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.error(entry.value.place, format!("`args` is not a regular expression: {why}"));
                None
            }
        }
    }
}
