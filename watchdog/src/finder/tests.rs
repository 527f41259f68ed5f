//! Pidfiles as attackers write them, and processes as they are. Runs as root: files of others are
//! made by chown.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use super::*;
use crate::identity::ServiceId;
use crate::service::{Control, ServiceKind};

fn find(service: &Service, known: Option<ProcessKey>, membership: &dyn Membership) -> Presence {
    super::find(service, known, &[], membership).presence
}

/// Members are given by hand.
struct Fixed(Vec<ProcessKey>);

impl Membership for Fixed {
    fn members(&self, _: ServiceId) -> std::io::Result<Vec<ProcessKey>> {
        Ok(self.0.clone())
    }
    fn service_of(&self, _: ProcessKey) -> std::io::Result<Option<ServiceId>> {
        Ok(None)
    }
    fn spawning(&self, _: ServiceId, spawn: &mut dyn FnMut()) -> std::io::Result<()> {
        spawn();
        Ok(())
    }
}

/// Ends its process with the test.
pub(super) struct Sleeper(pub(super) Child);

impl Sleeper {
    pub(super) fn new(seconds: &str) -> Self {
        Self(spawn(Command::new("/bin/sleep").arg(seconds)))
    }
    pub(super) fn key(&self) -> ProcessKey {
        facts(self.0.id()).unwrap().unwrap().key
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Spawning comes back a moment before the kernel shows the new arguments.
pub(super) fn spawn(command: &mut Command) -> Child {
    let child = command.spawn().unwrap();
    let line = format!("/proc/{}/cmdline", child.id());
    while std::fs::read(&line).is_ok_and(|line| line.is_empty()) {
        std::thread::yield_now();
    }
    child
}

/// A program of its own. Not written by this process: a child that another test is just forking would
/// have it open for writing, and nobody could run it then.
fn copy_of_sleep(at: &Path) {
    assert!(Command::new("cp").arg("/bin/sleep").arg(at).status().unwrap().success());
}

fn service(pidfile: Option<PathBuf>, matching: Option<Match>) -> Service {
    let process = ProcessService {
        pidfile,
        matching,
        unit: None,
        cgroup: None,
        start: None,
        stop: None,
        restart: None,
        stop_timeout: Duration::from_secs(1),
    };
    Service {
        id: ServiceId(0),
        name: "x".to_owned(),
        groups: Vec::new(),
        kind: ServiceKind::Process(process),
        control: Control::default(),
        rules: Vec::new(),
    }
}

fn matching(exe: Option<&str>, args: Option<&str>, user: Option<&str>) -> Match {
    Match {
        exe: exe.map(str::to_owned),
        args: args.map(|args| crate::service::Pattern::new(args).unwrap()),
        user: user.map(str::to_owned),
    }
}

/// A folder of root's alone with `x.pid` in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = temp.path().join("x.pid");
    (temp, path)
}

fn by_file(path: &Path) -> Presence {
    find(&service(Some(path.to_owned()), None), None, &Fixed(Vec::new()))
}

#[test]
fn roots_own_pidfile_is_believed() {
    let (_temp, path) = place();
    let sleeper = Sleeper::new("100");
    assert!(matches!(by_file(&path), Presence::Absent { .. }));
    std::fs::write(&path, format!("{}\n", sleeper.0.id())).unwrap();
    assert_eq!(by_file(&path), Presence::Present { main: sleeper.key(), candidates: 1 });
}

#[test]
fn hostile_pidfiles_never_name_a_process() {
    let (temp, path) = place();
    let beyond = "9".repeat(70);
    let own = std::process::id().to_string();
    for text in ["", "0", "1", "-1", "-812", "2", "4194304", &beyond, &own, "12 13", "\0", "1e3"] {
        std::fs::write(&path, text).unwrap();
        assert!(!matches!(by_file(&path), Presence::Present { .. }), "{text:?}");
    }
    // 1 GB without a byte of disk: only its first bytes are read.
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    assert!(!matches!(by_file(&path), Presence::Present { .. }));
    std::fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    assert!(matches!(by_file(&path), Presence::Untrusted { .. }));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(by_file(&path), Presence::Untrusted { .. }));
    std::fs::remove_dir(&path).unwrap();
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert!(matches!(by_file(&path), Presence::Untrusted { .. }), "and it did not wait");
    assert!(matches!(by_file(Path::new("/dev/zero")), Presence::Untrusted { .. }));
    drop(temp);
}

