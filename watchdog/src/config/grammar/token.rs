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
    /// An operator, a parenthesis, `%`, or any other single character.
    Symbol(String),
}

impl Token {
    /// Whether it is this word or sign.
    pub(super) fn is(&self, word: &str) -> bool {
        match &self.kind {
            Kind::Word(own) | Kind::Symbol(own) => own == word,
            Kind::Number(_) => false,
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

fn sign(input: &mut Input<'_>) -> ModalResult<Kind> {
    alt((">=", "<=", "==", "!=", any.take()))
        .map(|text: &str| Kind::Symbol(text.to_owned()))
        .parse_next(input)
}

fn all(input: &mut Input<'_>) -> ModalResult<Vec<Token>> {
    let token = alt((number, word, sign)).with_span().map(|(kind, span)| Token { kind, span });
    let tokens = repeat(0.., preceded(multispace0, token)).parse_next(input)?;
    multispace0.parse_next(input)?;
    Ok(tokens)
}

/// Splits a sentence.
///
/// # Errors
/// A character that no sentence has.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SentenceError> {
    let tokens = all.parse(LocatingSlice::new(text.trim_end())).map_err(
        |error: winnow::error::ParseError<Input<'_>, ContextError>| {
            SentenceError::new(error.offset()..text.len(), "this cannot be read")
        },
    )?;
    let known = [">", "<", ">=", "<=", "=", "==", "!=", "(", ")", "%", "/"];
    for token in &tokens {
        let Kind::Symbol(sign) = &token.kind else { continue };
        if known.contains(&sign.as_str()) {
            continue;
        }
        let error = SentenceError::new(
            token.span.clone(),
            format!("`{}` has no meaning here", sign.escape_debug()),
        );
        return Err(match sign.as_str() {
            "\u{a0}" => SentenceError::new(
                token.span.clone(),
                "a no-break space, as copied from a web page",
            )
            .help("type an ordinary space in its place"),
            "-" => error.help("limits are not negative"),
            "&" | "|" => error.help("write `and` or `or`"),
            "!" => error.help("write `not`, or `!=`"),
            _ => error,
        });
    }
    Ok(tokens)
}
