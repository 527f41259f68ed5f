//! What a rule does: `then:` and `else:`.
//!
//! Not here: doing it.

use std::time::Duration;

use crate::service::{Action, Brake, BrakeHow, Exec, Recovery};

use super::diagnostic::Gravity;
use super::grammar;
use super::raw::{Node, Value};
use super::reader::{Entry, Reader};
use super::source::Place;
use super::vocabulary::{ACTIONS, BRAKE, EXEC, RECOVERY, suggestion};

/// A service that is held longer is rather to be stopped.
const LONGEST_BRAKE: Duration = Duration::from_secs(3600);

impl Reader {
    /// `else:` as an action, a list of them, or `{ after, then }`.
    pub(super) fn recovery(&mut self, entry: Entry, after: &mut Recovery) -> Vec<(Action, Place)> {
        let branch = match &entry.value.value {
            Value::Map(entries) => !entries.iter().any(|(key, _)| match &key.value {
                Value::Scalar(key) => ACTIONS.contains(&key.as_str()),
                _ => false,
            }),
            _ => false,
        };
        if !branch {
            return self.good_news(entry);
        }
        let Some(mut table) = self.table(entry.value, entry.key, &RECOVERY) else {
            return Vec::new();
        };
        if let Some(count) = table.take("after").and_then(|entry| self.good_cycles(&entry)) {
            *after = count;
        }
        table.take("then").map(|entry| self.good_news(entry)).unwrap_or_default()
    }

    /// `3 cycles`, `2 times within 5 cycles`.
    fn good_cycles(&mut self, entry: &Entry) -> Option<Recovery> {
        let text = self.text(&entry.value, entry.key)?;
        match grammar::recovery(&text) {
            Ok(recovery) => Some(recovery),
            Err(error) => {
                self.sentence_error(entry, &text, error, Gravity::Error);
                None
            }
        }
    }

    /// Actions of a recovery: nothing is braked because it is good again.
    fn good_news(&mut self, entry: Entry) -> Vec<(Action, Place)> {
        let actions = self.actions(entry);
        for (_, place) in actions.iter().filter(|(action, _)| matches!(action, Action::Brake(_))) {
            self.error_help(
                *place,
                "`brake` cannot stand in `else`",
                "it answers a failure: write it in `then`; what it holds is released by itself",
            );
        }
        actions
    }

    /// One action or a list of them.
    pub(super) fn actions(&mut self, entry: Entry) -> Vec<(Action, Place)> {
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
            Value::Map(_) => return self.mapped(node, at),
            other => {
                let what = other.what();
                self.error(
                    at,
                    format!("an action is one word, `exec: …` or `brake: …`, not {what}"),
                );
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
            "brake" => Action::Brake(Brake::default()),
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
        self.error_help(place, format!("unknown action `{word}`"), suggestion(word, ACTIONS));
    }

    /// `exec: …` or `brake: …` as a mapping of one key.
    fn mapped(&mut self, node: Node, at: Place) -> Option<(Action, Place)> {
        let mut table = self.open_table(node, at)?;
        if table.entries.is_empty() {
            let help = format!("there is: {}", ACTIONS.join(", "));
            self.error_help(at, "an empty mapping is no action", help);
        }
        let found = ["exec", "brake"].into_iter().find_map(|name| table.take(name));
        for entry in &table.entries {
            if let Some(found) = &found {
                self.error_help(
                    entry.key,
                    format!("`{}` does not stand beside `{}`", entry.name, found.name),
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
        let entry = found?;
        if entry.name == "brake" {
            return self.brake(entry);
        }
        let place = entry.key;
        let (program, rest) = self.program(entry, &EXEC, self.limits.exec_timeout)?;
        let repeat =
            rest.and_then(|mut rest| rest.take("repeat")).and_then(|entry| self.cycles(&entry));
        Some((Action::Exec(Box::new(Exec { program, repeat })), place))
    }

    /// `brake: { how, for }`.
    fn brake(&mut self, entry: Entry) -> Option<(Action, Place)> {
        let place = entry.key;
        let mut brake = Brake::default();
        let mut table = self.table(entry.value, place, &BRAKE)?;
        if let Some(entry) = table.take("how") {
            let words = [BrakeHow::Freeze, BrakeHow::Stop, BrakeHow::Kill].map(|h| (h.word(), h));
            brake.how = self.choice(&entry, &words)?;
        }
        if let Some(entry) = table.take("for") {
            brake.lasting = self.duration(&entry)?;
            if brake.lasting.is_zero() || brake.lasting > LONGEST_BRAKE {
                self.error_help(
                    entry.value.place,
                    "a brake holds for more than nothing and for an hour at most",
                    "to end the service write `stop` or `restart` behind it",
                );
            }
        }
        Some((Action::Brake(brake), place))
    }
}
