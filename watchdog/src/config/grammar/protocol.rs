//! Sentences about protocols: the name and the options behind it.
//!
//! Not here: the connection that it is talked over (`connection`). One function a protocol.

use crate::config::vocabulary::nearest;
use crate::protocol::{Protocol, SmtpLogin};

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// What stands behind `protocol`: a name, and all words behind it that are about it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the sentence of a connection begins with it")
    )]
    pub(super) fn protocol(&mut self) -> Result<Protocol, SentenceError> {
        let Some((name, span)) = self.raw() else {
            return Err(self.expected("a protocol such as `http`"));
        };
        let name = name.to_ascii_lowercase();
        let Some(protocol) = Protocol::named(&name) else {
            if Protocol::NAMES_LATER.contains(&name.as_str()) {
                let text = format!("the protocol `{name}` is not supported yet");
                return Err(SentenceError::new(span, text));
            }
            let error = SentenceError::new(span, format!("unknown protocol `{name}`"));
            let names = Protocol::NAMES.iter().map(|(name, _)| *name);
            return Err(match nearest(&name, names) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        };
        match protocol {
            Protocol::Sip { .. } => self.sip(),
            Protocol::Smtp { .. } => Ok(Protocol::Smtp { login: self.smtp_login()? }),
            Protocol::Smtps { .. } => Ok(Protocol::Smtps { login: self.smtp_login()? }),
            Protocol::Clamav
            | Protocol::Fail2ban
            | Protocol::Ftp
            | Protocol::Imap
            | Protocol::Imaps
            | Protocol::Lmtp
            | Protocol::Nntp
            | Protocol::Pop
            | Protocol::Pops
            | Protocol::PostfixPolicy
            | Protocol::Rsync
            | Protocol::Sieve
            | Protocol::Spamassassin
            | Protocol::Ssh => Ok(protocol),
        }
    }

    /// `target bob@pbx maxforward 70`
    fn sip(&mut self) -> Result<Protocol, SentenceError> {
        let (mut target, mut max_forward) = (None, 70);
        loop {
            if self.word("target") {
                let wanted = "an address such as `bob@pbx.example`";
                let Some((text, span)) = self.raw() else { return Err(self.expected(wanted)) };
                let text = text.strip_prefix("sip:").unwrap_or(&text).to_owned();
                // It stands in the request's first line: nothing may end that, or read as another sentence.
                let fits = |c: char| c.is_ascii_graphic() && !"\"'<>()".contains(c);
                if text.is_empty() || !text.chars().all(fits) {
                    return Err(SentenceError::new(span, format!("expected {wanted}")));
                }
                target = Some(text);
            } else if self.word("maxforward") {
                let wanted = "a number of proxies up to 255";
                let Some((text, span)) = self.raw() else { return Err(self.expected(wanted)) };
                max_forward = text
                    .parse()
                    .map_err(|_| SentenceError::new(span, format!("expected {wanted}")))?;
            } else {
                return Ok(Protocol::Sip { target, max_forward });
            }
        }
    }

    /// `username bob password file /etc/secret`
    fn smtp_login(&mut self) -> Result<Option<SmtpLogin>, SentenceError> {
        if !self.word("username") {
            return Ok(None);
        }
        let wanted = "the user's name";
        let Some((username, span)) = self.raw() else { return Err(self.expected(wanted)) };
        let fits = |c: char| !c.is_control() && !"\"\\".contains(c);
        if username.is_empty() || !username.chars().all(fits) {
            return Err(SentenceError::new(
                span,
                format!("`{}` is no user's name", username.escape_debug()),
            ));
        }
        if !self.word("password") {
            return Err(self.expected("`password file /path`"));
        }
        if !self.word("file") {
            return Err(self.expected("`file /path` behind `password`").help(
                "write the password into a file that only root can read, and its path here",
            ));
        }
        let wanted = "the path of the file with the password";
        let Some((path, span)) = self.raw() else { return Err(self.expected(wanted)) };
        if !path.starts_with('/') || !path.chars().all(fits) {
            return Err(SentenceError::new(span, format!("expected {wanted}, beginning with `/`")));
        }
        Ok(Some(SmtpLogin { username, password_file: path.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Subject, token};
    use super::*;

    fn read(text: &str) -> Result<Protocol, String> {
        let mut parser = Parser {
            text,
            tokens: token::tokens(text).unwrap(),
            at: 0,
            subject: Subject::Host,
            depth: 0,
            doubts: Vec::new(),
            raw: Vec::new(),
        };
        let protocol = parser.protocol().map_err(|error| error.message)?;
        assert!(parser.peek().is_none(), "words left of {text}");
        Ok(protocol)
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for (name, _) in Protocol::NAMES {
            assert_eq!(read(name).unwrap().to_string(), *name);
        }
        for (text, printed) in [
            ("SMTP", "smtp"),
            (
                "sip maxforward 6 target \"sip:bob@pbx.example\"",
                "sip target bob@pbx.example maxforward 6",
            ),
            ("sip maxforward 70", "sip"),
            ("sip target [2001:db8::1]", "sip target [2001:db8::1]"),
            (
                "smtps username bob password file '/etc/my secret'",
                "smtps username \"bob\" password file \"/etc/my secret\"",
            ),
        ] {
            let protocol = read(text).unwrap();
            assert_eq!(protocol.to_string(), printed);
            assert_eq!(read(printed).unwrap(), protocol);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, message) in [
            ("smpt", "unknown protocol `smpt`"),
            ("sip target", "the condition ends here, but an address"),
            ("sip target \"a b\"", "expected an address"),
            ("sip target \"a\r\nb\"", "expected an address"),
            ("sip maxforward 256", "expected a number of proxies"),
            ("smtp username bob", "but `password file /path` is missing"),
            ("smtp username bob password secret", "expected `file /path` behind `password`"),
            ("smtp username bob password file secret", "expected the path of the file"),
            ("smtp username \"bo\nb\" password file /s", "`bo\\nb` is no user's name"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
