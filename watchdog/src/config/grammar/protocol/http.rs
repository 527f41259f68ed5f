//! Options of `http` and `https`.
//!
//! Not here: what is not HTTP's alone (`protocol`).

use super::{Parser, SentenceError};
use crate::config::grammar::token::Kind;
use crate::protocol::{Checksum, Http};

impl Parser<'_> {
    pub(super) fn http(&mut self, mut http: Http) -> Result<Http, SentenceError> {
        let start = self.at;
        const WORDS: &[&str] = &[
            "method",
            "request",
            "hostheader",
            "status",
            "checksum",
            "content",
            "username",
            "password",
            "headers",
        ];
        while let Some(word) = self.option(WORDS) {
            match word {
                "method" if self.word("get") => http.head = false,
                "method" if self.word("head") => http.head = true,
                "method" => return Err(self.expected("GET or HEAD")),
                "request" => http.request = self.path()?,
                "hostheader" => http.host = Some(self.given("the name of a host")?),
                "status" => http.status = Some(self.counted(999)?),
                "checksum" => http.checksum = Some(self.checksum()?),
                "content" => http.content.push(self.pattern()?),
                "username" => http.username = Some(self.given("a user")?),
                "password" => http.password = Some(self.secret()?),
                _ => self.headers(&mut http.headers)?,
            }
        }
        let first = self.tokens.get(start).map_or(self.behind(), |token| token.span.start);
        let wrong = |text: &str| Err(SentenceError::new(first..self.behind(), text));
        if http.head && (http.checksum.is_some() || !http.content.is_empty()) {
            return wrong("the answer to HEAD has no content");
        }
        if http.username.is_some() != http.password.is_some() {
            return wrong("`username` and `password file` belong together");
        }
        match http.possible() {
            Err(error) => wrong(&error.0),
            Ok(()) => Ok(http),
        }
    }

    fn checksum(&mut self) -> Result<Checksum, SentenceError> {
        let _ = self.any(&["=", "=="]);
        let Some((text, span)) = self.raw() else { return Err(self.expected("a checksum")) };
        Checksum::parse(&text).ok_or_else(|| {
            SentenceError::new(span, "this is no checksum")
                .help("write 32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits")
        })
    }

    /// `[Name: value, "Name": "a value, with a comma"]`.
    fn headers(&mut self, headers: &mut Vec<(String, String)>) -> Result<(), SentenceError> {
        if !self.word("[") {
            return Err(self.expected("`[`"));
        }
        let start = self.behind();
        loop {
            let name = self.until(&[":"])?;
            let value = self.until(&[",", "]"])?;
            headers.push((name, value));
            let closing = self.tokens.get(self.at.saturating_sub(1)).is_some_and(|t| t.is("]"));
            if closing {
                break;
            }
        }
        self.raw.push(start.saturating_sub(1)..self.behind());
        Ok(())
    }

    /// The text up to one of these signs, which is taken too; without its quotation marks.
    fn until(&mut self, signs: &[&str]) -> Result<String, SentenceError> {
        let first = self.peek().cloned();
        let mut end = self.behind();
        while let Some(token) = self.next() {
            if !signs.iter().any(|sign| token.is(sign)) {
                end = token.span.end;
                continue;
            }
            let Some(first) = first else { break };
            let text = match first.kind {
                Kind::Text(text) if first.span.end == end => text,
                _ => self.text.get(first.span.start..end).unwrap_or("").to_owned(),
            };
            if text.ends_with('\\') || text.contains(char::is_control) {
                return Err(SentenceError::new(first.span, "this is not allowed in a header"));
            }
            return Ok(text);
        }
        let signs: Vec<_> = signs.iter().map(|sign| format!("`{sign}`")).collect();
        Err(self.expected(&signs.join(" or ")))
    }
}
