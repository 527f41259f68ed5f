//! What we ask of the host for ourselves: to run first, to stay in memory, to be spared.
//!
//! Each where the host allows it; what it refuses is named once and costs nothing but time under
//! pressure. What we start gets none of it (`sys::spawn` goes back to what was before).

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::sensor::Missing;
use crate::sys;

/// Below most services, above what the kernel never ends.
const SPARED: i32 = -900;
/// Descriptors that we may have open at once, where the host allows it: the usual 1024 are less than all
/// connections, programs and iterators of a large rule file take together.
const DESCRIPTORS: u64 = 16 * 1024;
/// CAP_IPC_LOCK (include/uapi/linux/capability.h).
const IPC_LOCK: u32 = 14;

/// Asks for all of it, for the calling thread and its process. Returns what was refused.
pub(crate) fn take() -> Vec<Missing> {
    let refused = |what: &str, error: &io::Error, cure: &str| Missing {
        what: what.to_owned(),
        why: format!("{error}; matters on a host under full load only"),
        cure: cure.to_owned(),
    };
    let mut missing = Vec::new();
    open_more();
    if let Err(error) = sys::scheduling::go_first() {
        missing.push(refused(
            "the scheduler class FIFO for the thread that decides",
            &error,
            "CAP_SYS_NICE (systemd: LimitRTPRIO=1)",
        ));
    }
    if let Err(error) = stay_in_memory() {
        missing.push(refused(
            "memory that is never swapped out",
            &error,
            "CAP_IPC_LOCK (systemd: LimitMEMLOCK=infinity)",
        ));
    }
    if let Err(error) = be_spared() {
        missing.push(refused(
            "to be spared by the OOM killer (oom_score_adj)",
            &error,
            "CAP_SYS_RESOURCE (systemd: OOMScoreAdjust=-900)",
        ));
    }
    missing
}

/// After a stretch of work that was too long for FIFO: back there. True where there was one.
pub(super) fn renew() -> bool {
    let overran = sys::scheduling::overran();
    if overran {
        // Refused now, it stays in the normal class, which works.
        let _ = sys::scheduling::go_first();
    }
    overran
}

/// As many as may be up to [`DESCRIPTORS`]: nothing below the hard limit is refused.
fn open_more() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(DESCRIPTORS, |hard| hard.min(DESCRIPTORS));
    if limit.current.is_some_and(|soft| soft < most) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit });
    }
}

/// Only without a limit: with one, memory that we need later would be refused.
fn stay_in_memory() -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    let limit = getrlimit(Resource::Memlock).current;
    if capabilities.unwrap_or(0) & 1 << IPC_LOCK == 0 && limit.is_some() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "locked memory is limited"));
    }
    sys::memory::keep()
}

fn be_spared() -> io::Result<()> {
    const FILE: &str = "/proc/self/oom_score_adj";
    let now: i32 = fs::read_to_string(FILE)?.trim().parse().unwrap_or(0);
    if now > SPARED { fs::write(FILE, SPARED.to_string()) } else { Ok(()) }
}
