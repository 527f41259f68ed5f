//! A rule of a service: its sentence, actions, recovery, severity and receivers.
//!
//! Not here: the sentence's grammar (`grammar`).

use std::ops::Range;
use std::time::Duration;

use crate::service::{Action, Condition, Exec, Qualifier, Rule, Severity, Test};

use super::diagnostic::{Diagnostic, Gravity};
use super::grammar::{self, SentenceError, Subject};
use super::raw::{Node, Value};
use super::reader::{Entry, Reader, item_place};
use super::source::Place;
use super::vocabulary::{ACTIONS, ACTIONS_LATER, EXEC, RECOVERY, RULE, suggestion};

const EXEC_TIMEOUT: Duration = Duration::from_secs(300);

/// A rule with the places that the service's own checks point at.
pub(super) struct PlacedRule {
    pub(super) rule: Rule,
    /// Each action of `then` and `else` with its place.
    pub(super) actions: Vec<(Action, Place)>,
}

impl Reader {
    /// One item of `rules:`.
    pub(super) fn rule(&mut self, node: Node, at: Place, subject: Subject) -> Option<PlacedRule> {
        let at = item_place(&node, at);
        let mut table = self.table(node, at, &RULE)?;
        let place = table.place;
        let name = table.take("name").and_then(|entry| self.line(&entry.value, entry.key));
        let severity = table.take("severity").and_then(|entry| {
            self.choice(
                &entry,
                &[
                    ("info", Severity::Info),
                    ("warning", Severity::Warning),
                    ("critical", Severity::Critical),
                ],
            )
        });
        let alert = table.take("alert").map(|entry| self.recipients(entry)).unwrap_or_default();
        let mut recover_after = 1;
        let mut otherwise = Vec::new();
        if let Some(entry) = table.take("else") {
            otherwise = self.recovery(entry, &mut recover_after);
        }
        let then = match table.take("then") {
            Some(entry) => self.actions(entry),
            None => {
                self.error_help(
                    place,
                    "the rule has no `then`",
                    format!("say what to do: {}", ACTIONS.join(", ")),
                );
                Vec::new()
            }
        };
        let Some(entry) = table.take("if") else {
            self.error_help(
                place,
                "the rule has no `if`",
                "write `if: \"cpu > 80% for 5 cycles\"`",
            );
            return None;
        };
        let text = self.text(&entry.value, entry.key)?;
        let sentence = match grammar::parse(&text, subject) {
            Ok(sentence) => sentence,
            Err(error) => {
                self.sentence_error(&entry, &text, error, Gravity::Error);
                return None;
            }
        };
        for doubt in sentence.doubts {
            self.sentence_error(&entry, &text, doubt, Gravity::Warning);
        }
        let mut gives_up = false;
        sentence
            .condition
            .for_each_test(&mut |test| gives_up |= matches!(test, Test::Restarts { .. }));
        let usual = if gives_up { Severity::Critical } else { Severity::Warning };
        let plain =
            |list: &[(Action, Place)]| list.iter().map(|(action, _)| action.clone()).collect();
        let rule = Rule {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            name,
            condition: sentence.condition,
            qualifier: sentence.qualifier,
            then: plain(&then),
            recover_after,
            otherwise: plain(&otherwise),
            severity: severity.unwrap_or(usual),
            alert,
            implicit: false,
        };
        let actions = then.into_iter().chain(otherwise).collect();
        Some(PlacedRule { rule, actions })
    }

    /// `else:` as an action, a list of them, or `{ after, then }`.
    fn recovery(&mut self, entry: Entry, after: &mut u32) -> Vec<(Action, Place)> {
        let branch = match &entry.value.value {
            Value::Map(entries) => !entries.iter().any(|(key, _)| match &key.value {
                Value::Scalar(key) => {
                    ACTIONS.contains(&key.as_str()) || ACTIONS_LATER.contains(&key.as_str())
                }
                _ => false,
            }),
            _ => false,
        };
        if !branch {
            return self.actions(entry);
        }
        let Some(mut table) = self.table(entry.value, entry.key, &RECOVERY) else {
            return Vec::new();
        };
        if let Some(count) = table.take("after").and_then(|entry| self.cycles(&entry)) {
            *after = count;
        }
        table.take("then").map(|entry| self.actions(entry)).unwrap_or_default()
    }

    /// One action or a list of them.
    fn actions(&mut self, entry: Entry) -> Vec<(Action, Place)> {
        let at = entry.key;
        let name = entry.name.clone();
        let was_list = matches!(entry.value.value, Value::List(_));
        let items = self.list(entry);
        if was_list && items.is_empty() {
            self.error(at, format!("`{name}` is empty"));
        }
        items.into_iter().filter_map(|node| self.action(node, at)).collect()
    }