#[test]
fn a_pidfile_of_others_needs_somebody_who_agrees() {
    let (temp, path) = place();
    let sleeper = Sleeper::new("100");
    let key = sleeper.key();
    std::fs::write(&path, key.pid.to_string()).unwrap();
    chown(&path, Some(65_534), None).unwrap();
    let Presence::Untrusted { why } = by_file(&path) else { panic!("believed") };
    assert!(why.contains("is owned by 'nobody', not by root"), "{why}");
    assert!(why.contains("add match: { exe: /"), "{why}");
    // Our own child, or known from before, or told by `match`.
    let plain = service(Some(path.clone()), None);
    let present = Presence::Present { main: key, candidates: 1 };
    assert_eq!(find(&plain, None, &Fixed(vec![key])), present);
    assert_eq!(find(&plain, Some(key), &Fixed(Vec::new())), present);
    let before = ProcessKey { start: key.start - 1, ..key };
    assert!(matches!(find(&plain, Some(before), &Fixed(vec![before])), Presence::Untrusted { .. }));
    let told = service(Some(path.clone()), Some(matching(None, Some("^/bin/sleep 100$"), None)));
    assert_eq!(find(&told, None, &Fixed(Vec::new())), present);
    let other = service(Some(path.clone()), Some(matching(None, Some("^/bin/other"), None)));
    assert!(matches!(find(&other, None, &Fixed(Vec::new())), Presence::Absent { .. }));
    // Root's file again, but in a folder where others may put theirs.
    chown(&path, Some(0), None).unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(by_file(&path), Presence::Untrusted { .. }));
}

#[test]
fn a_zombie_and_a_kernel_thread_are_no_service() {
    let (_temp, path) = place();
    let mut child = Command::new("/bin/true").spawn().unwrap();
    let key = facts(child.id()).unwrap().unwrap().key;
    while process::alive(key) {
        std::thread::yield_now();
    }
    std::fs::write(&path, key.pid.to_string()).unwrap();
    assert_eq!(by_file(&path), absent(format!("process {} is a zombie", key.pid)));
    child.wait().unwrap();
    if let Some(kernel) = process::snapshot().unwrap().iter().find(|facts| facts.kernel) {
        std::fs::write(&path, kernel.key.pid.to_string()).unwrap();
        assert!(matches!(by_file(&path), Presence::Absent { .. }));
    }
}

#[test]
fn match_finds_the_oldest_root() {
    let temp = tempfile::tempdir().unwrap();
    let program = temp.path().join("service program");
    copy_of_sleep(&program);
    let exe = program.to_str().unwrap();
    let first = Sleeper(spawn(Command::new(&program).arg("101")));
    std::thread::sleep(Duration::from_millis(30));
    let second = Sleeper(spawn(Command::new(&program).arg("102")));
    let key = first.key();
    let look = |matching| find(&service(None, Some(matching)), None, &Fixed(Vec::new()));
    let both = Presence::Present { main: key, candidates: 2 };
    assert_eq!(look(matching(Some(exe), None, None)), both);
    assert_eq!(look(matching(Some(&format!("{}/*", temp.path().display())), None, None)), both);
    assert_eq!(look(matching(Some(exe), Some("program 10"), Some("root"))), both);
    // A program that was replaced still has its name.
    std::fs::remove_file(&program).unwrap();
    assert_eq!(look(matching(Some(exe), None, None)), both);
    let absent = |presence| matches!(presence, Presence::Absent { .. });
    assert!(absent(look(matching(Some(exe), Some("no such"), None))));
    assert!(absent(look(matching(Some(exe), None, Some("nobody")))));
    assert!(absent(look(matching(Some("/*"), Some("^service program"), None))), "* stays in /");
    drop((first, second));
    assert!(absent(look(matching(Some(exe), None, None))));
}

