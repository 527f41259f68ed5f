//! Reading a pidfile as the hostile text that it may be.
//!
//! Whoever may write the file or its folder says who the service is, so both are looked at, on the
//! opened descriptors. At most 64 bytes are read and nothing is ever waited for (a FIFO would).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};

use crate::sys::account::user_name;

/// More than any pid with white space around it.
const LONGEST: usize = 64;

/// What a pidfile says, and whether to believe it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pidfile {
    /// Its content.
    pub(super) named: Named,
    /// Who besides root could have written it, as half a sentence; `None`: only root.
    pub(super) others: Option<String>,
}

/// The content of a pidfile.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A number that a process may have; not 0 or 1.
    Pid(u32),
    /// Something else, as half a sentence.
    Nonsense(String),
    /// No regular file: what it is instead.
    NotAFile(&'static str),
}

/// Reads it. `None` where there is no such file.
///
/// # Errors
/// Where it is there and cannot be opened or read.
pub(super) fn read(path: &Path) -> io::Result<Option<Pidfile>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Some(not_a_file("a folder")));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Some(folder) = present(openat(CWD, parent, flags, Mode::empty()))? else {
        return Ok(None);
    };
    // NONBLOCK: opening a FIFO must not wait for its writer. NOCTTY: nor a terminal become ours.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(&folder, name, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => return Ok(Some(not_a_file("a symbolic link"))),
        Err(rustix::io::Errno::NXIO) => return Ok(Some(not_a_file("a socket"))),
        opened => match present(opened)? {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let stat = fstat(&file)?;
    if let Some(kind) = other_kind(&stat) {
        return Ok(Some(not_a_file(kind)));
    }
    let others = others(&stat, "it").or(others(&fstat(&folder)?, "its folder"));
    Ok(Some(Pidfile { named: named(&first_bytes(&file)?), others }))
}

/// Removes a pidfile of root's that names `pid`; any other stays. Whether it was removed.
///
/// # Errors
/// Where it cannot be read or removed.
pub(super) fn remove(path: &Path, pid: u32) -> io::Result<bool> {
    match read(path)? {
        Some(Pidfile { named: Named::Pid(named), others: None }) if named == pid => {
            std::fs::remove_file(path).map(|()| true)
        }
        _ => Ok(false),
    }
}

fn not_a_file(kind: &'static str) -> Pidfile {
    Pidfile { named: Named::NotAFile(kind), others: Some(String::new()) }
}

fn present(opened: rustix::io::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match opened {
        Ok(fd) => Ok(Some(fd)),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn other_kind(stat: &Stat) -> Option<&'static str> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a folder"),
        FileType::Fifo => Some("a FIFO"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        _ => Some("something else"),
    }
}

/// Who besides root may write a file or folder, as half a sentence about the pidfile.
fn others(stat: &Stat, what: &str) -> Option<String> {
    let mode = stat.st_mode;
    if stat.st_uid != 0 {
        let user = user_name(stat.st_uid);
        return Some(match what {
            "it" => format!("is owned by '{user}', not by root"),
            _ => format!("lies in a folder owned by '{user}', not by root"),
        });
    }
    // Root's own group is root.
    let writable = mode & 0o002 != 0 || (mode & 0o020 != 0 && stat.st_gid != 0);
    writable.then(|| match what {
        "it" => "is writable by others than root".to_owned(),
        _ => "lies in a folder that is writable by others than root".to_owned(),
    })
}

fn first_bytes(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LONGEST + 1];
    let mut length = 0;
    while length < bytes.len() {
        match rustix::io::read(file.as_fd(), &mut bytes[length..])? {
            0 => break,
            n => length += n,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Strict: digits on the first line, white space around them, nothing else.
fn named(bytes: &[u8]) -> Named {
    let nonsense = |what: &str| Named::Nonsense(what.to_owned());
    if bytes.len() > LONGEST {
        return nonsense("is too long for a pid");
    }
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return nonsense("is empty");
    }
    if !text.iter().all(u8::is_ascii_digit) {
        return nonsense("does not hold a pid");
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u32>().ok());
    match number {
        Some(pid @ (0 | 1)) => Named::Nonsense(format!("names pid {pid}, which is no service")),
        Some(pid) if pid <= pid_max() => Named::Pid(pid),
        _ => nonsense("names a pid beyond the kernel's highest"),
    }
}

fn pid_max() -> u32 {
    // 2^22 is the kernel's own bound.
    const HIGHEST: u32 = 1 << 22;
    let text = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap_or_default();
    text.trim().parse().unwrap_or(HIGHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_pid_is_one() {
        assert_eq!(named(b"812"), Named::Pid(812));
        assert_eq!(named(b"  812 \n"), Named::Pid(812));
        let bad: [&[u8]; 12] = [
            b"",
            b"\n",
            b"0",
            b"1",
            b"-5",
            b"+5",
            b"0x10",
            b"12 13",
            b"12\n13",
            b"99999999999",
            b"4194305",
            b"12\0",
        ];
        for text in bad {
            assert!(matches!(named(text), Named::Nonsense(_)), "{text:?}");
        }
        assert_eq!(named(&[b' '; 65]), Named::Nonsense("is too long for a pid".to_owned()));
    }
}