    fn action(&mut self, node: Node, at: Place) -> Option<(Action, Place)> {
        let place = node.place;
        let word = match node.value {
            Value::Scalar(word) => word.trim().to_ascii_lowercase(),
            Value::Map(_) => return self.exec(node, at),
            other => {
                self.error(at, format!("an action is one word or `exec: …`, not {}", other.what()));
                return None;
            }
        };
        let action = match word.as_str() {
            "alert" => Action::Alert,
            "restart" => Action::Restart,
            "start" => Action::Start,
            "stop" => Action::Stop,
            "unmonitor" => Action::Unmonitor,
            "ignore" => Action::Ignore,
            "exec" => {
                self.error_help(place, "`exec` needs a program", "write `exec: /path/to/program`");
                return None;
            }
            "timeout" => {
                self.error_help(place, "unknown action `timeout`", "its name is `unmonitor` now");
                return None;
            }
            _ if word.starts_with("exec ") => {
                self.error_help(
                    place,
                    "`exec` takes its program as a value",
                    "write `then: { exec: /path/to/program }`",
                );
                return None;
            }
            _ => {
                self.unknown_action(&word, place);
                return None;
            }
        };
        Some((action, place))
    }

    fn unknown_action(&mut self, word: &str, place: Place) {
        if ACTIONS_LATER.contains(&word) {
            self.error(place, format!("the action `{word}` is not supported yet"));
        } else {
            self.error_help(place, format!("unknown action `{word}`"), suggestion(word, ACTIONS));
        }
    }

    /// `exec: …` as a mapping of one key.
    fn exec(&mut self, node: Node, at: Place) -> Option<(Action, Place)> {
        let mut table = self.open_table(node, at)?;
        let exec = table.take("exec");
        for entry in &table.entries {
            if exec.is_some() {
                self.error_help(
                    entry.key,
                    format!("`{}` does not stand beside `exec`", entry.name),
                    "write `exec: { program: …, timeout: … }`, or a list of actions",
                );
            } else if ACTIONS.contains(&entry.name.as_str()) {
                self.error_help(
                    entry.key,
                    format!("the action `{}` takes no value", entry.name),
                    format!("write `{}` alone", entry.name),
                );
            } else {
                self.unknown_action(&entry.name, entry.key);
            }
        }
        let entry = exec?;
        let place = entry.key;
        let (program, rest) = self.program(entry, &EXEC, EXEC_TIMEOUT)?;
        let repeat =
            rest.and_then(|mut rest| rest.take("repeat")).and_then(|entry| self.cycles(&entry));
        Some((Action::Exec(Exec { program, repeat }), place))
    }

    /// An error of the sentence at its bytes in the file, where they can be told.
    fn sentence_error(
        &mut self,
        entry: &Entry,
        text: &str,
        error: SentenceError,
        severity: Gravity,
    ) {
        let base = self.text_start(entry.value.place, text);
        let place = |span: Range<usize>| match base {
            Some(start) => Place::new(entry.value.place.file, start + span.start, start + span.end),
            None => entry.value.place,
        };
        let mut at = place(error.span);
        if at.range().is_empty() {
            at = if entry.value.place.range().is_empty() { entry.key } else { entry.value.place };
        }
        let mut diagnostic = match severity {
            Gravity::Error => Diagnostic::error(at, error.message),
            Gravity::Warning => Diagnostic::warning(at, error.message),
        };
        if let Some(label) = error.label {
            diagnostic = diagnostic.label(label);
        }
        if let (Some(also), Some(_)) = (error.also, base) {
            let (span, label) = *also;
            diagnostic = diagnostic.also(place(span), label);
        }
        self.out.push(diagnostic.maybe_help(error.help));
    }

    /// Where a scalar's text begins in the file, if it stands there byte for byte: not with escapes,
    /// folded lines or blocks.
    fn text_start(&self, place: Place, text: &str) -> Option<usize> {
        let written = self.out.text_at(place);
        let skip = match written.as_bytes().first() {
            Some(b'"' | b'\'') => 1,
            _ => 0,
        };
        let inner = written.get(skip..written.len().checked_sub(skip)?)?;
        (inner == text).then_some(place.start as usize + skip)
    }
}

/// `does not exist`, as every process service has it unless the user says otherwise.
pub(super) fn implicit_rule(action: Action) -> Rule {
    Rule {
        text: "does not exist".to_owned(),
        name: None,
        condition: Condition::Test(Test::DoesNotExist),
        qualifier: Qualifier::Once,
        then: vec![action],
        recover_after: 1,
        otherwise: Vec::new(),
        severity: Severity::Warning,
        alert: Vec::new(),
        implicit: true,
    }
}
