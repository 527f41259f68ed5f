//! What a protocol's file says of it: its names and ports, and its conversation with the options that
//! sentences may give it.
//!
//! Not here: any protocol, and the list of all of them (`protocol.rs`).

use std::fmt;
use std::path::Path;
use std::pin::Pin;

use super::{
    ApacheStatus, Http, Login, Peer, Pgsql, ProtocolError, Radius, Sip, Stream, Websocket,
};

/// One name of a protocol, and all that belongs to it.
#[derive(Debug)]
pub struct Definition {
    /// In sentences; Monit's.
    pub name: &'static str,
    /// In Monit's log.
    pub title: &'static str,
    /// Where a sentence names no port, as in `failed url https://…`; 0 where there is no usual one.
    pub port: u16,
    /// Whether the name alone says that it is talked inside TLS (`https`).
    pub tls: bool,
    /// What is said where the sentence has no options.
    pub conversation: Conversation,
}

/// A conversation that goes on. On the heap, so that all have one type: a connection costs far more.
pub(super) type Talking<'a, T = ()> =
    Pin<Box<dyn Future<Output = Result<T, ProtocolError>> + Send + 'a>>;

/// What options make of a conversation.
pub(super) trait Converse: fmt::Display + Sync {
    /// Talks until it is clear that the server is alive.
    ///
    /// # Errors
    /// The server says something wrong, or hangs up.
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a>;

    /// Talks until TLS may begin, where the server wants to be asked for TLS. Most are not: then nothing is
    /// said, and nothing comes back.
    ///
    /// # Errors
    /// The server says something wrong, does not want TLS, or hangs up.
    fn before_tls<'a>(&'a self, _stream: &'a mut dyn Stream) -> Talking<'a, Option<Vec<u8>>> {
        nothing_before_tls()
    }

    /// The file of root's with the password to be said. Who makes the connection reads it at each one, and
    /// gives it as [`Peer::password`].
    fn password_file(&self) -> Option<&Path> {
        None
    }

    /// What is asked for, as Monit adds it to the port.
    fn request(&self) -> &str {
        ""
    }
}

fn nothing_before_tls<'a>() -> Talking<'a, Option<Vec<u8>>> {
    Box::pin(async { Ok(None) })
}

/// What is said, with the options of the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation {
    /// The same always: most protocols have no options.
    Plain(Plain),
    /// Who logs in, and nothing else.
    WithLogin(WithLogin),
    /// Of `apache-status`.
    ApacheStatus(ApacheStatus),
    /// Of `http` and `https`.
    Http(Http),
    /// Of `pgsql`.
    Pgsql(Pgsql),
    /// Of `radius`.
    Radius(Radius),
    /// Of `sip`.
    Sip(Sip),
    /// Of `websocket`.
    Websocket(Websocket),
}

impl Conversation {
    /// Whatever it is.
    pub(super) fn any(&self) -> &dyn Converse {
        match self {
            Self::Plain(plain) => plain,
            Self::WithLogin(with) => with,
            Self::ApacheStatus(status) => status,
            Self::Http(http) => http,
            Self::Pgsql(pgsql) => pgsql,
            Self::Radius(radius) => radius,
            Self::Sip(sip) => sip,
            Self::Websocket(websocket) => websocket,
        }
    }
}

/// A conversation without options.
#[derive(Clone, Copy)]
pub struct Plain(Talk);

type Talk = for<'a> fn(&'a mut dyn Stream, &'a Peer<'a>) -> Talking<'a>;

/// A conversation without options, for its [`Definition`].
pub(super) const fn plain(talk: Talk) -> Conversation {
    Conversation::Plain(Plain(talk))
}

impl Converse for Plain {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        (self.0)(stream, peer)
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}

/// There is nothing in which two could differ but the protocol's name.
impl PartialEq for Plain {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Plain {}

/// A conversation whose only option is who logs in.
#[derive(Clone)]
pub struct WithLogin {
    pub(super) talk: TalkAs,
    /// Where the server wants to be asked for TLS.
    pub(super) before_tls: Option<BeforeTls>,
    /// Whether nobody can log in without one.
    pub(crate) needs_password: bool,
    /// None: only whether the server answers.
    pub(super) login: Option<Login>,
}

type TalkAs = for<'a> fn(Option<&'a Login>, &'a mut dyn Stream, &'a Peer<'a>) -> Talking<'a>;
type BeforeTls = for<'a> fn(&'a mut dyn Stream) -> Talking<'a, Option<Vec<u8>>>;

impl Converse for WithLogin {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        (self.talk)(self.login.as_ref(), stream, peer)
    }

    fn before_tls<'a>(&'a self, stream: &'a mut dyn Stream) -> Talking<'a, Option<Vec<u8>>> {
        self.before_tls.map_or_else(nothing_before_tls, |ask| ask(stream))
    }

    fn password_file(&self) -> Option<&Path> {
        self.login.as_ref()?.password.as_deref()
    }
}

impl fmt::Display for WithLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.login.iter().try_for_each(|login| login.fmt(f))
    }
}

impl fmt::Debug for WithLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithLogin").field(&self.login).finish()
    }
}

/// The rest goes with the protocol's name.
impl PartialEq for WithLogin {
    fn eq(&self, other: &Self) -> bool {
        self.login == other.login
    }
}

impl Eq for WithLogin {}
