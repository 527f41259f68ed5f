//! What this host offers: users, groups and programs that the configuration names.
//!
//! Not here: whether missing ones are errors or warnings (`programs`). Users of a directory service
//! that `/etc/passwd` does not list are asked for by number.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::trust::{TrustError, trusted_program};

/// Looks things up once and remembers.
#[derive(Default)]
pub(super) struct Host {
    users: Option<HashSet<String>>,
    groups: Option<HashSet<String>>,
    programs: HashMap<String, Result<(), TrustError>>,
}

impl Host {
    /// Whether a user exists; numbers always do.
    pub(super) fn has_user(&mut self, name: &str) -> bool {
        name.parse::<u32>().is_ok()
            || self.users.get_or_insert_with(|| names("/etc/passwd")).contains(name)
    }

    /// Whether a group exists; numbers always do.
    pub(super) fn has_group(&mut self, name: &str) -> bool {
        name.parse::<u32>().is_ok()
            || self.groups.get_or_insert_with(|| names("/etc/group")).contains(name)
    }

    /// Whether root may run a program.
    pub(super) fn program(&mut self, path: &str) -> Result<(), TrustError> {
        if let Some(known) = self.programs.get(path) {
            return known.clone();
        }
        let answer = trusted_program(Path::new(path));
        self.programs.insert(path.to_owned(), answer.clone());
        answer
    }
}

/// What a path or glob is without the links in it; none where there are none, or nothing there.
pub(super) fn without_links(path: &str) -> Option<String> {
    let literal = path.find(['*', '?', '[']).unwrap_or(path.len());
    // The part before the pattern that is a folder or a file by itself.
    let end = if literal == path.len() { literal } else { path[..literal].rfind('/')? };
    let (plain, rest) = path.split_at(end);
    let real = std::fs::canonicalize(plain).ok()?;
    let real = real.to_str().filter(|real| *real != plain)?;
    Some(format!("{real}{rest}"))
}

/// The first fields of a file such as `/etc/passwd`.
fn names(path: &str) -> HashSet<String> {
    let text = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| line.split(':').next())
        .map(str::to_owned)
        .collect()
}
