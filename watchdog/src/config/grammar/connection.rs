//! Tests of connections: `failed port 80 protocol http`, `failed url …`, `failed ping`.
//!
//! Options stand in any order, joined by `and`, `with`, `using` or nothing, as in Monit. Not here: the
//! options of a protocol (`protocol`).

mod ping;
mod tls;
mod url;

use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::check::connection::{Connection, Family, Port, Talk, Test, Tls, To, Unix};
use crate::metric::Operator;
use crate::protocol::generic::{Script, Step};
use crate::protocol::{Carrier, Checksum};

use super::event::whole;
use super::leftover::options_of_nothing;
use super::parser::Parser;
use super::token::Kind;
use super::{SentenceError, Subject};

/// First words behind `failed` that name a connection.
const FIRST: &[&str] =
    &["host", "port", "address", "ipv4", "ipv6", "type", "unix", "unixsocket", "url", "ssl", "tls"];
/// Words that join options.
const JOINTS: &[&str] = &["and", "with", "using", "use"];
/// More attempts or a longer time than this is a slip of the keyboard.
const MAX_RETRY: u32 = 100;
pub(in crate::config) const LONGEST: Duration = Duration::from_secs(3600);
/// Longer paths no Unix socket has (`unix(7)`).
const LONGEST_PATH: usize = 107;

