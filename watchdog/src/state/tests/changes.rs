//! Notes that are appended to a large state, and what is believed of them.

use super::*;
use crate::state::changes::{BAD_CHANGES, apply};

#[test]
fn the_file_after_changes_is_that_of_its_state() {
    let service = some_state().services.into_values().next().unwrap();
    let named = |present: usize, n: usize| present >> n & 1 == 1;
    let of = |present: usize, restarts: u64| {
        let names = (0..4).filter(|n| named(present, *n));
        let service = |n| SavedService { restarts: restarts + n, ..service.clone() };
        let services = names.map(|n| (format!("service\n{n}"), service(n as u64 % 2)));
        SavedState { services: services.collect(), seen: None, rebooted: false }
    };
    for (before, after) in (0..16).flat_map(|before| (0..16).map(move |after| (before, after))) {
        for restarts in [7, 8] {
            let mut written = Written::default();
            assert!(written.renew(of(before, 7), "boot"));
            let next = of(after, restarts);
            let same = next == of(before, 7);
            assert_eq!(written.renew(next.clone(), "boot"), !same, "{before} {after}");
            assert_eq!(written.parts().concat(), encode(&next, "boot"));
            let read = decode(&written.parts().concat(), "boot");
            assert_eq!(read, (next.clone(), Origin::SameBoot));
            assert!(!written.renew(next.clone(), "boot"));
            assert!(written.renew(SavedState { seen: Some(60), ..next }, "boot"));
        }
    }
}

/// A state that is long enough for changes to be appended.
fn long_state() -> SavedState {
    let service = some_state().services.into_values().next().unwrap();
    let services = (0..1_000).map(|n| (format!("service {n}"), service.clone())).collect();
    SavedState { services, ..some_state() }
}

/// With another number of restarts.
fn change(state: &mut SavedState, name: &str, restarts: u64) -> Changes {
    let service = state.services.get_mut(name).unwrap();
    service.restarts = restarts;
    let services = BTreeMap::from([(name.to_owned(), service.clone())]);
    Changes { services, seen: state.seen }
}

#[test]
fn what_was_appended_is_read_back_and_written_whole_in_the_end() {
    let (_temp, path) = place();
    let opened = open_in_the_end(&path, &unique("appended"));
    let (store, mut state) = (opened.store, long_state());
    let none = Changes::default();
    assert_eq!(store.append(none.clone(), false), None, "there is no file yet");
    assert_eq!(store.save(state.clone()), None);
    let file = std::fs::read(path.join(FILE)).unwrap();
    assert!(file.len() > SHORT);
    for restarts in 1..20 {
        let name = format!("service {}", restarts % 3);
        let changes = change(&mut state, &name, 100 + restarts);
        assert_eq!(store.append(changes, false), Some(None));
    }
    state.seen = Some(120_000_000_000);
    assert_eq!(store.append(Changes { seen: state.seen, ..none.clone() }, false), Some(None));
    assert_eq!(store.sync(), None);
    assert_eq!(std::fs::read(path.join(FILE)).unwrap(), file, "the file is as it was");
    let length = path.join(CHANGES).metadata().unwrap().len();
    assert_eq!(store.append(none, false), Some(None));
    let again = change(&mut state, "service 1", 119);
    assert_eq!(store.append(again, false), Some(None));
    assert_eq!(path.join(CHANGES).metadata().unwrap().len(), length, "nothing new is no line");
    let unknown = BTreeMap::from([("new".to_owned(), SavedService::default())]);
    assert_eq!(store.append(Changes { services: unknown, seen: None }, false), None);
    drop(store);
    let opened = open_in_the_end(&path, &unique("appended"));
    assert_eq!((opened.state, opened.origin), (state.clone(), Origin::SameBoot));
    drop(opened.store);
    // Another file, and the changes to the one before left behind.
    let changes = std::fs::read(path.join(CHANGES)).unwrap();
    let opened = open_in_the_end(&path, &unique("appended"));
    assert_eq!(opened.store.save(state.clone()), None);
    assert!(!path.join(CHANGES).exists());
    let changed = change(&mut state, "service 5", 7);
    assert_eq!(opened.store.append(changed, false), Some(None));
    while path.join(CHANGES).exists() {
        let restarts = state.services["service 5"].restarts + 1;
        let changed = change(&mut state, "service 5", restarts);
        if opened.store.append(changed, true).is_none() {
            assert_eq!(opened.store.save(state.clone()), None);
        }
    }
    drop(opened.store);
    std::fs::write(path.join(CHANGES), changes).unwrap();
    let opened = open_in_the_end(&path, &unique("appended"));
    assert_eq!((opened.state, opened.origin), (state, Origin::SameBoot));
}

