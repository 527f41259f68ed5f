//! The sentence of a rule: `totalmem > 1800 MB for 5 cycles` to a condition and a qualifier.
//!
//! Grammar:
//! ```text
//! rule      = clause [ "for" qualifier | N [ "times" ] within | within ]
//! clause    = and { "or" and }      and = term { "and" term }
//! term      = "not" term | "(" clause ")" | test
//! test      = metric operator limit | event
//! qualifier = N "cycles" | time | [ N [ "times" ] ] within
//! within    = "within" ( M "cycles" | time )
//! ```
//! Not here: where in the file the sentence stands (`rule` adds that), and judging it (`engine`).

mod event;
mod level;
mod print;
mod qualifier;
mod token;

use std::ops::Range;

pub use print::print;

use crate::service::{Condition, Qualifier, Test};

use super::vocabulary::nearest;
use token::{Kind, Token};

/// Deeper parentheses are an attack on the stack or a mistake.
const MAX_DEPTH: usize = 32;
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
            Self::System => &["loadavg", "cpu", "memory", "swap", "uptime"],
            Self::Process => &[
                "cpu",
                "totalcpu",
                "memory",
                "totalmem",
                "children",
                "threads",
                "uptime",
                "loadavg",
                "does not exist",
                "exists",
                "exits",
                "killed",
                "restarts",
            ],
        }
    }
}

/// First words of tests that later work brings.
const LATER: &[&str] = &[
    "member",
    "crashed",
    "crashes",
    "oom",
    "pressure",
    "forks",
    "filedescriptors",
    "disk",
    "read",
    "write",
    "failed",
    "succeeded",
    "changed",
    "status",
    "content",
    "permission",
    "perm",
    "checksum",
    "size",
    "timestamp",
    "time",
    "atime",
    "ctime",
    "mtime",
    "access",
    "change",
    "modification",
    "hardlink",
    "space",
    "inode",
    "inodes",
    "service",
    "link",
    "saturation",
    "upload",
    "download",
    "pagein",
    "pageout",
    "security",
    "euid",
    "uid",
    "gid",
    "ping",
    "port",
    "url",
];

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

/// Recursive descent over the words.
struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    subject: Subject,
    depth: usize,
    doubts: Vec<SentenceError>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// The end of the last word taken.
    fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.span.end)
    }

    /// Takes a word if it stands next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(word));
        self.at += usize::from(found);
        found
    }

    /// Takes one of several words if it stands next.
    fn any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.word(word))
    }

    /// The text of a token as written.
    fn written(&self, token: &Token) -> &str {
        self.text.get(token.span.clone()).unwrap_or("")
    }

    /// "expected …" at the next word or the end.
    fn expected(&self, what: &str) -> SentenceError {
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

    fn clause(&mut self) -> Result<Condition, SentenceError> {
        let mut parts = vec![self.and()?];
        while self.word("or") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    fn and(&mut self) -> Result<Condition, SentenceError> {
        let mut parts = vec![self.term()?];
        while self.word("and") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn term(&mut self) -> Result<Condition, SentenceError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let span = self.peek().map_or(0..0, |token| token.span.clone());
            return Err(SentenceError::new(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let term = self.inner_term();
        self.depth -= 1;
        term
    }

    fn inner_term(&mut self) -> Result<Condition, SentenceError> {
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

    fn test(&mut self) -> Result<Test, SentenceError> {
        if let Some(test) = self.event()? {
            return Ok(test);
        }
        if let Some(level) = self.level()? {
            return Ok(Test::Level(level));
        }
        Err(self.unknown_test())
    }

    /// The next word begins no test of this kind of service.
    fn unknown_test(&self) -> SentenceError {
        let subject = self.subject.word();
        let Some(token) = self.peek() else { return self.expected("a test") };
        let Kind::Word(word) = &token.kind else { return self.expected("a test") };
        let span = token.span.clone();
        if word == "if" {
            return SentenceError::new(span, "the key is `if:` already")
                .help("leave the word `if` out");
        }
        let other = match self.subject {
            Subject::System => Subject::Process,
            Subject::Process => Subject::System,
        };
        if other.tests().iter().any(|test| test.split(' ').next() == Some(word)) || word == "total"
        {
            return SentenceError::new(
                span,
                format!("`{word}` is a test of a {} service, not of a {subject}", other.word()),
            );
        }
        if LATER.contains(&word.as_str()) {
            return SentenceError::new(span, format!("the test `{word}` is not supported yet"));
        }
        let near =
            nearest(word, self.subject.tests().iter().copied().filter(|test| !test.contains(' ')))
                .map_or_else(
                    || format!("there is: {}", self.subject.tests().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
        SentenceError::new(span, format!("unknown test `{}`", self.written(token)))
            .label(format!("not a test of a {subject} service"))
            .help(near)
    }

    /// Words are left behind the sentence.
    fn rest(&self, token: &Token) -> SentenceError {
        let written = self.written(token);
        let error =
            SentenceError::new(token.span.clone(), format!("`{written}` does not belong here"))
                .label("expected `and`, `or`, `for`, `within` or the end");
        match &token.kind {
            Kind::Word(word) if word == "then" || word == "else" => {
                error.help(format!("the action stands under the key `{word}:`"))
            }
            Kind::Word(word) if ["per", "grows", "reaches", "over"].contains(&word.as_str()) => {
                SentenceError::new(token.span.clone(), format!("`{word}` is not supported yet"))
            }
            Kind::Word(word) => {
                match nearest(word, ["and", "or", "for", "within", "times", "cycles"]) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                }
            }
            Kind::Number(_) | Kind::Symbol(_) => error,
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
