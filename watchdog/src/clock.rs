//! The only reader of clocks. Everything else is handed its time.
//!
//! Rules live on `CLOCK_BOOTTIME`, which no administrator can set; the wall clock is for texts.

use std::io;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Time since boot, suspend included (`CLOCK_BOOTTIME`), in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootTime(pub u64);

/// A minute of local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute {
    /// Minutes since the epoch, in UTC: tells one minute from another.
    pub number: i64,
    /// 0–59.
    pub minute: u8,
    /// 0–23.
    pub hour: u8,
    /// 1–31.
    pub day: u8,
    /// 1–12.
    pub month: u8,
    /// 0 (Sunday) – 6.
    pub weekday: u8,
}

impl BootTime {
    /// Whole and part seconds since boot.
    pub fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// How long after `earlier` this is; zero where it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for BootTime {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The boot clock now.
pub fn boot_now() -> BootTime {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(t.tv_sec).unwrap_or(0);
    BootTime(seconds * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0))
}

/// Which boot it is that the boot clock counts from.
///
/// # Errors
/// Where `/proc` is not there.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// The wall clock now, for texts, and for servers that tell theirs.
#[expect(clippy::disallowed_methods, reason = "this module is the one place that reads clocks")]
pub fn wall_now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A moment as people read it, in the log, the events, status and page alike: local time with its
/// distance from UTC, as Monit's log has it.
pub fn shown(at: jiff::Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%z").to_string()
}

/// The same in the zone of this host.
pub fn local(at: jiff::Timestamp) -> String {
    shown(at, &jiff::tz::TimeZone::system())
}

/// The minute of local time that it is, and how long it lasts yet.
pub fn minute_now() -> (Minute, Duration) {
    let now = wall_now();
    let zoned = now.to_zoned(jiff::tz::TimeZone::system());
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    let minute = Minute {
        number: now.as_second().div_euclid(60),
        minute: small(zoned.minute()),
        hour: small(zoned.hour()),
        day: small(zoned.day()),
        month: small(zoned.month()),
        weekday: small(zoned.weekday().to_sunday_zero_offset()),
    };
    let into = now.as_millisecond().rem_euclid(60_000);
    (minute, Duration::from_millis(60_000 - u64::try_from(into).unwrap_or(0)))
}

/// The wall time of a moment on the boot clock, by today's difference between the two.
pub fn wall_of(at: BootTime) -> jiff::Timestamp {
    let (boot, wall) = (boot_now(), wall_now());
    let ago = jiff::SignedDuration::from_nanos(
        i64::try_from(boot.0).unwrap_or(i64::MAX) - i64::try_from(at.0).unwrap_or(i64::MAX),
    );
    wall.checked_sub(ago).unwrap_or(wall)
}
