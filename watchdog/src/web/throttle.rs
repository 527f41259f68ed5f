//! How many wrong logins a source may try: ten, then five a minute.
//!
//! Time is handed in. Not here: what a login is (`auth`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Tries in a row before it slows down.
pub const TRIES: u32 = 10;

/// One more try after each such time.
pub const REFILL: Duration = Duration::from_secs(12);

/// So many sources are told apart; the others share one bucket, so that a flood of sources neither
/// grows the table nor wipes out what it remembers.
pub const SOURCES: usize = 4096;

/// A token bucket. Counted in time, so that no rounding adds up: a token is worth one `refill`.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    credit: Duration,
    at: Instant,
    most: Duration,
    refill: Duration,
}

impl Bucket {
    /// A full one: `size` tokens, a new one after each `refill`.
    pub fn new(size: u32, refill: Duration, now: Instant) -> Self {
        let most = refill * size;
        Self { credit: most, at: now, most, refill }
    }

    /// Takes a token, or says how long until there is one.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        match self.credit.checked_sub(self.refill) {
            Some(left) => {
                self.credit = left;
                Ok(())
            }
            None => Err(self.refill - self.credit),
        }
    }

    fn give_back(&mut self) {
        self.credit = (self.credit + self.refill).min(self.most);
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.credit >= self.most
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.credit = self.credit.saturating_add(passed).min(self.most);
        self.at = now;
    }
}

/// The buckets of all sources.
#[derive(Debug)]
pub struct Throttle {
    sources: HashMap<IpAddr, Bucket>,
    others: Bucket,
    /// When a full table was last looked through for sources to forget.
    tidied: Option<Instant>,
}

impl Throttle {
    /// Nobody has tried anything.
    pub fn new(now: Instant) -> Self {
        Self { sources: HashMap::new(), others: Bucket::new(TRIES, REFILL, now), tidied: None }
    }

    /// Takes a try for a password that is about to be looked at.
    ///
    /// # Errors
    /// The time until the next try.
    pub fn take(&mut self, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let source = network(source);
        if self.is_full_for(source) {
            self.tidy(now);
        }
        if self.is_full_for(source) {
            return self.others.take(now);
        }
        self.sources.entry(source).or_insert_with(|| Bucket::new(TRIES, REFILL, now)).take(now)
    }

    /// The password was right: the try was none.
    pub fn give_back(&mut self, source: IpAddr) {
        match self.sources.get_mut(&network(source)) {
            Some(bucket) => bucket.give_back(),
            None => self.others.give_back(),
        }
    }

    fn is_full_for(&self, source: IpAddr) -> bool {
        self.sources.len() >= SOURCES && !self.sources.contains_key(&source)
    }

    /// Forgets sources with all their tries; not more often than one can have changed.
    fn tidy(&mut self, now: Instant) {
        if self.tidied.is_none_or(|at| now.saturating_duration_since(at) >= REFILL) {
            self.tidied = Some(now);
            self.sources.retain(|_, bucket| !bucket.is_full(now));
        }
    }

    /// How many sources are told apart now.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }
}

/// Who has one IPv6 address has 2^64 of them, and whoever runs a program on this host has all of
/// 127.0.0.0/8. The address that browsers and tunnels use is told apart from the rest of it, so that
/// a guesser on another one does not hold up logins.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(address) if address.is_loopback() && address != Ipv4Addr::LOCALHOST => {
            IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0))
        }
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[tokio::test(start_paused = true)]
    async fn ten_tries_then_five_a_minute() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let good = (0..1000).filter(|_| throttle.take(source(1), start).is_ok()).count();
        assert_eq!(good, 10);
        let wait = throttle.take(source(1), start).expect_err("no token is left");
        assert_eq!(wait, REFILL);
        let good = (0..600)
            .filter(|tenth| {
                let now = start + Duration::from_millis(100 * (tenth + 1));
                throttle.take(source(1), now).is_ok()
            })
            .count();
        assert_eq!(good, 5);
        assert!(throttle.take(source(2), start).is_ok(), "another source is not held up");
    }

    #[tokio::test(start_paused = true)]
    async fn right_passwords_cost_nothing() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        for _ in 0..100 {
            assert!(throttle.take(source(1), start).is_ok());
            throttle.give_back(source(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_and_remembers() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        for _ in 0..10 {
            assert!(throttle.take(source(1), start).is_ok());
        }
        let good = (2..100_000).filter(|n| throttle.take(source(*n), start).is_ok()).count();
        assert_eq!(throttle.sources(), SOURCES);
        assert_eq!(good, SOURCES - 1 + 10, "all others share ten tries");
        assert!(throttle.take(source(1), start).is_err(), "a flood wipes nothing out");
        let later = start + REFILL * 11;
        assert!(throttle.take(source(100_001), later).is_ok(), "forgotten sources make room");
        assert!(throttle.sources() < 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_loopback_network_gives_nobody_more_tries() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let loopback = |number: u32| source(0x7f00_0001 + number);
        let good = (1..1000).filter(|n| throttle.take(loopback(*n), start).is_ok()).count();
        assert_eq!(good, 10);
        assert!(throttle.take(loopback(0), start).is_ok(), "127.0.0.1 is another source");
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(network(address("2001:db8::1")), network(address("2001:db8::ffff:2")));
        assert_ne!(network(address("2001:db8::1")), network(address("2001:db8:0:1::1")));
        assert_eq!(network(address("::1")), address("::1"));
    }
}
