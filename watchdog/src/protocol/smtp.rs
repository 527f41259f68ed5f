//! SMTP: the greeting, EHLO or HELO, a login where the sentence has one, QUIT (RFC 5321, sections 3.1
//! and 3.2; RFC 4954 for the login, RFC 4616 for its form PLAIN).
//!
//! Not here: TLS. `smtps` is this over a stream that has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::conversation::WithLogin;
use super::reply::{ask, begins, quit, reply};
use super::{Conversation, Definition, Login, Peer, ProtocolError, Stream};

pub(super) const PROTOCOLS: &[Definition] = &[
    Definition { name: "smtp", title: "SMTP", port: 25, tls: false, conversation: CONVERSATION },
    Definition { name: "smtps", title: "SMTP", port: 465, tls: true, conversation: CONVERSATION },
];

const CONVERSATION: Conversation = Conversation::WithLogin(WithLogin {
    talk: |login, stream, peer| Box::pin(talk(login, stream, peer)),
    before_tls: None,
    needs_password: true,
    login: None,
});

/// Codes by which a server says that it does not know EHLO (RFC 5321, section 4.1.4).
const NO_EHLO: [u16; 4] = [500, 501, 502, 504];

/// Greets, logs in and leaves.
async fn talk(
    login: Option<&Login>,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<(), ProtocolError> {
    reply(stream).await?.expect(&[220])?;
    let name = own_name();
    let greeted = ask(stream, &format!("EHLO {name}")).await?;
    let greeted = if NO_EHLO.contains(&greeted.code) {
        ask(stream, &format!("HELO {name}")).await?
    } else {
        greeted
    }
    .expect(&[250])?;
    if let Some(login) = login {
        authenticate(stream, peer, login, &greeted.lines).await?;
    }
    quit(stream, 221).await
}

/// The password is said inside TLS or a Unix socket only.
async fn authenticate(
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
    login: &Login,
    extensions: &[String],
) -> Result<(), ProtocolError> {
    let Some(password) = peer.password else {
        return Err(ProtocolError::new("there is no password"));
    };
    if !peer.private {
        return Err(ProtocolError::new("a password is not said without TLS"));
    }
    // Some old servers write `AUTH=PLAIN`.
    let mechanisms: Vec<&str> = extensions
        .iter()
        .filter(|line| begins(line, "AUTH ") || begins(line, "AUTH="))
        .flat_map(|line| line.split([' ', '=']).skip(1))
        .collect();
    let offered = |name: &str| mechanisms.iter().any(|each| each.eq_ignore_ascii_case(name));
    let username = &login.username;
    if offered("PLAIN") {
        let secret = STANDARD.encode(format!("\0{username}\0{password}"));
        ask(stream, &format!("AUTH PLAIN {secret}")).await?.expect(&[235])?;
    } else if offered("LOGIN") {
        ask(stream, "AUTH LOGIN").await?.expect(&[334])?;
        ask(stream, &STANDARD.encode(username)).await?.expect(&[334])?;
        ask(stream, &STANDARD.encode(password)).await?.expect(&[235])?;
    } else {
        return Err(ProtocolError::new("the server offers neither AUTH PLAIN nor AUTH LOGIN"));
    }
    Ok(())
}

/// The name that we greet with: this host's, where it can stand in a greeting.
pub(super) fn own_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !name.is_empty() && name.chars().all(fits) { name } else { "localhost".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, check_from, named};
    use super::*;
    use crate::protocol::Carrier;

    #[test]
    fn conversations() {
        check(
            &named("smtp"),
            &[
                ("<220 mail ESMTP\n>EHLO \n<250-mail\n<250 HELP\n>QUIT\n<221 bye", ""),
                ("<220-mail\n<220 \n>EHLO \n<502 what?\n>HELO \n<250 mail\n>QUIT\n<221 bye", ""),
                ("<220\n>EHLO \n<250\n>QUIT", ""),
                ("<220 mail\n>EHLO \n<250 mail\n>QUIT\n<451 no", "the server answers `451 no`"),
                ("<220 mail\n>EHLO \n<502 what?\n>HELO \n<550 no", "the server answers `550 no`"),
                ("<220 mail\n>EHLO \n<421 leaving", "the server answers `421 leaving`"),
                ("<220 mail\n>EHLO \n<250-mail", "the server hung up"),
                ("<554 no service", "the server answers `554 no service`"),
                ("<HTTP/1.1 400 Bad Request", "the server answers `HTTP/1.1 400"),
                ("<.22", "the server hung up"),
            ],
        );
    }

    #[test]
    fn logins() {
        let login = Login { username: "bob".to_owned(), password: Some("/etc/secret".into()) };
        let smtps = named("smtps").with_login(Some(login));
        let hello = "<220 mail\n>EHLO \n<250-mail\n<250-AUTH CRAM-MD5 ";
        let bye = ">QUIT\n<221 bye";
        // "\0bob\0pass", "bob", "pass"
        let plain = format!("{hello}LOGIN PLAIN\n<250 HELP\n>AUTH PLAIN AGJvYgBwYXNz\n<");
        let in_steps =
            format!("{hello}LOGIN\n<250 HELP\n>AUTH LOGIN\n<334 x\n>Ym9i\n<334 x\n>cGFzcw==\n<");
        let cases = [
            (format!("{plain}235 welcome\n{bye}"), ""),
            (format!("{plain}535 wrong"), "the server answers `535 wrong`"),
            (format!("{in_steps}235 welcome\n{bye}"), ""),
            (format!("{in_steps}535 wrong"), "the server answers `535 wrong`"),
            (format!("{hello}\n<250 HELP"), "neither AUTH PLAIN nor AUTH LOGIN"),
        ];
        let clear = Peer::new("server.example", 465, Carrier::Stream);
        let private = Peer { private: true, ..clear };
        let both = Peer { password: Some("pass"), ..private };
        for (script, expected) in cases {
            check_from(&both, &smtps, &[(&script, expected)]);
            check_from(&private, &smtps, &[(&script, "there is no password")]);
            let open = Peer { private: false, ..both };
            check_from(&open, &smtps, &[(&script, "a password is not said without TLS")]);
        }
    }
}
