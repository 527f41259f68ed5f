//! Names of user ids for texts, from the host's own list: read at the start and at a reload.
//!
//! Only `/etc/passwd`: a directory service may hang, and a death is not told later for a name. Not
//! here: which account a program runs as (`sys::account`).

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// A longer list is no list; users behind it are shown by number.
const MOST_BYTES: u64 = 1 << 20;

/// The names of user ids; empty where the list cannot be read.
pub(super) fn names() -> Arc<BTreeMap<u32, String>> {
    let mut text = Vec::new();
    let read = std::fs::File::open("/etc/passwd")
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text));
    if read.is_err() {
        return Arc::default();
    }
    Arc::new(parse(&String::from_utf8_lossy(&text)))
}

/// passwd(5): the first name of each number.
fn parse(text: &str) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(uid))) = (fields.next(), fields.nth(1).map(str::parse)) {
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_first_name_of_a_number_counts_and_nonsense_does_not() {
        let names =
            parse("root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n\nbroken\nann:x:1000:1000\nx:y:z\n");
        let names: Vec<_> = names.into_iter().collect();
        assert_eq!(names, [(0, "root".to_owned()), (1000, "ann".to_owned())]);
    }
}
