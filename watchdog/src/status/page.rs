//! One page of the status document, for a host with thousands of services: those that fail come first.
//!
//! Not here: its looks (`crate::web::page`).

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::message::{ServiceView, Status};

/// So many services are on a page: a screen or a few, made and sent in a few milliseconds.
pub const PER_PAGE: usize = 100;

/// Which page the document is, and what there is on all of them.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageDocument {
    pub number: usize,
    pub pages: usize,
    pub totals: Totals,
}

/// How many services are in which state, as `report` counts them.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub up: usize,
    pub down: usize,
    pub initialising: usize,
    pub unmonitored: usize,
    pub total: usize,
}

impl Totals {
    /// Counts states by their words in the document.
    pub fn of<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut totals = Self::default();
        for word in words {
            totals.total += 1;
            let count = match word {
                "unmonitored" => &mut totals.unmonitored,
                "failing" | "given_up" => &mut totals.down,
                "unknown" => &mut totals.initialising,
                _ => &mut totals.up,
            };
            *count += 1;
        }
        totals
    }
}

/// The services of one page (of the nearest, where there is no such page), and what to say of it. The host
/// comes first, then what fails, what is on its way or not known, and the rest; each in the rule file's order.
pub fn take(services: &[ServiceView], number: usize) -> (Vec<&ServiceView>, PageDocument) {
    let mut order: Vec<&ServiceView> = services.iter().collect();
    // Stable: what is alike stays in the file's order.
    order.sort_by_key(|service| (Reverse(service.kind == "system"), rank(service.status)));
    let pages = services.len().div_ceil(PER_PAGE).max(1);
    let number = number.clamp(1, pages);
    let shown = order.into_iter().skip((number - 1) * PER_PAGE).take(PER_PAGE).collect();
    let totals = Totals::of(services.iter().map(|service| service.status.word()));
    (shown, PageDocument { number, pages, totals })
}

/// What wants to be seen first has the least.
fn rank(status: Status) -> u8 {
    match status {
        Status::GivenUp | Status::Failing => 0,
        Status::Acting | Status::Pending | Status::Unknown => 1,
        Status::Ok => 2,
        Status::Unmonitored => 3,
    }
}
