//! The state survives what it may survive, and nothing damaged is believed.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::identity::ProcessKey;
use crate::message::{Held, SavedAction, SavedRule, SavedService, SavedTurn};

fn some_state() -> SavedState {
    let service = SavedService {
        monitored: true,
        restarts: 3,
        attempts: 1,
        given_up: false,
        main: Some(ProcessKey { pid: 812, start: 99 }),
        ended: true,
        acting: Some(SavedAction { verb: "start".to_owned(), since: 5, program: None }),
        brake: Some(Held { frozen: None, stopped: vec![ProcessKey { pid: 813, start: 9 }] }),
        about: Some(7),
        observed: Some(Arc::default()),
        bases: BTreeMap::from([("changed size".to_owned(), Arc::default())]),
        tried: Some(7),
        turn: Some(SavedTurn { verb: "start".to_owned(), above: true }),
        told: vec![SavedRule { rule: "memory > 1 GB".to_owned(), failing: true }],
    };
    SavedState {
        services: BTreeMap::from([("apache \"x\" \u{1f980}".to_owned(), service)]),
        seen: Some(60_000_000_000),
        rebooted: false,
    }
}

fn encode(state: &SavedState, boot: &str) -> Vec<u8> {
    let mut written = Written::default();
    assert!(written.renew(state.clone(), boot));
    written.parts().concat()
}

fn unique(test: &str) -> String {
    format!("ebpf-watchdog-test-{test}-{}", std::process::id())
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state");
    (temp, path)
}

#[test]
fn what_is_saved_is_read_back() {
    let (_temp, path) = place();
    let opened = open(&path, &unique("back")).unwrap();
    assert_eq!((opened.origin, opened.squatter), (Origin::Fresh, None));
    assert_eq!(opened.store.save(some_state()), None);
    assert_eq!(opened.store.sync(), None);
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(opened.store);
    let opened = open(&path, &unique("back")).unwrap();
    assert_eq!((opened.state, opened.origin), (some_state(), Origin::SameBoot));
}

/// A state that is not read back as it was written is not believed.
#[test]
fn numbers_that_are_observed_spoil_no_state() {
    use crate::check::network::traffic::Rates;
    use crate::check::{Facts, Observation, filesystem, network};
    let mut state = some_state();
    for n in 1..200_u32 {
        let number = 1e9 / f64::from(n * n + 7);
        let rates = Some(Rates { down: [number, number / 3.0], up: [number / 7.0, 0.0] });
        let link = network::Facts { rates, ..network::Facts::default() };
        let rates = Some(filesystem::Rates { service_time: number, ..Default::default() });
        let disk = filesystem::Facts { rates, ..filesystem::Facts::default() };
        for facts in [Facts::Network(Box::new(link)), Facts::Filesystem(Box::new(disk))] {
            let observed = Observation { facts, ..Observation::default() };
            for service in state.services.values_mut() {
                service.observed = Some(Arc::new(observed.clone()));
            }
            let (_, origin) = record::decode(&encode(&state, "boot"), &[], "boot");
            assert_eq!(origin, Origin::SameBoot, "{number}");
        }
    }
}

#[test]
fn no_torn_file_and_no_flipped_bit_is_believed() {
    let bytes = encode(&some_state(), "boot");
    assert_eq!(record::decode(&bytes, &[], "boot"), (some_state(), Origin::SameBoot));
    for length in 0..bytes.len() {
        let (state, origin) = record::decode(&bytes[..length], &[], "boot");
        assert!(matches!(origin, Origin::Damaged(_)), "{length}");
        assert_eq!(state, SavedState::default());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (_, origin) = record::decode(&flipped, &[], "boot");
        assert!(matches!(origin, Origin::Damaged(_)), "bit {bit}: {origin:?}");
    }
}

/// Services come, change and go at each place; only what has changed is made anew.
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
            let read = record::decode(&written.parts().concat(), &[], "boot");
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
    let opened = open(&path, &unique("appended")).unwrap();
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
    let opened = open(&path, &unique("appended")).unwrap();
    assert_eq!((opened.state, opened.origin), (state.clone(), Origin::SameBoot));
    drop(opened.store);
    // Another file, and the changes to the one before left behind.
    let changes = std::fs::read(path.join(CHANGES)).unwrap();
    let opened = open(&path, &unique("appended")).unwrap();
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
    let opened = open(&path, &unique("appended")).unwrap();
    assert_eq!((opened.state, opened.origin), (state, Origin::SameBoot));
}

