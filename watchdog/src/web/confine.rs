//! The front's process gives up what it does not need, before it hears from anybody.
//!
//! User, group, environment and working folder were set by the core when it started us; the change
//! of user has taken all capabilities. Not here: a system call filter (later work).

use std::fs;
use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::CapabilitySet;

/// Bytes of address space: many times what 64 connections and two bcrypts need.
const ADDRESS_SPACE: u64 = 1 << 30;

/// Descriptors: 64 connections and a few of our own.
const DESCRIPTORS: u64 = 96;

/// Confines this process.
///
/// # Errors
/// Where it still has rights, or the kernel refuses to take one: then the front must not run.
pub fn confine() -> io::Result<()> {
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        return Err(io::Error::other("the web front does not run as root"));
    }
    // What the core has of these is not meant for us. Both only ever go down in rank.
    let _ = fs::write("/proc/self/oom_score_adj", "0");
    let _ = rustix::process::setpriority_process(None, 0);

    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    for (resource, limit) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, DESCRIPTORS),
        (Resource::As, ADDRESS_SPACE),
    ] {
        let limit = Some(limit);
        rustix::process::setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
    }
    let sets = rustix::thread::capabilities(None)?;
    let all = sets.effective | sets.permitted | sets.inheritable;
    if all != CapabilitySet::empty() {
        return Err(io::Error::other("the web front still has capabilities"));
    }
    Ok(())
}
