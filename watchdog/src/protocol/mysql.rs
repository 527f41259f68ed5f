//! MySQL and MariaDB: the greeting and a login ("Connection Phase" in MySQL's reference of its protocol,
//! MariaDB's "Connection" page).
//!
//! Without a user an empty one is tried, and being refused is an answer: who only reads the greeting and
//! hangs up is counted by the server as a broken connection, until it blocks the host. Not here: TLS
//! itself; the request for it is.

use super::bytes::{Fields, exactly};
use super::conversation::WithLogin;
use super::digest::{sha1, sha256};
use super::login::Login;
use super::{Conversation, Definition, Peer, ProtocolError, Stream, leave, say};

pub(super) const PROTOCOLS: &[Definition] = &[
    Definition {
        name: "mysql",
        title: "MYSQL",
        port: 3306,
        tls: false,
        conversation: CONVERSATION,
    },
    Definition {
        name: "mysqls",
        title: "MYSQL",
        port: 3306,
        tls: true,
        conversation: CONVERSATION,
    },
];

const CONVERSATION: Conversation = Conversation::WithLogin(WithLogin {
    talk: |login, stream, peer| Box::pin(talk(login, stream, peer)),
    before_tls: Some(|stream| Box::pin(before_tls(stream))),
    needs_password: false,
    login: None,
});

/// No message of a login is longer.
const LONGEST: usize = 64 << 10;
/// Messages between the greeting and the verdict.
const MESSAGES: usize = 8;

// Capabilities.
const TLS: u32 = 0x800;
const PLUGINS: u32 = 0x8_0000;
/// Long passwords, the protocol of 4.1, its authentication.
const OURS: u32 = 0x1 | 0x200 | 0x8000 | PLUGINS;

const NATIVE: &str = "mysql_native_password";
const CACHING: &str = "caching_sha2_password";

/// What the server says first.
struct Greeting {
    capabilities: u32,
    salt: Vec<u8>,
    plugin: String,
}

impl Greeting {
    fn read(message: &[u8]) -> Result<Self, ProtocolError> {
        let mut fields = Fields(message);
        match fields.byte()? {
            10 => {}
            0xff => return Err(refusal(fields)),
            other => return Err(ProtocolError::new(format!("protocol version {other}, not 10"))),
        }
        let _version = fields.text()?;
        let _thread = fields.array::<4>()?;
        let mut salt = fields.bytes(8)?.to_vec();
        let _filler = fields.byte()?;
        let low = u16::from_le_bytes(fields.array()?);
        let _charset_and_status = fields.array::<3>()?;
        let high = u16::from_le_bytes(fields.array()?);
        let length = usize::from(fields.byte()?);
        let _reserved = fields.array::<10>()?;
        let more = fields.bytes(length.saturating_sub(8).max(13))?;
        salt.extend(more.iter().copied().take(12));
        let capabilities = u32::from(high) << 16 | u32::from(low);
        let plugin = if capabilities & PLUGINS == 0 { NATIVE.to_owned() } else { fields.text()? };
        Ok(Self { capabilities, salt, plugin })
    }
}

/// A message of the server, and the number of the next one.
async fn message(stream: &mut dyn Stream) -> Result<(Vec<u8>, u8), ProtocolError> {
    let head = exactly(stream, 4, 4).await?;
    let &[a, b, c, number] = head.as_slice() else { return Err(ProtocolError::hang_up()) };
    let length = u32::from_le_bytes([a, b, c, 0]) as usize;
    Ok((exactly(stream, length, LONGEST).await?, number.wrapping_add(1)))
}

async fn send(stream: &mut dyn Stream, number: u8, body: &[u8]) -> Result<(), ProtocolError> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let [a, b, c, _] = length;
    say(stream, &[&[a, b, c, number], body].concat()).await
}

/// An error message behind its first byte.
fn refusal(mut fields: Fields<'_>) -> ProtocolError {
    let code = fields.array().map_or(0, u16::from_le_bytes);
    let text = String::from_utf8_lossy(fields.rest());
    ProtocolError::new(format!("MYSQL: error {code}: {text}"))
}

