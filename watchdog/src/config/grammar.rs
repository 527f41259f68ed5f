//! The sentence of a rule: `totalmem > 1800 MB for 5 cycles` to a condition and a qualifier.
//!
//! Grammar:
//! ```text
//! rule      = clause [ "for" qualifier | N [ "times" ] within | within ]
//! clause    = and { "or" and }      and = term { "and" term }
//! term      = "not" term | "(" clause ")" | test
//! test      = metric operator limit [ "per" time ] | metric "grows" operator limit "per" time [ "over" time ]
//!           | metric "reaches" limit "within" time | event
//! qualifier = N "cycles" | time | [ N [ "times" ] ] within
//! within    = "within" ( M "cycles" | time )
//! recovery  = N "cycles" | N [ "times" ] "within" M "cycles"
//! ```
//! Not here: where in the file the sentence stands (`rule` adds that), and judging it (`engine`).

mod attribute;
mod check;
mod connection;
mod event;
mod file;
mod filesystem;
mod leftover;
mod level;
mod limit;
mod metric;
mod network;
mod parser;
mod print;
mod program;
mod protocol;
mod qualifier;
mod subject;
mod token;
mod trend;

use std::ops::Range;
use std::time::Duration;

pub(super) use connection::LONGEST as LONGEST_CONNECTION;
pub use print::print;
pub use subject::Subject;

use crate::check::connection::Connection;
use crate::service::{Condition, Qualifier, Recovery, Test};

use parser::Parser;

/// Longer sentences are no sentences.
const MAX_LENGTH: usize = 4096;

/// What is wrong with a sentence, in bytes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentenceError {
    /// The words at fault.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// Words under the underlined text.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// A second place that belongs to it.
    pub also: Option<Box<(Range<usize>, String)>>,
}

impl SentenceError {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: None, help: None, also: None }
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also = Some(Box::new((span, label.into())));
        self
    }
}

/// A sentence that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// What must hold.
    pub condition: Condition,
    /// For how long or how often.
    pub qualifier: Qualifier,
    /// Understood, but surely not meant.
    pub doubts: Vec<SentenceError>,
}

/// Parses a sentence.
///
/// # Errors
/// The first thing that is wrong, with its bytes.
pub fn parse(text: &str, subject: Subject) -> Result<Sentence, SentenceError> {
    parse_with(text, subject, Connection::TIMEOUT)
}

/// The same, with the timeout of connections that name none (`limits: { network_timeout: … }`).
pub(super) fn parse_with(
    text: &str,
    subject: Subject,
    timeout: Duration,
) -> Result<Sentence, SentenceError> {
    let mut parser = begin(text, subject, timeout)?;
    let sentence = sentence(text, &mut parser);
    // A sign that means nothing is the better reason, where it stands before what else is wrong.
    let end = sentence.as_ref().err().map_or(text.len(), |error| error.span.end);
    match parser.stray(end) {
        Some(error) => Err(error),
        None => sentence,
    }
}

/// Parses what stands behind `after` in `else`.
///
/// # Errors
/// What is wrong, with its bytes.
pub fn recovery(text: &str) -> Result<Recovery, SentenceError> {
    // What a rule is about does not matter.
    let mut parser = begin(text, Subject::System, Connection::TIMEOUT)?;
    let recovery = parser.recovery()?;
    match parser.peek().cloned() {
        Some(token) => Err(parser.rest(&token)),
        None => Ok(recovery),
    }
}

fn begin(text: &str, subject: Subject, timeout: Duration) -> Result<Parser<'_>, SentenceError> {
    if text.len() > MAX_LENGTH {
        return Err(SentenceError::new(0..0, format!("longer than {MAX_LENGTH} bytes")));
    }
    Ok(Parser {
        text,
        tokens: token::tokens(text)?,
        at: 0,
        subject,
        depth: 0,
        timeout,
        doubts: Vec::new(),
        raw: Vec::new(),
    })
}

fn sentence(text: &str, parser: &mut Parser<'_>) -> Result<Sentence, SentenceError> {
    if parser.tokens.is_empty() {
        return Err(SentenceError::new(0..text.len(), "the condition is empty")
            .help("write a test such as `cpu > 80% for 5 cycles`"));
    }
    let condition = parser.clause()?;
    let clause = 0..parser.behind();
    let start = parser.at;
    let qualifier = parser.qualifier()?;
    if let Some(token) = parser.peek().cloned() {
        return Err(parser.rest(&token));
    }
    let span = parser.tokens.get(start).map_or(clause.end, |token| token.span.start)
        ..text.trim_end().len();
    let mut moment = false;
    condition.for_each_test(&mut |test: &Test| moment |= test.is_event());
    let lasts = match qualifier {
        Qualifier::Lasting(_) => true,
        Qualifier::Cycles { times, of } => times == of && of > 1,
        Qualifier::Once | Qualifier::TimesWithin { .. } => false,
    };
    if moment && lasts {
        return Err(SentenceError::new(span, "the end of a process is a moment and cannot last")
            .also(clause, "judged when it happens")
            .help("count it instead: `3 times within 10 minutes`"));
    }
    Ok(Sentence { condition, qualifier, doubts: std::mem::take(&mut parser.doubts) })
}
