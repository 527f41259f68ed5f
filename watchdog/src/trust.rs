//! Whether a file may tell a root daemon what to do: it and every folder above it must be root's alone.
//!
//! Each component is opened without following links and judged on the open descriptor, so that nobody
//! can swap it between the look and the use. Links are followed by hand, if root made them.
//! Not here: what the file says, and running programs.

mod acl;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

/// As the kernel.
const MAX_LINKS: usize = 40;

/// Why a file is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustError {
    /// The component at fault: the file itself or a folder above it.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: TrustFault,
}

/// What is wrong with a component of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustFault {
    /// It does not exist.
    Missing,
    /// It belongs to this user.
    Owner(u32),
    /// A link that this user made.
    LinkOwner(u32),
    /// Group or others may write; the mode.
    Writable(u32),
    /// A POSIX access control list lets somebody else write.
    Acl,
    /// Not an absolute path.
    Relative,
    /// Not a regular file.
    NotAFile,
    /// Not executable.
    NotExecutable,
    /// A secret that others may read; the mode.
    Readable(u32),
    /// Links in a circle.
    TooManyLinks,
    /// The kernel refused the look.
    System(String),
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.fault)
    }
}

impl fmt::Display for TrustFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Owner(uid) => write!(f, "belongs to user {uid}, not to root"),
            Self::LinkOwner(uid) => write!(f, "is a link made by user {uid}, not by root"),
            Self::Writable(mode) => {
                write!(f, "may be written by others than root (mode {:04o})", mode & 0o7777)
            }
            Self::Acl => f.write_str("may be written by others (access control list)"),
            Self::Relative => f.write_str("is not an absolute path"),
            Self::NotAFile => f.write_str("is not a regular file"),
            Self::NotExecutable => f.write_str("is not executable"),
            Self::Readable(mode) => {
                write!(f, "may be read by others than root (mode {:04o}, want 0600)", mode & 0o7777)
            }
            Self::TooManyLinks => f.write_str("has too many links"),
            Self::System(why) => write!(f, "cannot be looked at: {why}"),
        }
    }
}

impl std::error::Error for TrustError {}

/// Whether root may run this program: absolute, a regular executable file, it and its folders root's
/// and not writable by others.
///
/// # Errors
/// The first component that is not so.
pub fn trusted_program(path: &Path) -> Result<(), TrustError> {
    let found = walk(path, Strict::Yes)?;
    if found.stat.st_mode & 0o111 == 0 {
        return Err(found.error(TrustFault::NotExecutable));
    }
    Ok(())
}

/// Opens a file for reading that only root can have written.
///
/// # Errors
/// The first component that is not root's alone; a file that cannot be opened.
pub(crate) fn open_trusted(path: &Path) -> Result<File, TrustError> {
    reopen(&walk(path, Strict::Yes)?)
}

/// Opens a regular file for reading, whoever owns it.
///
/// # Errors
/// A file that is missing, not regular or cannot be opened.
pub(crate) fn open_any(path: &Path) -> Result<File, TrustError> {
    reopen(&walk(path, Strict::No)?)
}

/// Opens a file of certificate authorities, whoever owns it; at most 16 MiB of it are read. What a
/// device or a pipe would give never ends.
///
/// # Errors
/// As [`open_any`].
pub(crate) fn open_authorities(path: &Path) -> Result<impl Read, TrustError> {
    Ok(open_any(path)?.take(16 << 20))
}

/// Opens a file with a secret: root's, and nobody else may read it.
///
/// # Errors
/// As [`open_trusted`], and a mode that lets others read.
pub(crate) fn open_secret(path: &Path) -> Result<File, TrustError> {
    let found = walk(path, Strict::Yes)?;
    if found.stat.st_mode & 0o077 != 0 {
        return Err(found.error(TrustFault::Readable(found.stat.st_mode)));
    }
    reopen(&found)
}

/// Whether owners and modes are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strict {
    Yes,
    No,
}

/// The file at the end of a path.
struct Found {
    /// Opened with `O_PATH`: enough to judge it, and opening it had no effect on it.
    handle: OwnedFd,
    stat: Stat,
    path: PathBuf,
}

impl Found {
    fn error(&self, fault: TrustFault) -> TrustError {
        TrustError { path: self.path.clone(), fault }
    }
}