/// What is known of the connection so far.
#[derive(Default)]
struct Draft {
    host: Option<String>,
    port: Option<u16>,
    unix: Option<PathBuf>,
    from: Option<IpAddr>,
    family: Option<Family>,
    carrier: Option<Carrier>,
    talk: Option<Talk>,
    response: Option<(Operator, Duration)>,
    timeout: Option<Duration>,
    retry: Option<u32>,
    tls: Option<Tls>,
    /// `with options { … }` that does not follow the word for encryption, and where it stands.
    options: Option<(Tls, Range<usize>)>,
    checksum: Option<Checksum>,
    valid_days: Option<u32>,
}

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    pub(super) fn connection_test(&mut self) -> Result<Option<Test>, SentenceError> {
        let Some(first) = self.peek() else { return Ok(None) };
        let succeeded = first.is("succeeded");
        let next = |words: &[&str]| {
            self.peek_at(1).is_some_and(|next| words.iter().any(|word| next.is(word)))
        };
        // Monit has pings in hosts only: a process does not answer them.
        let ping = self.subject == Subject::Host && next(ping::FIRST);
        if !(ping || next(FIRST)) || !(succeeded || first.is("failed")) {
            return Ok(None);
        }
        self.at += 1;
        if ping {
            return self.ping(succeeded);
        }
        let begin = self.peek().map_or(0, |token| token.span.start);
        let mut draft = Draft::default();
        while self.connection_option(&mut draft)? {}
        let tls = self.encryption(&mut draft, begin)?;
        let Draft { host, port, unix, from, family, carrier, talk, .. } = draft;
        let Draft { response, timeout, retry, valid_days, .. } = draft;
        let (carrier, talk) = (carrier.unwrap_or(Carrier::Stream), talk.unwrap_or(Talk::Nothing));
        let whole = begin..self.behind();
        let to = match (port, unix) {
            (Some(number), None) => {
                To::Port(Port { host, number, from, family, carrier, tls, talk })
            }
            (None, Some(_)) if tls.is_some() => {
                return Err(SentenceError::new(whole, "a Unix socket is not encrypted"));
            }
            (None, Some(path)) if host.is_none() && from.is_none() && family.is_none() => {
                To::Unix(Unix { path, carrier, talk })
            }
            (_, Some(_)) => {
                return Err(SentenceError::new(whole, "a Unix socket has no host and no port"));
            }
            (None, None) => return Err(self.expected("`port` and its number")),
        };
        let (timeout, retry) = (timeout.unwrap_or(self.timeout), retry.unwrap_or(1));
        let connection = Arc::new(Connection { to, timeout, retry });
        Ok(Some(Test { succeeded, connection, response, valid_days }))
    }

    /// Encryption, where an option or the protocol's name asks for it.
    fn encryption(&self, draft: &mut Draft, begin: usize) -> Result<Option<Tls>, SentenceError> {
        let mut tls = draft.tls.take();
        if draft.talk.as_ref().is_some_and(Talk::wants_tls) {
            tls.get_or_insert_with(Tls::default);
        }
        if let Some((options, place)) = draft.options.take() {
            match &mut tls {
                Some(tls) if *tls == Tls::default() => *tls = options,
                Some(_) => {
                    let error = SentenceError::new(place, "a second `with options`");
                    return Err(error.help("write all of them between one pair of braces"));
                }
                None => return Err(options_of_nothing(place)),
            }
        }
        match &mut tls {
            Some(_) if draft.carrier == Some(Carrier::Datagram) => {
                let text = "datagrams are not encrypted";
                return Err(SentenceError::new(begin..self.behind(), text));
            }
            Some(tls) => tls.checksum = draft.checksum.take(),
            None if draft.checksum.is_some() || draft.valid_days.is_some() => {
                let text = "a connection without TLS has no certificate";
                let error = SentenceError::new(begin..self.behind(), text);
                return Err(error.help("write `tls`, or a protocol such as `https`"));
            }
            None => {}
        }
        Ok(tls)
    }

    /// One option, if the next words are one.
    fn connection_option(&mut self, draft: &mut Draft) -> Result<bool, SentenceError> {
        let begin = self.at;
        while self.any(JOINTS) {}
        let Some(token) = self.peek().cloned() else {
            self.at = begin;
            return Ok(false);
        };
        let Kind::Word(word) = &token.kind else {
            self.at = begin;
            return Ok(false);
        };
        self.at += 1;
        let twice = match word.as_str() {
            "host" => draft.host.replace(self.host()?).is_some(),
            "port" => draft.port.replace(self.port()?).is_some(),
            "unix" | "unixsocket" => draft.unix.replace(self.socket()?).is_some(),
            "address" => draft.from.replace(self.own_address()?).is_some(),
            "ipv4" => draft.family.replace(Family::V4).is_some(),
            "ipv6" => draft.family.replace(Family::V6).is_some(),
            "url" => self.url(draft)?,
            "type" if self.word("tcpssl") => draft.tls.replace(self.tls()?).is_some(),
            "type" => draft.carrier.replace(self.carrier()?).is_some(),
            "ssl" | "tls" => draft.tls.replace(self.tls()?).is_some(),
            "options" | "option" if self.peek().is_some_and(|next| next.is("{")) => {
                let first = self.tokens.get(begin).map_or(token.span.start, |one| one.span.start);
                let place = first..token.span.end;
                draft.options.replace((self.tls()?, place)).is_some()
            }
            "certificate" => self.certificate(draft)?,
            "protocol" | "proto" => draft.talk.replace(self.talk()?).is_some(),
            "send" | "expect" => {
                let step = self.step(word == "send")?;
                match &mut draft.talk {
                    Some(Talk::Script(Script(steps))) => {
                        steps.push(step);
                        false
                    }
                    other => other.replace(Talk::Script(Script(vec![step]))).is_some(),
                }
            }
            "responsetime" => draft.response.replace(self.response_time()?).is_some(),
            "timeout" => draft.timeout.replace(self.short_time()?).is_some(),
            "retry" => draft.retry.replace(self.retry()?).is_some(),
            _ => {
                self.at = begin;
                return Ok(false);
            }
        };
        if twice {
            let error = SentenceError::new(token.span, format!("a second `{word}`"));
            return Err(error.help("one connection has each option once; write two rules"));
        }
        Ok(true)
    }

    fn host(&mut self) -> Result<String, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected("a name or address")) };
        crate::config::check::address(&text)
            .ok_or_else(|| SentenceError::new(span, format!("`{text}` is no name and no address")))
    }

    fn port(&mut self) -> Result<u16, SentenceError> {
        let number = self.whole_number("a port", 1, u32::from(u16::MAX))?;
        Ok(u16::try_from(number).unwrap_or(u16::MAX))
    }

    fn socket(&mut self) -> Result<PathBuf, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected("a path")) };
        if !text.starts_with('/') || text.len() > LONGEST_PATH {
            let text = format!("an absolute path of at most {LONGEST_PATH} bytes");
            return Err(SentenceError::new(span, text));
        }
        Ok(PathBuf::from(text))
    }

    fn own_address(&mut self) -> Result<IpAddr, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected("an address")) };
        text.parse().map_err(|_| {
            SentenceError::new(span, format!("`{text}` is no address"))
                .help("write the address of this host to connect from, such as 10.0.0.1")
        })
    }

    fn carrier(&mut self) -> Result<Carrier, SentenceError> {
        match () {
            () if self.word("tcp") => Ok(Carrier::Stream),
            () if self.word("udp") => Ok(Carrier::Datagram),
            () => Err(self.expected("`tcp` or `udp`")),
        }
    }

    fn talk(&mut self) -> Result<Talk, SentenceError> {
        if self.word("default") {
            return Ok(Talk::Nothing);
        }
        let protocol = self.protocol()?;
        Ok(Talk::Protocol(protocol))
    }

    fn step(&mut self, send: bool) -> Result<Step, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected("a text")) };
        let step = if send { Step::Send(text) } else { Step::Expect(text) };
        step.check()
            .map_err(|why| SentenceError::new(span, format!("this is no pattern: {why}")))?;
        Ok(step)
    }

    fn response_time(&mut self) -> Result<(Operator, Duration), SentenceError> {
        let begin = self.peek().map_or(0, |token| token.span.start);
        let operator =
            self.operator().map_err(|error| error.help("write `responsetime < 5 seconds`"))?;
        let limit = self.short_time()?;
        if matches!(operator, Operator::Greater | Operator::GreaterOrEqual) {
            self.doubts.push(
                SentenceError::new(
                    begin..self.behind(),
                    "an answer that comes sooner is a failure",
                )
                .help("the limit says what is good: write `<`"),
            );
        }
        Ok((operator, limit))
    }

    fn short_time(&mut self) -> Result<Duration, SentenceError> {
        let Some(token) = self.peek().cloned() else { return Err(self.expected("a time")) };
        let Kind::Number(number) = token.kind else { return Err(self.expected("a time")) };
        self.at += 1;
        let time = self.time(number, token.span.start)?;
        if time > LONGEST {
            let span = token.span.start..self.behind();
            return Err(SentenceError::new(span, "longer than an hour"));
        }
        Ok(time)
    }

    fn retry(&mut self) -> Result<u32, SentenceError> {
        self.whole_number("a number of attempts", 1, MAX_RETRY)
    }

    /// A whole number within bounds.
    pub(super) fn whole_number(
        &mut self,
        what: &str,
        from: u32,
        to: u32,
    ) -> Result<u32, SentenceError> {
        let Some(token) = self.peek().cloned() else { return Err(self.expected(what)) };
        let Kind::Number(number) = token.kind else { return Err(self.expected(what)) };
        self.at += 1;
        whole(number, from, to)
            .ok_or_else(|| SentenceError::new(token.span, format!("{what} from {from} to {to}")))
    }
}
