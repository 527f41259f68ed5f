//! MySQL, PostgreSQL, MongoDB, Redis, memcached and Oracle's listener.

use super::{Example, Step, hears, replies, says};
use crate::protocol::digest::{hmac_sha256, sha256};
use crate::protocol::scripted::named;
use crate::protocol::{Conversation, Login, Pgsql};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn ann() -> Option<Login> {
    Some(Login { username: "ann".to_owned(), password: Some("/etc/p".into()) })
}

/// A message of MySQL.
fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8, 0, 0, number], body].concat()
}

fn greeting(plugin: &str) -> Step {
    let head =
        b"\x0a8.0.36\0\x01\0\0\0saltsalt\0\xff\xff\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0";
    let body = [head.as_slice(), b"pepperpepper\0", plugin.as_bytes(), b"\0"].concat();
    says(packet(0, &body))
}

fn mysql(login: Option<Login>, plugin: &str, rest: &[(u8, &[u8])]) -> Example {
    let mut steps = vec![greeting(plugin), hears("_password\0")];
    for (number, body) in rest {
        steps.push(says(packet(*number, body)));
    }
    steps.push(hears("\x01\0\0\0\x01"));
    Example::new(named("mysql").with_login(login), steps)
}

const NATIVE: &str = "mysql_native_password";
const CACHING: &str = "caching_sha2_password";
const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const DENIED: &[u8] = b"\xff\x15\x04#28000Access denied";

#[test]
fn mysql_logs_in() {
    let full = [(2, b"\x01\x04".as_slice()), (4, OK)];
    let switch = b"\xfemysql_native_password\0saltsaltpepperpepper\0";
    let odd = b"\xfeclient_ed25519\0saltsaltpepperpepper\0";
    let unsaid = "MYSQL: the server wants the password as it is, which is said over TLS or a Unix socket only";
    for (example, wanted) in [
        (mysql(None, NATIVE, &[(2, DENIED)]), "ok"),
        (mysql(ann(), NATIVE, &[(2, OK)]), "ok"),
        (mysql(ann(), NATIVE, &[(2, DENIED)]), "MYSQL: error 1045: #28000Access denied"),
        (
            mysql(None, NATIVE, &[(2, b"\xff\x10\x04#08004Too many")]),
            "MYSQL: error 1040: #08004Too many",
        ),
        (mysql(ann(), CACHING, &[(2, b"\x01\x03"), (3, OK)]), "ok"),
        (mysql(ann(), CACHING, &full), unsaid),
        (mysql(ann(), CACHING, &full).private(), "ok"),
        (mysql(ann(), "dialog", &[(2, switch), (4, OK)]), "ok"),
        (mysql(ann(), NATIVE, &[(2, odd)]), "MYSQL: the login `client_ed25519` is not supported"),
        (mysql(None, NATIVE, &[(2, odd), (4, DENIED)]), "ok"),
        (mysql(ann(), NATIVE, &[(2, b"\x07")]), "MYSQL: unknown answer 7"),
        (mysql(ann(), CACHING, &[(2, b"\x01\x03".as_slice()); 9]), "MYSQL: no end of the login"),
        (
            Example::new(named("mysql"), vec![says(packet(0, b"\xff\x6a\x04Host blocked"))]),
            "MYSQL: error 1130: Host blocked",
        ),
        (
            Example::new(named("mysql"), vec![says(b"SSH-2.0-OpenSSH_9.2\r\n")]),
            "a message of 4739923 bytes, over 65536",
        ),
    ] {
        assert_eq!(example.verdict(), wanted, "{example:?}");
    }
}

/// Proofs as MySQL itself computes them for these salts.
#[test]
fn mysql_proves_the_password() {
    for (plugin, proof) in [(NATIVE, sha1_proof()), (CACHING, sha256_proof())] {
        let example = mysql(ann(), plugin, &[(2, OK)]);
        let (_, heard) = super::talk(&example.protocol, &example.peer, &example.steps);
        let at = heard.windows(4).position(|window| window == b"ann\0").unwrap() + 4;
        assert_eq!(usize::from(heard[at]), proof.len());
        assert_eq!(heard[at + 1..at + 1 + proof.len()], proof, "{plugin}");
    }
}

const SALT: &[u8] = b"saltsaltpepperpepper";

fn sha1_proof() -> Vec<u8> {
    use sha1::{Digest, Sha1};
    let once = Sha1::digest(b"secret");
    let mask = Sha1::new().chain_update(SALT).chain_update(Sha1::digest(once)).finalize();
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

fn sha256_proof() -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let once = Sha256::digest(b"secret");
    let mask = Sha256::new().chain_update(Sha256::digest(once)).chain_update(SALT);
    once.iter().zip(mask.finalize()).map(|(a, b)| a ^ b).collect()
}

