//! The state file's bytes, made anew only where a service has changed.
//!
//! A note stands before each deed: what has not changed is copied from the file before, where that is kept.
//! Ten thousand services make megabytes of it, which are not, and of which each note is appended. The form is
//! that of `record`, byte for byte. Not here: the file (`folder`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::record::VERSION;
use crate::message::{Changes, SavedService, SavedState};

/// Before the services, after the head.
const BEGIN: &[u8] = b"{\n    \"services\": {";

/// What was written last, and where in it each service stands.
#[derive(Debug, Default)]
pub(super) struct Written {
    state: SavedState,
    /// The file up to its checksum, and the rest of it; empty once it was let go.
    head: Vec<u8>,
    body: Vec<u8>,
    /// Where each service's part of `body` ends, in the order of `state`.
    ends: Vec<usize>,
    /// Bytes of `body`, also of one that was let go.
    length: usize,
    /// The checksum in the head.
    sum: u32,
    /// Whose part is not that of `state`: it was appended.
    appended: BTreeSet<String>,
    /// Nor is the rest.
    behind: bool,
}

impl Written {
    /// Another state is to be written. False where that makes the same file.
    pub(super) fn renew(&mut self, state: SavedState, boot: &str) -> bool {
        let mut body = Vec::with_capacity(self.length + 4096);
        let mut ends = Vec::with_capacity(state.services.len());
        body.extend_from_slice(BEGIN);
        let mut changed = self.head.is_empty() || self.behind || state.seen != self.state.seen;
        let mut begin = BEGIN.len();
        let mut former = self.state.services.iter().enumerate().map(|(nth, known)| {
            let part = self.ends.get(nth).map(|end| begin..*end);
            // After it comes a comma.
            begin = part.as_ref().map_or(begin, |part| part.end + 1);
            (known, part)
        });
        let mut next = former.next();
        for (name, service) in &state.services {
            if !ends.is_empty() {
                body.push(b',');
            }
            while next.as_ref().is_some_and(|((known, _), _)| *known < name) {
                changed = true;
                next = former.next();
            }
            let same = next.take_if(|(known, _)| *known == (name, service));
            if same.is_some() {
                next = former.next();
            }
            changed |= same.is_none();
            let same = same.filter(|_| !self.appended.contains(name));
            match same.and_then(|(_, part)| self.body.get(part?)) {
                Some(part) => body.extend_from_slice(part),
                None => write(&mut body, name, service),
            }
            ends.push(body.len());
        }
        changed |= next.is_some();
        if !changed {
            return false;
        }
        body.extend_from_slice(if ends.is_empty() { b"}" } else { b"\n    }" });
        if let Some(seen) = state.seen {
            body.extend_from_slice(format!(",\n    \"seen\": {seen}").as_bytes());
        }
        body.extend_from_slice(b"\n  }\n}");
        let mut sum = crc32fast::Hasher::new();
        sum.update(head(boot, 0).as_bytes());
        sum.update(&body);
        let sum = sum.finalize();
        let head = head(boot, sum).into_bytes();
        let length = body.len();
        *self = Self { state, head, body, ends, length, sum, ..Self::default() };
        true
    }

    /// What of these changes is none yet, and is to be appended to the file. Outside none: they are about a
    /// service that is not in the file.
    pub(super) fn note(&mut self, changes: Changes) -> Option<Option<Changes>> {
        let mut new = Changes { services: BTreeMap::new(), seen: changes.seen };
        for (name, service) in changes.services {
            if *self.state.services.get(&name)? != service {
                new.services.insert(name, service);
            }
        }
        new.seen = new.seen.filter(|_| new.seen != self.state.seen);
        if new == Changes::default() {
            return Some(None);
        }
        for (name, service) in &new.services {
            self.state.services.insert(name.clone(), service.clone());
            self.appended.insert(name.clone());
        }
        self.state.seen = new.seen.or(self.state.seen);
        self.behind = true;
        Some(Some(new))
    }

    /// Takes what was appended into the file's content, and makes it anew where it was let go.
    pub(super) fn make(&mut self, boot: &str) {
        if self.behind || self.body.is_empty() {
            self.behind = true;
            let state = std::mem::take(&mut self.state);
            (self.body, self.ends) = Default::default();
            self.renew(state, boot);
        }
    }

    /// The file stands: its content is not kept where it is longer than this.
    pub(super) fn let_go(&mut self, bytes: usize) {
        if self.is_longer_than(bytes) {
            (self.body, self.ends) = Default::default();
        }
    }

    /// The checksum that the file has.
    pub(super) fn sum(&self) -> u32 {
        self.sum
    }

    pub(super) fn is_longer_than(&self, bytes: usize) -> bool {
        self.length > bytes
    }

    /// The file's content, in the order in which it is written.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [&self.head, &self.body]
    }
}

fn head(boot: &str, sum: u32) -> String {
    let boot = serde_json::Value::from(boot);
    format!(
        "{{\n  \"version\": {VERSION},\n  \"boot\": {boot},\n  \"crc32\": {sum},\n  \"state\": "
    )
}

/// One service as it stands in the file.
fn write(body: &mut Vec<u8>, name: &str, service: &SavedService) {
    body.extend_from_slice(b"\n      ");
    body.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
    body.extend_from_slice(b": ");
    let mut form = PrettyFormatter::new();
    // It stands within three others.
    let deeper = (0..3).try_for_each(|_| form.begin_object(&mut std::io::sink()));
    // Plain data with string keys: it has no way to fail, nor has a sink.
    let written = service.serialize(&mut Serializer::with_formatter(body, form));
    debug_assert!(deeper.is_ok() && written.is_ok());
}
