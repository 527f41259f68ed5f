//! Tests of trust: each way in which a file is not root's alone (S14, S15 of the plan of faults).
//!
//! They need root and a folder whose parents are root's; elsewhere they have nothing to try.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use super::*;

/// A folder all of whose parents are root's; `/tmp` is not.
fn folder() -> Option<tempfile::TempDir> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let folder = tempfile::tempdir_in("/run").ok()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).ok()?;
    judge_path(folder.path()).then_some(folder)
}

/// Whether the folder itself passes: in a test container `/run` might not.
fn judge_path(folder: &Path) -> bool {
    let file = folder.join("probe");
    fs::write(&file, "").is_ok() && open_trusted(&file).is_ok()
}

fn script(path: &Path) {
    fs::write(path, "#!/bin/sh\n").expect("write");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("chmod");
}

fn fault(path: &Path) -> TrustFault {
    trusted_program(path).expect_err("is refused").fault
}

#[test]
fn each_fault_is_found_where_it_is() {
    let Some(root) = folder() else { return };
    let program = root.path().join("program");
    script(&program);
    assert_eq!(trusted_program(&program), Ok(()));

    fs::set_permissions(&program, Permissions::from_mode(0o775)).expect("chmod");
    assert_eq!(fault(&program), TrustFault::Writable(0o100_775));
    fs::set_permissions(&program, Permissions::from_mode(0o757)).expect("chmod");
    assert!(matches!(fault(&program), TrustFault::Writable(_)));
    fs::set_permissions(&program, Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(fault(&program), TrustFault::NotExecutable);
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("chmod");
    chown(&program, Some(12345), None).expect("chown");
    assert_eq!(fault(&program), TrustFault::Owner(12345));

    assert_eq!(fault(&root.path().join("absent")), TrustFault::Missing);
    assert_eq!(fault(root.path()), TrustFault::NotAFile);
    assert_eq!(fault(&program.join("below")), TrustFault::NotAFile);
    assert_eq!(fault(Path::new("relative")), TrustFault::Relative);
}

#[test]
fn folders_count_too() {
    let Some(root) = folder() else { return };
    let inner = root.path().join("inner");
    fs::create_dir(&inner).expect("mkdir");
    let program = inner.join("program");
    script(&program);
    for mode in [0o777, 0o1777, 0o775] {
        fs::set_permissions(&inner, Permissions::from_mode(mode)).expect("chmod");
        let error = trusted_program(&program).expect_err("is refused");
        assert_eq!(error.path, inner, "the folder is named");
        assert!(matches!(error.fault, TrustFault::Writable(_)));
    }
    fs::set_permissions(&inner, Permissions::from_mode(0o755)).expect("chmod");
    chown(&inner, Some(12345), None).expect("chown");
    assert_eq!(fault(&program), TrustFault::Owner(12345));
}

#[test]
fn links_are_followed_if_root_made_them() {
    let Some(root) = folder() else { return };
    let program = root.path().join("program");
    script(&program);
    let link = root.path().join("link");
    symlink("program", &link).expect("link");
    assert_eq!(trusted_program(&link), Ok(()));
    let far = root.path().join("far");
    symlink(root.path().join("../../../").join(&program), &far).expect("link");
    assert_eq!(trusted_program(&far), Ok(()));
    std::os::unix::fs::lchown(&link, Some(12345), None).expect("lchown");
    assert_eq!(fault(&link), TrustFault::LinkOwner(12345));

    let circle = root.path().join("circle");
    symlink("circle", &circle).expect("link");
    assert_eq!(fault(&circle), TrustFault::TooManyLinks);
    // A link of root's into a folder of everybody's.
    let open = tempfile::tempdir_in("/tmp").expect("a folder");
    let target = open.path().join("program");
    script(&target);
    let out = root.path().join("out");
    symlink(&target, &out).expect("link");
    assert!(matches!(fault(&out), TrustFault::Writable(_) | TrustFault::Owner(_)));
}

#[test]
fn special_files_are_not_opened() {
    let Some(root) = folder() else { return };
    let fifo = root.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .expect("mkfifo");
    assert_eq!(open_trusted(&fifo).expect_err("is refused").fault, TrustFault::NotAFile);
    assert_eq!(open_any(&fifo).expect_err("is refused").fault, TrustFault::NotAFile);
}

#[test]
fn secrets_are_closed() {
    let Some(root) = folder() else { return };
    let secret = root.path().join("secret");
    fs::write(&secret, "x").expect("write");
    fs::set_permissions(&secret, Permissions::from_mode(0o640)).expect("chmod");
    assert!(matches!(open_secret(&secret).expect_err("is refused").fault, TrustFault::Readable(_)));
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("chmod");
    assert!(open_secret(&secret).is_ok());
}

/// An access control list as the kernel stores it.
fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0];
    for (tag, may, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(may.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[test]
fn access_control_lists_are_read() {
    let any = u32::MAX;
    let plain = [(0x01, 6, any), (0x04, 4, any), (0x20, 4, any)];
    assert!(!acl::grants_write(&list(&plain)));
    let user = [(0x01, 6, any), (0x02, 6, 1000), (0x04, 4, any), (0x10, 6, any), (0x20, 4, any)];
    assert!(acl::grants_write(&list(&user)));
    let masked = [(0x01, 6, any), (0x02, 6, 1000), (0x04, 4, any), (0x10, 4, any), (0x20, 4, any)];
    assert!(!acl::grants_write(&list(&masked)));
    let group = [(0x01, 6, any), (0x08, 2, 5), (0x10, 7, any), (0x20, 0, any)];
    assert!(acl::grants_write(&list(&group)));
    assert!(acl::grants_write(&[1, 0, 0, 0]), "an unknown version");
    assert!(acl::grants_write(&[2, 0, 0, 0, 1]), "cut short");
    assert!(!acl::grants_write(&[]));
}

#[test]
fn a_granted_write_is_refused_on_a_real_file() {
    let Some(root) = folder() else { return };
    let program = root.path().join("program");
    script(&program);
    let any = u32::MAX;
    let user = [(0x01, 7, any), (0x02, 6, 1000), (0x04, 5, any), (0x10, 7, any), (0x20, 5, any)];
    let set = rustix::fs::setxattr(
        &program,
        "system.posix_acl_access",
        &list(&user),
        rustix::fs::XattrFlags::empty(),
    );
    if set.is_err() {
        return; // a file system without such lists
    }
    // The mask shows as the group's mode: take that way of noticing away.
    assert!(matches!(fault(&program), TrustFault::Writable(_) | TrustFault::Acl));
    let silent = [(0x01, 7, any), (0x02, 2, 1000), (0x04, 5, any), (0x10, 5, any), (0x20, 5, any)];
    rustix::fs::setxattr(
        &program,
        "system.posix_acl_access",
        &list(&silent),
        rustix::fs::XattrFlags::empty(),
    )
    .expect("set");
    assert_eq!(trusted_program(&program), Ok(()), "masked away");
}
