//! Places for connections: how many there are, and who has to go when all are taken.
//!
//! A connection on which nobody has logged in yet makes room, oldest first; one that has a user
//! keeps its place. So who only opens connections cannot lock out those who use them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Connections at once.
pub const PLACES: usize = 64;

/// Of one source. Loopback is one source, so this leaves it most of them.
pub const OF_ONE_SOURCE: usize = 48;

#[derive(Debug)]
struct Seat {
    number: u64,
    source: IpAddr,
    used: bool,
    leave: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Table {
    /// Oldest first.
    seats: Vec<Seat>,
    next: u64,
}

/// All places.
#[derive(Debug, Clone, Default)]
pub struct Places {
    // A std mutex: held for a walk over 64 entries.
    table: Arc<Mutex<Table>>,
}

/// A place taken; given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    number: u64,
    leave: Arc<Notify>,
}

impl Places {
    /// Takes a place, of somebody else's if need be; `None`: all are in use.
    pub fn take(&self, source: IpAddr) -> Option<Place> {
        let mut table = self.lock();
        let own = table.seats.iter().filter(|seat| seat.source == source).count();
        let only_own = own >= OF_ONE_SOURCE;
        if only_own || table.seats.len() >= PLACES {
            let oldest = table
                .seats
                .iter()
                .position(|seat| !seat.used && (!only_own || seat.source == source))?;
            // Its place is free from now on, its task ends as soon as it runs.
            table.seats.remove(oldest).leave.notify_one();
        }
        let (number, leave) = (table.next, Arc::new(Notify::new()));
        table.next += 1;
        table.seats.push(Seat { number, source, used: false, leave: Arc::clone(&leave) });
        drop(table);
        Some(Place { places: self.clone(), number, leave })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.lock().seats.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Somebody has logged in: the place is kept to the connection's end.
    pub fn keep(&self) {
        let mut table = self.places.lock();
        if let Some(seat) = table.seats.iter_mut().find(|seat| seat.number == self.number) {
            seat.used = true;
        }
    }

    /// Ends when the place was given to another connection.
    pub async fn lost(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().seats.retain(|seat| seat.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn source(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
    }

    #[tokio::test]
    async fn idle_connections_make_room_oldest_first_and_used_ones_stay() {
        let places = Places::default();
        let first = places.take(source(1)).expect("a place");
        first.keep();
        let mut idle = Vec::new();
        for _ in 1..OF_ONE_SOURCE {
            idle.push(places.take(source(1)).expect("a place"));
        }
        let next = places.take(source(1)).expect("the oldest idle one goes");
        idle[0].lost().await;
        assert_eq!(places.taken(), OF_ONE_SOURCE);
        for place in idle.iter().chain([&next]) {
            place.keep();
        }
        assert!(places.take(source(1)).is_none(), "all of this source are in use");
        assert!(places.take(source(2)).is_some(), "another source has places left");
    }

    #[test]
    fn all_sources_together_are_bounded() {
        let places = Places::default();
        let taken: Vec<_> = (0..=255).map(|last| places.take(source(last))).collect();
        assert!(taken.iter().all(Option::is_some));
        assert_eq!(places.taken(), PLACES);
        drop(taken);
        assert_eq!(places.taken(), 0);
    }
}
