//! Tests of whom a process belongs to: `failed uid www-data`, `changed ppid`, `security attribute =~ "x"`.

use crate::check::attribute::{Label, Test};
use crate::metric::Operator;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    pub(super) fn attribute_test(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.words(&["failed", "uid"]) {
            return self.account("a user's name or number").map(|user| Some(Test::Uid(user)));
        }
        if self.words(&["failed", "euid"]) {
            return self.account("a user's name or number").map(|user| Some(Test::Euid(user)));
        }
        if self.words(&["failed", "gid"]) {
            return self.account("a group's name or number").map(|group| Some(Test::Gid(group)));
        }
        if self.words(&["changed", "pid"]) {
            return Ok(Some(Test::PidChanged));
        }
        if self.words(&["changed", "ppid"]) {
            return Ok(Some(Test::ParentChanged));
        }
        if self.words(&["failed", "security", "attribute"]) {
            return match self.raw() {
                Some((label, _)) if !label.is_empty() && !label.contains(['"', '\\']) => {
                    Ok(Some(Test::Security(label)))
                }
                _ => Err(self.expected("a label such as \"unconfined\"")),
            };
        }
        if self.words(&["security", "attribute"]) {
            return self.label().map(|label| Some(Test::SecurityIs(label)));
        }
        Ok(None)
    }

    /// `= "label"`, `!= "label"`, `=~ "regex"` or `!=~ "regex"`.
    fn label(&mut self) -> Result<Label, SentenceError> {
        if self.word("=~") {
            return Ok(Label::Pattern { not: false, pattern: self.given_pattern()? });
        }
        if self.word("!=~") {
            return Ok(Label::Pattern { not: true, pattern: self.given_pattern()? });
        }
        let start = self.at;
        let not = match self.operator() {
            Ok(Operator::Equal) => false,
            Ok(Operator::NotEqual) => true,
            _ => {
                self.at = start;
                return Err(self.expected("`=`, `!=`, `=~` or `!=~`"));
            }
        };
        Ok(Label::Text { not, text: self.given("a label such as \"unconfined\"")? })
    }
}
