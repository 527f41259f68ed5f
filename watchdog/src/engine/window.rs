//! How long and how often: the history behind one rule's qualifier.
//!
//! A value that is not known shifts nothing. Not here: what is true (`judge`), what follows (`rule`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::BootTime;
use crate::service::Qualifier;

/// The most moments a `times within` window remembers.
const STAMPS: usize = 1024;

/// What a rule remembers of its former judgements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Window {
    /// `for N cycles`, `for N times within M cycles`, and no qualifier (1 of 1).
    Cycles {
        /// Newest judgement in bit 0.
        bits: u64,
        times: u32,
        of: u32,
    },
    /// `for 30s`.
    Lasting { since: Option<BootTime>, samples: u32, needed: Duration },
    /// `3 times within 10 minutes`: moments at which it became true.
    Times { stamps: VecDeque<BootTime>, times: u32, within: Duration, was: bool },
}

impl Window {
    pub(crate) fn new(qualifier: Qualifier) -> Self {
        match qualifier {
            Qualifier::Once => Self::Cycles { bits: 0, times: 1, of: 1 },
            Qualifier::Cycles { times, of } => {
                let of = of.clamp(1, 64);
                Self::Cycles { bits: 0, times: times.clamp(1, of), of }
            }
            Qualifier::Lasting(needed) => Self::Lasting { since: None, samples: 0, needed },
            Qualifier::TimesWithin { times, within } => {
                Self::Times { stamps: VecDeque::new(), times: times.max(1), within, was: false }
            }
        }
    }

    /// Takes one judgement; true when the qualifier is met with it.
    pub(crate) fn push(&mut self, truth: bool, at: BootTime) -> bool {
        match self {
            Self::Cycles { bits, times, of } => {
                *bits = ((*bits << 1) | u64::from(truth)) & mask(*of);
                truth && bits.count_ones() >= *times
            }
            Self::Lasting { since, samples, needed } => {
                if !truth {
                    (*since, *samples) = (None, 0);
                    return false;
                }
                let began = *since.get_or_insert(at);
                *samples = samples.saturating_add(1);
                *samples >= 2 && at.since(began) >= *needed
            }
            Self::Times { stamps, times, within, was } => {
                let became = truth && !*was;
                *was = truth;
                if became {
                    if stamps.len() == STAMPS {
                        stamps.pop_front();
                    }
                    stamps.push_back(at);
                }
                while stamps.front().is_some_and(|first| at.since(*first) > *within) {
                    stamps.pop_front();
                }
                became && stamps.len() >= *times as usize
            }
        }
    }

    /// Takes an event: something that is true for a moment only.
    pub(crate) fn push_event(&mut self, at: BootTime) -> bool {
        let met = self.push(true, at);
        if let Self::Times { was, .. } = self {
            *was = false;
        }
        met
    }

    /// What is not known breaks a stretch in time; it leaves counts as they are.
    pub(crate) fn unknown(&mut self) {
        if let Self::Lasting { since, samples, .. } = self {
            (*since, *samples) = (None, 0);
        }
    }

    /// Starts afresh, as after an action.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Cycles { bits, .. } => *bits = 0,
            Self::Lasting { since, samples, .. } => (*since, *samples) = (None, 0),
            Self::Times { stamps, was, .. } => {
                stamps.clear();
                *was = false;
            }
        }
    }

    /// Failing judgements in the window.
    pub(crate) fn failing(&self) -> u32 {
        match self {
            Self::Cycles { bits, .. } => bits.count_ones(),
            Self::Lasting { samples, .. } => *samples,
            Self::Times { stamps, .. } => u32::try_from(stamps.len()).unwrap_or(u32::MAX),
        }
    }
}

/// The newest `of` bits.
pub(crate) fn mask(of: u32) -> u64 {
    if of >= 64 { u64::MAX } else { (1 << of) - 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The qualifier read naively: keep everything, look back.
    fn naive(qualifier: Qualifier, seen: &[(u64, Option<bool>)]) -> bool {
        let Some(&(now, Some(true))) = seen.last() else { return false };
        match qualifier {
            Qualifier::Once => true,
            Qualifier::Cycles { times, of } => {
                let known: Vec<bool> = seen.iter().filter_map(|(_, truth)| *truth).collect();
                let last = &known[known.len().saturating_sub(of as usize)..];
                last.iter().filter(|truth| **truth).count() >= times as usize
            }
            Qualifier::Lasting(needed) => {
                let run: Vec<u64> = seen
                    .iter()
                    .rev()
                    .take_while(|(_, truth)| *truth == Some(true))
                    .map(|(at, _)| *at)
                    .collect();
                run.len() >= 2 && now - run[run.len() - 1] >= needed.as_secs()
            }
            Qualifier::TimesWithin { times, within } => {
                let known: Vec<(u64, bool)> =
                    seen.iter().filter_map(|(at, truth)| truth.map(|t| (*at, t))).collect();
                let rises: Vec<u64> = (0..known.len())
                    .filter(|&i| known[i].1 && (i == 0 || !known[i - 1].1))
                    .map(|i| known[i].0)
                    .collect();
                let recent = rises.iter().filter(|at| now - **at <= within.as_secs()).count();
                rises.last() == Some(&now) && recent >= times as usize
            }
        }
    }

    fn qualifiers() -> impl Strategy<Value = Qualifier> {
        prop_oneof![
            Just(Qualifier::Once),
            (1..=64_u32).prop_flat_map(|of| (1..=of).prop_map(move |times| Qualifier::Cycles { times, of })),
            (1..40_u64).prop_map(|s| Qualifier::Lasting(Duration::from_secs(s))),
            (1..5_u32, 1..60_u64).prop_map(|(times, s)| Qualifier::TimesWithin {
                times,
                within: Duration::from_secs(s)
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn agrees_with_the_naive_model(
            qualifier in qualifiers(),
            steps in prop::collection::vec((1..8_u64, prop::option::weighted(0.9, any::<bool>())), 0..120),
        ) {
            let mut window = Window::new(qualifier);
            let mut seen = Vec::new();
            let mut now = 0;
            for (gap, truth) in steps {
                now += gap;
                seen.push((now, truth));
                let met = match truth {
                    Some(truth) => window.push(truth, BootTime::from_secs(now)),
                    None => { window.unknown(); false }
                };
                prop_assert_eq!(met, naive(qualifier, &seen), "{:?} after {:?}", qualifier, seen);
            }
        }
    }

    #[test]
    fn five_of_five_needs_five() {
        let mut window = Window::new(Qualifier::Cycles { times: 5, of: 5 });
        let met: Vec<bool> = (0..6).map(|i| window.push(true, BootTime::from_secs(i))).collect();
        assert_eq!(met, [false, false, false, false, true, true]);
        window.clear();
        assert!(!window.push(true, BootTime::from_secs(9)), "after an action it starts afresh");
    }

    #[test]
    fn events_count_each_time() {
        let mut window =
            Window::new(Qualifier::TimesWithin { times: 3, within: Duration::from_secs(3600) });
        assert!(!window.push_event(BootTime::from_secs(1)));
        assert!(!window.push_event(BootTime::from_secs(2)));
        assert!(window.push_event(BootTime::from_secs(3)));
    }
}
