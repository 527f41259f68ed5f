//! Programs to run: one string, a list, or a mapping with user, group, timeout and so on.
//!
//! Not here: running them.

use std::time::Duration;

use crate::service::Program;

use super::diagnostic::Diagnostic;
use super::raw::{Node, Value};
use super::reader::{Entry, Reader, Table};
use super::source::Place;
use super::vocabulary::Keys;
use super::{HostChecks, Trust};
use crate::trust::TrustFault;

/// Signs of a shell, that mean nothing where none runs.
const SHELL_WORDS: &[&str] = &["|", "||", "&&", "&", ";", ">", ">>", "<", "2>&1", "2>", "&>"];

impl Reader {
    /// A program in any of its three forms. The rest of the mapping (`repeat`) is handed back.
    pub(super) fn program(
        &mut self,
        entry: Entry,
        keys: &Keys,
        timeout: Duration,
    ) -> Option<(Program, Option<Table>)> {
        let at = entry.key;
        let mut program = Program {
            argv: Vec::new(),
            user: None,
            group: None,
            env: Vec::new(),
            cwd: None,
            timeout,
        };
        let (command, rest) = match entry.value.value {
            Value::Map(_) => {
                let mut table = self.table(entry.value, at, keys)?;
                self.surroundings(&mut program, &mut table);
                let Some(command) = table.take("program") else {
                    self.error(table.place, format!("{} needs the key `program`", keys.title));
                    return None;
                };
                (command.value, Some(table))
            }
            _ => (entry.value, None),
        };
        let place = if command.place.range().is_empty() { at } else { command.place };
        program.argv = self.argv(&command, at)?;
        self.check_program(&program, place);
        Some((program, rest))
    }

    /// Everything but the command.
    fn surroundings(&mut self, program: &mut Program, table: &mut Table) {
        if let Some(timeout) = table.take("timeout").and_then(|entry| self.time_limit(&entry)) {
            program.timeout = timeout;
        }
        if let Some(entry) = table.take("user") {
            program.user = self.line(&entry.value, entry.key);
            if let Some(name) = &program.user
                && !self.host.has_user(name)
            {
                self.missing(entry.value.place, format!("this host has no user `{name}`"));
            }
        }
        if let Some(entry) = table.take("group") {
            program.group = self.line(&entry.value, entry.key);
            if let Some(name) = &program.group
                && !self.host.has_group(name)
            {
                self.missing(entry.value.place, format!("this host has no group `{name}`"));
            }
        }
        program.cwd = table.take("cwd").and_then(|entry| self.path(&entry));
        let variables = table.take("env").and_then(|entry| self.open_table(entry.value, entry.key));
        for entry in variables.map(|table| table.entries).unwrap_or_default() {
            if entry.name.is_empty() || entry.name.contains(['=', '\0']) {
                self.error(entry.key, "this is no name of an environment variable");
                continue;
            }
            let Some(value) = self.text(&entry.value, entry.key) else { continue };
            if value.contains('\0') {
                self.error(entry.value.place, "a NUL character cannot be in the environment");
                continue;
            }
            program.env.push((entry.name, value));
        }
    }

    /// `as uid www-data`, `with timeout 60 seconds` behind the command, as Monit has it.
    fn monits_options(&mut self, words: &[String], place: Place) {
        let pair = |one: &str, other: &[&str]| {
            words.windows(2).any(|two| two[0] == one && other.contains(&two[1].as_str()))
        };
        let said = match () {
            () if pair("as", &["uid", "gid"]) => "as uid",
            () if pair("with", &["timeout"]) => "with timeout",
            () => return,
        };
        let text = format!("`{said} …` is Monit's: here it is passed on as arguments");
        let help = "write `{ program: /path/to/program, user: NAME, group: NAME, timeout: 60s }`";
        self.out.push(Diagnostic::warning(place, text).help(help));
    }

    fn argv(&mut self, node: &Node, at: Place) -> Option<Vec<String>> {
        let place = if node.place.range().is_empty() { at } else { node.place };
        let argv = match &node.value {
            Value::List(items) => {
                let words: Vec<_> = items.iter().map(|item| self.text(item, at)).collect();
                words.into_iter().collect::<Option<Vec<String>>>()?
            }
            Value::Scalar(text) => match shlex::split(text) {
                Some(words) => {
                    if let Some(word) =
                        words.iter().find(|word| SHELL_WORDS.contains(&word.as_str()))
                    {
                        self.out.push(
                            Diagnostic::warning(
                                place,
                                format!("no shell runs here: `{word}` is passed on as an argument"),
                            )
                            .help("write `/bin/sh -c '…'` where a shell is wanted"),
                        );
                    }
                    self.monits_options(&words, place);
                    words
                }
                None => {
                    self.error(place, "the quotes in this command do not match");
                    return None;
                }
            },
            _ => {
                self.error(
                    place,
                    format!("a program is a command or a list of words, not {}", node.value.what()),
                );
                return None;
            }
        };
        let Some(first) = argv.first().filter(|first| !first.is_empty()) else {
            self.error(place, "the command is empty");
            return None;
        };
        if argv.iter().any(|word| word.contains('\0')) {
            self.error(place, "a NUL character cannot be in a command");
            return None;
        }
        if !first.starts_with('/') {
            self.error_help(
                place,
                format!("`{first}` is not an absolute path"),
                "write the whole path, such as `/usr/bin/systemctl`",
            );
            return None;
        }
        Some(argv)
    }

    /// Is it there, and may root run it?
    pub(super) fn check_program(&mut self, program: &Program, place: Place) {
        let Some(path) = program.argv.first() else { return };
        let Err(error) = self.host.program(path) else { return };
        match error.fault {
            TrustFault::Missing if error.path.as_os_str() != path.as_str() => {
                let above = error.path.display();
                self.missing(place, format!("{path} does not exist: there is no {above}"));
            }
            TrustFault::Missing
            | TrustFault::NotAFile
            | TrustFault::NotExecutable
            | TrustFault::TooManyLinks
            | TrustFault::System(_) => self.missing(place, error.to_string()),
            // What runs as somebody else cannot be turned against root.
            _ if program.user.as_deref().is_some_and(|user| user != "root" && user != "0") => {}
            _ => {
                let message = format!("root must not run this: {error}");
                self.out.push(match self.options.trust {
                    Trust::Enforce => Diagnostic::error(place, message),
                    Trust::Skip => Diagnostic::warning(place, message),
                });
            }
        }
    }

    /// Something that this host does not have.
    pub(super) fn missing(&mut self, place: Place, message: String) {
        self.out.push(match self.options.host_checks {
            HostChecks::Enforce => Diagnostic::error(place, message),
            HostChecks::Warn => Diagnostic::warning(place, message),
        });
    }
}
