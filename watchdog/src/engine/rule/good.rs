//! Cycles in which a failing rule was good: whether that is enough for its recovery.
//!
//! Not here: whether it was good (`judge`).

use crate::engine::window::mask;
use crate::service::Recovery;

/// Cycles by whether they were good, for the recovery. What is not known shifts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Good {
    /// Good ones in a row.
    row: u32,
    /// The newest in bit 0.
    bits: u64,
    /// It was bad since the last cycle.
    spoilt: bool,
}

impl Good {
    pub(super) fn bad(&mut self, cycle: bool) {
        if cycle {
            self.push(false);
        } else {
            self.spoilt = true;
        }
    }

    /// Takes a good judgement; true where there are enough of them. What needs no more than one is
    /// recovered between two cycles as well.
    pub(super) fn is_enough(&mut self, wanted: Recovery, cycle: bool) -> bool {
        if wanted == Recovery::default() {
            return true;
        }
        if !cycle {
            return false;
        }
        let good = !self.spoilt;
        self.push(good);
        let enough = if wanted.times == wanted.of {
            self.row >= wanted.times
        } else {
            (self.bits & mask(wanted.of)).count_ones() >= wanted.times
        };
        good && enough
    }

    fn push(&mut self, good: bool) {
        self.row = if good { self.row.saturating_add(1) } else { 0 };
        self.bits = self.bits << 1 | u64::from(good);
        self.spoilt = false;
    }
}
