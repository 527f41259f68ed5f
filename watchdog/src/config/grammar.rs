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
//! ```
//! Not here: where in the file the sentence stands (`rule` adds that), and judging it (`engine`).

mod event;
mod level;
mod limit;
mod parser;
mod print;
mod qualifier;
mod token;
mod trend;

use std::ops::Range;

pub use print::print;

use crate::service::{Condition, Qualifier, Test};

use parser::Parser;

/// Longer sentences are no sentences.
const MAX_LENGTH: usize = 4096;

/// Which kind of service the sentence is about: it decides which tests there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The host.
    System,
    /// A process with its descendants.
    Process,
}

impl Subject {
    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Process => "process",
        }
    }

    /// First words of its tests, for suggestions and the reference.
    pub(super) fn tests(self) -> &'static [&'static str] {
        match self {
            Self::System => &[
                "loadavg",
                "cpu",
                "memory",
                "swap",
                "forks",
                "filedescriptors",
                "disk",
                "pressure",
                "uptime",
            ],
            Self::Process => &[
                "cpu",
                "totalcpu",
                "memory",
                "totalmem",
                "children",
                "threads",
                "forks",
                "filedescriptors",
                "disk",
                "uptime",
                "loadavg",
                "does not exist",
                "exists",
                "exits",
                "killed",
                "crashed",
                "oom killed",
                "member exits",
                "restarts",
            ],
        }
    }
}

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
    if text.len() > MAX_LENGTH {
        return Err(SentenceError::new(0..0, format!("longer than {MAX_LENGTH} bytes")));
    }
    let tokens = token::tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, subject, depth: 0, doubts: Vec::new() };
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
    Ok(Sentence { condition, qualifier, doubts: parser.doubts })
}
