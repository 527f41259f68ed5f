//! Loading the object: offsets in, programs checked by the verifier and attached.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use aya::programs::{BtfTracePoint, Iter, ProgramError};
use aya::{Ebpf, EbpfLoader};
use aya_log::EbpfLogger;
use rustix::process::getpid;
use watchdog_common::fields::Fields;

use super::Missing;
use super::btf::{Btf, Malformed};
use super::faults;
use super::hooks::Hooks;
use super::kernel::Options;
use super::layout::{self, Absent};
use crate::sys::bpf;

/// The kernel programs as built for this machine's architecture.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/programs.o"));

/// Program, tracepoint, and whether the sensor is of no use without it. In this order, so that no
/// entry comes into the table before what takes it out again is attached.
pub(super) const HOOKS: [(&str, &str, bool); 6] = [
    ("free", "sched_process_free", true),
    ("exit", "sched_process_exit", true),
    ("fork", "sched_process_fork", true),
    ("exec", "sched_process_exec", false),
    ("signal", "signal_generate", false),
    ("oom", "mark_victim", false),
];
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Why the kernel sensor cannot run here.
#[derive(Debug)]
pub enum OpenError {
    /// The kernel's type information could not be read.
    NoBtf(io::Error),
    /// It is not what this reader understands.
    BadBtf(Malformed),
    /// The kernel has no such field, and nothing works without it.
    Field(String),
    /// The object or its maps were refused.
    Object(Box<aya::EbpfError>),
    /// A program that nothing works without was refused.
    Program {
        /// Its name.
        name: &'static str,
        /// The kernel's answer.
        error: Box<ProgramError>,
    },
    /// A map or an iterator could not be used.
    Kernel(io::Error),
    /// The object does not hold what this binary expects.
    Mismatch(&'static str),
    /// The daemon has a pid namespace of its own: the kernel's pids are not those of its `/proc`.
    Namespace,
}

impl fmt::Display for OpenError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBtf(error) => write!(to, "cannot read {BTF}: {error}"),
            Self::BadBtf(error) => write!(to, "{BTF}: {error}"),
            Self::Field(field) => write!(to, "this kernel has no {field}"),
            Self::Object(error) => write!(to, "cannot load the kernel programs: {error}"),
            Self::Program { name, error } => write!(to, "cannot load program {name}: {error}"),
            Self::Kernel(error) => write!(to, "cannot use the kernel programs: {error}"),
            Self::Mismatch(what) => write!(to, "the kernel object has no {what}"),
            Self::Namespace => to.write_str(
                "the daemon runs in a pid namespace of its own, and sees only what is in it; the \
                 kernel programs see the host's pids",
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoBtf(error) | Self::Kernel(error) => Some(error),
            Self::BadBtf(error) => Some(error),
            Self::Object(error) => Some(error),
            Self::Program { error, .. } => Some(error),
            Self::Field(_) | Self::Mismatch(_) | Self::Namespace => None,
        }
    }
}

/// Programs in place.
pub(super) struct Loaded {
    /// Dropping it detaches everything.
    pub(super) ebpf: Ebpf,
    /// The iterator over every task.
    pub(super) all: OwnedFd,
    /// The programs' own messages, where asked for.
    pub(super) messages: Option<EbpfLogger<&'static dyn log::Log>>,
    pub(super) missing: Vec<Missing>,
    /// What is attached.
    pub(super) hooks: Hooks,
}

/// Loads and attaches every program that this kernel can have.
pub(super) fn load(options: &Options) -> Result<Loaded, OpenError> {
    let blob = std::fs::read(BTF).map_err(OpenError::NoBtf)?;
    let daemon = getpid().as_raw_nonzero().get().cast_unsigned();
    let layout = layout::resolve(&Btf::parse(blob).map_err(OpenError::BadBtf)?, daemon);
    let mut missing = Vec::new();
    for absent in &layout.absent {
        missing.push(unread(absent)?);
    }
    let kernel =
        aya::Btf::from_sys_fs().map_err(|error| OpenError::Object(Box::new(error.into())))?;
    let mut ebpf = object(&layout.fields, options, &kernel)?;
    let messages = match options.messages {
        Some(_) => EbpfLogger::init(&mut ebpf).ok(),
        None => None,
    };
    let iterator: &mut Iter = program(&mut ebpf, "sample")?;
    iterator
        .load("task", &kernel)
        .map_err(|error| OpenError::Program { name: "sample", error: Box::new(error) })?;
    let fd = iterator.fd().map_err(|_| OpenError::Mismatch("iterator"))?;
    let all = bpf::iterator_link(std::os::fd::AsFd::as_fd(fd), None).map_err(OpenError::Kernel)?;
    let mut hooks = Hooks::default();
    for (name, hook, needed) in HOOKS {
        if layout.absent.iter().any(|absent| absent.programs.contains(&name)) {
            continue;
        }
        let program: &mut BtfTracePoint = program(&mut ebpf, name)?;
        match program.load(hook, &kernel).and_then(|()| program.attach()) {
            Ok(link) => hooks.attached(name, link),
            Err(error) if needed => {
                return Err(OpenError::Program { name, error: Box::new(error) });
            }
            Err(error) => missing.push(Missing {
                what: format!("tracepoint {hook}"),
                why: format!("program {name} was refused: {error}"),
                cure: "a kernel with this tracepoint and its type information".to_owned(),
            }),
        }
    }
    if !layout.absent.iter().any(|absent| absent.programs.contains(&faults::PROGRAM)) {
        let (links, refused) = faults::start(&mut ebpf);
        hooks.sampling(links);
        missing.extend(refused);
    }
    Ok(Loaded { ebpf, all, messages, missing, hooks })
}

/// Makes the maps in the sizes asked for and patches the constants.
fn object(fields: &Fields, options: &Options, kernel: &aya::Btf) -> Result<Ebpf, OpenError> {
    let level: u8 = options.messages.map_or(0, |level| level as u8);
    EbpfLoader::new()
        .btf(Some(kernel))
        .override_global(
            "FIELDS",
            bytemuck::cast_slice::<_, u64>(std::slice::from_ref(fields)),
            true,
        )
        .override_global("AYA_LOG_LEVEL", &level, false)
        .map_max_entries("PROCS", options.processes)
        .map_max_entries("COUNTERS", options.groups.saturating_add(1))
        .map_max_entries("LIMITS", options.groups.saturating_add(1))
        .map_max_entries("WANTED", options.groups.saturating_mul(2))
        .map_max_entries("RING", options.ring_bytes)
        .load(OBJECT)
        .map_err(|error| OpenError::Object(Box::new(error)))
}

/// A program of the object by name.
pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, OpenError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program>,
{
    ebpf.program_mut(name)
        .and_then(|program| program.try_into().ok())
        .ok_or(OpenError::Mismatch(name))
}

/// What the absence of a field means: nothing works, or something is missing.
fn unread(absent: &Absent) -> Result<Missing, OpenError> {
    let vital = |name: &&str| HOOKS.iter().any(|(hook, _, needed)| hook == name && *needed);
    if absent.programs.iter().any(|name| *name == "sample" || vital(name)) {
        return Err(OpenError::Field(absent.field.clone()));
    }
    Ok(Missing {
        what: absent.field.clone(),
        why: "the kernel's type information does not have it".to_owned(),
        cure: "a newer kernel, or a report to the project with the kernel's release".to_owned(),
    })
}
