//! Users and groups by name or number, from the system's own databases (NSS: files, LDAP, …).
//!
//! A lookup may take long (LDAP) and takes locks: call it on a blocking thread, never between fork
//! and exec. Not here: changing to a user (`sys::spawn`).

use std::ffi::{CStr, CString};
use std::io;
use std::ptr;

/// Largest answer of the databases that is accepted, in bytes.
const ANSWER_MAX: usize = 1 << 20;
/// Most supplementary groups that are asked for (the kernel's own limit).
const GROUPS_MAX: usize = 65_536;

/// What a program runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name; empty where the number has none.
    pub name: String,
    /// User id: real, effective and saved.
    pub uid: u32,
    /// Group id: real, effective and saved.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: String,
}

impl Account {
    /// Root without any supplementary group; for a daemon that is not root (tests), its own user.
    pub fn own() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let home = if uid == 0 { "/root" } else { "/" };
        Self { name: String::new(), uid, gid, groups: Vec::new(), home: home.to_owned() }
    }
}

/// The account of a program: `user` and `group` by name or number, as its settings give them.
///
/// # Errors
/// An unknown name, or what the databases answered. The text names the user or group.
pub fn account(user: Option<&str>, group: Option<&str>) -> io::Result<Account> {
    let mut account = match user {
        None => Account::own(),
        Some(user) => {
            let entry = user_entry(user)?.ok_or_else(|| unknown("user", user))?;
            let groups = groups_of(&entry)?;
            Account { groups, ..entry }
        }
    };
    if let Some(group) = group {
        account.gid = group_id(group)?.ok_or_else(|| unknown("group", group))?;
    }
    Ok(account)
}

/// The user id of a name or number.
///
/// # Errors
/// An unknown name, or what the databases answered.
pub fn user_id(user: &str) -> io::Result<u32> {
    match user.parse() {
        Ok(uid) => Ok(uid),
        Err(_) => user_entry(user)?.map(|entry| entry.uid).ok_or_else(|| unknown("user", user)),
    }
}

/// The name of a user id, for texts; the number where it has none.
pub fn user_name(uid: u32) -> String {
    match user_entry(&uid.to_string()) {
        Ok(Some(entry)) => entry.name,
        _ => uid.to_string(),
    }
}

/// The group id of a name or number.
///
/// # Errors
/// An unknown name, or what the databases answered.
pub fn group_number(group: &str) -> io::Result<u32> {
    group_id(group)?.ok_or_else(|| unknown("group", group))
}

fn unknown(what: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{what} '{name}' does not exist"))
}

fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "NUL in a name"))
}

fn user_entry(user: &str) -> io::Result<Option<Account>> {
    let name = c_string(user)?;
    let number = user.parse::<u32>().ok();
    let found = with_room(|room| {
        // SAFETY: `passwd` is plain data; all zeroes are valid and are overwritten or not read.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut result = ptr::null_mut();
        // SAFETY: every pointer is to a living local or to `room` with its true length; `name` ends
        // with NUL. The strings that `entry` points to lie in `room`, which lives till the copy.
        let code = unsafe {
            match number {
                Some(uid) => libc::getpwuid_r(
                    uid,
                    &raw mut entry,
                    room.as_mut_ptr(),
                    room.len(),
                    &raw mut result,
                ),
                None => libc::getpwnam_r(
                    name.as_ptr(),
                    &raw mut entry,
                    room.as_mut_ptr(),
                    room.len(),
                    &raw mut result,
                ),
            }
        };
        let found = (code == 0 && !result.is_null()).then(|| Account {
            // SAFETY: on success both are NUL-terminated strings in `room`.
            name: unsafe { text(entry.pw_name) },
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            groups: Vec::new(),
            // SAFETY: as above.
            home: unsafe { text(entry.pw_dir) },
        });
        (code, found)
    })?;
    Ok(found)
}

fn group_id(group: &str) -> io::Result<Option<u32>> {
    if let Ok(gid) = group.parse() {
        return Ok(Some(gid));
    }
    let name = c_string(group)?;
    with_room(|room| {
        // SAFETY: `group` is plain data; all zeroes are valid.
        let mut entry: libc::group = unsafe { std::mem::zeroed() };
        let mut result = ptr::null_mut();
        // SAFETY: as in `user_entry`.
        let code = unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                &raw mut entry,
                room.as_mut_ptr(),
                room.len(),
                &raw mut result,
            )
        };
        (code, (code == 0 && !result.is_null()).then_some(entry.gr_gid))
    })
}

fn groups_of(account: &Account) -> io::Result<Vec<u32>> {
    let name = c_string(&account.name)?;
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut count = i32::try_from(groups.len()).unwrap_or(i32::MAX);
        // SAFETY: `groups` has room for `count` numbers; `name` ends with NUL.
        let answer = unsafe {
            libc::getgrouplist(name.as_ptr(), account.gid, groups.as_mut_ptr(), &raw mut count)
        };
        let count = usize::try_from(count).unwrap_or(0);
        if answer >= 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        if groups.len() >= GROUPS_MAX {
            return Err(io::Error::other(format!("too many groups of user '{}'", account.name)));
        }
        // Not every C library says how many there are.
        groups.resize((groups.len() * 2).max(count).min(GROUPS_MAX), 0);
    }
}

/// Calls `ask` with more and more room until the answer fits. Code 0 without an answer is `None`,
/// and so are the codes that some databases use for "not found".
fn with_room<T>(
    mut ask: impl FnMut(&mut [libc::c_char]) -> (libc::c_int, Option<T>),
) -> io::Result<Option<T>> {
    let mut size = 4096;
    loop {
        let mut room = vec![0; size];
        match ask(&mut room) {
            (libc::ERANGE, _) if size < ANSWER_MAX => size *= 4,
            (0, found) => return Ok(found),
            (libc::ENOENT | libc::ESRCH, _) => return Ok(None),
            (code, _) => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// # Safety
/// `pointer` is null or a NUL-terminated string that lives during the call.
unsafe fn text(pointer: *const libc::c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_by_name_and_number() {
        let by_name = account(Some("root"), None).unwrap();
        assert_eq!((by_name.uid, by_name.gid, by_name.home.as_str()), (0, 0, "/root"));
        assert_eq!(account(Some("0"), None).unwrap(), by_name);
        assert_eq!(user_name(0), "root");
    }

    #[test]
    fn unknown_names_are_named() {
        let user = account(Some("no-such-user"), None).unwrap_err();
        assert_eq!(user.to_string(), "user 'no-such-user' does not exist");
        let group = account(None, Some("no-such-group")).unwrap_err();
        assert_eq!(group.to_string(), "group 'no-such-group' does not exist");
        assert!(account(Some("a\0b"), None).is_err());
    }

    #[test]
    fn a_group_replaces_the_users_own() {
        let account = account(Some("root"), Some("65534")).unwrap();
        assert_eq!((account.uid, account.gid), (0, 65_534));
    }
}
