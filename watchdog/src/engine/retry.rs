//! When a service may be started again: at once, then later and later, then every ten minutes.
//!
//! The figures are the contract's ("When starting fails"). Not here: starting.

use std::time::Duration;

use crate::clock::BootTime;

/// A start that lives so long is a good one.
pub(crate) const LIFE: Duration = Duration::from_secs(60);
/// Attempts in a row without life after which we give up.
pub(crate) const ATTEMPTS: u32 = 5;
/// Between tries after giving up.
pub(crate) const GIVEN_UP_PAUSE: Duration = Duration::from_secs(600);
/// A life that clears giving up.
pub(crate) const FORGIVEN: Duration = Duration::from_secs(600);
/// Where a rule of the user's stands in place of ours, the second attempt comes after the first of
/// these, and further ones a cycle apart, as in Monit, or the second of these: `5 restarts within 5
/// cycles` means minutes, not the seconds that five quick failures take.
const PACE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// The attempts to start one service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Retry {
    /// Attempts in a row that did not lead to a minute of life.
    pub attempts: u32,
    pub given_up: bool,
    /// When the last attempt began.
    last: Option<BootTime>,
    /// When the service last came up, as far as we saw.
    up: Option<BootTime>,
    /// Starts of ours in a row that it outlived by less than a minute.
    fell: u32,
}

impl Retry {
    /// `last`: the last attempt, where it is known; none lies in the future.
    pub(crate) fn restored(attempts: u32, given_up: bool, last: Option<BootTime>) -> Self {
        Self { attempts: attempts.min(ATTEMPTS), given_up, last, up: None, fell: 0 }
    }

    /// When the last attempt was, for what must survive the daemon: what had been given up on is
    /// tried when it would have been.
    pub(crate) fn tried(&self) -> Option<BootTime> {
        self.last.filter(|_| self.given_up)
    }

    /// When the next attempt may begin: not after `now` means at once. `pace`: a rule of the user's
    /// limits restarts in our place, with attempts so far apart. `seed` spreads services that fail together.
    pub(crate) fn next(&self, now: BootTime, pace: Option<Duration>, seed: u64) -> BootTime {
        let Some(last) = self.last else {
            // Given up by a former run that left no more than that: it is not hammered at once.
            return if self.given_up && pace.is_none() { now + GIVEN_UP_PAUSE } else { now };
        };
        let pause = if let Some(cycle) = pace {
            let [least, most] = PACE;
            if self.attempts <= 1 { least } else { cycle.clamp(least, most) }
        } else if self.given_up {
            GIVEN_UP_PAUSE
        } else if self.attempts == 0 {
            Duration::ZERO
        } else {
            let seconds = 1_u64 << (self.attempts - 1).min(6);
            spread(
                Duration::from_secs(seconds.min(60)),
                seed.wrapping_add(u64::from(self.attempts)),
            )
        };
        last + pause
    }

    /// An attempt begins. Returns true where it is the one that makes us give up if it fails.
    pub(crate) fn begin(&mut self, now: BootTime) {
        self.attempts = self.attempts.saturating_add(1);
        self.last = Some(now);
        self.up = None;
    }

    /// The service is up, by an attempt of ours or without one.
    pub(crate) fn came_up(&mut self, now: BootTime) {
        self.up = Some(now);
    }

    /// The attempt has ended without a service: the pause counts from here.
    pub(crate) fn failed(&mut self, now: BootTime) {
        self.last = Some(now);
        self.up = None;
    }

    /// Time passes while the service lives, whoever started it. Returns true where giving up is
    /// forgiven by it.
    pub(crate) fn lives(&mut self, now: BootTime) -> bool {
        let up = *self.up.get_or_insert(now);
        let life = now.since(up);
        if life >= LIFE {
            self.fell = 0;
            if !self.given_up {
                self.attempts = 0;
            }
        }
        if self.given_up && life >= FORGIVEN {
            self.clear();
            return true;
        }
        false
    }

    /// The service has ended by itself.
    pub(crate) fn ended(&mut self, now: BootTime) {
        match self.up.map(|up| now.since(up) < LIFE) {
            Some(true) if self.attempts > 0 => self.fell = self.fell.saturating_add(1),
            Some(false) => self.fell = 0,
            _ => {}
        }
    }

    /// So often it has ended within a minute of a start of ours, and not lived for one since: that it
    /// is up says little then.
    pub(crate) fn fell(&self) -> u32 {
        self.fell
    }

    /// Whether the attempts so far are too many. Says so once.
    pub(crate) fn gives_up(&mut self) -> bool {
        let now_so = !self.given_up && self.attempts >= ATTEMPTS;
        self.given_up |= now_so;
        now_so
    }

    /// As if nothing had failed: on an operator's word.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// ±20 %, the same for the same seed: the engine has no dice.
fn spread(pause: Duration, seed: u64) -> Duration {
    // SplitMix64's finalizer: neighbouring seeds come out far apart.
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let unit = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
    pause.mul_f64(0.8 + 0.4 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_then_1_2_4_8_then_given_up() {
        let mut retry = Retry::default();
        let mut now = BootTime::from_secs(100);
        let mut pauses = Vec::new();
        for _ in 0..ATTEMPTS {
            assert!(!retry.given_up);
            let due = retry.next(now, None, 7);
            pauses.push(due.since(now).as_secs_f64());
            now = now + due.since(now);
            retry.begin(now);
            retry.failed(now);
            retry.gives_up();
        }
        for (pause, about) in pauses.iter().zip([0.0, 1.0, 2.0, 4.0, 8.0]) {
            assert!((about * 0.8..=about * 1.2).contains(pause), "{pauses:?}");
        }
        assert!(retry.given_up);
        assert_eq!(retry.next(now, None, 7).since(now), GIVEN_UP_PAUSE);
        for (cycle, pause) in [(30, 30), (300, 60), (0, 1)] {
            let pace = Some(Duration::from_secs(cycle));
            let pause = Duration::from_secs(pause);
            assert_eq!(
                retry.next(now, pace, 7).since(now),
                pause,
                "a rule of the user's replaces it"
            );
        }
    }

    #[test]
    fn a_minute_of_life_clears_the_count_and_ten_the_giving_up() {
        let mut retry = Retry::default();
        let t = BootTime::from_secs;
        retry.begin(t(0));
        retry.came_up(t(1));
        assert!(!retry.lives(t(60)));
        assert_eq!(retry.attempts, 1);
        assert!(!retry.lives(t(61)));
        assert_eq!(retry.attempts, 0);
        for i in 0..ATTEMPTS {
            retry.begin(t(100 + u64::from(i)));
        }
        assert!(retry.gives_up() && !retry.gives_up(), "said once");
        retry.came_up(t(200));
        assert!(!retry.lives(t(799)));
        assert!(retry.lives(t(800)));
        assert!(!retry.given_up);
    }
}
