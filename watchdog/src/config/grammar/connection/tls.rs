//! Options of encryption: `tls with options { verify: false }`, `certificate checksum …`,
//! `certificate valid > 30 days`.

use std::path::PathBuf;

use super::{Draft, Parser, SentenceError};
use crate::check::connection::Tls;
use crate::metric::Operator;
use crate::protocol::Checksum;

/// Further ahead no certificate is valid.
const MAX_DAYS: u32 = 10_000;
const OPTIONS: &str = "there is: verify (true or false), ca_file, name";

impl Parser<'_> {
    /// Behind `tls`: `with options { … }`, or nothing.
    pub(super) fn tls(&mut self) -> Result<Tls, SentenceError> {
        let mut tls = Tls::default();
        let before = self.at;
        self.any(&["with", "using"]);
        self.any(&["options", "option"]);
        let Some(open) = self.peek().filter(|token| token.is("{")).cloned() else {
            self.at = before;
            return Ok(tls);
        };
        self.at += 1;
        self.raw.push(open.span);
        loop {
            let Some(token) = self.next() else { return Err(self.expected("`}`")) };
            self.raw.push(token.span.clone());
            if token.is("}") {
                return Ok(tls);
            }
            if token.is(",") || token.is(";") {
                continue;
            }
            if !self.peek().is_some_and(|token| token.is(":")) {
                return Err(
                    SentenceError::new(token.span, "expected an option and `:`").help(OPTIONS)
                );
            }
            let colon = self.next().map(|colon| colon.span);
            self.raw.extend(colon);
            let key = self.written(&token).to_ascii_lowercase();
            let (value, span) = self.option_value()?;
            let wrong = |text: &str| SentenceError::new(span.clone(), text);
            match key.as_str() {
                "verify" => {
                    tls.verify = match value.to_ascii_lowercase().as_str() {
                        "true" | "enable" => true,
                        "false" | "disable" => false,
                        _ => return Err(wrong("`verify` is `true` or `false`")),
                    }
                }
                "ca_file" | "cacertificatefile" if value.starts_with('/') => {
                    tls.ca_file = Some(PathBuf::from(value));
                }
                "ca_file" | "cacertificatefile" => {
                    return Err(wrong("the path of a file begins with `/`"));
                }
                "name" => match crate::config::check::address(&value) {
                    Some(name) => tls.name = Some(name),
                    None => return Err(wrong("this is no name and no address")),
                },
                _ => {
                    let text = format!("the option `{key}` of TLS is not supported");
                    return Err(SentenceError::new(token.span, text).help(OPTIONS));
                }
            }
        }
    }

    /// A value, in quotation marks or up to a blank, a comma or the end of the options.
    fn option_value(&mut self) -> Result<(String, std::ops::Range<usize>), SentenceError> {
        let Some(first) = self.peek().cloned() else { return Err(self.expected("a value")) };
        if let super::Kind::Text(text) = first.kind {
            self.at += 1;
            return Ok((text, first.span));
        }
        let start = first.span.start;
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest
            .find(|sign: char| sign.is_whitespace() || ",;}".contains(sign))
            .unwrap_or(rest.len());
        let span = start..start + length;
        while self.peek().is_some_and(|token| token.span.start < span.end) {
            self.at += 1;
        }
        self.raw.push(span.clone());
        Ok((rest.get(..length).unwrap_or_default().to_owned(), span))
    }

    /// Behind `certificate`. Whether the same stood there before.
    pub(super) fn certificate(&mut self, draft: &mut Draft) -> Result<bool, SentenceError> {
        if self.word("checksum") {
            self.any(&["md5", "sha1", "sha256"]);
            self.any(&["=", "=="]);
            let Some((text, span)) = self.raw() else { return Err(self.expected("a checksum")) };
            // As openssl prints it.
            let digits = text.replace(':', "");
            let checksum = Checksum::parse(&digits).ok_or_else(|| {
                SentenceError::new(span, "this is no checksum")
                    .help("write 32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits")
            })?;
            return Ok(draft.checksum.replace(checksum).is_some());
        }
        if self.word("valid") {
            self.any(&["for"]);
            let number =
                matches!(self.peek().map(|token| &token.kind), Some(super::Kind::Number(_)));
            let at = self.peek().map_or(0..0, |token| token.span.clone());
            if !number && self.operator()? != Operator::Greater {
                return Err(SentenceError::new(
                    at,
                    "a certificate is asked for more days: write `>`",
                ));
            }
            let days = self.whole_number("a number of days", 0, MAX_DAYS)?;
            if !self.any(&["days", "day"]) {
                return Err(self.expected("`days`"));
            }
            return Ok(draft.valid_days.replace(days).is_some());
        }
        Err(self.expected("`checksum` or `valid`"))
    }
}
