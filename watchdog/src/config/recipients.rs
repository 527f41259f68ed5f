//! Who is told: `alerts:` of the configuration and `alert:` of a rule.
//!
//! Not here: telling them.

use crate::service::{EventWord, Recipient};

use super::diagnostic::Diagnostic;
use super::raw::{Node, Value};
use super::reader::{Entry, Reader, item_place};
use super::source::Place;
use super::vocabulary::{RECIPIENT, suggestion};

impl Reader {
    /// `alerts:` of the configuration or `alert:` of a rule.
    pub(super) fn recipients(&mut self, entry: Entry) -> Vec<Recipient> {
        let at = entry.key;
        let items = self.list(entry);
        items.into_iter().filter_map(|node| self.recipient(node, at)).collect()
    }

    fn recipient(&mut self, node: Node, at: Place) -> Option<Recipient> {
        if let Value::Scalar(_) = node.value {
            let text = self.line(&node, at)?;
            let mail = self.address(&text, node.place)?;
            let (only, not) = (Vec::new(), Vec::new());
            return Some(Recipient { mail, only, not, reminder: None, format: None });
        }
        let at = item_place(&node, at);
        let mut table = self.table(node, at, &RECIPIENT)?;
        let place = table.place;
        let (only_at, not_at) = (table.key("only"), table.key("not"));
        if let (Some(only), Some(not)) = (only_at, not_at) {
            self.out.push(
                Diagnostic::error(not, "`only` and `not` exclude each other")
                    .also(only, "`only` is here"),
            );
        }
        let only = self.events(table.take("only"));
        let not = self.events(table.take("not"));
        if let (Some(at), Some(words)) = (only_at, &only)
            && words.is_empty()
        {
            // An empty list would mean "all" to the rest of the program.
            self.out.push(
                Diagnostic::error(at, "`only` names no event")
                    .help("this receiver would get nothing: leave it out"),
            );
        }
        let reminder = table.take("reminder").and_then(|entry| self.cycles(&entry));
        let format = table.take("format").and_then(|entry| self.mail_format(entry));
        let Some(mail) = table.take("mail") else {
            self.error(place, "a receiver of alerts needs `mail`");
            return None;
        };
        let text = self.line(&mail.value, mail.key)?;
        let mail = self.address(&text, mail.value.place)?;
        Some(Recipient {
            mail,
            only: only.unwrap_or_default(),
            not: not.unwrap_or_default(),
            reminder,
            format,
        })
    }

    /// Event words; `None` where the key is missing or some word is wrong.
    fn events(&mut self, entry: Option<Entry>) -> Option<Vec<EventWord>> {
        let entry = entry?;
        let at = entry.key;
        let mut good = true;
        let mut words = Vec::new();
        for node in self.list(entry) {
            let Some(text) = self.text(&node, at) else {
                good = false;
                continue;
            };
            match EventWord::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)) {
                Some((_, word)) => words.push(*word),
                None => {
                    good = false;
                    let names: Vec<&str> = EventWord::NAMES.iter().map(|(name, _)| *name).collect();
                    self.error_help(
                        node.place,
                        format!("unknown event `{text}`"),
                        suggestion(&text, &names),
                    );
                }
            }
        }
        good.then_some(words)
    }
}
