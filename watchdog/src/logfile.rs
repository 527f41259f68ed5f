//! The log of the daemon: lines in the shape of Monit 5.33, in a file, on standard error or in the
//! journal.
//!
//! Writing never fails the caller: what cannot be written is counted and kept, see [`file`]. Not
//! here: what is logged, and the list of events that status shows.

mod file;
mod shape;
mod stderr;

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;

use crate::clock::{self, BootTime};
use crate::message::{Level, LogLine};
use file::LogFile;
use stderr::Writer;

/// How the log is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Writes that failed, since the start.
    pub failed: u64,
    /// Lines given up, since the start, because too many were waiting.
    pub lost: u64,
    /// Lines that wait for space.
    pub waiting: usize,
}

/// Where lines go. Shared by reference or [`std::sync::Arc`] between threads.
#[derive(Debug)]
pub struct Log {
    // A std mutex: held while one line is written, never over an await.
    inner: Mutex<Inner>,
    stderr: Writer,
}

#[derive(Debug)]
struct Inner {
    sink: Sink,
    /// What matters less is not written.
    least: Level,
    zone: TimeZone,
    /// When standard error was last told that the file cannot be written.
    noted: Option<BootTime>,
}

#[derive(Debug)]
enum Sink {
    File(LogFile),
    Stderr,
    Journal,
}

/// A note about a failing log goes to standard error at most this often, in seconds.
const NOTE_SECONDS: u64 = 60;

impl Log {
    /// Opens the log file; with none given, the journal where standard error leads to it, else
    /// standard error itself. What matters less than `least` will not be written.
    ///
    /// # Errors
    /// The file cannot be opened for appending, or is something else than a file or a device.
    pub fn open(file: Option<&Path>, least: Level) -> io::Result<Self> {
        let sink = match file {
            Some(path) => Sink::File(LogFile::open(path)?),
            None if stderr_is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref()) => {
                Sink::Journal
            }
            None => Sink::Stderr,
        };
        let inner = Inner { sink, least, zone: TimeZone::system(), noted: None };
        Ok(Self { inner: Mutex::new(inner), stderr: Writer::start() })
    }

    /// From now on what matters less than this is not written.
    pub fn set_least(&self, least: Level) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).least = least;
    }

    /// Writes one line; `false`: it matters too little. Never fails; see [`LogStats`].
    pub fn write(&self, line: &LogLine) -> bool {
        let now = clock::boot_now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { sink, least, zone, noted } = &mut *inner;
        if line.level < *least {
            return false;
        }
        let result = match sink {
            Sink::File(file) => file.write(shape::dated(line, clock::wall_of(line.at), zone)),
            Sink::Stderr => {
                self.stderr.write(shape::dated(line, clock::wall_of(line.at), zone));
                Ok(())
            }
            Sink::Journal => {
                self.stderr.write(shape::prioritised(line));
                Ok(())
            }
        };
        self.note(noted, now, result);
        true
    }

    /// Writes what waits, if anything does; for a quiet daemon to call now and then.
    pub fn flush(&self) {
        let now = clock::boot_now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { sink, noted, .. } = &mut *inner;
        if let Sink::File(file) = sink {
            self.note(noted, now, file.flush());
        }
        drop(inner);
    }

    /// Opens the file anew under its name (HUP, after it was rotated) and reads the time zone
    /// again. On failure the file that was open stays in use.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn reopen(&self) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.zone = TimeZone::system();
        match &mut inner.sink {
            Sink::File(file) => file.reopen(),
            Sink::Stderr | Sink::Journal => Ok(()),
        }
    }

    /// Waits until standard error has what was written, half a second at most: for the end.
    pub fn finish(&self) {
        self.flush();
        self.stderr.flush();
    }

    fn note(&self, noted: &mut Option<BootTime>, now: BootTime, result: io::Result<()>) {
        if let Err(error) = result
            && is_news(noted, now)
        {
            self.stderr.write(format!("ebpf-watchdog: cannot write the log file: {error}\n"));
        }
    }

    /// Counters.
    pub fn stats(&self) -> LogStats {
        match &self.inner.lock().unwrap_or_else(PoisonError::into_inner).sink {
            Sink::File(file) => file.stats(),
            Sink::Stderr | Sink::Journal => {
                LogStats { lost: self.stderr.lost(), ..LogStats::default() }
            }
        }
    }
}

/// Whether standard error is to be told of this failure: once a minute.
fn is_news(noted: &mut Option<BootTime>, now: BootTime) -> bool {
    let news = noted.is_none_or(|last| now.since(last).as_secs() >= NOTE_SECONDS);
    if news {
        *noted = Some(now);
    }
    news
}

/// Whether `JOURNAL_STREAM` (`device:inode`, systemd.exec(5)) names the file that standard error
/// is; the variable alone says nothing, as it is inherited past redirections.
fn stderr_is_journal(stream: Option<&str>) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else {
        return false;
    };
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else { return false };
    device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        let stat = rustix::fs::fstat(io::stderr()).expect("standard error is open");
        let right = format!("{}:{}", stat.st_dev, stat.st_ino);
        let wrong = format!("{}:{}", stat.st_dev, stat.st_ino + 1);
        assert!(stderr_is_journal(Some(&right)));
        for no in [None, Some(""), Some("8"), Some("x:y"), Some(wrong.as_str())] {
            assert!(!stderr_is_journal(no), "{no:?}");
        }
    }

    #[test]
    fn what_matters_too_little_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = Log::open(Some(&path), Level::Info).expect("opens");
        let say = |level: Level, text: &str| {
            let at = BootTime::default();
            log.write(&LogLine { at, level, service: None, event: None, text: text.to_owned() })
        };
        assert!(!say(Level::Debug, "one"));
        assert!(say(Level::Info, "two"));
        log.set_least(Level::Error);
        assert!(!say(Level::Warning, "three"));
        assert!(say(Level::Critical, "four"));
        log.set_least(Level::Debug);
        assert!(say(Level::Debug, "five"));
        let text = std::fs::read_to_string(&path).expect("read");
        let said: Vec<&str> = text.lines().filter_map(|line| line.split(": ").last()).collect();
        assert_eq!(said, ["two", "four", "five"]);
    }

    #[test]
    fn a_failing_file_is_noted_once_a_minute() {
        let mut noted = None;
        for (second, last) in [(1, 1), (30, 1), (60, 1), (61, 61), (62, 61)] {
            is_news(&mut noted, BootTime::from_secs(second));
            assert_eq!(noted, Some(BootTime::from_secs(last)));
        }
    }
}
