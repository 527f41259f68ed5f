//! The state survives what it may survive, and nothing damaged is believed.

mod changes;

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::identity::ProcessKey;
use crate::message::{
    Held, SavedAction, SavedDeath, SavedRule, SavedService, SavedTurn, SavedUnwatched,
};

fn some_state() -> SavedState {
    let service = SavedService {
        monitored: true,
        unmonitored: Some(Box::new(SavedUnwatched {
            why: "stop on user request".to_owned(),
            at: Some(5),
        })),
        restarts: 3,
        attempts: 1,
        given_up: false,
        main: Some(ProcessKey { pid: 812, start: 99 }),
        ended: true,
        death: Some(Box::new(SavedDeath { text: "process 812 has ended".to_owned() })),
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

/// Opened. A child that another test is just forking may hold a copy of a former lock until it has
/// exec'ed.
fn open_in_the_end(path: &Path, name: &str) -> Opened {
    for _ in 0..60 {
        match open(path, name) {
            Err(OpenError::Locked(LockError::Directory | LockError::Host(_))) => {}
            other => return other.unwrap(),
        }
    }
    open(path, name).unwrap()
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state");
    (temp, path)
}

fn decode(bytes: &[u8], boot: &str) -> (SavedState, Origin) {
    let read = record::decode(bytes, Ok(&[]), boot);
    (read.state, read.origin)
}

#[test]
fn what_is_saved_is_read_back() {
    let (_temp, path) = place();
    let opened = open_in_the_end(&path, &unique("back"));
    assert_eq!((opened.origin, opened.squatter), (Origin::Fresh, None));
    assert_eq!(opened.store.save(some_state()), None);
    assert_eq!(opened.store.sync(), None);
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(opened.store);
    let opened = open_in_the_end(&path, &unique("back"));
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
            let (_, origin) = decode(&encode(&state, "boot"), "boot");
            assert_eq!(origin, Origin::SameBoot, "{number}");
        }
    }
}

#[test]
fn no_torn_file_and_no_flipped_bit_is_believed() {
    let bytes = encode(&some_state(), "boot");
    assert_eq!(decode(&bytes, "boot"), (some_state(), Origin::SameBoot));
    for length in 0..bytes.len() {
        let (state, origin) = decode(&bytes[..length], "boot");
        assert!(matches!(origin, Origin::Damaged(_)), "{length}");
        assert_eq!(state, SavedState::default());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (_, origin) = decode(&flipped, "boot");
        assert!(matches!(origin, Origin::Damaged(_)), "bit {bit}: {origin:?}");
    }
}

/// Services come, change and go at each place; only what has changed is made anew.
#[test]
fn of_another_boot_no_process_is_kept() {
    let bytes = encode(&some_state(), "boot before");
    let (state, origin) = decode(&bytes, "boot now");
    assert_eq!(origin, Origin::OtherBoot);
    let service = state.services.values().next().unwrap();
    assert_eq!((service.main, service.acting.clone(), service.restarts), (None, None, 3));
    assert!(service.monitored);
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let (_temp, path) = place();
    drop(open_in_the_end(&path, &unique("aside")));
    std::fs::write(path.join(FILE), b"{\"version\":2}").unwrap();
    let opened = open_in_the_end(&path, &unique("aside"));
    assert!(matches!(opened.origin, Origin::Damaged(_)));
    assert_eq!(opened.store.save(some_state()), None);
    assert!(path.join(BAD).exists() && path.join(FILE).exists());
}

#[test]
fn the_second_daemon_is_refused() {
    let ((_a, path), (_b, other)) = (place(), place());
    let name = unique("second");
    let first = open_in_the_end(&path, &name);
    let same_directory = open(&path, &unique("other")).unwrap_err();
    assert!(matches!(same_directory, OpenError::Locked(LockError::Directory)), "{same_directory}");
    let same_host = open(&other, &name).unwrap_err();
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(matches!(same_host, OpenError::Locked(LockError::Host(pid)) if pid == own));
    drop(first);
    open_in_the_end(&path, &name);
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
    drop(open_in_the_end(&path, &unique("plant")));
    symlink(&victim, path.join(FILE)).unwrap();
    let opened = open_in_the_end(&path, &unique("plant"));
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