#[test]
fn what_stands_before_damaged_changes_is_believed() {
    let (_temp, path) = place();
    let opened = open_in_the_end(&path, &unique("cut"));
    let mut state = long_state();
    assert_eq!(opened.store.save(state.clone()), None);
    let short = |state: &SavedState| {
        let mut short = state.clone();
        short.services.retain(|name, _| name == "service 7");
        short
    };
    let mut states = vec![short(&state)];
    for restarts in 10..12 {
        let changes = change(&mut state, "service 7", restarts);
        assert_eq!(opened.store.append(changes, false), Some(None));
        states.push(short(&state));
    }
    let file = std::fs::read(path.join(FILE)).unwrap();
    let changes = std::fs::read(path.join(CHANGES)).unwrap();
    let (of, lines) = (opened.store.lock().written.sum(), changes.len());
    let breaks = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    for length in 0..=lines {
        let mut read = states[0].clone();
        let kept = &changes[..length];
        assert_eq!(apply(kept, of, &mut read), Ok(()), "{length}");
        assert!(read == states[breaks(kept).saturating_sub(1)], "{length}");
    }
    for bit in 0..lines * 8 {
        let mut flipped = changes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut read = states[0].clone();
        let whole = breaks(&flipped) == breaks(&changes);
        // A line break that is none any more joins two lines, or is an end that was cut off.
        let believed = apply(&flipped, of, &mut read).is_ok();
        assert!(!believed || !whole, "bit {bit}");
        let before = breaks(&changes[..bit / 8]).saturating_sub(1);
        assert!(read == states[before], "bit {bit}");
    }
    // The last line.
    let mut flipped = changes.clone();
    flipped[lines - 3] ^= 1;
    let read = record::decode(&file, Ok(&flipped), "boot");
    assert_eq!(read.refused.as_deref(), Some("line 3: the checksum does not fit"));
    assert!(matches!(read.origin, Origin::OtherBoot));
    assert_eq!(read.state.services["service 7"].restarts, 10);
}

#[test]
fn changes_that_cannot_be_believed_are_moved_aside_and_the_rest_stays() {
    let (_temp, path) = place();
    let opened = open_in_the_end(&path, &unique("refused"));
    let mut state = long_state();
    assert_eq!(opened.store.save(state.clone()), None);
    assert_eq!(opened.store.append(change(&mut state, "service 7", 10), false), Some(None));
    drop(opened);
    let mut changes = std::fs::read(path.join(CHANGES)).unwrap();
    let damaged = changes.len() - 3;
    changes[damaged] ^= 1;
    std::fs::write(path.join(CHANGES), &changes).unwrap();
    let opened = open_in_the_end(&path, &unique("refused"));
    let why = opened.refused.expect("it cannot be believed");
    assert!(why.ends_with("state.changes: line 2: the checksum does not fit"), "{why}");
    assert_eq!(opened.origin, Origin::SameBoot);
    assert_eq!(opened.state.services["service 7"].restarts, 3);
    // What was to be done then may have been done since.
    assert!(long_state().services["service 7"].turn.is_some());
    assert!(opened.state.services.values().all(|service| service.turn.is_none()));
    assert_eq!(std::fs::read(path.join(BAD_CHANGES)).unwrap(), changes);
    assert!(path.join(FILE).exists() && !path.join(CHANGES).exists());
    drop(opened.store);
    assert_eq!(open_in_the_end(&path, &unique("refused")).refused, None, "it is told once");
}
