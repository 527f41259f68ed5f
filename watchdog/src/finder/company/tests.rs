//! Cgroups as trees of plain folders, as they are and as others may make them; and one real cgroup.
//! Runs as root: folders of others are made by chown.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::finder::hierarchy::{Hierarchy, parse};
use crate::finder::tests::Sleeper;

/// A hierarchy in a folder of its own.
struct Tree {
    folder: tempfile::TempDir,
    unified: bool,
}

impl Tree {
    fn new(unified: bool) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), unified }
    }

    /// A cgroup, with these bytes as its list of processes.
    fn add(&self, path: &str, list: &[u8]) -> PathBuf {
        let folder = self.folder.path().join(path);
        let mut here = self.folder.path().to_path_buf();
        for part in Path::new(path) {
            here.push(part);
            let _ = std::fs::create_dir(&here);
        }
        std::fs::write(folder.join("cgroup.procs"), list).unwrap();
        folder
    }

    fn hierarchies(&self) -> Vec<Hierarchy> {
        let kind = if self.unified { "cgroup2 x rw" } else { "cgroup x rw,name=systemd" };
        let line = format!("1 2 0:3 / {} rw - {kind}\n", self.folder.path().display());
        parse(line.as_bytes())
    }

    fn company(&self, process: &ProcessService) -> Option<Company> {
        match Around::in_hierarchies(process, &self.hierarchies()).unwrap() {
            Around::Cgroup(company) => Some(company),
            _ => None,
        }
    }
}

fn list(sleepers: &[&Sleeper]) -> Vec<u8> {
    sleepers.iter().flat_map(|one| format!("{}\n", one.0.id()).into_bytes()).collect()
}

fn named(unit: Option<&str>, cgroup: Option<&str>) -> ProcessService {
    ProcessService {
        pidfile: None,
        matching: None,
        unit: unit.map(str::to_owned),
        cgroup: cgroup.map(PathBuf::from),
        start: None,
        stop: None,
        restart: None,
        stop_timeout: Duration::from_secs(1),
    }
}

#[test]
fn a_unit_is_found_in_any_slice_and_layout() {
    let sleeper = Sleeper::new("600");
    for unified in [true, false] {
        for (unit, path) in [
            ("ebwd-x.service", "system.slice/ebwd-x.service"),
            ("ebwd-a@1.service", "system.slice/system-ebwd\\x2da.slice/ebwd-a@1.service"),
            ("ebwd-y.service", "web.slice/web-front.slice/ebwd-y.service"),
            ("cpu.service", "system.slice/_cpu.service"),
        ] {
            let tree = Tree::new(unified);
            tree.add("system.slice/other.service", b"");
            tree.add(path, &list(&[&sleeper]));
            let company = tree.company(&named(Some(unit), None)).expect(path);
            assert_eq!(company.main(None, None), Ok((sleeper.key(), 1)), "{path}");
            assert_eq!(company.name(), format!("/{path}"));
            assert_eq!(company.id().is_some(), unified);
            assert_eq!(company.distrust(), None);
        }
        // Not where users make their own: only slices are walked into.
        let tree = Tree::new(unified);
        tree.add("user.slice/user-1.slice/user@1.service/app.slice/z.service", &list(&[&sleeper]));
        assert!(tree.company(&named(Some("z.service"), None)).is_none());
    }
}

#[test]
fn in_a_hybrid_host_the_hierarchy_with_the_processes_counts() {
    let sleeper = Sleeper::new("600");
    let (new, old) = (Tree::new(true), Tree::new(false));
    new.add("own", b"");
    old.add("own", &list(&[&sleeper]));
    let both: Vec<Hierarchy> = new.hierarchies().into_iter().chain(old.hierarchies()).collect();
    let around = Around::in_hierarchies(&named(None, Some("/own")), &both).unwrap();
    let company = around.company().unwrap();
    assert!(company.holds(sleeper.key()) && company.id().is_none());
}

#[test]
fn the_oldest_process_without_a_parent_in_it_is_the_main_one() {
    let first = Sleeper::new("600");
    std::thread::sleep(Duration::from_millis(30));
    let second = Sleeper::new("600");
    let tree = Tree::new(true);
    tree.add("own", &list(&[&second]));
    tree.add("own/worker", &list(&[&first]));
    let company = tree.company(&named(None, Some("/own"))).unwrap();
    assert_eq!(company.main(None, None), Ok((first.key(), 2)));
    assert_eq!(company.beside(first.key()), [second.key()]);
    // A unit's main process that was believed stays it as long as it is there.
    assert_eq!(company.main(Some("x.service"), Some(second.key())), Ok((second.key(), 1)));
    drop((first, second));
    let company = tree.company(&named(None, Some("/own"))).unwrap();
    assert!(company.main(None, None).unwrap_err().contains("no process in cgroup /own"));
}

