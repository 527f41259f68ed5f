//! Which of many tests a process may fit, by one look through its arguments.
//!
//! Thousands of services may be awaited by what their arguments contain, and each process of the host is
//! asked for all of them. Not here: whether it fits (`candidates`).

use aho_corasick::AhoCorasick;

use super::Test;
use super::reading::Reading;

/// Fewer are simply asked one after another.
const MANY: usize = 16;

/// What each of the tests looks for, made ready for many processes.
pub(super) struct Choice {
    tests: usize,
    /// Finds all texts that tests look for; none where there are few tests.
    texts: Option<AhoCorasick>,
    /// Whose each of the texts is.
    whose: Vec<usize>,
    /// Those that look for no text, or for something else before.
    others: Vec<usize>,
}

impl Choice {
    pub(super) fn of(tests: &[Test<'_>]) -> Self {
        let (mut all, mut whose, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (nth, test) in tests.iter().enumerate() {
            // An executable that cannot be read is counted, whatever the arguments are.
            let arguments = test.arguments.as_ref().filter(|_| test.exe.is_none());
            let texts: Vec<&str> = arguments.map(|one| one.texts().collect()).unwrap_or_default();
            if texts.is_empty() {
                others.push(nth);
            }
            whose.extend(texts.iter().map(|_| nth));
            all.extend(texts);
        }
        // Where it would become too large they are asked one after another as well.
        let texts = (tests.len() >= MANY).then(|| AhoCorasick::new(all).ok()).flatten();
        Self { tests: tests.len(), texts, whose, others }
    }

    /// The tests that the process may fit, in order.
    pub(super) fn for_process(&self, reading: &Reading<'_>) -> Vec<usize> {
        let (Some(texts), Ok(arguments)) = (&self.texts, reading.arguments()) else {
            return (0..self.tests).collect();
        };
        let found = texts.find_overlapping_iter(arguments);
        let found = found.filter_map(|found| self.whose.get(found.pattern().as_usize()).copied());
        let mut those: Vec<usize> = self.others.iter().copied().chain(found).collect();
        those.sort_unstable();
        those.dedup();
        those
    }
}
