//! The log file: appended to, never trusted to have space.
//!
//! A line that cannot be written waits in memory and goes out, in order, before the next one.
//! Not here: how a line looks; rotating (logrotate does that and sends HUP).

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::LogStats;

/// Lines that wait at most; older ones are given up.
const WAITING: usize = 1000;

/// A log file and what could not be written to it yet.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    waiting: Waiting,
}

impl LogFile {
    /// Opens or creates the file for appending, mode 0640, without following a symbolic link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: append_to(path)?, waiting: Waiting::default() })
    }

    /// Opens the file anew; the open one stays where that fails.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = append_to(&self.path)?;
        // The rest of a torn line belongs to the old file; here it would be a line of its own.
        self.waiting.start_line_afresh();
        Ok(())
    }

    /// Writes the line after all that waits; on failure it waits too.
    pub(super) fn write(&mut self, line: String) -> io::Result<()> {
        self.waiting.add(line.into_bytes());
        self.flush()
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.waiting.write_to(&mut self.file)
    }

    pub(super) fn stats(&self) -> LogStats {
        LogStats {
            failed: self.waiting.failed,
            lost: self.waiting.lost,
            waiting: self.waiting.lines.len(),
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    // O_NONBLOCK: a FIFO in the file's place must not hang us before it is refused below.
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NOCTTY | libc::O_NONBLOCK)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_char_device() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
    }
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// Bytes of the first line that are in the file already.
    written: usize,
    failed: u64,
    lost: u64,
}

impl Waiting {
    fn add(&mut self, line: Vec<u8>) {
        if self.lines.len() >= WAITING {
            // The first line stays while half of it is in the file: its end is still owed.
            let victim = usize::from(self.written > 0);
            self.lines.remove(victim);
            self.lost += 1;
        }
        self.lines.push_back(line);
    }

    fn start_line_afresh(&mut self) {
        self.written = 0;
    }

    fn write_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        while let Some(line) = self.lines.front() {
            // Not write_all: after a failure we must know how much of the line is in the file.
            match out.write(&line[self.written..]) {
                Ok(0) => return self.fail(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.written += count;
                    if self.written >= line.len() {
                        self.lines.pop_front();
                        self.written = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.fail(error),
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: io::Error) -> io::Result<()> {
        self.failed += 1;
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use proptest::prelude::*;

    use super::*;

    /// Takes so many bytes, then has no space.
    struct Disk {
        space: usize,
        holds: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.space);
            if count == 0 && !bytes.is_empty() {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
            self.space -= count;
            self.holds.extend_from_slice(&bytes[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn numbered(number: usize) -> Vec<u8> {
        format!("line {number}\n").into_bytes()
    }

    proptest! {
        #[test]
        fn a_disk_that_fills_at_any_byte_gets_every_line_once(
            spaces in proptest::collection::vec(0_usize..40, 1..60),
        ) {
            let mut disk = Disk { space: 0, holds: Vec::new() };
            let mut waiting = Waiting::default();
            for (number, space) in spaces.iter().enumerate() {
                disk.space = *space;
                waiting.add(numbered(number));
                let _ = waiting.write_to(&mut disk);
            }
            disk.space = usize::MAX;
            waiting.write_to(&mut disk).expect("there is space");
            prop_assert_eq!(disk.holds, (0..spaces.len()).flat_map(numbered).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_oldest_whole_line_is_given_up_and_counted() {
        let mut disk = Disk { space: 3, holds: Vec::new() };
        let mut waiting = Waiting::default();
        for number in 0..WAITING + 10 {
            waiting.add(numbered(number));
            assert!(waiting.write_to(&mut disk).is_err());
        }
        assert_eq!(waiting.lost, 10);
        assert_eq!(waiting.lines.len(), WAITING);
        disk.space = usize::MAX;
        waiting.write_to(&mut disk).expect("there is space");
        let text = String::from_utf8(disk.holds).expect("text");
        assert!(text.starts_with("line 0\nline 11\n"), "{}", &text[..30]);
    }

    #[test]
    fn a_new_file_is_0640_and_an_old_one_is_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        LogFile::open(&path).expect("opens").write("one\n".into()).expect("written");
        LogFile::open(&path).expect("opens").write("two\n".into()).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\ntwo\n");
        assert_eq!(std::fs::metadata(&path).expect("stat").mode() & 0o777 & !0o640, 0);
    }

    #[test]
    fn after_rotation_reopening_starts_a_new_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
        let mut log = LogFile::open(&path).expect("opens");
        log.write("one\n".into()).expect("written");
        std::fs::rename(&path, &old).expect("renamed");
        log.write("two\n".into()).expect("written");
        log.reopen().expect("opens");
        log.write("three\n".into()).expect("written");
        assert_eq!(std::fs::read_to_string(&old).expect("read"), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "three\n");
    }

    #[test]
    fn links_folders_and_pipes_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("real"), "").expect("written");
        symlink(at("real"), at("link")).expect("linked");
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).expect("made");
        for name in ["link", "pipe", "."] {
            assert!(LogFile::open(&at(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_full_device_costs_nothing_but_a_count() {
        let mut log = LogFile::open(Path::new("/dev/full")).expect("opens");
        assert!(log.write("x\n".into()).is_err());
        assert_eq!(log.stats(), LogStats { failed: 1, lost: 0, waiting: 1 });
    }
}