#[test]
fn changes_that_are_cut_short_are_the_ones_before_and_damaged_ones_none() {
    let (_temp, path) = place();
    let opened = open(&path, &unique("cut")).unwrap();
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
        assert_eq!(changes::apply(kept, of, &mut read), Ok(()), "{length}");
        assert!(read == states[breaks(kept).saturating_sub(1)], "{length}");
    }
    for bit in 0..lines * 8 {
        let mut flipped = changes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut read = states[0].clone();
        let whole = breaks(&flipped) == breaks(&changes);
        // A line break that is none any more joins two lines, or is an end that was cut off.
        let believed = changes::apply(&flipped, of, &mut read).is_ok();
        assert!(!believed || !whole && states.contains(&read), "bit {bit}");
    }
    let mut flipped = changes;
    flipped[lines / 2] ^= 1;
    assert!(matches!(record::decode(&file, &flipped, "boot").1, Origin::Damaged(_)));
}

#[test]
fn of_another_boot_no_process_is_kept() {
    let bytes = encode(&some_state(), "boot before");
    let (state, origin) = record::decode(&bytes, &[], "boot now");
    assert_eq!(origin, Origin::OtherBoot);
    let service = state.services.values().next().unwrap();
    assert_eq!((service.main, service.acting.clone(), service.restarts), (None, None, 3));
    assert!(service.monitored);
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let (_temp, path) = place();
    drop(open(&path, &unique("aside")).unwrap());
    std::fs::write(path.join(FILE), b"{\"version\":2}").unwrap();
    let opened = open(&path, &unique("aside")).unwrap();
    assert!(matches!(opened.origin, Origin::Damaged(_)));
    assert_eq!(opened.store.save(some_state()), None);
    assert!(path.join(BAD).exists() && path.join(FILE).exists());
}

#[test]
fn the_second_daemon_is_refused() {
    let ((_a, path), (_b, other)) = (place(), place());
    let name = unique("second");
    let first = open(&path, &name).unwrap();
    let same_directory = open(&path, &unique("other")).unwrap_err();
    assert!(matches!(same_directory, OpenError::Locked(LockError::Directory)), "{same_directory}");
    let same_host = open(&other, &name).unwrap_err();
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(matches!(same_host, OpenError::Locked(LockError::Host(pid)) if pid == own));
    drop(first);
    open(&path, &name).unwrap();
}

#[test]
fn links_and_foreign_folders_are_refused() {
    let (temp, path) = place();
    let target = temp.path().join("target");
    std::fs::create_dir(&target).unwrap();
    symlink(&target, &path).unwrap();
    assert!(matches!(open(&path, &unique("link")), Err(OpenError::Folder(..))));
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(open(&target, &unique("wide")), Err(OpenError::Folder(..))));
}

#[test]
fn nothing_outside_is_written_through_a_planted_link() {
    let (temp, path) = place();
    let victim = temp.path().join("victim");
    std::fs::write(&victim, b"untouched").unwrap();
    drop(open(&path, &unique("plant")).unwrap());
    symlink(&victim, path.join(FILE)).unwrap();
    let opened = open(&path, &unique("plant")).unwrap();
    assert!(matches!(opened.origin, Origin::Damaged(_)));
    symlink(&victim, path.join(DRAFT)).unwrap();
    symlink(&victim, path.join(FILE)).unwrap();
    assert!(matches!(opened.store.save(some_state()), Some(Durability::NotDurable(_))));
    symlink(&victim, path.join("out.log")).unwrap();
    assert!(opened.store.folder().append("out.log").is_err());
    // The link in the draft's place is gone by then, so the next try works.
    assert_eq!(opened.store.sync(), Some(Durability::Durable));
    assert_eq!(std::fs::read(&victim).unwrap(), b"untouched");
}