#[test]
fn a_cgroup_that_others_can_fill_is_not_believed() {
    let sleeper = Sleeper::new("600");
    let distrust = |tree: &Tree| tree.company(&named(None, Some("/a/own"))).unwrap().distrust();
    let tree = Tree::new(false);
    let leaf = tree.add("a/own", &list(&[&sleeper]));
    tree.add("a", b"");
    assert_eq!(distrust(&tree), None);
    chown(&leaf, Some(65_534), None).unwrap();
    let why = distrust(&tree).expect("version 1: the owner can bring in any process of his own");
    assert!(why.contains("/a/own belongs to 'nobody'"), "{why}");
    assert!(why.contains("add match: { exe: /"), "{why}");
    chown(&leaf, Some(0), None).unwrap();
    std::fs::write(leaf.join("tasks"), "").unwrap();
    chown(leaf.join("tasks"), Some(65_534), None).unwrap();
    assert!(distrust(&tree).is_some(), "by its threads as well");

    // Version 2: the kernel lets nobody in from outside of what was delegated.
    let tree = Tree::new(true);
    let leaf = tree.add("a/own", &list(&[&sleeper]));
    let above = tree.add("a", b"");
    chown(&leaf, Some(65_534), None).unwrap();
    assert_eq!(distrust(&tree), None);
    let lists = above.join("cgroup.procs");
    std::fs::set_permissions(&lists, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(distrust(&tree).is_some(), "but from beside it, where the folder above is theirs");
    std::fs::set_permissions(&lists, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(distrust(&tree), None);
    chown(&above, Some(65_534), None).unwrap();
    assert!(distrust(&tree).is_some());
}

#[test]
fn what_others_made_below_counts_only_where_the_kernel_guards_it() {
    let (first, second) = (Sleeper::new("600"), Sleeper::new("600"));
    for unified in [true, false] {
        let tree = Tree::new(unified);
        tree.add("own", &list(&[&first]));
        let theirs = tree.add("own/theirs", &list(&[&second]));
        chown(&theirs, Some(65_534), None).unwrap();
        let company = tree.company(&named(None, Some("/own"))).unwrap();
        assert!(company.holds(first.key()));
        assert_eq!(company.holds(second.key()), unified);
    }
}

#[test]
fn odd_lists_names_and_links_do_no_harm() {
    let sleeper = Sleeper::new("600");
    let tree = Tree::new(true);
    let mut bytes = b"0\n\n-7\n4194305\n99999999999999999999\n\xff\xfe\nx y\n".to_vec();
    bytes.extend(list(&[&sleeper]));
    let own = tree.add("own", &bytes);
    let odd = std::ffi::OsStr::from_bytes(b"a\nb\xff .service");
    std::fs::create_dir(own.join(odd)).unwrap();
    std::fs::write(own.join(odd).join("cgroup.procs"), "1x\n").unwrap();
    let company = tree.company(&named(None, Some("/own"))).unwrap();
    assert_eq!(company.keys(), [sleeper.key()]);
    symlink(&own, tree.folder.path().join("link")).unwrap();
    assert!(tree.company(&named(None, Some("/link"))).is_none());
    symlink(&own, tree.folder.path().join("own/loop")).unwrap();
    assert_eq!(tree.company(&named(None, Some("/own"))).unwrap().keys(), [sleeper.key()]);
    let own = std::process::id();
    tree.add("ours", format!("{own}\n").as_bytes());
    let ours = tree.company(&named(None, Some("/ours"))).unwrap();
    assert!(ours.not_its_own().unwrap().contains("holds this daemon"), "never its own service");
    tree.add("init", b"1\n");
    assert!(tree.company(&named(None, Some("/init"))).unwrap().not_its_own().is_some());
}

#[test]
fn a_cgroup_made_again_under_the_same_name_is_another_one() {
    let Some(hierarchy) = hierarchies().unwrap().into_iter().find(|one| one.unified) else {
        return; // a host with version 1 alone: the others tests cover its reading
    };
    let name = format!("ebpf-watchdog-test-{}", std::process::id());
    let place = hierarchy.root.join(&name);
    std::fs::create_dir(&place).unwrap();
    let _gone = Gone(place.clone());
    let process = named(None, Some(&format!("/{name}")));
    let look = || match Around::of(&process).unwrap() {
        Around::Cgroup(company) => company,
        other => panic!("{other:?}"),
    };
    let first = Sleeper::new("600");
    std::fs::write(place.join("cgroup.procs"), first.0.id().to_string()).unwrap();
    let before = look();
    assert_eq!(before.main(None, None), Ok((first.key(), 1)));
    drop(first);
    // The kernel may take a moment to see that it is empty.
    while let Err(error) = std::fs::remove_dir(&place) {
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(matches!(Around::of(&process).unwrap(), Around::Missing { places, .. }
        if places.iter().any(|(folder, file)| *folder == hierarchy.root && **file == *name)));
    std::fs::create_dir(&place).unwrap();
    let second = Sleeper::new("600");
    std::fs::write(place.join("cgroup.procs"), second.0.id().to_string()).unwrap();
    let after = look();
    assert_ne!(before.id(), after.id());
    assert!(before.cgroup.members().unwrap().is_empty(), "the former one is read, and is empty");
    assert_eq!(after.main(None, None), Ok((second.key(), 1)));
}

/// Removes the cgroup whatever became of the test.
struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        for _ in 0..500 {
            if std::fs::remove_dir(&self.0).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
