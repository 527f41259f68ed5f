//! PostgreSQL: start-up and login (chapter "Frontend/Backend Protocol" of its manual; RFC 5802 and
//! RFC 7677 for SCRAM-SHA-256).
//!
//! Without a user any is asked for, and being refused as unknown is an answer; being told that the server
//! starts, stops or is full is none. Not here: TLS itself; the request for it is.

use std::fmt;
use std::path::Path;

use super::bytes::{Fields, exactly};
use super::conversation::{Converse, Talking};
use super::digest::{hex, md5};
use super::login::Login;
use super::scram::Scram;
use super::{Conversation, Definition, Peer, ProtocolError, Quoted, Stream, leave, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "pgsql",
    title: "PGSQL",
    port: 5432,
    tls: false,
    conversation: Conversation::Pgsql(Pgsql::PLAIN),
}];

/// No message of a login is longer.
const LONGEST: usize = 64 << 10;
/// Messages before the server is ready.
const MESSAGES: usize = 100;
const TERMINATE: &[u8] = b"X\0\0\0\x04";

/// Who logs in, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pgsql {
    /// None: only whether the server answers.
    pub login: Option<Login>,
    /// None: that of the user's name.
    pub database: Option<String>,
}

impl Pgsql {
    /// Only whether it answers.
    pub const PLAIN: Self = Self { login: None, database: None };
}

impl fmt::Display for Pgsql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(login) = &self.login {
            login.fmt(f)?;
        }
        match &self.database {
            Some(name) => write!(f, " database {}", Quoted(name)),
            None => Ok(()),
        }
    }
}

impl Converse for Pgsql {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        Box::pin(talk(self, stream, peer))
    }

    fn before_tls<'a>(&'a self, stream: &'a mut dyn Stream) -> Talking<'a, Option<Vec<u8>>> {
        Box::pin(before_tls(stream))
    }

    fn password_file(&self) -> Option<&Path> {
        self.login.as_ref()?.password.as_deref()
    }
}

/// Asks for TLS.
async fn before_tls(stream: &mut dyn Stream) -> Result<Option<Vec<u8>>, ProtocolError> {
    say(stream, &[8_i32.to_be_bytes(), 80_877_103_i32.to_be_bytes()].concat()).await?;
    match exactly(stream, 1, 1).await?.as_slice() {
        b"S" => Ok(None),
        b"N" => Err(ProtocolError::new("PGSQL: the server has no TLS")),
        _ => Err(ProtocolError::new("PGSQL: the server does not know TLS")),
    }
}

/// A message: its kind and body.
async fn message(stream: &mut dyn Stream) -> Result<(u8, Vec<u8>), ProtocolError> {
    let head = exactly(stream, 5, 5).await?;
    let mut fields = Fields(&head);
    let kind = fields.byte()?;
    let length = u32::from_be_bytes(fields.array()?) as usize;
    let body = length.checked_sub(4).ok_or_else(|| ProtocolError::new("PGSQL: a bad length"))?;
    Ok((kind, exactly(stream, body, LONGEST).await?))
}

async fn send(stream: &mut dyn Stream, kind: &[u8], body: &[u8]) -> Result<(), ProtocolError> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    say(stream, &[kind, &length.to_be_bytes(), body].concat()).await
}

/// An error's code and text.
fn refusal(body: &[u8]) -> (String, ProtocolError) {
    let (mut code, mut text) = (String::new(), String::new());
    let mut fields = Fields(body);
    while let (Ok(kind), Ok(value)) = (fields.byte(), fields.text()) {
        match kind {
            b'C' => code = value,
            b'M' => text = value,
            _ => {}
        }
    }
    let error = ProtocolError::new(format!("PGSQL: error {code}: {text}"));
    (code, error)
}

/// Logs in and leaves.
async fn talk(
    pgsql: &Pgsql,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<(), ProtocolError> {
    let user = pgsql.login.as_ref().map_or("root", |login| &login.username);
    let database = pgsql.database.as_deref().unwrap_or(user);
    let words = ["user", user, "database", database, "application_name", "ebpf-watchdog"];
    let mut start = 196_608_u32.to_be_bytes().to_vec();
    for word in words {
        start.extend(word.as_bytes());
        start.push(0);
    }
    start.push(0);
    send(stream, b"", &start).await?;
    let password = pgsql.login.as_ref().and_then(|login| login.password.as_ref());
    let password = password.and(peer.password);
    let mut scram = Scram::default();
    for _ in 0..MESSAGES {
        let (kind, body) = message(stream).await?;
        match kind {
            b'E' => {
                let (code, error) = refusal(&body);
                // Refused, or no such database: said by one who is alive.
                let alive = code.starts_with("28") || code == "3D000";
                return if alive && pgsql.login.is_none() { Ok(()) } else { Err(error) };
            }
            b'R' => {
                let mut fields = Fields(&body);
                let wants = u32::from_be_bytes(fields.array()?);
                if wants == 0 {
                    if scram.is_open() {
                        return Err(ProtocolError::new("PGSQL: the server has not proved itself"));
                    }
                    continue;
                }
                // To be asked for a password is an answer where none is configured.
                let Some(password) = password else {
                    leave(stream, TERMINATE).await;
                    return Ok(());
                };
                if let Some(answer) =
                    answer(wants, fields, user, password, &mut scram, peer).await?
                {
                    send(stream, b"p", &answer).await?;
                }
            }
            b'Z' => {
                leave(stream, TERMINATE).await;
                return Ok(());
            }
            // Parameters, keys, notices, other versions of the protocol.
            b'S' | b'K' | b'N' | b'v' => {}
            _ => return Err(ProtocolError::new("PGSQL: this is no PostgreSQL")),
        }
    }
    Err(ProtocolError::new("PGSQL: no end of the login"))
}

/// What the server wants to hear about the password.
async fn answer(
    wants: u32,
    mut fields: Fields<'_>,
    user: &str,
    password: &str,
    scram: &mut Scram,
    peer: &Peer<'_>,
) -> Result<Option<Vec<u8>>, ProtocolError> {
    match wants {
        3 if peer.private => Ok(Some([password.as_bytes(), &[0]].concat())),
        3 => Err(ProtocolError::new(
            "PGSQL: the server wants the password as it is, which is said over TLS or a Unix socket only",
        )),
        5 => {
            let salt = fields.array::<4>()?;
            let inner = hex(&md5(&[password.as_bytes(), user.as_bytes()]));
            let outer = hex(&md5(&[inner.as_bytes(), &salt]));
            Ok(Some(format!("md5{outer}\0").into_bytes()))
        }
        10 => {
            let mut offered = std::iter::from_fn(|| fields.text().ok().filter(|t| !t.is_empty()));
            if !offered.any(|name| name == "SCRAM-SHA-256") {
                return Err(ProtocolError::new("PGSQL: the server does not offer SCRAM-SHA-256"));
            }
            let first = scram.first()?;
            let length = u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes();
            Ok(Some([b"SCRAM-SHA-256\0".as_slice(), &length, first.as_bytes()].concat()))
        }
        11 => scram.second(fields.rest(), password).await.map(|text| Some(text.into_bytes())),
        12 => scram.verify(fields.rest()).map(|()| None),
        other => Err(ProtocolError::new(format!("PGSQL: the login {other} is not supported"))),
    }
}
