//! Recursive descent over the words: clauses and terms.
//!
//! Not here: what is said of words that fit nowhere (`leftover`), the tests themselves (`level`, `event`) and what stands behind a clause (`qualifier`).

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::config::vocabulary::nearest;
use crate::service::{Condition, Test};

use super::token::{Kind, Token};
use super::{SentenceError, Subject};

/// Deeper parentheses are an attack on the stack or a mistake.
const MAX_DEPTH: usize = 32;

/// Recursive descent over the words.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) subject: Subject,
    pub(super) depth: usize,
    /// Of connections that name none.
    pub(super) timeout: Duration,
    pub(super) doubts: Vec<SentenceError>,
    /// Stretches that were taken as they are written.
    pub(super) raw: Vec<Range<usize>>,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// The end of the last word taken.
    pub(super) fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.span.end)
    }

    /// Takes a word if it stands next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(word));
        self.at += usize::from(found);
        found
    }

    /// Takes one of several words if it stands next.
    pub(super) fn any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.word(word))
    }

    /// Takes several words if they stand next.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.peek_at(ahead).is_some_and(|token| token.is(word)));
        self.at += if found { words.len() } else { 0 };
        found
    }

    /// The next text as written: what stands in quotation marks, without them, or all up to the next
    /// blank. For paths, addresses, patterns, checksums, permission bits.
    pub(super) fn raw(&mut self) -> Option<(String, Range<usize>)> {
        let token = self.peek()?.clone();
        if let Kind::Text(text) = token.kind {
            self.at += 1;
            return Some((text, token.span));
        }
        let rest = self.text.get(token.span.start..)?;
        // One that is not closed: `stray` says so.
        if rest.starts_with(['"', '\'']) {
            return None;
        }
        // Up to a blank, or to a parenthesis that was opened before.
        let mut open = 0;
        let ends = |sign: char| {
            open += i32::from(sign == '(') - i32::from(sign == ')');
            open < 0 || sign.is_whitespace()
        };
        let length = rest.find(ends).unwrap_or(rest.len());
        if length == 0 {
            return None;
        }
        let span = token.span.start..token.span.start + length;
        while self.peek().is_some_and(|token| token.span.start < span.end) {
            self.at += 1;
        }
        self.raw.push(span.clone());
        Some((rest.get(..length)?.to_owned(), span))
    }

    /// The first sign before `end` that has no meaning where it stands.
    pub(super) fn stray(&self, end: usize) -> Option<SentenceError> {
        self.tokens
            .iter()
            .filter(|token| token.span.start < end)
            .filter(|token| !self.raw.iter().any(|raw| raw.contains(&token.span.start)))
            .find_map(super::token::stray)
    }

    /// The text of a token as written.
    pub(super) fn written(&self, token: &Token) -> &str {
        self.text.get(token.span.clone()).unwrap_or("")
    }

    /// "expected …" at the next word or the end.
    pub(super) fn expected(&self, what: &str) -> SentenceError {
        match self.peek() {
            Some(token) => SentenceError::new(
                token.span.clone(),
                format!("expected {what}, found `{}`", self.written(token)),
            )
            .label(format!("expected {what}")),
            None => {
                let end = self.text.trim_end().len();
                let start = self.tokens.last().map_or(0, |token| token.span.start);
                SentenceError::new(
                    start..end,
                    format!("the condition ends here, but {what} is missing"),
                )
                .label(format!("expected {what} behind this"))
            }
        }
    }

    pub(super) fn clause(&mut self) -> Result<Condition, SentenceError> {
        let mut parts = vec![self.and()?];
        while self.word("or") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    pub(super) fn and(&mut self) -> Result<Condition, SentenceError> {
        let mut parts = vec![self.term()?];
        while self.word("and") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Condition::All))
    }

    pub(super) fn term(&mut self) -> Result<Condition, SentenceError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let span = self.peek().map_or(0..0, |token| token.span.clone());
            return Err(SentenceError::new(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let term = self.inner_term();
        self.depth -= 1;
        term
    }

    pub(super) fn inner_term(&mut self) -> Result<Condition, SentenceError> {
        let open = self.peek().map(|token| token.span.clone());
        if self.word("(") {
            let clause = self.clause()?;
            if !self.word(")") {
                let error = self.expected("`)`");
                return Err(match open {
                    Some(open) => error.also(open, "opened here"),
                    None => error,
                });
            }
            return Ok(clause);
        }
        // `not exist` is Monit's own sentence, not our operator.
        let existence =
            self.peek_at(1).is_some_and(|token| token.is("exist") || token.is("exists"));
        if !existence && self.word("not") {
            return Ok(Condition::Not(Box::new(self.term()?)));
        }
        self.test().map(Condition::Test)
    }

    pub(super) fn test(&mut self) -> Result<Test, SentenceError> {
        if let Some(test) = self.check()? {
            return Ok(Test::Check(Arc::new(test)));
        }
        if let Some(test) = self.event()? {
            return Ok(test);
        }
        if matches!(self.subject, Subject::System | Subject::Process)
            && let Some(test) = self.level()?
        {
            return Ok(test);
        }
        Err(self.unknown_test())
    }

    /// As [`Self::expected`], with what the next word most likely means.
    pub(super) fn expected_of(&self, words: &[&str]) -> SentenceError {
        let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let error = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                self.expected(&format!("{} or {last}", rest.join(", ")))
            }
            _ => self.expected(&quoted.join("")),
        };
        let near =
            self.peek().and_then(|token| nearest(self.written(token), words.iter().copied()));
        match near {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        }
    }
}

/// One part stands for itself.
fn one_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(part)) => part,
        (_, Some(part)) => {
            parts.push(part);
            join(parts)
        }
        (_, None) => join(parts),
    }
}
