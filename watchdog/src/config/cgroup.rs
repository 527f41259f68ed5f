//! `unit:` and `cgroup:`: by which cgroup a process is found, and how systemd starts and stops it.
//!
//! Names and paths are judged here as text only; but systemd is asked what it does with a unit by itself.
//! Not here: where a unit's cgroup is on this host, and
//! who is in it (`finder`).

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::service::{ProcessService, Program, Service};
use crate::systemd::{AT_ONCE, one_master, policies, two_masters};

use super::diagnostic::Diagnostic;
use super::reader::{Entry, Reader};
use super::source::Place;

/// Longest name of a unit, as systemd has it (`UNIT_NAME_MAX`).
const LONGEST_UNIT: usize = 255;
const SUFFIX: &str = ".service";
/// Where distributions have it.
const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// More than systemd's own time limit for a start or a stop (90 s), so that it is systemd that
/// ends what hangs.
const SYSTEMCTL_TIMEOUT: Duration = Duration::from_secs(100);

impl Reader {
    /// The name of a systemd service, with its suffix.
    pub(super) fn unit(&mut self, entry: &Entry) -> Option<String> {
        let name = self.line(&entry.value, entry.key)?;
        let place = entry.value.place;
        let Some(stem) = name.strip_suffix(SUFFIX) else {
            self.error_help(
                place,
                format!("`{name}` is not the name of a systemd service"),
                format!("write its whole name, such as `{}{SUFFIX}`", first_word(&name)),
            );
            return None;
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if stem.is_empty() || stem.starts_with('@') || name.len() > LONGEST_UNIT {
            self.error(place, format!("`{name}` is not the name of a systemd service"));
            return None;
        }
        if let Some(wrong) = stem.chars().find(|c| !valid(*c)) {
            self.error_help(
                place,
                format!("a unit's name does not have the character `{wrong}`"),
                "`systemd-escape` writes a path or other text as a unit's name",
            );
            return None;
        }
        if stem.ends_with('@') {
            self.error_help(
                place,
                format!("`{name}` is a template: only its instances run"),
                format!("write the instance, such as `{stem}1{SUFFIX}`"),
            );
            return None;
        }
        Some(name)
    }

    /// A path below the root of the cgroup hierarchy.
    pub(super) fn cgroup(&mut self, entry: &Entry) -> Option<PathBuf> {
        let path = self.path(entry)?;
        let place = entry.value.place;
        if path.starts_with("/sys/fs/cgroup") {
            self.error_help(
                place,
                "`cgroup` is a path below the root of the cgroup hierarchy",
                "leave out `/sys/fs/cgroup` (and the hierarchy), such as `/system.slice/x.service`",
            );
            return None;
        }
        let text = path.to_string_lossy().into_owned();
        // `components` hides what is not wanted here: `a/./b`, `a//b`.
        let plain = text.trim_end_matches('/');
        let odd = plain.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
        if odd {
            self.error(place, "the path of a cgroup has no empty part, no `.` and no `..`");
            return None;
        }
        if Path::new(plain).components().all(|part| part == Component::RootDir) {
            self.error_help(
                place,
                "the root of all cgroups holds every process of the host",
                "name the cgroup of this service",
            );
            return None;
        }
        Some(PathBuf::from(plain))
    }

    /// What the service does not say itself, systemd does for a unit.
    pub(super) fn by_systemd(&mut self, process: &mut ProcessService, place: Place) {
        let Some(unit) = process.unit.clone() else { return };
        let own = |program: &Option<Box<Program>>| program.is_some();
        // A stop with a start after it would also stop the units that need this one, for good.
        let restart = !own(&process.start) && !own(&process.stop) && !own(&process.restart);
        let missing = [
            (&mut process.start, "start", true),
            (&mut process.stop, "stop", true),
            (&mut process.restart, "restart", restart),
        ];
        let mut asked = false;
        for (program, verb, wanted) in missing {
            if wanted && program.is_none() {
                *program = Some(Box::new(systemctl(verb, &unit)));
                asked = true;
            }
        }
        if let Some(program) = process.start.as_ref().or(process.stop.as_ref()).filter(|_| asked) {
            let program = Program { argv: vec![SYSTEMCTL.to_owned()], ..(**program).clone() };
            self.check_program(&program, place);
        }
    }
}

impl Reader {
    /// Warns of units that systemd starts again by itself as well as the service's rules do.
    pub(super) fn look_at_units(&mut self, services: &[Arc<Service>]) {
        let brought_back: HashSet<&str> = services
            .iter()
            .filter(|service| service.is_brought_back())
            .filter_map(|service| service.process()?.unit.as_deref())
            .collect();
        let all = std::mem::take(&mut self.units).into_iter();
        let (units, places): (Vec<String>, Vec<Place>) =
            all.filter(|(unit, _)| brought_back.contains(unit.as_str())).unzip();
        for (units, places) in units.chunks(AT_ONCE).zip(places.chunks(AT_ONCE)) {
            // A manager that does not answer is asked no further.
            let Some(policies) = policies(units) else { return };
            for ((unit, place), policy) in units.iter().zip(places).zip(policies) {
                let Some(policy) = policy else { continue };
                let warning = Diagnostic::warning(*place, two_masters(unit, &policy));
                self.out.push(warning.help(one_master(unit)));
            }
        }
    }
}

fn systemctl(verb: &str, unit: &str) -> Program {
    let words = [SYSTEMCTL, "--no-ask-password", verb, "--", unit];
    Program {
        argv: words.map(str::to_owned).to_vec(),
        user: None,
        group: None,
        env: Vec::new(),
        cwd: None,
        timeout: SYSTEMCTL_TIMEOUT,
    }
}

/// What a person most likely meant by a name without its suffix.
fn first_word(name: &str) -> &str {
    name.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or(name)
}