/// A message of PostgreSQL.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, body.len() as u8 + 4], body].concat()
}

fn wants(what: u8, more: &[u8]) -> Step {
    says(message(b'R', &[&[0, 0, 0, what], more].concat()))
}

fn pgsql(login: Option<Login>, steps: Vec<Step>) -> Example {
    let first = vec![hears("ebpf-watchdog\0\0")];
    let protocol = named("pgsql").with(Conversation::Pgsql(Pgsql { login, database: None }));
    Example::new(protocol, [first, steps, vec![hears("X\0\0\0\x04")]].concat())
}

fn ready() -> Step {
    let status = message(b'S', b"server_version\x0015\0");
    says([message(b'R', &[0; 4]), status, message(b'Z', b"I")].concat())
}

fn failed(code: &str, text: &str) -> Step {
    says(message(b'E', format!("SFATAL\0C{code}\0M{text}\0\0").as_bytes()))
}

const ROUNDS: u32 = 10;

fn scram(right: bool) -> Vec<Step> {
    let server_first: fn(&[u8]) -> Vec<u8> = |heard| {
        let text = String::from_utf8_lossy(heard);
        let nonce = text.split("r=").nth(1).unwrap_or("");
        let salt = STANDARD.encode("salt");
        let text = format!("r={nonce}server,s={salt},i={ROUNDS}");
        message(b'R', &[&[0, 0, 0, 11], text.as_bytes()].concat())
    };
    let server_last: fn(&[u8]) -> Vec<u8> = |heard| {
        let text = String::from_utf8_lossy(heard);
        let nonce = text.split("r=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("");
        let ours = nonce.strip_suffix("server").unwrap_or("");
        let salt = STANDARD.encode("salt");
        let all = format!("n=,r={ours},r={nonce},s={salt},i={ROUNDS},c=biws,r={nonce}");
        let mut last = hmac_sha256(b"secret", b"salt\0\0\0\x01");
        let mut salted = last;
        for _ in 1..ROUNDS {
            last = hmac_sha256(b"secret", &last);
            salted.iter_mut().zip(last).for_each(|(a, b)| *a ^= b);
        }
        // The client's proof is right too.
        let key = hmac_sha256(&salted, b"Client Key");
        let sign = hmac_sha256(&sha256(&[&key]), all.as_bytes());
        let proof: Vec<u8> = key.iter().zip(sign).map(|(a, b)| a ^ b).collect();
        if !text.ends_with(&format!(",p={}", STANDARD.encode(proof))) {
            return message(b'E', b"C28P01\0Mno\0\0");
        }
        let sign = hmac_sha256(&hmac_sha256(&salted, b"Server Key"), all.as_bytes());
        let text = format!("v={}", STANDARD.encode(sign));
        message(b'R', &[&[0, 0, 0, 12], text.as_bytes()].concat())
    };
    let first = [wants(10, b"SCRAM-SHA-256\0\0"), Step::Takes(67), replies(server_first)];
    // Kind, length, `c=biws,r=`, both nonces, `,p=` and the proof.
    let last = [Step::Takes(5 + 9 + 36 + 6 + 3 + 44), replies(server_last)];
    let wrong = [Step::Takes(5), wants(12, b"v=AAAA")];
    [first.to_vec(), if right { last.to_vec() } else { wrong.to_vec() }, vec![ready()]].concat()
}

#[test]
fn pgsql_logs_in() {
    let unsaid = "PGSQL: the server wants the password as it is, which is said over TLS or a Unix socket only";
    let bob = Some(Login { username: "bob".to_owned(), password: None });
    for (example, wanted) in [
        (pgsql(None, vec![ready()]), "ok"),
        (pgsql(None, vec![wants(10, b"SCRAM-SHA-256\0\0")]), "ok"),
        (pgsql(bob, vec![wants(5, b"salt")]), "ok"),
        (pgsql(None, vec![failed("28000", "no entry")]), "ok"),
        (pgsql(None, vec![failed("3D000", "no database")]), "ok"),
        (pgsql(None, vec![failed("57P03", "starting up")]), "PGSQL: error 57P03: starting up"),
        (pgsql(ann(), vec![failed("28P01", "no")]), "PGSQL: error 28P01: no"),
        (pgsql(ann(), vec![ready()]), "ok"),
        (pgsql(ann(), vec![wants(3, b""), hears("secret\0"), ready()]).private(), "ok"),
        (pgsql(ann(), vec![wants(3, b"")]), unsaid),
        // md5(md5("secretann") + "salt")
        (pgsql(ann(), vec![wants(5, b"salt"), hears(pg_md5()), ready()]), "ok"),
        (pgsql(ann(), scram(true)), "ok"),
        (pgsql(ann(), scram(false)), "SCRAM: the server does not know the password"),
        (
            pgsql(ann(), vec![wants(10, b"SCRAM-SHA-256\0\0"), Step::Takes(67), ready()]),
            "PGSQL: the server has not proved itself",
        ),
        (
            pgsql(
                ann(),
                vec![wants(10, b"SCRAM-SHA-256\0\0"), wants(11, b"r=x,s=c2FsdA==,i=4096")],
            ),
            "SCRAM: the server's first message is wrong",
        ),
        (pgsql(ann(), vec![wants(7, b"")]), "PGSQL: the login 7 is not supported"),
        (
            pgsql(None, vec![says("HTTP/1.1 400 Bad Request\r\n\r\n")]),
            "a message of 1414811691 bytes, over 65536",
        ),
    ] {
        assert_eq!(example.verdict(), wanted, "{example:?}");
    }
}

fn pg_md5() -> String {
    use md5::{Digest, Md5};
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let inner = hex(&Md5::digest(b"secretann"));
    format!("md5{}\0", hex(&Md5::digest([inner.as_bytes(), b"salt"].concat())))
}

fn mongodb(document: &[u8]) -> Vec<Step> {
    let length = 16 + 5 + document.len() as u8;
    let head = [length, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0xdd, 7, 0, 0, 0, 0, 0, 0, 0];
    vec![hears("admin\0\0"), says([&head, document].concat())]
}

const WELL: &[u8] = b"\x11\0\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0";

#[test]
fn a_word_is_enough_for_some() {
    let unwell = b"\x22\0\0\0\x02errmsg\0\x04\0\0\0bad\0\x01ok\0\0\0\0\0\0\0\0\0\0";
    let nested = b"\x1b\0\0\0\x03a\0\x05\0\0\0\0\x08b\0\x01\x01ok\0\0\0\0\0\0\0\xf0\x3f\0";
    let tns = |kind| vec![hears("ping))"), says([0, 12, 0, 0, kind, 0, 0, 0, 1, 2, 3, 4])];
    let redis = |text: &str| vec![hears("PING\r\n"), says(text)];
    let memcache = |text: &str| vec![hears("version\r\n"), says(text)];
    for (protocol, steps, wanted) in [
        (named("redis"), redis("+PONG\r\n"), "ok"),
        (named("redis"), redis("-NOAUTH Authentication required.\r\n"), "ok"),
        (named("redis"), redis("-LOADING wait\r\n"), "REDIS: -LOADING wait"),
        (named("memcache"), memcache("VERSION 1.6.18\r\n"), "ok"),
        (named("memcache"), memcache("ERROR\r\n"), "MEMCACHE: ERROR"),
        (named("mongodb"), mongodb(WELL), "ok"),
        (named("mongodb"), mongodb(nested), "ok"),
        (named("mongodb"), mongodb(unwell), "MONGODB: the server is not well: bad"),
        (named("mongodb"), mongodb(b"\x05\0\0\0\x63"), "the answer is cut short"),
        (named("tns"), tns(4), "ok"),
        (named("tns"), tns(11), "ok"),
        (named("tns"), tns(6), "TNS: type 6 is no answer to a connection"),
    ] {
        assert_eq!(super::verdict(&protocol, &steps), wanted, "{protocol:?} {steps:?}");
    }
}

pub(super) fn examples() -> Vec<Example> {
    let plain = |protocol, steps| Example::new(protocol, steps);
    vec![
        mysql(None, NATIVE, &[(2, DENIED)]),
        mysql(ann(), CACHING, &[(2, b"\x01\x04"), (4, OK)]).private(),
        mysql(
            ann(),
            "dialog",
            &[(2, b"\xfemysql_native_password\0saltsaltpepperpepper\0"), (4, OK)],
        ),
        pgsql(None, vec![failed("28000", "no entry")]),
        pgsql(ann(), vec![wants(5, b"salt"), hears(pg_md5()), ready()]),
        pgsql(ann(), scram(true)),
        plain(named("redis"), vec![hears("PING\r\n"), says("+PONG\r\n")]),
        plain(named("memcache"), vec![hears("version\r\n"), says("VERSION 1.6.18\r\n")]),
        plain(named("mongodb"), mongodb(WELL)),
        plain(named("tns"), vec![hears("ping))"), says([0, 12, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4])]),
    ]
}
