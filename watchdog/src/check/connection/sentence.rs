//! Connections and tests of them as sentences: what the grammar reads back as the same.

use std::fmt;

use super::{Connection, Family, Ping, Port, Talk, Test, To, Unix, words};
use crate::protocol::{Carrier, Quoted};

/// The sentence of a test, in one form for each meaning.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.succeeded { "succeeded" } else { "failed" };
        write!(f, "{word} {}", self.connection)?;
        if let Some(days) = self.valid_days {
            write!(f, " certificate valid > {days} days")?;
        }
        if let Some((operator, limit)) = self.response {
            write!(f, " responsetime {operator} {}", words::time(limit))?;
        }
        Ok(())
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Port(port) => port.fmt(f)?,
            To::Unix(unix) => unix.fmt(f)?,
            To::Ping(ping) => ping.fmt(f)?,
        }
        if self.timeout != Self::TIMEOUT {
            write!(f, " timeout {}", words::time(self.timeout))?;
        }
        if self.retry != 1 {
            write!(f, " retry {}", self.retry)?;
        }
        Ok(())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "host {} ", Quoted(host))?;
        }
        write!(f, "port {}", self.number)?;
        if let Some(from) = self.from {
            write!(f, " address {from}")?;
        }
        match self.family {
            Some(Family::V4) => f.write_str(" ipv4")?,
            Some(Family::V6) => f.write_str(" ipv6")?,
            None => {}
        }
        carried(f, self.carrier)?;
        if let Some(tls) = &self.tls {
            tls.options(f, self.talk.wants_tls())?;
        }
        self.talk.fmt(f)
    }
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.family {
            Some(Family::V4) => "ping4",
            Some(Family::V6) => "ping6",
            None => "ping",
        })?;
        let usual = Self::default();
        if self.count != usual.count {
            write!(f, " count {}", self.count)?;
        }
        if self.size != usual.size {
            write!(f, " size {}", self.size)?;
        }
        match self.from {
            Some(from) => write!(f, " address {from}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Unix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unixsocket {}", Quoted(&self.path.to_string_lossy()))?;
        carried(f, self.carrier)?;
        self.talk.fmt(f)
    }
}

fn carried(f: &mut fmt::Formatter<'_>, carrier: Carrier) -> fmt::Result {
    match carrier {
        Carrier::Stream => Ok(()),
        Carrier::Datagram => f.write_str(" type udp"),
    }
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Script(script) => write!(f, " {script}"),
            Self::Protocol(protocol) => write!(f, " protocol {protocol}"),
        }
    }
}
