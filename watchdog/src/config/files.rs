//! The files of a configuration: reading the first, following `include`, each parsed alone.
//!
//! Not here: whether a file is trusted (`trust`) and what it says.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::service::Config;

use super::Trust;
use super::diagnostic::{Diagnostic, Gravity};
use super::raw::{self, Node};
use super::reader::{Entry, Reader};
use super::services::Services;
use super::source::{Place, Source};
use super::vocabulary::{INCLUDED, TOP};
use crate::trust::{self, TrustError};

/// The largest file read.
const MAX_BYTES: u64 = 16 << 20;
/// Includes in includes.
const MAX_DEPTH: usize = 10;
/// Files in all.
const MAX_FILES: usize = 4096;

/// Everything read so far.
#[derive(Default)]
pub(super) struct Files {
    pub(super) config: Config,
    pub(super) services: Services,
    /// In the order of reading.
    pub(super) paths: Vec<PathBuf>,
    /// The canonical paths of the files we are inside of.
    open: Vec<PathBuf>,
    /// The canonical paths of all files.
    seen: Vec<PathBuf>,
}

impl Reader {
    /// Reads the main file and all it includes.
    pub(super) fn main_file(&mut self, path: &Path, files: &mut Files) {
        match read(path, self.options.trust, MAX_BYTES) {
            Ok(text) => {
                let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
                files.open.push(real.clone());
                files.seen.push(real);
                self.main_text(path, text, files);
            }
            Err(problem) => self.unreadable(path, None, &problem),
        }
    }

    /// The main file's text; includes are relative to its path.
    pub(super) fn main_text(&mut self, path: &Path, text: String, files: &mut Files) {
        files.paths.push(path.to_owned());
        let Some(node) = self.parse(path, text) else { return };
        let at = Place { end: node.place.start, ..node.place };
        let Some(mut top) = self.table(node, at, &TOP) else { return };
        files.config = self.settings(&mut top);
        if let Some(entry) = top.take("services") {
            self.services(entry, &mut files.services);
        }
        if let Some(entry) = top.take("include") {
            self.includes(entry, path, files);
        }
        if files.services.list.is_empty() && !self.out.has_errors() {
            self.out.push(Diagnostic::about_file(
                Gravity::Warning,
                path,
                "no service stands in it: nothing is watched",
            ));
        }
    }

    fn parse(&mut self, path: &Path, text: String) -> Option<Node> {
        let file = self.out.add_source(Source::new(path.to_owned(), text));
        let parsed = raw::parse(file, self.out.source(file)?);
        match parsed {
            Ok(node) => Some(node),
            Err(diagnostic) => {
                self.out.push(*diagnostic);
                None
            }
        }
    }

    fn includes(&mut self, entry: Entry, from: &Path, files: &mut Files) {
        let at = entry.key;
        if files.open.len() > MAX_DEPTH {
            self.error(at, format!("includes nested deeper than {MAX_DEPTH} files"));
            return;
        }
        for node in self.list(entry) {
            let Some(pattern) = self.line(&node, at) else { continue };
            for path in self.included_paths(&pattern, node.place, from) {
                if files.seen.len() >= MAX_FILES {
                    self.error(node.place, format!("more than {MAX_FILES} files"));
                    return;
                }
                self.included_file(&path, node.place, files);
            }
        }
    }

