//! A sentence to words, numbers and signs, each with its bytes.

use std::ops::Range;

use winnow::ascii::multispace0;
use winnow::combinator::{alt, opt, preceded, repeat};
use winnow::error::ContextError;
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, one_of, take_while};

use super::SentenceError;

/// A word, number or sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// Which of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// In lower case.
    Word(String),
    /// Never negative.
    Number(f64),
    /// What stands in quotation marks, without them.
    Text(String),
    /// An operator, a parenthesis, `%`, or any other single character.
    Symbol(String),
}

impl Token {
    /// Whether it is this word or sign.
    pub(super) fn is(&self, word: &str) -> bool {
        match &self.kind {
            Kind::Word(own) | Kind::Symbol(own) => own == word,
            Kind::Number(_) | Kind::Text(_) => false,
        }
    }
}

type Input<'a> = LocatingSlice<&'a str>;

fn number(input: &mut Input<'_>) -> ModalResult<Kind> {
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    (digits(), opt(('.', digits())))
        .take()
        .try_map(|text: &str| text.parse().map(Kind::Number))
        .parse_next(input)
}

fn word(input: &mut Input<'_>) -> ModalResult<Kind> {
    (
        one_of(|c: char| c.is_ascii_alphabetic()),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'),
    )
        .take()
        .map(|text: &str| Kind::Word(text.to_ascii_lowercase()))
        .parse_next(input)
}

/// Quoted text. A backslash stands for itself (patterns are full of them), but for one before the
/// mark that closes.
fn quoted(input: &mut Input<'_>) -> ModalResult<Kind> {
    let mark = one_of(['"', '\'']).parse_next(input)?;
    let mut text = String::new();
    loop {
        match any.parse_next(input)? {
            closing if closing == mark => return Ok(Kind::Text(text)),
            '\\' => match any.parse_next(input)? {
                escaped if escaped == mark => text.push(mark),
                other => text.extend(['\\', other]),
            },
            other => text.push(other),
        }
    }
}

fn sign(input: &mut Input<'_>) -> ModalResult<Kind> {
    let operator = alt((">=", "<=", "==", "=~", "!=~", "!="));
    // No operators, but taken for some.
    let slip = alt(("=>", "=<", "<>"));
    alt((operator, slip, any.take()))
        .map(|text: &str| Kind::Symbol(text.to_owned()))
        .parse_next(input)
}

fn all(input: &mut Input<'_>) -> ModalResult<Vec<Token>> {
    let token =
        alt((number, word, quoted, sign)).with_span().map(|(kind, span)| Token { kind, span });
    let tokens = repeat(0.., preceded(multispace0, token)).parse_next(input)?;
    multispace0.parse_next(input)?;
    Ok(tokens)
}

/// Splits a sentence.
///
/// # Errors
/// A character that no sentence has.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SentenceError> {
    all.parse(LocatingSlice::new(text.trim_end())).map_err(
        |error: winnow::error::ParseError<Input<'_>, ContextError>| {
            SentenceError::new(error.offset()..text.len(), "this cannot be read")
        },
    )
}

/// Why a sign has no meaning outside of a text, if it has none.
pub(super) fn stray(token: &Token) -> Option<SentenceError> {
    let known = [">", "<", ">=", "<=", "=", "==", "!=", "=~", "!=~", "(", ")", "%", "/"];
    let Kind::Symbol(sign) = &token.kind else { return None };
    if known.contains(&sign.as_str()) {
        return None;
    }
    let error = SentenceError::new(
        token.span.clone(),
        match sign.as_str() {
            "\"" | "'" => format!("`{sign}` has no meaning here"),
            _ => format!("`{}` has no meaning here", sign.escape_debug()),
        },
    );
    Some(match sign.as_str() {
        "\u{a0}" => {
            SentenceError::new(token.span.clone(), "a no-break space, as copied from a web page")
                .help("type an ordinary space in its place")
        }
        "-" => error.help("limits are not negative"),
        "&" | "|" => error.help("write `and` or `or`"),
        "!" => error.help("write `not`, or `!=`"),
        "=>" | "≥" => error.help("write `>=`"),
        "=<" | "≤" => error.help("write `<=`"),
        "<>" | "≠" => error.help("write `!=`"),
        "“" | "”" | "„" | "‘" | "’" | "«" | "»" => {
            error.help("a quotation mark as a word processor makes it: type `\"`")
        }
        "\"" | "'" => error.help(
            "the text that begins here has no end: what stands behind ` #` is a comment in YAML, but \
             where the whole sentence is in quotation marks",
        ),
        _ => error,
    })
}