/// Opens what the handle stands for: the same inode, whatever the path leads to by now.
fn reopen(found: &Found) -> Result<File, TrustError> {
    File::open(own_path(&found.handle))
        .map_err(|error| found.error(TrustFault::System(error.to_string())))
}

fn own_path(handle: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", handle.as_raw_fd())
}

/// Walks from `/`, one component at a time.
fn walk(path: &Path, strict: Strict) -> Result<Found, TrustError> {
    let at = |path: &Path, fault| TrustError { path: path.to_owned(), fault };
    if !path.is_absolute() {
        return Err(at(path, TrustFault::Relative));
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open_root = || {
        let root = rustix::fs::open("/", flags | OFlags::DIRECTORY, Mode::empty())
            .map_err(|error| at(Path::new("/"), system(error)))?;
        judge(&root, Path::new("/"), strict)?;
        Ok::<_, TrustError>(root)
    };
    // The folders down to here; `..` goes back up without asking the file system.
    let mut folders = vec![open_root()?];
    let mut names: Vec<OsString> = Vec::new();
    let mut rest = components(path);
    let mut links = 0;
    while let Some(name) = rest.pop() {
        if name == ".." {
            if folders.len() > 1 {
                folders.pop();
                names.pop();
            }
            continue;
        }
        let here: PathBuf =
            std::iter::once(OsStr::new("/")).chain(names.iter().map(OsString::as_os_str)).collect();
        let here = here.join(&name);
        let Some(folder) = folders.last() else { return Err(at(&here, TrustFault::Missing)) };
        let handle = rustix::fs::openat(folder, &name, flags, Mode::empty())
            .map_err(|error| at(&here, system(error)))?;
        let stat = rustix::fs::fstat(&handle).map_err(|error| at(&here, system(error)))?;
        match stat.st_mode & libc::S_IFMT {
            libc::S_IFLNK => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(at(&here, TrustFault::TooManyLinks));
                }
                if strict == Strict::Yes && stat.st_uid != 0 {
                    return Err(at(&here, TrustFault::LinkOwner(stat.st_uid)));
                }
                let target = rustix::fs::readlinkat(&handle, "", Vec::new())
                    .map_err(|error| at(&here, system(error)))?;
                let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
                if target.is_absolute() {
                    folders.truncate(1);
                    names.clear();
                }
                rest.extend(components(&target));
            }
            libc::S_IFDIR => {
                judge(&handle, &here, strict)?;
                folders.push(handle);
                names.push(name);
            }
            libc::S_IFREG if rest.is_empty() => {
                let stat = judge(&handle, &here, strict)?;
                return Ok(Found { handle, stat, path: here });
            }
            _ => return Err(at(&here, TrustFault::NotAFile)),
        }
    }
    Err(at(path, TrustFault::NotAFile))
}

/// The names of a path, last first.
fn components(path: &Path) -> Vec<OsString> {
    path.components()
        .rev()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn system(error: Errno) -> TrustFault {
    match error {
        Errno::NOENT => TrustFault::Missing,
        other => TrustFault::System(std::io::Error::from(other).to_string()),
    }
}

/// Owner, mode and access control list of an open folder or file.
fn judge(handle: &OwnedFd, path: &Path, strict: Strict) -> Result<Stat, TrustError> {
    let error = |fault| TrustError { path: path.to_owned(), fault };
    let stat = rustix::fs::fstat(handle).map_err(|errno| error(system(errno)))?;
    if strict == Strict::No {
        return Ok(stat);
    }
    if stat.st_uid != 0 {
        return Err(error(TrustFault::Owner(stat.st_uid)));
    }
    // The sticky bit does not help: it keeps others from removing our file, not from adding theirs.
    if stat.st_mode & 0o022 != 0 {
        return Err(error(TrustFault::Writable(stat.st_mode)));
    }
    let mut list = [0u8; 4096];
    match rustix::fs::getxattr(own_path(handle), "system.posix_acl_access", &mut list) {
        Ok(length) if acl::grants_write(list.get(..length).unwrap_or(&[])) => {
            Err(error(TrustFault::Acl))
        }
        Ok(_) | Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(stat),
        Err(Errno::RANGE) => Err(error(TrustFault::Acl)),
        Err(errno) => Err(error(system(errno))),
    }
}

#[cfg(test)]
mod tests;
