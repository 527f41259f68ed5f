//! A rule of a service: its sentence, severity and receivers.
//!
//! Not here: the sentence's grammar (`grammar`) and the actions (`actions`).

use std::ops::Range;

use crate::check::file::test::Account;
use crate::check::{CheckTest, file};
use crate::service::{Action, Condition, Recovery, Rule, Severity, Test};

use super::diagnostic::{Diagnostic, Gravity};
use super::grammar::{self, SentenceError, Subject};
use super::raw::Node;
use super::reader::{Entry, Reader, item_place};
use super::source::Place;
use super::vocabulary::{ACTIONS, RULE};
use crate::secrets::{hidden, unsaid};

/// A rule with the places that the service's own checks point at.
pub(super) struct PlacedRule {
    pub(super) rule: Rule,
    /// Each action of `then` and `else` with its place.
    pub(super) actions: Vec<(Action, Place)>,
}

/// Rules that differ only in what is hidden read the same to people, and to the note of who was told of
/// what: the second one has a number behind it.
pub(super) fn tell_apart(rules: &mut [PlacedRule]) {
    let written: Vec<Rule> = rules.iter().map(|placed| placed.rule.clone()).collect();
    for (i, placed) in rules.iter_mut().enumerate() {
        let rule = &mut placed.rule;
        let is_like = |other: &&Rule| other.text == rule.text && other.condition != rule.condition;
        let earlier = written.iter().take(i).filter(is_like).count();
        if earlier > 0 {
            rule.text = format!("{} ({})", rule.text, earlier + 1);
        }
    }
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
        let every = table.take("every").and_then(|entry| self.every(entry));
        let mut recovery = Recovery::default();
        let mut otherwise = Vec::new();
        if let Some(entry) = table.take("else") {
            otherwise = self.recovery(entry, &mut recovery);
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
        let mut sentence = match grammar::parse_with(&text, subject, self.limits.network_timeout) {
            Ok(sentence) => sentence,
            Err(error) => {
                self.sentence_error(&entry, &text, error, Gravity::Error);
                return None;
            }
        };
        for doubt in sentence.doubts {
            self.sentence_error(&entry, &text, doubt, Gravity::Warning);
        }
        let sound = self.patterns_of(&mut sentence.condition, entry.value.place);
        self.named_accounts(&sentence.condition, entry.value.place);
        sound?;
        let mut gives_up = false;
        sentence
            .condition
            .for_each_test(&mut |test| gives_up |= matches!(test, Test::Restarts { .. }));
        let usual = if gives_up { Severity::Critical } else { Severity::Warning };
        let plain =
            |list: &[(Action, Place)]| list.iter().map(|(action, _)| action.clone()).collect();
        let rule = Rule {
            text: hidden(&text.split_whitespace().collect::<Vec<_>>().join(" ")),
            name,
            condition: sentence.condition,
            qualifier: sentence.qualifier,
            then: plain(&then),
            every,
            recovery,
            otherwise: plain(&otherwise),
            severity: severity.unwrap_or(usual),
            alert,
            implicit: false,
        };
        let actions = then.into_iter().chain(otherwise).collect();
        Some(PlacedRule { rule, actions })
    }

    /// Users and groups that a sentence names are to be there.
    fn named_accounts(&mut self, condition: &Condition, place: Place) {
        let mut missing = Vec::new();
        condition.for_each_test(&mut |test| {
            let Test::Check(test) = test else { return };
            match &**test {
                CheckTest::File(file::Test::Uid(Account::Name(name)))
                    if !self.host.has_user(name) =>
                {
                    missing.push(format!("this host has no user `{name}`"));
                }
                CheckTest::File(file::Test::Gid(Account::Name(name)))
                    if !self.host.has_group(name) =>
                {
                    missing.push(format!("this host has no group `{name}`"));
                }
                _ => {}
            }
        });
        for text in missing {
            self.missing(place, text);
        }
    }

    /// An error of the sentence at its bytes in the file, where they can be told.
    pub(super) fn sentence_error(
        &mut self,
        entry: &Entry,
        text: &str,
        error: SentenceError,
        severity: Gravity,
    ) {
        // As the line is drawn: what is said goes to the log too.
        let said = |words: String| unsaid(words, text);
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
            Gravity::Error => Diagnostic::error(at, said(error.message)),
            Gravity::Warning => Diagnostic::warning(at, said(error.message)),
        };
        if let Some(label) = error.label {
            diagnostic = diagnostic.label(said(label));
        }
        if error.help.is_none() && self.is_cut(entry.value.place) {
            diagnostic = diagnostic.help(
                "what stands behind ` #` is a comment in YAML: put the sentence in quotation marks",
            );
        }
        if let (Some(also), Some(_)) = (error.also, base) {
            let (span, label) = *also;
            diagnostic = diagnostic.also(place(span), label);
        }
        self.out.push(diagnostic.maybe_help(error.help.map(said)));
    }

    /// Whether a comment stands behind the value, in its line.
    fn is_cut(&self, place: Place) -> bool {
        let text =
            self.out.source(place.file).and_then(|source| source.text.get(place.range().end..));
        let line = text.and_then(|text| text.lines().next()).unwrap_or_default();
        line.trim_start().starts_with('#')
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
