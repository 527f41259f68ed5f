//! Sentences about protocols: the name and the options behind it.
//!
//! Not here: the connection that it is talked over (`connection`). One function a protocol.

mod http;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::config::vocabulary::suggestion;
use crate::metric::Operator;
use crate::protocol::{Conversation, Login, Pattern, Protocol, Quoted, Radius, Sip};

use super::SentenceError;
use super::parser::Parser;
use super::token::{self, Kind, Token};

/// Words that Monit allows before an option.
const NOISE: &[&str] = &["with", "and", "using", "has", "http"];

/// What people call them, where that is far from their name here.
const USUAL: &[(&str, &str)] = &[
    ("ldap", "ldap3"),
    ("mariadb", "mysql"),
    ("memcached", "memcache"),
    ("mongo", "mongodb"),
    ("ntp", "ntp3"),
    ("pop3", "pop"),
    ("pop3s", "pops"),
    ("postgres", "pgsql"),
    ("postgresql", "pgsql"),
    ("sftp", "ssh"),
    ("submission", "smtp"),
];

impl Parser<'_> {
    /// What stands behind `protocol`: a name, and all words behind it that are about it.
    pub(super) fn protocol(&mut self) -> Result<Protocol, SentenceError> {
        let Some((name, span)) = self.raw() else {
            return Err(self.expected("a protocol such as `http`"));
        };
        let name = name.to_ascii_lowercase();
        let Some(protocol) = Protocol::named(&name) else {
            let error = SentenceError::new(span, format!("unknown protocol `{name}`"));
            let names: Vec<&str> = Protocol::all().map(|known| known.name).collect();
            let usual = USUAL.iter().find(|(other, _)| *other == name);
            return Err(error.help(match usual {
                Some((_, ours)) => format!("write `{ours}`"),
                None => suggestion(&name, &names),
            }));
        };
        self.options(protocol)
    }

    /// The options behind its name, or behind what stands for it.
    pub(super) fn options(&mut self, protocol: Protocol) -> Result<Protocol, SentenceError> {
        let conversation = match protocol.conversation().clone() {
            Conversation::Plain(_) => return Ok(protocol),
            Conversation::WithLogin(with) => {
                let login = if with.needs_password { self.whole_login() } else { self.login() };
                return Ok(protocol.with_login(login?));
            }
            Conversation::ApacheStatus(status) => {
                Conversation::ApacheStatus(self.apache_status(status)?)
            }
            Conversation::Http(http) => Conversation::Http(self.http(http)?),
            Conversation::Pgsql(pgsql) => Conversation::Pgsql(self.pgsql(pgsql)?),
            Conversation::Radius(_) => Conversation::Radius(Radius { secret: self.radius()? }),
            Conversation::Sip(sip) => Conversation::Sip(self.sip(sip)?),
            Conversation::Websocket(websocket) => {
                Conversation::Websocket(self.websocket(websocket)?)
            }
        };
        Ok(protocol.with(conversation))
    }

    /// Takes one of an option's words if it stands next, perhaps behind words that mean nothing.
    fn option<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let noise = |ahead| {
            self.peek_at(ahead).is_some_and(|token| NOISE.iter().any(|word| token.is(word)))
        };
        let ahead = (0..NOISE.len()).find(|ahead| !noise(*ahead))?;
        let token = self.peek_at(ahead)?;
        let word = *words.iter().find(|word| token.is(word))?;
        self.at += ahead + 1;
        Some(word)
    }

    /// What stands behind an option.
    pub(super) fn given(&mut self, what: &str) -> Result<String, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected(what)) };
        // It must come out of its own quotation marks as it went in.
        let read = token::tokens(&Quoted(&text).to_string()).unwrap_or_default();
        let own = matches!(read.as_slice(), [Token { kind: Kind::Text(own), .. }] if *own == text);
        if text.is_empty() || !own || text.contains(char::is_control) {
            return Err(SentenceError::new(span, format!("this is not {what}")));
        }
        Ok(text)
    }

    /// `file PATH` behind `password`.
    fn secret(&mut self) -> Result<PathBuf, SentenceError> {
        let start = self.behind();
        if !self.word("file") {
            let span = self.peek().map_or(start..start, |token| token.span.clone());
            return Err(SentenceError::new(span, "a password does not stand in the configuration")
                .help(
                    "put it into a file of root's with mode 0600 and write `password file PATH`",
                ));
        }
        let path = self.given("the path of a file")?;
        if !path.starts_with('/') {
            let span = start..self.behind();
            return Err(SentenceError::new(span, "the path of a password's file begins with `/`"));
        }
        Ok(PathBuf::from(path))
    }

    /// A whole number of at most `most` behind an operator, or behind none for `=`.
    fn counted(&mut self, most: u16) -> Result<(Operator, u16), SentenceError> {
        let bare = matches!(self.peek().map(|token| &token.kind), Some(Kind::Number(_)));
        let operator = if bare { Operator::Equal } else { self.operator()? };
        Ok((operator, self.whole(most)?))
    }

    /// `= "pattern"` or `!= "pattern"` behind `content`.
    pub(super) fn pattern(&mut self) -> Result<(bool, Pattern), SentenceError> {
        let wanted = self.equal()?;
        self.given_pattern().map(|pattern| (wanted, pattern))
    }

    /// `=` or `!=` behind `content`.
    pub(super) fn equal(&mut self) -> Result<bool, SentenceError> {
        match self.operator()? {
            Operator::Equal => Ok(true),
            Operator::NotEqual => Ok(false),
            _ => {
                let span = self.behind()..self.behind();
                Err(SentenceError::new(span, "a content is compared by `=` or `!=`"))
            }
        }
    }

    /// A regular expression, quoted or up to the next blank.
    pub(super) fn given_pattern(&mut self) -> Result<Pattern, SentenceError> {
        let text = self.given("a pattern")?;
        Pattern::new(&text).map_err(|error| {
            let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
            let span = last.map_or(0..0, |token| token.span.clone());
            SentenceError::new(span, format!("not a pattern: {error}"))
        })
    }

    /// `target bob@pbx maxforward 70`
    fn sip(&mut self, mut sip: Sip) -> Result<Sip, SentenceError> {
        loop {
            match self.option(&["target", "maxforward"]) {
                Some("target") => {
                    let wanted = "an address such as `bob@pbx.example`";
                    let Some((text, span)) = self.raw() else { return Err(self.expected(wanted)) };
                    let text = text.strip_prefix("sip:").unwrap_or(&text).to_owned();
                    // It stands in the request's first line: nothing may end that, or read as another sentence.
                    let fits = |c: char| c.is_ascii_graphic() && !"\"'<>()".contains(c);
                    if text.is_empty() || !text.chars().all(fits) {
                        return Err(SentenceError::new(span, format!("expected {wanted}")));
                    }
                    sip.target = Some(text);
                }
                Some(_) => sip.max_forward = u8::try_from(self.whole(255)?).unwrap_or(u8::MAX),
                None => return Ok(sip),
            }
        }
    }

    /// `username bob password file /etc/secret`: who has no password cannot log in.
    fn whole_login(&mut self) -> Result<Option<Login>, SentenceError> {
        match self.login()? {
            Some(Login { password: None, .. }) => Err(self.expected("`password file /path`")),
            login => Ok(login),
        }
    }
}
