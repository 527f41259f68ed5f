//! The state directory: opened once, then used by its descriptor, so that nobody can put another
//! in its place. Files in it are never followed through links.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat};

/// A state file beyond this is not ours.
const READ_MAX: u64 = 16 << 20;

/// The state directory or a folder in it; mode 0700, owned by whom the daemon runs as (root).
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens it, and makes it where it is missing (its parent must be there).
    ///
    /// # Errors
    /// A link, a wrong owner, others that may write to it or to a folder above; the text says the
    /// cure. Wider reading rights alone are taken away.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = Self::enter(CWD, path)?;
        let mut above = openat(&folder.0, "..", FOLDER, Mode::empty())?;
        for _ in 0..64 {
            let stat = fstat(&above)?;
            let next = openat(&above, "..", FOLDER, Mode::empty())?;
            let up = fstat(&next)?;
            above_is_safe(&stat)?;
            if (stat.st_dev, stat.st_ino) == (up.st_dev, up.st_ino) {
                break;
            }
            above = next;
        }
        Ok(folder)
    }

    /// A folder inside this one, made where it is missing.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn inside(&self, name: &str) -> io::Result<Self> {
        Self::enter(self.0.as_fd(), Path::new(name))
    }

    fn enter(base: BorrowedFd<'_>, path: &Path) -> io::Result<Self> {
        match mkdirat(base, path, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            // Read-only and there already: opening it tells.
            Err(rustix::io::Errno::ROFS) => {}
            Err(error) => return Err(error.into()),
        }
        let fd = match openat(base, path, FOLDER, Mode::empty()) {
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                return Err(io::Error::other("is a link or a file: name the folder itself"));
            }
            opened => opened?,
        };
        let stat = fstat(&fd)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            let owner = stat.st_uid;
            return Err(io::Error::other(format!("is owned by user {owner}: chown it to root")));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(io::Error::other("is writable by others: chmod 0700"));
        }
        if stat.st_mode & 0o077 != 0 {
            rustix::fs::fchmod(&fd, Mode::RWXU)?;
        }
        Ok(Self(fd))
    }

    /// A file's content; `None` where there is none.
    ///
    /// # Errors
    /// A link, something that is not a regular file, too big, or the system's answer.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        regular(&fstat(&file)?)?;
        let mut bytes = Vec::new();
        file.take(READ_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > READ_MAX {
            return Err(io::Error::other("is too big"));
        }
        Ok(Some(bytes))
    }

    /// Replaces a file at one stroke: readers see the old content or the new, never a part.
    /// Does not wait for the disk. The content is `parts`, one after another.
    ///
    /// # Errors
    /// The system's (`ENOSPC`, `EROFS`, `EIO`); the old content stays.
    pub fn replace(&self, name: &str, draft: &str, parts: &[&[u8]]) -> io::Result<()> {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::TRUNC
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK;
        let write = || {
            let mut file = File::from(openat(&self.0, draft, flags, Mode::RUSR | Mode::WUSR)?);
            regular(&fstat(&file)?)?;
            for part in parts {
                file.write_all(part)?;
            }
            self.rename(draft, name)
        };
        write().inspect_err(|_| {
            // A half-written draft would only hold space that is short.
            let _ = self.remove(draft);
        })
    }

    /// Opens a file for appending, made with mode 0600.
    ///
    /// # Errors
    /// A link, something that is not a regular file, or the system's answer.
    pub fn append(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::APPEND
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK;
        let file = File::from(openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?);
        regular(&fstat(&file)?)?;
        // The child must not meet EAGAIN (a regular file never does, but the flag would be shared).
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
        Ok(file)
    }

    /// Waits until a file and its name are on the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&self, name: &str) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        rustix::fs::fsync(openat(&self.0, name, flags, Mode::empty())?)?;
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Renames within the folder.
    ///
    /// # Errors
    /// The system's.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// The names in the folder.
    ///
    /// # Errors
    /// The system's.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

// Not O_PATH: flock and fsync need a real descriptor.
const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn regular(stat: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        _ => Err(io::Error::other("is not a regular file")),
    }
}

/// A folder above ours may be writable by others only where they cannot rename ours in it.
fn above_is_safe(stat: &Stat) -> io::Result<()> {
    let owner = stat.st_uid;
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!("a folder above is owned by user {owner}")));
    }
    if stat.st_mode & 0o022 != 0 && stat.st_mode & 0o1000 == 0 {
        return Err(io::Error::other("a folder above is writable by others"));
    }
    Ok(())
}
