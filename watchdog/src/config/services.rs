//! `services:`: items with one kind each, unique names, and what a kind needs.
//!
//! Not here: what a process has besides (`process`), rules (`rule`) and programs (`programs`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::check::Checked;
use crate::identity::ServiceId;
use crate::service::{Action, Service, ServiceKind};

use super::diagnostic::Diagnostic;
use super::foreign;
use super::grammar::Subject;
use super::implicit;
use super::raw::Node;
use super::reader::{Entry, Reader, Table, item_place};
use super::rule::{PlacedRule, tell_apart};
use super::source::Place;
use super::vocabulary::{
    CHECK_KEYS, KINDS, KINDS_LATER, METHOD_KEYS, PROCESS_KEYS, SERVICE_KEYS, SERVICE_KEYS_LATER,
    suggestion,
};

const LONGEST_NAME: usize = 255;
/// The kernel side numbers groups; far above any host.
const MAX_SERVICES: usize = 100_000;

/// The services of all files, as they come.
#[derive(Default)]
pub(super) struct Services {
    pub(super) list: Vec<Arc<Service>>,
    /// Lower-case name to the place of the first.
    pub(super) names: HashMap<String, Place>,
    /// What depends on others, by their names: looked up when all files are read.
    pub(super) waiting: Vec<(ServiceId, Vec<(String, Place)>)>,
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
        let Some(subject) = Subject::of(&kind.name) else { return };
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
        let groups = table.take("group").map(|entry| self.groups(entry)).unwrap_or_default();
        let depends_on =
            table.take("depends_on").map(|entry| self.placed_names(entry)).unwrap_or_default();
        let control = self.control(&mut table);
        let mut placed = Vec::new();
        if let Some(entry) = table.take("rules") {
            let at = entry.key;
            for node in self.strict_list(entry) {
                placed.extend(self.rule(node, at, subject));
            }
            tell_apart(&mut placed);
        }
        let kind = match subject {
            Subject::System => {
                self.refuse_methods(&placed, subject);
                ServiceKind::System
            }
            Subject::Process => {
                match self.process(&mut table, kind.key, &placed, control.passive) {
                    Some(process) => ServiceKind::Process(process),
                    None => return,
                }
            }
            _ => {
                self.refuse_methods(&placed, subject);
                let had = ["start", "stop", "restart"].map(|name| table.key(name).is_some());
                if !control.passive {
                    self.require_methods(&placed, had);
                }
                let [start, stop, restart] =
                    ["start", "stop", "restart"].map(|name| self.method(&mut table, name));
                match self.checked(&mut table, kind.key, subject) {
                    Some(checked) => {
                        ServiceKind::Checked(Checked { start, stop, restart, ..checked })
                    }
                    None => return,
                }
            }
        };
        let mut rules: Vec<_> = placed.into_iter().map(|placed| placed.rule).collect();
        implicit::add(&mut rules, subject, &kind);
        // There may be ten thousand of these.
        rules.shrink_to_fit();
        let id = ServiceId(u32::try_from(services.list.len()).unwrap_or(u32::MAX));
        if !depends_on.is_empty() {
            services.waiting.push((id, depends_on));
        }
        services.list.push(Arc::new(Service { id, name, groups, kind, control, rules }));
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
                let near = table.entries.first().map(|first| match first.name.as_str() {
                    "device" => "`device` is Monit's old name: write `filesystem`".to_owned(),
                    name => suggestion(name, KINDS),
                });
                self.out.push(
                    Diagnostic::error(table.place, "the service has no kind")
                        .label("expected `process: NAME`, `system: NAME`, `file: NAME` or another kind")
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
        if name.chars().count() > LONGEST_NAME {
            self.error(place, format!("a service's name has at most {LONGEST_NAME} characters"));
            return None;
        }
        if name.starts_with('-') {
            let text = format!("the command line takes `{name}` for an option");
            let help = "write `--` before it: `ebpf-watchdog start -- NAME`";
            self.out.push(Diagnostic::warning(place, text).help(help));
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
        let mut known: Vec<&str> =
            SERVICE_KEYS.iter().chain(PROCESS_KEYS.iter().filter(|_| process)).copied().collect();
        known.extend(METHOD_KEYS.iter().filter(|_| subject != Subject::System));
        let own = CHECK_KEYS.iter().filter(|(_, kinds)| kinds.contains(&subject.word()));
        known.extend(own.map(|(key, _)| *key));
        let dropped = &mut table.dropped;
        table.entries.retain(|entry| {
            let name = entry.name.as_str();
            if known.contains(&name) {
                return true;
            }
            if PROCESS_KEYS.contains(&name) {
                let word = subject.word();
                self.error(entry.key, format!("`{name}` is a key of a process, not of a {word}"));
            } else if let Some((_, kinds)) = CHECK_KEYS.iter().find(|(key, _)| *key == name) {
                let (kinds, word) = (kinds.join(" or "), subject.word());
                self.error(entry.key, format!("`{name}` is a key of a {kinds}, not of a {word}"));
            } else if SERVICE_KEYS_LATER.contains(&name) {
                self.error(entry.key, format!("`{name}` is not supported yet"));
            } else {
                *dropped = true;
                self.out.push(
                    Diagnostic::error(entry.key, format!("a service has no key `{name}`"))
                        .label("unknown key")
                        .help(foreign::key(name).unwrap_or_else(|| suggestion(name, &known))),
                );
            }
            false
        });
    }

    /// A system can be watched, not started; only processes are braked.
    fn refuse_methods(&mut self, rules: &[PlacedRule], subject: Subject) {
        let system = subject == Subject::System;
        for (action, place) in rules.iter().flat_map(|rule| &rule.actions) {
            let methods = matches!(action, Action::Restart | Action::Start | Action::Stop);
            if methods && system || matches!(action, Action::Brake(_)) {
                self.error_help(
                    *place,
                    format!("a {} cannot {}", subject.word(), action.word()),
                    "use alert or exec",
                );
            }
        }
    }
}
