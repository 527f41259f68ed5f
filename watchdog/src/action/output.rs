//! Where the output of programs goes: a file per service, not a pipe.
//!
//! A service that is started by us keeps its standard output for life. A pipe would end with the
//! daemon, and the service's next word would kill it (SIGPIPE); a full pipe would stall it; and
//! waiting for the pipe's end would wait for every grandchild that inherited it. A file does none
//! of this. It is opened for appending, so it can be cut to nothing under a running writer; that is
//! done beyond 1 MiB (`runner::overflow` says when). It is for showing why a start failed, not a log
//! for ever.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use crate::state::Folder;

/// Beyond this a file is cut to nothing, in bytes.
const SIZE_MAX: u64 = 1 << 20;
/// How much of a program's output a message shows, in bytes and lines.
const SHOWN_MAX: usize = 512;
const LINES_MAX: usize = 3;
/// Longest name of a file before its ending.
const NAME_MAX: usize = 180;

/// Which of a service's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Start, stop and restart programs: one at a time.
    Deed,
    /// The nth of the rules' programs that run at the same time.
    Rule(usize),
}

/// Where a program's output goes.
#[derive(Debug)]
pub(super) enum Sink {
    /// Into one of the service's files.
    Kept(Writer),
    /// To whoever holds the other ends of these pipes.
    Pipes {
        /// Of standard output.
        output: OwnedFd,
        /// Of standard error.
        errors: OwnedFd,
    },
}

/// The output of one program: the file from where the program began.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    /// Where standard error goes elsewhere.
    errors: Option<File>,
    from: u64,
}

impl Output {
    /// Opens the service's file. Without a folder, or on a full or broken disk, output is thrown
    /// away: a service must start nevertheless.
    ///
    /// # Errors
    /// Where not even `/dev/null` can be opened (no descriptors left).
    pub(super) fn open(folder: Option<&Folder>, service: &str, sink: Sink) -> io::Result<Self> {
        let writer = match sink {
            Sink::Kept(writer) => writer,
            Sink::Pipes { output, errors } => {
                return Ok(Self { file: output.into(), errors: Some(errors.into()), from: 0 });
            }
        };
        let kept = folder.and_then(|folder| folder.append(&file_name(service, writer)).ok());
        match kept {
            Some(file) => {
                trim(&file)?;
                let from = file.metadata()?.len();
                Ok(Self { file, errors: None, from })
            }
            None => {
                let file = File::options().read(true).write(true).open("/dev/null")?;
                Ok(Self { file, errors: None, from: 0 })
            }
        }
    }

    /// For the program's standard output.
    ///
    /// # Errors
    /// No descriptors left.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// For the program's standard error.
    ///
    /// # Errors
    /// No descriptors left.
    pub(super) fn errors(&self) -> io::Result<File> {
        self.errors.as_ref().unwrap_or(&self.file).try_clone()
    }

    /// The first lines that the program wrote, as one line; empty where it wrote none.
    pub(super) fn first_lines(&self) -> String {
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        // Shorter than before: it was cut meanwhile.
        let from = if length < self.from { 0 } else { self.from };
        let mut bytes = vec![0; SHOWN_MAX + 1];
        let read = self.file.read_at(&mut bytes, from).unwrap_or(0);
        bytes.truncate(read);
        let lines: Vec<String> = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
            .take(LINES_MAX)
            .map(|line| printable(line, SHOWN_MAX))
            .collect();
        lines.join("; ")
    }
}

/// Cuts every file that has grown too long; gives their names. A file that cannot be cut now is tried
/// the next time.
pub(crate) fn trim_all(folder: &Folder) -> Vec<String> {
    let names = folder.names().unwrap_or_default();
    names.into_iter().filter(|name| trim_one(folder, name)).collect()
}

/// Cuts this file if it has grown too long. Whether it was cut.
pub(crate) fn trim_one(folder: &Folder, name: &str) -> bool {
    folder.append(name).and_then(|file| trim(&file)).unwrap_or(false)
}

fn trim(file: &File) -> io::Result<bool> {
    let long = file.metadata()?.len() > SIZE_MAX;
    if long {
        file.set_len(0)?;
    }
    Ok(long)
}

/// A file's name from any text, different for different services.
fn file_name(service: &str, writer: Writer) -> String {
    let mut name = String::new();
    for byte in service.bytes() {
        match byte {
            b'.' if name.is_empty() => name.push_str("%2E"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
                name.push(char::from(byte));
            }
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    if name.len() > NAME_MAX {
        name.truncate(NAME_MAX);
        name.push_str(&format!("%-{:08x}", crc32fast::hash(service.as_bytes())));
    }
    match writer {
        Writer::Deed => format!("{name}.log"),
        // No escaped text contains `%exec`.
        Writer::Rule(slot) => format!("{name}%exec{slot}.log"),
    }
}

/// Bytes as harmless text on one line, at most `longest` bytes long.
pub(super) fn printable(bytes: &[u8], longest: usize) -> String {
    let mut text = crate::escape::bytes(&bytes[..bytes.len().min(longest)]);
    text.truncate(text.floor_char_boundary(longest));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder_or_meets_another() {
        assert_eq!(file_name("apache", Writer::Deed), "apache.log");
        assert_eq!(file_name("../../etc/x", Writer::Deed), "%2E.%2F..%2Fetc%2Fx.log");
        assert_eq!(file_name("a b", Writer::Rule(2)), "a%20b%exec2.log");
        let long = ["x".repeat(500), "x".repeat(501)].map(|name| file_name(&name, Writer::Deed));
        assert!(long[0].len() < 255 && long[0] != long[1]);
    }

    #[test]
    fn only_what_this_program_wrote_is_shown() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(&temp.path().join("output")).unwrap();
        let before = Output::open(Some(&folder), "x", Sink::Kept(Writer::Deed)).unwrap();
        io::Write::write_all(&mut before.file().unwrap(), b"old\n").unwrap();
        let output = Output::open(Some(&folder), "x", Sink::Kept(Writer::Deed)).unwrap();
        assert_eq!(output.first_lines(), "");
        io::Write::write_all(&mut output.file().unwrap(), b"one\r\n\n\x1b[2Jtwo\n3\n4\n").unwrap();
        assert_eq!(output.first_lines(), "one; \\x1b[2Jtwo; 3");
    }

    #[test]
    fn a_file_that_is_too_long_is_cut() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(&temp.path().join("output")).unwrap();
        let output = Output::open(Some(&folder), "x", Sink::Kept(Writer::Deed)).unwrap();
        io::Write::write_all(&mut output.file().unwrap(), &vec![b'x'; 2 << 20]).unwrap();
        trim_all(&folder);
        io::Write::write_all(&mut output.file().unwrap(), b"again").unwrap();
        assert_eq!(output.file.metadata().unwrap().len(), 5);
    }
}
