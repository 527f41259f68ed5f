//! Tests of what happens to a process: it is there or not, ends, is killed, was restarted.

use crate::metric::Operator;
use crate::service::{DeathTest, Span, Test, Way};

use super::parser::Parser;
use super::token::Kind;
use super::{SentenceError, Subject};

/// More restarts or cycles than this is a slip of the keyboard.
const MAX_RESTARTS: u32 = 1000;

/// Signals by name, without `SIG`, as on every Linux port we build for (`signal(7)`).
const SIGNALS: &[(&str, u8)] = &[
    ("hup", 1),
    ("int", 2),
    ("quit", 3),
    ("ill", 4),
    ("trap", 5),
    ("abrt", 6),
    ("bus", 7),
    ("fpe", 8),
    ("kill", 9),
    ("usr1", 10),
    ("segv", 11),
    ("usr2", 12),
    ("pipe", 13),
    ("alrm", 14),
    ("term", 15),
    ("stkflt", 16),
    ("xcpu", 24),
    ("xfsz", 25),
    ("vtalrm", 26),
    ("prof", 27),
    ("io", 29),
    ("pwr", 30),
    ("sys", 31),
];

impl Parser<'_> {
    /// An event, if the next words name one.
    pub(super) fn event(&mut self) -> Result<Option<Test>, SentenceError> {
        let Some(token) = self.peek().cloned() else { return Ok(None) };
        let process = self.subject == Subject::Process;
        match &token.kind {
            Kind::Number(number)
                if self
                    .peek_at(1)
                    .is_some_and(|next| next.is("restarts") || next.is("restart")) =>
            {
                if self.subject == Subject::System {
                    return Err(SentenceError::new(
                        token.span.start
                            ..self.peek_at(1).map_or(token.span.end, |next| next.span.end),
                        format!(
                            "restarts are a test of what can be started, not of a {}",
                            self.subject.word()
                        ),
                    ));
                }
                self.at += 2;
                let count = whole(*number, 1, MAX_RESTARTS).ok_or_else(|| {
                    SentenceError::new(
                        token.span.clone(),
                        format!("a whole number from 1 to {MAX_RESTARTS}"),
                    )
                })?;
                if !self.word("within") {
                    return Err(self.expected("`within`"));
                }
                Ok(Some(Test::Restarts { count, within: self.span(MAX_RESTARTS)? }))
            }
            Kind::Word(word)
                if self.subject.may_be_missing()
                    && ["does", "not", "exist", "exists"].contains(&word.as_str()) =>
            {
                self.existence().map(Some)
            }
            Kind::Word(word) if process => match word.as_str() {
                "member" => {
                    self.at += 1;
                    match self.way()? {
                        Some(way) => Ok(Some(Test::Death(DeathTest { member: true, way }))),
                        None => Err(self.expected("`exits`, `killed`, `crashed` or `oom killed`")),
                    }
                }
                _ => {
                    let way = self.way()?;
                    Ok(way.map(|way| Test::Death(DeathTest { member: false, way })))
                }
            },
            Kind::Word(_) | Kind::Number(_) | Kind::Symbol(_) | Kind::Text(_) => Ok(None),
        }
    }

    /// `does not exist`, `not exist`, `does exist`, `exists`.
    fn existence(&mut self) -> Result<Test, SentenceError> {
        let does = self.word("does");
        let not = self.word("not");
        if self.any(&["exist", "exists"]) {
            return Ok(if not { Test::DoesNotExist } else { Test::Exists });
        }
        Err(self.expected(if does && !not { "`not exist` or `exist`" } else { "`exist`" }))
    }

    /// A way to end, if the next words name one.
    fn way(&mut self) -> Result<Option<Way>, SentenceError> {
        if self.word("exits") {
            return self.exits().map(Some);
        }
        if self.word("killed") {
            return self.killed().map(Some);
        }
        if self.word("crashed") {
            return Ok(Some(Way::Crashed));
        }
        if self.word("oom") {
            return if self.word("killed") {
                Ok(Some(Way::OomKilled))
            } else {
                Err(self.expected("`killed`"))
            };
        }
        Ok(None)
    }

    /// `with code != 0` behind `exits`.
    fn exits(&mut self) -> Result<Way, SentenceError> {
        if !self.word("with") {
            return Ok(Way::Exits { code: None });
        }
        if !self.word("code") {
            return Err(self.expected("`code`"));
        }
        let operator = match self.peek().map(|token| &token.kind) {
            Some(Kind::Number(_)) => Operator::Equal,
            _ => self.operator()?,
        };
        let code = self.small("an exit code", 0, 255)?;
        Ok(Way::Exits { code: Some((operator, code)) })
    }

    /// `by signal TERM` behind `killed`.
    fn killed(&mut self) -> Result<Way, SentenceError> {
        if !self.word("by") {
            return Ok(Way::Killed { signal: None });
        }
        if !self.word("signal") {
            return Err(self.expected("`signal`"));
        }
        if let Some(Kind::Word(word)) = self.peek().map(|token| &token.kind) {
            let name = word.strip_prefix("sig").unwrap_or(word);
            let Some((_, signal)) = SIGNALS.iter().find(|(known, _)| *known == name) else {
                return Err(self.expected("a signal such as KILL or 9"));
            };
            self.at += 1;
            return Ok(Way::Killed { signal: Some(*signal) });
        }
        Ok(Way::Killed { signal: Some(self.small("a signal", 1, 64)?) })
    }

    /// A whole number within bounds.
    pub(super) fn small(&mut self, what: &str, from: u32, to: u32) -> Result<u8, SentenceError> {
        let expected = format!("{what} from {from} to {to}");
        let Some(Kind::Number(number)) = self.peek().map(|token| &token.kind) else {
            return Err(self.expected(&expected));
        };
        match whole(*number, from, to).and_then(|number| u8::try_from(number).ok()) {
            Some(number) => {
                self.at += 1;
                Ok(number)
            }
            None => Err(self.expected(&expected)),
        }
    }

    /// `5 cycles` or `10 minutes`.
    pub(super) fn span(&mut self, most: u32) -> Result<Span, SentenceError> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.expected("a number of cycles or a time"));
        };
        let Kind::Number(number) = token.kind else {
            return Err(self.expected("a number of cycles or a time"));
        };
        self.at += 1;
        if self.any(&["cycles", "cycle"]) {
            return whole(number, 1, most).map(Span::Cycles).ok_or_else(|| {
                SentenceError::new(
                    token.span.start..self.behind(),
                    format!("a whole number of cycles from 1 to {most}"),
                )
                .help("a longer span can be given as a time, such as `2h`")
            });
        }
        self.time(number, token.span.start).map(Span::Time)
    }
}

/// A number as a whole one within bounds.
pub(super) fn whole(number: f64, from: u32, to: u32) -> Option<u32> {
    let fits = number.fract() == 0.0 && number >= f64::from(from) && number <= f64::from(to);
    fits.then_some(number as u32)
}
