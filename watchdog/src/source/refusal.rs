//! Why the kernel refused its programs, in words: what is missing, what was answered, the cure.
//!
//! The kernel says EPERM for half a dozen reasons; here they are told apart by what `/proc` and
//! `/sys` show of us. Not here: what is done then (`daemon`).

use std::error::Error;
use std::io;

use super::Missing;
use super::kernel::OpenError;
use crate::sys::bpf;

/// Numbers of capabilities (include/uapi/linux/capability.h).
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// What this process may do, as far as bpf(2) asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rights {
    /// Effective capabilities.
    capabilities: u64,
    /// A seccomp filter is in force.
    filtered: bool,
    /// The kernel's lockdown: `none`, `integrity` or `confidentiality`.
    lockdown: String,
    /// Release of the kernel, its first two numbers.
    kernel: (u32, u32),
}

/// The first thing to put right.
pub fn explain(error: &OpenError) -> Missing {
    let why = error.to_string();
    match error {
        OpenError::NoBtf(_) | OpenError::BadBtf(_) => Missing {
            what: "the kernel's type information (BTF)".to_owned(),
            why,
            cure: "a kernel built with CONFIG_DEBUG_INFO_BTF; in a container, /sys of the host"
                .to_owned(),
        },
        OpenError::Field(_) => Missing {
            what: "a field of the kernel's structures".to_owned(),
            why,
            cure: "a newer kernel, or a report to the project with the kernel's release".to_owned(),
        },
        OpenError::Mismatch(_) => Missing {
            what: "a part of our own kernel object".to_owned(),
            why,
            cure: "a fresh build: `cargo xtask ebpf check`".to_owned(),
        },
        OpenError::Namespace => Missing {
            what: "the initial pid namespace".to_owned(),
            why,
            cure: "run it on the host, or in a container with the host's pids".to_owned(),
        },
        OpenError::Object(_) | OpenError::Program { .. } | OpenError::Kernel(_) => {
            // The library tries what a kernel can before it loads, and forgets what it was answered.
            let (code, why) = match (code(error), bpf::trial()) {
                (None, Err(answer)) => {
                    (answer.raw_os_error(), format!("{}: {answer}", short(&why)))
                }
                (code, _) => (code, short(&why)),
            };
            refused(code, &why, &Rights::read())
        }
    }
}

/// From the kernel's answer and our rights to the cause.
fn refused(code: Option<i32>, why: &str, rights: &Rights) -> Missing {
    let missing = |what: &str, cure: &str| Missing {
        what: what.to_owned(),
        why: why.to_owned(),
        cure: cure.to_owned(),
    };
    let has = |number: u32| rights.capabilities & (1 << number | 1 << SYS_ADMIN) != 0;
    match code {
        Some(libc::EPERM | libc::EACCES) if !has(BPF) => missing(
            "the right to load programs (CAP_BPF)",
            "run it as root with CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN)",
        ),
        Some(libc::EPERM | libc::EACCES) if !has(PERFMON) => missing(
            "the right to trace (CAP_PERFMON)",
            "run it as root with CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN)",
        ),
        Some(libc::EPERM | libc::EACCES | libc::ENOSYS) if rights.filtered => missing(
            "the system call bpf(2): a seccomp filter refuses it",
            "allow `bpf` (systemd: SystemCallFilter=bpf; a container: a profile that allows it)",
        ),
        // To the verifier, a helper that reads the kernel's memory does not exist then: EINVAL.
        Some(libc::EPERM | libc::EACCES | libc::EINVAL) if rights.lockdown == "confidentiality" => {
            missing(
                "tracing under the kernel's lockdown",
                "boot with lockdown=integrity or without lockdown",
            )
        }
        Some(libc::EPERM) if rights.kernel < (5, 11) => missing(
            "memory for the kernel's tables (RLIMIT_MEMLOCK)",
            "LimitMEMLOCK=infinity, or Linux 5.11, which asks for none",
        ),
        Some(libc::EPERM | libc::EACCES) => missing(
            "the right to load programs",
            "a security module or the container's setup refuses bpf(2): see the kernel's log",
        ),
        Some(libc::ENOSYS) => {
            missing("the system call bpf(2)", "a kernel built with CONFIG_BPF_SYSCALL")
        }
        Some(libc::EINVAL) if rights.kernel < (5, 8) => {
            missing("the kernel's ring buffer", "Linux 5.8 or newer")
        }
        Some(libc::ENOMEM | libc::E2BIG | libc::ENOSPC) => missing(
            "room for the kernel's programs or tables",
            "more memory for the daemon (a cgroup's limit counts the tables), or a newer kernel",
        ),
        Some(libc::ENOENT | libc::ESRCH) => missing(
            "a tracepoint that nothing works without",
            "a kernel with CONFIG_TRACEPOINTS, CONFIG_BPF_EVENTS and its type information",
        ),
        _ => missing(
            "a kernel that takes our programs",
            "a newer kernel, or a report to the project with this text",
        ),
    }
}

