//! Whether a test of a connection holds, in Monit's words.

use super::words::logged;
use super::{Connection, Conversation, Outcome, Test, To};
use crate::check::{EventNames, Judged, Seen};
use crate::service::EventWord;

/// One thing that a test asks for.
struct Asked {
    good: bool,
    words: String,
    value: Option<String>,
    limit: Option<String>,
}

impl Test {
    pub(in crate::check) fn judge(&self, seen: Seen<'_>) -> Judged {
        let with = self.connection.to_string();
        let Some(talk) = seen.now.conversations.iter().find(|talk| talk.with == with) else {
            return Judged::unknown();
        };
        let Some(asked) = self.asked(talk) else { return Judged::unknown() };
        let Asked { good, words, value, limit } = asked;
        // What is told is told of either outcome; only one of the two can be said now.
        Judged {
            truth: Some(good == self.succeeded),
            value,
            limit,
            failed: words.clone(),
            succeeded: words,
        }
    }

    /// The first thing that is wrong, or that all is well.
    fn asked(&self, talk: &Conversation) -> Option<Asked> {
        let certificate = self.certificate(talk);
        match &talk.outcome {
            Outcome::Unknown(_) => return None,
            // That it has expired is why nobody talks to the server.
            Outcome::Failed(_)
                if talk.certificate.is_some_and(|it| it.left < 0) && certificate.is_some() =>
            {
                return certificate;
            }
            Outcome::Failed(why) => {
                let words = self.connection.trouble(&talk.at, why);
                return Some(Asked { good: false, words, value: Some(why.clone()), limit: None });
            }
            Outcome::Succeeded => {}
        }
        let value = talk.seconds.map(logged);
        let time = self.response.zip(talk.seconds).map(|((operator, limit), seconds)| {
            let limit = limit.as_secs_f64();
            (operator.holds(seconds, limit), format!("{operator} {}", logged(limit)))
        });
        if let (Some((false, limit)), Some(value)) = (&time, &value) {
            let words = format!("response time {value} doesn't match limit [time {limit}]");
            let limit = Some(limit.clone());
            return Some(Asked { good: false, words, value: Some(value.clone()), limit });
        }
        if let Some(bad) = certificate.filter(|certificate| !certificate.good) {
            return Some(bad);
        }
        let words = self.connection.success(talk);
        Some(Asked { good: true, words, value, limit: time.map(|(_, limit)| limit) })
    }

    /// How long the certificate is to be valid, where the test asks for that and there is one.
    fn certificate(&self, talk: &Conversation) -> Option<Asked> {
        let (limit, certificate) = (self.valid_days?, talk.certificate?);
        let days = certificate.days();
        let good = certificate.left > i64::from(limit) * 86_400;
        let words = match certificate.left {
            ..0 => {
                let ago = certificate.left.unsigned_abs() / 86_400;
                format!("certificate expired {ago} days ago, limit [valid > {limit} days]")
            }
            _ => format!(
                "certificate expiry in {days} days matches check limit [valid > {limit} days]"
            ),
        };
        let (value, limit) = (Some(format!("{days} days")), Some(asked_days(limit)));
        Some(Asked { good, words, value, limit })
    }

    /// Whether it was judged by how long the certificate is valid.
    pub(in crate::check) fn is_about_expiry(&self, judged: &Judged) -> bool {
        !self.succeeded && judged.limit.is_some() && judged.limit == self.valid_days.map(asked_days)
    }

    pub(in crate::check) fn event(&self) -> EventNames {
        if let To::Ping(_) = self.connection.to {
            let (failed, succeeded) = ("ICMP failed", "ICMP succeeded");
            let (failed, succeeded) =
                if self.succeeded { (succeeded, failed) } else { (failed, succeeded) };
            return EventNames { word: EventWord::Icmp, failed, succeeded };
        }
        let (failed, succeeded) = ("Connection failed", "Connection succeeded");
        let (failed, succeeded) =
            if self.succeeded { (succeeded, failed) } else { (failed, succeeded) };
        EventNames { word: EventWord::Connection, failed, succeeded }
    }
}

