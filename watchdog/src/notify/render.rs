//! A letter, or several, as a mail. Text that came from outside is escaped here, all of it.
//!
//! The layout of the body is Monit's (manual, "Alert messages"), so that filters and eyes find
//! date, action, host and description where they were. Not here: sending.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, SinglePart};

use super::letter::{self, Letter};
use crate::escape;
use crate::service::{Mail, MailFormat};

/// A subject's length at most, in bytes before encoding.
const SUBJECT: usize = 200;
/// Bytes of one letter in a list at most: a list of ten thousand must pass a server's size limit.
const LISTED: usize = 400;
/// Bytes of a line at most, without its end (RFC 5322 section 2.1.1).
const LINE: usize = 998;

/// Who writes: the parts of a mail that do not come from the letter.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) mail: &'a Mail,
    pub(super) host: &'a str,
    pub(super) zone: &'a TimeZone,
}

impl Writer<'_> {
    /// The mail for letters that all go to one recipient.
    ///
    /// # Errors
    /// In words: there is no letter, or an address is none.
    pub(super) fn write(&self, letters: &[impl AsRef<Letter>]) -> Result<Message, String> {
        let (first, last) = letters.first().zip(letters.last()).ok_or("no letter")?;
        let (first, last) = (first.as_ref(), last.as_ref());
        let (id, subject, body) = if letters.len() == 1 {
            (first.id.clone(), self.subject(first), self.body(first))
        } else {
            let ids: Vec<_> = letters.iter().map(|letter| letter.as_ref().id.as_str()).collect();
            (
                letter::group_id(&ids, self.mail.name(self.host)),
                format!(
                    "ebpf-watchdog alert -- {} alerts, the first: {} {}",
                    letters.len(),
                    first.title,
                    first.service
                ),
                self.list(letters),
            )
        };
        let mut mail = Message::builder()
            .message_id(Some(id))
            .date(wall(last.wall_ms))
            .from(mailbox(look(first, |own| &own.from).unwrap_or(&self.mail.from))?)
            .to(mailbox(&first.to)?)
            .subject(letter::shortened(&escape::one_line(&subject), SUBJECT));
        let reply_to = look(first, |own| &own.reply_to).or(self.mail.reply_to.as_deref());
        if let Some(reply_to) = reply_to {
            mail = mail.reply_to(mailbox(reply_to)?);
        }
        for (name, value) in [
            // RFC 3834: no program shall answer.
            (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
            (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"),
            (HeaderName::new_from_ascii_str("Precedence"), "bulk"),
            (HeaderName::new_from_ascii_str("X-Mailer"), "ebpf-watchdog"),
        ] {
            mail = mail.raw_header(HeaderValue::new(name, value.to_owned()));
        }
        mail.singlepart(SinglePart::plain(encoded(&body))).map_err(|error| error.to_string())
    }

    fn subject(&self, letter: &Letter) -> String {
        match look(letter, |own| &own.subject).or(self.mail.subject.as_deref()) {
            Some(template) => self.fill(template, letter),
            None => format!("ebpf-watchdog alert -- {} {}", letter.title, letter.service),
        }
    }

    fn body(&self, letter: &Letter) -> String {
        let template = look(letter, |own| &own.message).or(self.mail.message.as_deref());
        let mut body = match template {
            Some(template) => self.fill(template, letter),
            None => format!(
                "{} Service {}\n\n\tDate:        {}\n\tAction:      {}\n\tHost:        {}\n\
                 \tDescription: {}\n",
                escape::one_line(&letter.title),
                escape::one_line(&letter.service),
                self.date(letter.wall_ms),
                escape::one_line(&letter.action),
                escape::one_line(self.host),
                escape::one_line(&letter.description),
            ),
        };
        if !body.ends_with('\n') {
            body.push('\n');
        }
        if !letter.detail.is_empty() {
            body.push_str("\nWhat did it:\n\n");
            for line in &letter.detail {
                let _ = writeln!(body, "\t{}", escape::one_line(line));
            }
        }
        let _ = write!(body, "\n-- \nebpf-watchdog on {}\n", escape::one_line(self.host));
        body
    }

    fn list(&self, letters: &[impl AsRef<Letter>]) -> String {
        let mut body =
            format!("{} alerts came too fast for a mail each. In order:\n\n", letters.len());
        for one in letters {
            let one = one.as_ref();
            let line = format!(
                "{} '{}' {}, action {}: {}",
                self.date(one.wall_ms),
                one.service,
                one.title,
                one.action,
                one.description
            );
            let _ = writeln!(body, "\t{}", escape::one_line(letter::shortened(&line, LISTED)));
        }
        let _ = write!(body, "\n-- \nebpf-watchdog on {}\n", escape::one_line(self.host));
        body
    }

    /// Monit's macros. One pass: a macro within a value stays as it is.
    fn fill(&self, template: &str, letter: &Letter) -> String {
        let mut text = String::with_capacity(template.len() + 100);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let date = self.date(letter.wall_ms);
            let macros = [
                ("EVENT", letter.title.as_str()),
                ("SERVICE", &letter.service),
                ("DATE", &date),
                ("HOST", self.host),
                ("ACTION", &letter.action),
                ("DESCRIPTION", &letter.description),
            ];
            match macros.iter().find_map(|(name, value)| Some((after.strip_prefix(name)?, value))) {
                Some((after, value)) => {
                    text.push_str(&escape::one_line(value));
                    rest = after;
                }
                None => {
                    text.push('$');
                    rest = after;
                }
            }
        }
        text.push_str(rest);
        text
    }

    fn date(&self, wall_ms: i64) -> String {
        let wall = Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        wall.to_zoned(self.zone.clone()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
    }
}

/// Plain text stays as it is, for people who read or search raw mail; the library would encode
/// any line of more than 76 characters. The rest it does well.
fn encoded(body: &str) -> Body {
    // Its own line endings; a bare one of a template's would be an end of line to some servers.
    let body = body.trim_end().replace(['\r', '\0'], "");
    let plain = body.is_ascii() && body.lines().all(|line| line.len() <= LINE);
    if plain {
        let body = body.replace('\n', "\r\n").into_bytes();
        Body::dangerous_pre_encoded(body, ContentTransferEncoding::SevenBit)
    } else {
        Body::new(body)
    }
}

/// What the letter's own format says, if it does.
fn look(letter: &Letter, which: impl Fn(&MailFormat) -> &Option<String>) -> Option<&str> {
    which(letter.format.as_deref()?).as_deref()
}

fn mailbox(address: &str) -> Result<Mailbox, String> {
    address.parse().map_err(|error| format!("{address}: {error}"))
}

fn wall(wall_ms: i64) -> SystemTime {
    // The header's type cannot write a year past 9999, and panics; a clock may say anything.
    let year_9000 = 221_845_392_000_000;
    let ms = u64::try_from(wall_ms).unwrap_or(0).min(year_9000);
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests;
