//! Options of encryption: `tls with options { verify: false }`, `certificate checksum …`,
//! `certificate valid > 30 days`.

use std::ops::Range;
use std::path::PathBuf;

use super::{Draft, Parser, SentenceError};
use crate::check::connection::{Tls, TlsVersion};
use crate::metric::Operator;
use crate::protocol::Checksum;

/// Further ahead no certificate is valid.
const MAX_DAYS: u32 = 10_000;
const OPTIONS: &str = "there is: verify (true or false), self_signed (allow or reject), version (auto, tlsv12 \
                       or tlsv13), ca_file, ca_path, client_cert, client_key, name";

/// What is wrong with an option, and what helps.
struct Wrong {
    /// With its name, not with its value.
    name: bool,
    why: String,
    help: &'static str,
}

/// Sets one option; those of Monit's that we do not have are refused with the reason.
fn option(tls: &mut Tls, key: &str, value: &str) -> Result<(), Wrong> {
    let wrong = |why: &str| Wrong { name: false, why: why.to_owned(), help: "" };
    let lower = value.to_ascii_lowercase();
    let path = || match value.starts_with('/') {
        true => Ok(Some(PathBuf::from(value))),
        false => Err(wrong("a path begins with `/`")),
    };
    match key {
        "verify" => {
            tls.verify = match lower.as_str() {
                "true" | "enable" => true,
                "false" | "disable" => false,
                _ => return Err(wrong("`verify` is `true` or `false`")),
            }
        }
        "self_signed" | "selfsigned" => {
            tls.self_signed = match lower.as_str() {
                "true" | "allow" => true,
                "false" | "reject" => false,
                _ => return Err(wrong("`self_signed` is `allow` or `reject`")),
            }
        }
        "version" => {
            tls.version = match lower.as_str() {
                "auto" => None,
                "tlsv12" | "1.2" => Some(TlsVersion::V12),
                "tlsv13" | "1.3" => Some(TlsVersion::V13),
                "sslv2" | "sslv3" | "tlsv1" | "tlsv11" => {
                    let help = "there is `tlsv12`, `tlsv13`, and `auto` for either";
                    let why = "what is older than TLS 1.2 is not spoken: it can be broken";
                    return Err(Wrong { help, ..wrong(why) });
                }
                _ => return Err(wrong("`version` is `tlsv12`, `tlsv13` or `auto`")),
            }
        }
        "ca_file" | "cacertificatefile" => tls.ca_file = path()?,
        "ca_path" | "cacertificatepath" => tls.ca_path = path()?,
        "client_cert" | "clientpemfile" => tls.client_cert = path()?,
        "client_key" => tls.client_key = path()?,
        "name" => match crate::config::check::address(value) {
            Some(name) => tls.name = Some(name),
            None => return Err(wrong("this is no name and no address")),
        },
        "ciphers" => {
            let why = "ciphers are not chosen: there are none here but strong ones".to_owned();
            return Err(Wrong { name: true, why, help: "leave the option out" });
        }
        "pemfile" | "pemchain" | "pemkey" => {
            let why = format!("`{key}` is for a server, and this is a client");
            let help = "for a certificate of ours write `client_cert`";
            return Err(Wrong { name: true, why, help });
        }
        _ => {
            let why = format!("the option `{key}` of TLS is not supported");
            return Err(Wrong { name: true, why, help: OPTIONS });
        }
    }
    Ok(())
}

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
                if tls.client_key.is_some() && tls.client_cert.is_none() {
                    let text = "a `client_key` without a `client_cert`";
                    return Err(SentenceError::new(token.span, text));
                }
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
            option(&mut tls, &key, &value).map_err(|wrong| {
                let error =
                    SentenceError::new(if wrong.name { token.span } else { span }, wrong.why);
                if wrong.help.is_empty() { error } else { error.help(wrong.help) }
            })?;
        }
    }

    /// A value, in quotation marks or up to a blank, a comma or the end of the options.
    fn option_value(&mut self) -> Result<(String, Range<usize>), SentenceError> {
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
