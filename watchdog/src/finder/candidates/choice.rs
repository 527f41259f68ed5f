//! Which of many tests a process may fit, by one look through its arguments.
//!
//! Thousands of services may be awaited by what their arguments contain, and each process of the host is
//! asked for all of them. Not here: whether it fits (`candidates`).

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;

use super::reading::Reading;
use super::{Matcher, Test};

/// Fewer are simply asked one after another.
const MANY: usize = 16;

/// Bytes of a text that are looked for: its last. Who has the whole has these; the others are sorted out when
/// they are asked whether they fit. Of thousands of long texts the whole would take a hundred megabytes.
const LOOKED_FOR: usize = 32;

/// What each of the tests looks for, made ready for many processes.
pub(super) struct Choice {
    tests: usize,
    /// Finds all texts that tests look for; none where there are few tests.
    texts: Option<AhoCorasick>,
    /// Whose each of the texts is: many may look for the same.
    whose: Vec<Vec<usize>>,
    /// Those that look for no text, or for something else before.
    others: Vec<usize>,
}

impl Choice {
    pub(super) fn of(tests: &[Test<'_>]) -> Self {
        let (mut all, mut others) = (BTreeMap::<&[u8], Vec<usize>>::new(), Vec::new());
        for (nth, test) in tests.iter().enumerate() {
            // An executable that cannot be read is counted, whatever the arguments are.
            let arguments = test.arguments.as_ref().filter(|_| test.exe.is_none());
            let mut texts = arguments.into_iter().flat_map(Matcher::texts).peekable();
            if texts.peek().is_none() {
                others.push(nth);
            }
            texts.for_each(|text| all.entry(end(text)).or_default().push(nth));
        }
        let (all, whose): (Vec<&[u8]>, Vec<Vec<usize>>) = all.into_iter().unzip();
        // Where it would become too large they are asked one after another as well.
        let texts = (tests.len() >= MANY).then(|| AhoCorasick::new(all).ok()).flatten();
        Self { tests: tests.len(), texts, whose, others }
    }

    /// The tests that the process may fit, in order.
    pub(super) fn for_process(&self, reading: &Reading<'_>) -> Vec<usize> {
        let (Some(texts), Ok(arguments)) = (&self.texts, reading.arguments()) else {
            return (0..self.tests).collect();
        };
        let mut those = self.others.clone();
        // Arguments are anybody's: they may hold a text ten thousand times, which is told of once.
        let mut left: Vec<&[usize]> = self.whose.iter().map(Vec::as_slice).collect();
        for found in texts.find_overlapping_iter(arguments) {
            if let Some(whose) = left.get_mut(found.pattern().as_usize()) {
                those.extend_from_slice(std::mem::take(whose));
            }
        }
        those.sort_unstable();
        those.dedup();
        those
    }
}

fn end(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.last_chunk::<LOOKED_FOR>().map_or(bytes, <[u8; LOOKED_FOR]>::as_slice)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use procfs::process::Process;

    use super::*;
    use crate::finder::tests::{Sleeper, spawn};
    use crate::service::{Match, Pattern};

    #[test]
    fn who_repeats_what_many_look_for_costs_no_memory() {
        let many = Sleeper(spawn(Command::new("/bin/sleep").args(["98765.5"; 10_000])));
        let args = || Pattern::new("98765.5 .*9$").ok();
        let matchings = [(); 2 * MANY].map(|()| Match { exe: None, args: args(), user: None });
        let tests: Vec<Test<'_>> = matchings.iter().map(|one| Test::new(one).unwrap()).collect();
        let process = Process::new(many.0.id().try_into().unwrap()).unwrap();
        let those = Choice::of(&tests).for_process(&Reading::of(&process));
        assert_eq!(those, (0..2 * MANY).collect::<Vec<_>>());
        assert!(those.capacity() <= 4 * MANY, "room for {}", those.capacity());
    }
}
