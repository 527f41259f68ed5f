//! What a process service has besides name and rules: how it is found, started and stopped.
//!
//! Not here: the form of a program (`programs`).

use std::path::PathBuf;

use crate::protocol::unfit;
use crate::service::{Action, Match, Pattern, ProcessService, Program};

use super::diagnostic::Diagnostic;
use super::host::without_links;
use super::raw::Value;
use super::reader::{Entry, Reader, Table};
use super::rule::PlacedRule;
use super::source::Place;
use super::vocabulary::{MATCH, PROGRAM};

impl Reader {
    /// The keys of a process. `kind` is where `process:` stands.
    pub(super) fn process(
        &mut self,
        table: &mut Table,
        kind: Place,
        rules: &[PlacedRule],
        passive: bool,
    ) -> Option<ProcessService> {
        let pidfile = table.take("pidfile").and_then(|entry| self.path(&entry));
        let matched = table.take("match").map(|entry| (entry.key, self.matching(entry)));
        let match_at = matched.as_ref().map(|(at, _)| *at);
        let wrong_match = matches!(matched, Some((_, None)));
        let matching = matched.and_then(|(_, matching)| matching);
        let unit = table.take("unit");
        let cgroup = table.take("cgroup");
        if let (Some(unit), Some(cgroup)) = (&unit, &cgroup) {
            self.out.push(
                Diagnostic::error(
                    cgroup.key,
                    "`unit` and `cgroup` both: a unit has its own cgroup",
                )
                .also(unit.key, "the unit is here"),
            );
        }
        let unit_at = unit.as_ref().map_or(kind, |entry| entry.value.place);
        let wrong_cgroup = unit.is_some() || cgroup.is_some();
        let unit = unit.and_then(|entry| self.unit(&entry));
        let cgroup = cgroup.and_then(|entry| self.cgroup(&entry));
        let had = ["start", "stop", "restart"].map(|name| table.key(name).is_some());
        let [start, stop, restart] =
            ["start", "stop", "restart"].map(|name| self.method(table, name));
        let stop_timeout = table.take("stop_timeout").and_then(|entry| self.duration(&entry));
        let mut process = ProcessService {
            pidfile,
            matching,
            unit,
            cgroup,
            start,
            stop,
            restart,
            stop_timeout: stop_timeout.unwrap_or(self.limits.stop_timeout),
        };
        self.by_systemd(&mut process, unit_at);
        if let Some(unit) = process.unit.clone() {
            self.units.push((unit, unit_at));
        }
        let found = process.has_selector() || had[0] || wrong_match || wrong_cgroup;
        if !found && table.dropped {
            return None;
        }
        if !found {
            self.error_help(
                kind,
                "nothing says how the process is found",
                "add `unit: ….service`, `pidfile: /run/….pid` or `match: { exe: /usr/sbin/… }`",
            );
            return None;
        }
        // A process without a stop program is stopped by signals.
        let can = [had[0] || process.start.is_some(), true, had[2]];
        if !passive {
            self.require_methods(rules, can);
        }
        let acts = had.contains(&true)
            || rules.iter().flat_map(|rule| &rule.actions).any(|(action, _)| {
                matches!(action, Action::Restart | Action::Start | Action::Stop | Action::Brake(_))
            });
        if let (Some(matching), Some(at)) = (&process.matching, match_at)
            && matching.exe.is_none()
            && matching.user.is_none()
            && !process.has_cgroup()
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

    /// What rules ask for needs a program. `can`: whether there is one for start, stop and restart.
    pub(super) fn require_methods(&mut self, rules: &[PlacedRule], can: [bool; 3]) {
        let [start, stop, restart] = can;
        for (action, place) in rules.iter().flat_map(|rule| &rule.actions) {
            let (missing, key) = match action {
                Action::Restart => (!start && !restart, "start"),
                Action::Start => (!start, "start"),
                Action::Stop => (!stop, "stop"),
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
    }

    pub(super) fn method(&mut self, table: &mut Table, name: &str) -> Option<Box<Program>> {
        let entry = table.take(name)?;
        let timeout = match name {
            "start" => self.limits.start_timeout,
            "stop" => self.limits.stop_timeout,
            _ => self.limits.restart_timeout,
        };
        self.program(entry, &PROGRAM, timeout).map(|(program, _)| Box::new(program))
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
        if let Some(real) = without_links(&text) {
            // As on a Debian whose /bin is a link: the kernel knows a program by its own place.
            let message = format!("`{text}` is a link, and a process is known by `{real}`");
            let doubt = Diagnostic::warning(entry.value.place, message);
            self.out.push(doubt.help(format!("write `exe: {real}`")));
        }
        Some(text)
    }

    /// A regular expression on arguments.
    fn pattern(&mut self, entry: &Entry) -> Option<Pattern> {
        let text = self.text(&entry.value, entry.key)?;
        if text.is_empty() {
            self.error(entry.key, "`args` is empty: it would fit every process");
            return None;
        }
        match Pattern::new(&text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let why = unfit(&error);
                self.error(entry.value.place, format!("`args` is not a regular expression: {why}"));
                None
            }
        }
    }
}