/// Reads the greeting and asks for TLS; gives the greeting.
async fn before_tls(stream: &mut dyn Stream) -> Result<Option<Vec<u8>>, ProtocolError> {
    let (message, number) = message(stream).await?;
    if Greeting::read(&message)?.capabilities & TLS == 0 {
        return Err(ProtocolError::new("MYSQL: the server has no TLS"));
    }
    send(stream, number, &begin(OURS | TLS)).await?;
    Ok(Some(message))
}

/// The beginning of a login, and all of a request for TLS.
fn begin(capabilities: u32) -> Vec<u8> {
    let mut body = capabilities.to_le_bytes().to_vec();
    body.extend((LONGEST as u32).to_le_bytes());
    // utf8mb4_general_ci, and what is reserved.
    body.push(45);
    body.resize(body.len() + 23, 0);
    body
}

/// Logs in and leaves.
async fn talk(
    login: Option<&Login>,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<(), ProtocolError> {
    let (greeting, number, capabilities) = match peer.greeting {
        Some(greeting) => (greeting.to_vec(), 2, OURS | TLS),
        None => {
            let (greeting, number) = message(stream).await?;
            (greeting, number, OURS)
        }
    };
    let Greeting { salt, plugin, .. } = Greeting::read(&greeting)?;
    let password = login.and(peer.password).unwrap_or_default();
    // What we do not know the server may yet exchange for what we do.
    let known = [NATIVE, CACHING].contains(&plugin.as_str());
    let mut plugin = if known { plugin } else { NATIVE.to_owned() };
    let proof = prove(&plugin, password, &salt, peer)?;
    let mut body = begin(capabilities);
    body.extend(login.map_or("", |login| &login.username).as_bytes());
    body.push(0);
    body.push(u8::try_from(proof.len()).unwrap_or(0));
    body.extend(proof);
    body.extend(plugin.as_bytes());
    body.push(0);
    send(stream, number, &body).await?;
    for _ in 0..MESSAGES {
        let (message, number) = message(stream).await?;
        let mut fields = Fields(&message);
        match fields.byte()? {
            0 => {
                leave(stream, &[1, 0, 0, 0, 1]).await;
                return Ok(());
            }
            // `#28000` behind the code: refused, by one who is alive.
            0xff if login.is_none() && fields.rest().get(2..8) == Some(b"#28000") => return Ok(()),
            0xff => return Err(refusal(fields)),
            0xfe => {
                plugin = fields.text()?;
                let salt = fields.rest();
                let salt = salt.strip_suffix(&[0]).unwrap_or(salt);
                // Who has no user proves nothing.
                let proof = match login {
                    Some(_) => prove(&plugin, password, salt, peer)?,
                    None => Vec::new(),
                };
                send(stream, number, &proof).await?;
            }
            1 if plugin == CACHING => match fields.byte()? {
                3 => {}
                4 => send(stream, number, &as_it_is(password, peer)?).await?,
                other => return Err(ProtocolError::new(format!("MYSQL: unknown step {other}"))),
            },
            other => return Err(ProtocolError::new(format!("MYSQL: unknown answer {other}"))),
        }
    }
    Err(ProtocolError::new("MYSQL: no end of the login"))
}

/// What proves to know the password.
fn prove(
    plugin: &str,
    password: &str,
    salt: &[u8],
    peer: &Peer<'_>,
) -> Result<Vec<u8>, ProtocolError> {
    if password.is_empty() {
        return Ok(Vec::new());
    }
    let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect();
    match plugin {
        NATIVE => {
            let once = sha1(&[password.as_bytes()]);
            Ok(xor(&once, &sha1(&[salt, &sha1(&[&once])])))
        }
        CACHING => {
            let once = sha256(&[password.as_bytes()]);
            Ok(xor(&once, &sha256(&[&sha256(&[&once]), salt])))
        }
        "mysql_clear_password" | "sha256_password" => as_it_is(password, peer),
        other => Err(ProtocolError::new(format!("MYSQL: the login `{other}` is not supported"))),
    }
}

/// The password, where nobody else reads along.
fn as_it_is(password: &str, peer: &Peer<'_>) -> Result<Vec<u8>, ProtocolError> {
    if !peer.private {
        return Err(ProtocolError::new(
            "MYSQL: the server wants the password as it is, which is said over TLS or a Unix socket only",
        ));
    }
    Ok([password.as_bytes(), &[0]].concat())
}