#[test]
fn one_walk_finds_for_all_what_each_would_find_alone() {
    let temp = tempfile::tempdir().unwrap();
    let program = temp.path().join("walked");
    copy_of_sleep(&program);
    let exe = program.to_str().unwrap();
    let first = Sleeper(spawn(Command::new(&program).arg("103")));
    let second = Sleeper(spawn(Command::new(&program).arg("104")));
    let named = [
        matching(Some(exe), Some("104$"), None),
        matching(Some(exe), None, Some("no such user")),
        matching(Some(exe), Some("no such"), None),
        matching(Some(exe), Some("103$"), Some("root")),
    ];
    let services = named.map(|matching| Arc::new(service(None, Some(matching))));
    assert!(services.iter().all(|service| is_walk(service)));
    let together: Vec<Sight> = find_all(&services);
    for (service, sight) in services.iter().zip(&together) {
        assert_eq!(*sight, super::find(service, None, &[], &Fixed(Vec::new())));
    }
    let present = |n: usize, sleeper: &Sleeper| {
        let main = sleeper.key();
        assert_eq!(together[n].presence, Presence::Present { main, candidates: 1 });
    };
    present(0, &second);
    assert!(matches!(together[1].presence, Presence::Untrusted { .. }));
    assert!(matches!(together[2].presence, Presence::Absent { .. }));
    present(3, &first);
}

#[test]
fn without_a_selector_only_what_is_known_is_found() {
    let sleeper = Sleeper::new("100");
    let plain = service(None, None);
    let look = |known| find(&plain, known, &Fixed(Vec::new()));
    assert!(matches!(look(None), Presence::Absent { .. }));
    let key = sleeper.key();
    assert_eq!(look(Some(key)), Presence::Present { main: key, candidates: 1 });
    drop(sleeper);
    assert!(matches!(look(Some(key)), Presence::Absent { .. }));
}

#[test]
fn only_the_pidfile_of_the_dead_process_is_removed() {
    let (_folder, path) = place();
    let mut sleeper = Sleeper::new("60");
    let dead = sleeper.key();
    sleeper.0.kill().unwrap();
    std::fs::write(&path, format!("{}\n", std::process::id())).unwrap();
    assert!(!remove_stale_pidfile(&path, dead).unwrap(), "it names another");
    std::fs::write(&path, format!("{}\n", dead.pid)).unwrap();
    chown(&path, Some(65534), None).unwrap();
    assert!(!remove_stale_pidfile(&path, dead).unwrap(), "it is not root's");
    chown(&path, Some(0), None).unwrap();
    let reused = ProcessKey { start: dead.start - 1, ..dead };
    assert!(!remove_stale_pidfile(&path, reused).unwrap(), "the pid has a new owner");
    assert!(remove_stale_pidfile(&path, dead).unwrap());
    assert!(!remove_stale_pidfile(&path, dead).unwrap(), "there is none");
}

/// What is chosen by one look through the arguments fits as if each had been asked.
#[test]
fn many_patterns_fit_as_each_of_them_does() {
    let sleeper = Sleeper::new("98765.25");
    let pid = sleeper.0.id();
    let patterns = [
        "98765\\.25$",
        "9876[0-9]\\.25",
        "^/bin/sleep 98765",
        "8765",
        "sl(ee|oo)p 9",
        "x|98765",
        "^98",
        ".*",
    ];
    let none = (0..30).map(|n| format!("forbidden-{n}[0-9]*$"));
    let texts: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).chain(none).collect();
    let mut all: Vec<Match> = texts.iter().map(|text| matching(None, Some(text), None)).collect();
    all.push(matching(None, None, Some("root")));
    all.push(matching(Some("/nowhere"), Some("98765"), None));
    let holds = |found: &(Vec<Candidate>, Unseen)| found.0.iter().any(|one| one.key.pid == pid);
    let matchings: Vec<&Match> = all.iter().collect();
    let together = candidates::candidates_of_all(&matchings);
    let fits: Vec<bool> = together.iter().map(|found| holds(found.as_ref().unwrap())).collect();
    for (nth, matching) in all.iter().enumerate() {
        let alone = candidates::fits(matching, sleeper.key()).unwrap();
        // A root that fits may have this one below it: then neither tells it.
        let expected = alone && holds(&candidates(matching).unwrap());
        assert_eq!(fits[nth], expected, "{nth}");
    }
    assert!(fits[..5].iter().all(|fits| *fits), "{fits:?}");
}
