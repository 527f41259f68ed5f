//! The configuration: files to a validated [`Config`], or everything that is wrong with them.
//!
//! Loading has no effect on the host: nothing is created or connected to, and nothing is started but the
//! question to systemd about units that are named. YAML is only in
//! `raw`; past this module no invalid state exists. Not here: the model itself ([`crate::service`]),
//! and what changes between two configurations (reload).

mod actions;
mod cgroup;
mod check;
mod control;
mod depends;
mod diagnostic;
mod files;
mod foreign;
pub mod grammar;
mod host;
mod http;
mod implicit;
mod mail;
mod patterns;
mod process;
mod programs;
mod raw;
mod reader;
mod recipients;
mod render;
mod rule;
pub mod schema;
mod services;
mod settings;
mod source;
mod syntax;
mod units;
mod values;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::service::{Bounds, Config, OnReboot};

pub(crate) use vocabulary::nearest;

pub use diagnostic::{Diagnostic, Diagnostics, Gravity};

use files::Files;
use host::Host;
use reader::Reader;

/// Whether files must be root's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A file that others could have written is an error. What `run` and `reload` want.
    Enforce,
    /// It is a warning: for `check` by somebody else than root, and tests.
    Skip,
}

/// What it means that a user or program is missing on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostChecks {
    /// A warning: the file may be meant for another host (`check`).
    Warn,
    /// An error (`run`, `reload`).
    Enforce,
}

/// How to load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Whether files must be root's alone.
    pub trust: Trust,
    /// Whether users and programs must be there.
    pub host_checks: HostChecks,
    /// What `$HOST` stands for.
    pub host: String,
}

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Found on the way; no errors.
    pub warnings: Diagnostics,
    /// The files it came from, the main file first.
    pub files: Vec<PathBuf>,
}

/// Loads a configuration file and all it includes.
///
/// # Errors
/// Everything that is wrong with it, warnings included; of a file that is not YAML, the first error.
pub fn load(path: &Path, options: LoadOptions) -> Result<Loaded, Diagnostics> {
    finish(options, |reader, files| reader.main_file(path, files))
}

/// As [`load`], from a text. `name` is shown as its path; includes are relative to that.
///
/// # Errors
/// As [`load`].
pub fn load_str(name: &str, text: &str, options: LoadOptions) -> Result<Loaded, Diagnostics> {
    finish(options, |reader, files| reader.main_text(Path::new(name), text.to_owned(), files))
}

fn finish(
    options: LoadOptions,
    read: impl FnOnce(&mut Reader, &mut Files),
) -> Result<Loaded, Diagnostics> {
    let mut files = Files::default();
    let mut reader = Reader {
        out: Diagnostics::default(),
        options,
        host: Host::default(),
        hashes: Vec::new(),
        units: Vec::new(),
        limits: Bounds::default(),
        alerted: Vec::new(),
        onreboot: OnReboot::default(),
        patterns: BTreeMap::new(),
    };
    read(&mut reader, &mut files);
    reader.dependencies(&mut files.services);
    reader.look_at_files(&files);
    reader.look_at_units(&files.services.list);
    let mut found = reader.out;
    found.sort();
    if found.has_errors() {
        return Err(found);
    }
    let mut config = files.config;
    config.services = files.services.list;
    Ok(Loaded { config, warnings: found, files: files.paths })
}