/// The kernel's answer at the bottom of an error.
fn code(error: &OpenError) -> Option<i32> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        next = error.source();
    }
    None
}

/// The verifier may write a book; its end says what it refused.
fn short(text: &str) -> String {
    const LONGEST: usize = 400;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    let begin: String = words.chars().take(LONGEST / 2).collect();
    let end: Vec<char> = words.chars().rev().take(LONGEST / 2).collect();
    format!("{begin} … {}", end.into_iter().rev().collect::<String>())
}

impl Rights {
    fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or("")
        };
        let lockdown = std::fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
        let lockdown = lockdown.split(['[', ']']).nth(1).unwrap_or("none").to_owned();
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        Self {
            capabilities: u64::from_str_radix(field("CapEff:"), 16).unwrap_or(0),
            filtered: !matches!(field("Seccomp:"), "" | "0"),
            lockdown,
            kernel: version(&release),
        }
    }
}

/// The first two numbers of `6.12.3-amd64`.
fn version(release: &str) -> (u32, u32) {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 1 << BPF | 1 << PERFMON;

    fn rights(capabilities: u64) -> Rights {
        Rights { capabilities, filtered: false, lockdown: "none".to_owned(), kernel: (6, 1) }
    }

    #[test]
    fn each_cause_has_its_name() {
        let none = rights(0);
        let bpf = rights(1 << BPF);
        let filtered = Rights { filtered: true, ..rights(ALL) };
        let locked = Rights { lockdown: "confidentiality".to_owned(), ..rights(ALL) };
        let old = Rights { kernel: (5, 4), ..rights(1 << SYS_ADMIN) };
        for (code, rights, expect) in [
            (libc::EPERM, &none, "CAP_BPF"),
            (libc::EACCES, &bpf, "CAP_PERFMON"),
            (libc::EPERM, &filtered, "seccomp"),
            (libc::ENOSYS, &filtered, "seccomp"),
            (libc::EPERM, &locked, "lockdown"),
            (libc::EINVAL, &locked, "lockdown"),
            (libc::EPERM, &old, "RLIMIT_MEMLOCK"),
            (libc::EINVAL, &old, "ring buffer"),
            (libc::EPERM, &rights(ALL), "right to load programs"),
            (libc::ENOSYS, &rights(ALL), "bpf(2)"),
            (libc::ENOMEM, &rights(ALL), "room for"),
            (libc::E2BIG, &rights(ALL), "room for"),
            (libc::EINVAL, &rights(ALL), "takes our programs"),
        ] {
            let missing = refused(Some(code), "why", rights);
            assert!(missing.what.contains(expect), "{code}: {missing:?}");
            assert!(!missing.cure.is_empty() && missing.why == "why");
        }
    }

    #[test]
    fn the_kernels_answer_is_found_below_the_librarys_words() {
        let denied = io::Error::from_raw_os_error(libc::EPERM);
        assert_eq!(code(&OpenError::Kernel(denied)), Some(libc::EPERM));
        assert_eq!(code(&OpenError::Mismatch("x")), None);
    }

    #[test]
    fn releases_and_long_texts() {
        assert_eq!(version("6.12.3-amd64"), (6, 12));
        assert_eq!(version("odd"), (0, 0));
        assert!(short(&"ab \n".repeat(1000)).chars().count() < 410);
        assert_eq!(short("one\n  two"), "one two");
    }
}