/// How long a certificate is to be valid, as a limit.
fn asked_days(limit: u32) -> String {
    format!("> {limit} days")
}

/// Why it has failed; of a limit only which: its number moves, and so does what a server says (the
/// time of day, a number of its own).
pub(in crate::check) fn cause(judged: &Judged) -> String {
    let why = match (&judged.limit, &judged.value) {
        (None, Some(why)) => why,
        _ => &judged.failed,
    };
    let own = why.split(['`', '"']).next().unwrap_or_default();
    own.chars().filter(|c| !c.is_ascii_digit()).collect()
}

impl Connection {
    /// What is said of an attempt after which another is made.
    pub(crate) fn attempted(&self, at: &str, why: &str, number: u32) -> String {
        format!("{} (attempt {number}/{})", self.trouble(at, why), self.retry)
    }

    fn trouble(&self, at: &str, why: &str) -> String {
        let talk = match &self.to {
            To::Port(port) => &port.talk,
            To::Unix(unix) => &unix.talk,
            To::Ping(_) => return format!("ping test failed -- {why}"),
        };
        format!("failed protocol test [{}] at {at} -- {why}", talk.title())
    }

    fn success(&self, talk: &Conversation) -> String {
        match (&self.to, talk.seconds) {
            (To::Ping(_), Some(seconds)) => {
                format!("ping test succeeded [response time {}]", logged(seconds))
            }
            (To::Ping(_), None) => "ping test succeeded".to_owned(),
            (To::Port(_) | To::Unix(_), _) => format!("connection succeeded to {}", talk.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::check::connection::{
        Certificate, Connection, Conversation, Outcome, Ping, Port, Talk, Test, To,
    };
    use crate::check::{Judged, Observation, Seen};
    use crate::metric::Operator;
    use crate::protocol::{Carrier, Protocol};
    use crate::service::EventWord;

    fn test(succeeded: bool) -> Test {
        let to = To::Port(Port {
            host: None,
            number: 22890,
            from: None,
            family: None,
            carrier: Carrier::Stream,
            tls: None,
            talk: Talk::Protocol(Protocol::named("ssh").unwrap()),
        });
        let connection = Arc::new(Connection { to, timeout: Connection::TIMEOUT, retry: 1 });
        let response = Some((Operator::Less, Duration::from_millis(200)));
        Test { succeeded, connection, response, valid_days: None }
    }

    fn judged(succeeded: bool, outcome: Outcome, seconds: Option<f64>) -> Judged {
        let conversation = Conversation {
            with: "port 22890 protocol ssh".into(),
            at: "[127.0.0.1]:22890 [TCP/IP]".into(),
            outcome,
            seconds,
            ..Conversation::default()
        };
        let now = Observation { conversations: vec![conversation], ..Observation::default() };
        test(succeeded).judge(Seen { now: &now, before: None })
    }

    #[test]
    fn verdicts_read_as_monits() {
        let refused = || Outcome::Failed("Connection refused".into());
        let bad = "failed protocol test [SSH] at [127.0.0.1]:22890 [TCP/IP] -- Connection refused";
        let good = "connection succeeded to [127.0.0.1]:22890 [TCP/IP]";
        let slow = "response time 250 ms doesn't match limit [time < 200 ms]";
        // Outcome, response time, whether `failed` and `succeeded` hold, words, value.
        let cases = [
            (refused(), None, Some(true), Some(false), bad, Some("Connection refused")),
            (Outcome::Succeeded, Some(0.000_045), Some(false), Some(true), good, Some("0.045 ms")),
            (Outcome::Succeeded, Some(0.25), Some(true), Some(false), slow, Some("250 ms")),
            // A UDP server that is silent: how long it takes cannot be told.
            (Outcome::Succeeded, None, Some(false), Some(true), good, None),
            (Outcome::Unknown("Too many open files".into()), None, None, None, "", None),
        ];
        for (outcome, seconds, failed, succeeded, words, value) in cases {
            for (way, truth) in [(false, failed), (true, succeeded)] {
                let judged = judged(way, outcome.clone(), seconds);
                assert_eq!(judged.truth, truth, "{outcome:?} {seconds:?} {way}");
                assert_eq!((judged.failed.as_str(), judged.succeeded.as_str()), (words, words));
                assert_eq!(judged.value.as_deref(), value, "{outcome:?} {seconds:?}");
            }
        }
    }

    #[test]
    fn a_certificate_must_be_valid_for_long_enough() {
        let day = 86_400;
        let refused = || Outcome::Failed("TLS certificate expired 3 days ago".into());
        let expired = "certificate expired 3 days ago, limit [valid > 30 days]";
        let soon = "certificate expiry in 29 days matches check limit [valid > 30 days]";
        let good = "connection succeeded to [h]:443 [TCP/IP TLS]";
        for (outcome, left, truth, words) in [
            (Outcome::Succeeded, Some(90 * day), Some(false), good),
            (Outcome::Succeeded, Some(30 * day + 1), Some(false), good),
            (Outcome::Succeeded, Some(30 * day - 1), Some(true), soon),
            (Outcome::Succeeded, Some(-3 * day), Some(true), expired),
            (refused(), Some(-3 * day), Some(true), expired),
            (
                Outcome::Failed("Connection refused".into()),
                None,
                Some(true),
                "failed protocol test [SSH] at [h]:443 [TCP/IP TLS] -- Connection refused",
            ),
        ] {
            let conversation = Conversation {
                with: "port 22890 protocol ssh".into(),
                at: "[h]:443 [TCP/IP TLS]".into(),
                outcome,
                certificate: left.map(|left| Certificate { expires: 0, left }),
                ..Conversation::default()
            };
            let now = Observation { conversations: vec![conversation], ..Observation::default() };
            let test = Test { valid_days: Some(30), ..test(false) };
            let judged = test.judge(Seen { now: &now, before: None });
            assert_eq!((judged.truth, judged.failed.as_str()), (truth, words), "{left:?}");
        }
    }

    #[test]
    fn pings_read_as_monits() {
        let connection = Arc::new(Connection {
            to: To::Ping(Ping::default()),
            timeout: Connection::TIMEOUT,
            retry: 1,
        });
        let test = Test { succeeded: false, connection, response: None, valid_days: None };
        for (outcome, seconds, truth, words) in [
            (
                Outcome::Succeeded,
                Some(0.001_5),
                false,
                "ping test succeeded [response time 1.500 ms]",
            ),
            (
                Outcome::Failed("no reply within 5 s".into()),
                None,
                true,
                "ping test failed -- no reply within 5 s",
            ),
        ] {
            let conversation =
                Conversation { with: "ping".into(), outcome, seconds, ..Conversation::default() };
            let now = Observation { conversations: vec![conversation], ..Observation::default() };
            let judged = test.judge(Seen { now: &now, before: None });
            assert_eq!((judged.truth, judged.failed.as_str()), (Some(truth), words));
        }
        let names = test.event();
        assert_eq!((names.word, names.failed), (EventWord::Icmp, "ICMP failed"));
    }

    #[test]
    fn a_connection_that_was_not_made_is_not_known() {
        let now = Observation::default();
        assert_eq!(test(false).judge(Seen { now: &now, before: None }), Judged::unknown());
    }

    #[test]
    fn events_are_monits() {
        let names = test(false).event();
        assert_eq!((names.word, names.failed), (EventWord::Connection, "Connection failed"));
        assert_eq!(test(true).event().failed, "Connection succeeded");
    }
}