    /// The files a pattern names, sorted bytewise.
    fn included_paths(&mut self, pattern: &str, place: Place, from: &Path) -> Vec<PathBuf> {
        let folder = match from.parent() {
            // `-c rules.yaml`: the folder that we are in, not the root.
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => Path::new("/"),
        };
        if !pattern.contains(['*', '?', '[']) {
            return vec![folder.join(pattern)];
        }
        // The folder's own name is no pattern.
        let whole = if pattern.starts_with('/') {
            pattern.to_owned()
        } else {
            format!("{}/{pattern}", glob::Pattern::escape(&folder.to_string_lossy()))
        };
        let options = glob::MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..glob::MatchOptions::default()
        };
        let found = match glob::glob_with(&whole, options) {
            Ok(found) => found,
            Err(error) => {
                self.error(place, format!("this is not a pattern of paths: {}", error.msg));
                return Vec::new();
            }
        };
        let mut paths = Vec::new();
        for path in found.take(MAX_FILES + 1) {
            match path {
                Ok(path) => paths.push(path),
                Err(error) => self.error(
                    place,
                    format!("{} cannot be read: {}", error.path().display(), error.error()),
                ),
            }
        }
        paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        paths
    }

    fn included_file(&mut self, path: &Path, place: Place, files: &mut Files) {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if files.open.contains(&real) {
            self.error(place, format!("{} includes itself in a circle", path.display()));
            return;
        }
        if files.seen.contains(&real) {
            self.out.push(Diagnostic::warning(
                place,
                format!("{} is included already", path.display()),
            ));
            return;
        }
        files.seen.push(real.clone());
        let text = match read(path, self.options.trust, MAX_BYTES) {
            Ok(text) => text,
            Err(problem) => {
                files.seen.pop();
                self.unreadable(path, Some(place), &problem);
                return;
            }
        };
        files.paths.push(path.to_owned());
        let Some(node) = self.parse(path, text) else { return };
        let at = Place { end: node.place.start, ..node.place };
        let Some(mut table) = self.table(node, at, &INCLUDED) else { return };
        if let Some(entry) = table.take("services") {
            self.services(entry, &mut files.services);
        }
        if let Some(entry) = table.take("include") {
            files.open.push(real);
            self.includes(entry, path, files);
            files.open.pop();
        }
    }

    pub(super) fn unreadable(&mut self, path: &Path, place: Option<Place>, problem: &Problem) {
        let why = match problem {
            Problem::Untrusted(error) if error.path == path => error.fault.to_string(),
            Problem::Untrusted(error) if error.fault == trust::TrustFault::Missing => {
                format!("does not exist: there is no {}", error.path.display())
            }
            Problem::Untrusted(error) => format!("is not trusted: {error}"),
            Problem::Unreadable(why) => why.clone(),
        };
        let diagnostic = match place {
            Some(place) => Diagnostic::error(place, format!("{} {why}", path.display())),
            None => Diagnostic::about_file(Gravity::Error, path, format!("the file {why}")),
        };
        let help = match problem {
            Problem::Untrusted(error) => cure(error),
            Problem::Unreadable(_) => None,
        };
        self.out.push(diagnostic.maybe_help(help));
    }

    /// Warns of untrusted files where that is no error, and of readable password hashes.
    pub(super) fn look_at_files(&mut self, files: &Files) {
        if self.options.trust == Trust::Skip {
            for path in files.seen.iter().chain(self.patterns.keys()) {
                let fault = trust::open_trusted(path).err();
                // Of one that is missing was said so.
                let fault = fault.filter(|error| error.fault != trust::TrustFault::Missing);
                if let Some(error) = fault {
                    self.out.push(
                        Diagnostic::about_file(
                            Gravity::Warning,
                            path,
                            format!("the daemon will refuse this file: {error}"),
                        )
                        .maybe_help(cure(&error)),
                    );
                }
            }
        }
        let Some(place) = self.hashes.first().copied() else { return };
        let Some(path) = files.seen.first() else { return };
        let mode = rustix::fs::stat(path).map_or(0, |stat| stat.st_mode);
        if mode & 0o004 != 0 {
            self.out.push(
                Diagnostic::warning(place, "every user of this host can read this password hash")
                    .help(format!("run `chmod 0600 {}`", path.display())),
            );
        }
    }
}

/// A command that mends it, where there is one.
fn cure(error: &TrustError) -> Option<String> {
    let path = error.path.display();
    match error.fault {
        trust::TrustFault::Owner(_) => Some(format!("run `chown root {path}`")),
        // A folder such as /tmp has to be as it is.
        trust::TrustFault::Writable(mode) if mode & 0o1000 != 0 => {
            Some("keep the file in a folder of root's, such as /etc/ebpf-watchdog".to_owned())
        }
        trust::TrustFault::Writable(_) => Some(format!("run `chmod go-w {path}`")),
        trust::TrustFault::Acl => Some(format!("run `setfacl -b {path}`")),
        _ => None,
    }
}

/// Why a file was not read.
pub(super) enum Problem {
    Untrusted(TrustError),
    Unreadable(String),
}

/// A file's text, of so many bytes at most.
pub(super) fn read(path: &Path, trust: Trust, most: u64) -> Result<String, Problem> {
    // The walk starts at `/`; the user may have given a path from here.
    let whole =
        std::path::absolute(path).map_err(|error| Problem::Unreadable(error.to_string()))?;
    let file: File = match trust {
        Trust::Enforce => trust::open_trusted(&whole),
        Trust::Skip => trust::open_any(&whole),
    }
    .map_err(Problem::Untrusted)?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::Unreadable(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > most {
        let (most, unit) = if most >> 20 > 0 { (most >> 20, "MiB") } else { (most >> 10, "KiB") };
        return Err(Problem::Unreadable(format!("is larger than {most} {unit}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (bytes, wrong) = error.as_bytes().split_at(at);
        if bytes.is_empty() && (wrong.starts_with(b"\xff\xfe") || wrong.starts_with(b"\xfe\xff")) {
            return Problem::Unreadable("is UTF-16 text: save it as UTF-8".to_owned());
        }
        let line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        let before = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        let byte = wrong.first().copied().unwrap_or_default();
        Problem::Unreadable(format!(
            "is not UTF-8 text (line {line}, column {column}: the byte 0x{byte:02x}): save it as UTF-8"
        ))
    })
}
