//! How many programs of rules run at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// For one service.
const PER_SERVICE: usize = 4;
/// For all.
const IN_TOTAL: usize = 64;

/// Who holds which numbers, by the service's name.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<Mutex<HashMap<String, [bool; PER_SERVICE]>>>);

/// The right to run one program, given back when dropped.
pub(super) struct Slot {
    slots: Slots,
    service: String,
    number: usize,
}

impl Slots {
    /// A slot, or one line of why not.
    pub(super) fn take(&self, service: &str) -> Result<Slot, String> {
        let mut taken = self.lock();
        if taken.values().flatten().filter(|taken| **taken).count() >= IN_TOTAL {
            return Err(format!("too many running: {IN_TOTAL} programs of all services"));
        }
        let own = taken.entry(service.to_owned()).or_default();
        let Some(number) = own.iter().position(|taken| !taken) else {
            return Err(format!("too many running: {PER_SERVICE} programs of this service"));
        };
        own[number] = true;
        Ok(Slot { slots: self.clone(), service: service.to_owned(), number })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, [bool; PER_SERVICE]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// 0 to 3, different for all that run for one service now.
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        if let Some(own) = taken.get_mut(&self.service) {
            own[self.number] = false;
            if !own.contains(&true) {
                taken.remove(&self.service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_per_service_and_in_total_and_given_back() {
        let slots = Slots::default();
        let mut held: Vec<Slot> = (0..4).map(|_| slots.take("a").unwrap()).collect();
        assert!(slots.take("a").is_err());
        held.remove(1);
        assert_eq!(slots.take("a").unwrap().number(), 1);
        for n in 0..61 {
            held.push(slots.take(&format!("b{}", n / 4)).unwrap());
        }
        assert!(slots.take("c").is_err());
        held.clear();
        assert!(slots.lock().is_empty());
    }
}
