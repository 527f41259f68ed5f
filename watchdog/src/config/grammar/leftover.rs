//! What is said of words that fit nowhere: tests of another kind, units that there are not, options
//! without what they belong to.
//!
//! Not here: what fits (`parser` and the tests themselves).

use std::ops::Range;

use crate::config::vocabulary::{nearest, suggestion};
use crate::protocol::Protocol;

use super::parser::Parser;
use super::token::{Kind, Token};
use super::{SentenceError, Subject};

/// What may stand behind a number that has no unit.
const BEHIND: &[&str] = &[
    "and", "or", "for", "within", "times", "time", "cycle", "cycles", "then", "else", "per",
    "over", "with", "using",
];

/// `with options { … }` where nothing is encrypted.
pub(super) fn options_of_nothing(place: Range<usize>) -> SentenceError {
    SentenceError::new(place, "these options are of encryption, and the sentence asks for none")
        .help("write `tls with options { … }`")
}

impl Parser<'_> {
    /// The next word begins no test of this kind of service.
    pub(super) fn unknown_test(&self) -> SentenceError {
        let subject = self.subject.word();
        let Some(token) = self.peek() else { return self.expected("a test") };
        let Kind::Word(word) = &token.kind else { return self.expected("a test") };
        let span = token.span.clone();
        if word == "if" {
            return SentenceError::new(span, "the key is `if:` already")
                .help("leave the word `if` out");
        }
        if ["failed", "succeeded", "changed"].contains(&word.as_str()) {
            return self.unknown_second(word, span);
        }
        let has =
            |kind: Subject| kind.tests().iter().any(|test| test.split(' ').next() == Some(word));
        let other = if word == "total" {
            Some(Subject::Process)
        } else {
            Subject::ALL.into_iter().map(|(_, kind)| kind).find(|kind| has(*kind))
        };
        if let Some(other) = other.filter(|other| *other != self.subject && !has(self.subject)) {
            let kinds: Vec<&str> = Subject::ALL
                .into_iter()
                .filter(|(_, kind)| has(*kind))
                .map(|(word, _)| word)
                .collect();
            let kinds = match kinds.len() {
                1 | 2 => kinds.join(" or "),
                _ => other.word().to_owned(),
            };
            return SentenceError::new(
                span,
                format!("`{word}` is a test of a {kinds} service, not of a {subject}"),
            );
        }
        match (word.as_str(), self.subject) {
            ("restarts" | "restart", _) => {
                return SentenceError::new(span, "how many restarts, and within what time?")
                    .help("write `3 restarts within 5 cycles`");
            }
            ("match", Subject::File) => {
                return SentenceError::new(span, "`match` is Monit's old word")
                    .help("write `content = \"regular expression\"`");
            }
            _ => {}
        }
        let near =
            nearest(word, self.subject.tests().into_iter().filter(|test| !test.contains(' ')))
                .map_or_else(
                    || format!("there is: {}", self.subject.tests().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
        SentenceError::new(span, format!("unknown test `{}`", self.written(token)))
            .label(format!("not a test of a {subject} service"))
            .help(near)
    }

    /// What stands behind `failed`, `succeeded` or `changed` is nothing that can.
    fn unknown_second(&self, first: &str, span: Range<usize>) -> SentenceError {
        let tests = self.subject.tests().into_iter();
        let seconds: Vec<&str> =
            tests.filter_map(|test| test.strip_prefix(first)?.strip_prefix(' ')).collect();
        let subject = self.subject.word();
        let Some(second) = self.peek_at(1) else {
            return SentenceError::new(span, format!("what `{first}`? nothing stands behind it"));
        };
        if seconds.is_empty() {
            let text = format!("a {subject} service has no test `{first} …`");
            let help = format!("there is: {}", self.subject.tests().join(", "));
            return SentenceError::new(span, text).help(help);
        }
        let written = self.written(second);
        let text = format!("`{first} {written}` is not a test of a {subject} service");
        SentenceError::new(span.start..second.span.end, text).help(suggestion(written, &seconds))
    }

    /// Words are left behind the sentence.
    pub(super) fn rest(&self, token: &Token) -> SentenceError {
        let written = self.written(token);
        let error =
            SentenceError::new(token.span.clone(), format!("`{written}` does not belong here"))
                .label("expected `and`, `or`, `for`, `within` or the end");
        if let Some(error) = self.unknown_unit(token).or_else(|| self.misplaced(token)) {
            return error;
        }
        match &token.kind {
            Kind::Word(word) if word == "then" || word == "else" => {
                error.help(format!("the action stands under the key `{word}:`"))
            }
            Kind::Word(word) => {
                match nearest(word, ["and", "or", "for", "within", "times", "cycles"]) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                }
            }
            Kind::Number(_) | Kind::Symbol(_) | Kind::Text(_) => error,
        }
    }

    /// A word behind a limit's number that is no unit.
    pub(super) fn unknown_unit(&self, token: &Token) -> Option<SentenceError> {
        let Kind::Word(word) = &token.kind else { return None };
        let at = self.tokens.iter().position(|own| own.span == token.span)?;
        let before = |back: usize| self.tokens.get(at.checked_sub(back)?).map(|token| &token.kind);
        let Some(Kind::Number(_)) = before(1) else { return None };
        let limit = match before(2)? {
            Kind::Symbol(sign) => sign.starts_with(['<', '>', '=', '!']),
            Kind::Word(word) => word == "than",
            Kind::Number(_) | Kind::Text(_) => false,
        };
        if !limit || BEHIND.contains(&word.as_str()) {
            return None;
        }
        let text = format!("`{}` is no unit", self.written(token));
        let help =
            "there is: B, kB, MB, GB, TB; %; ms, s, m, h, d, or whole words such as `minutes`";
        Some(SentenceError::new(token.span.clone(), text).help(help))
    }

    /// What belongs elsewhere in the sentence.
    fn misplaced(&self, token: &Token) -> Option<SentenceError> {
        let Kind::Word(word) = &token.kind else { return None };
        let at = self.tokens.iter().position(|own| own.span == token.span)?;
        let ahead = |count: usize| self.tokens.get(at + count);
        let written = self.written(token);
        let error = |text: String| SentenceError::new(token.span.clone(), text);
        let joint = ["with", "using", "and"].contains(&word.as_str());
        if joint && ahead(1).is_some_and(|next| next.is("options")) {
            return Some(options_of_nothing(token.span.clone()));
        }
        if ["and", "or"].contains(&word.as_str()) {
            let text = format!("`{written}` stands behind the count");
            return Some(error(text).help(
                "`for …` and `within …` hold for the whole condition, and stand at its end: \
                 `cpu > 80% and children > 9 for 5 cycles`",
            ));
        }
        let connection = self.tokens.iter().any(|token| token.is("port") || token.is("unixsocket"));
        if connection && Protocol::named(word).is_some() {
            let text = format!("`{written}` does not belong here");
            return Some(error(text).help(format!("write `protocol {word}`")));
        }
        let compared = at.checked_sub(2).and_then(|at| self.tokens.get(at));
        if compared.is_some_and(|sign| sign.is("=") || sign.is("!=")) {
            let text = format!("`{written}` does not belong here");
            return Some(error(text).help("a text of several words stands in quotation marks"));
        }
        None
    }
}
