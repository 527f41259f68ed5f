//! The main processes, each held by a pidfd: their deaths wake us, and how they ended where the
//! kernel still tells.
//!
//! Where a pidfd cannot be had, the process is looked at once a second.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use procfs::process::Process;
use rustix::event::{Timespec, epoll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::clock::boot_now;
use crate::event::{Event, ExitStatus, Exited};
use crate::identity::{ProcessKey, ServiceId};
use crate::process::{alive, facts};
use crate::sys::pidfd::exit_code;

/// One service's main process.
struct Main {
    process: ProcessKey,
    /// None: it is looked at once a second.
    pidfd: Option<OwnedFd>,
    comm: [u8; 16],
}

/// The main processes of all services.
pub(super) struct Mains {
    epoll: OwnedFd,
    all: BTreeMap<ServiceId, Main>,
}

impl Mains {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, all: BTreeMap::new() })
    }

    /// Readable when one has ended.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Whether this is the service's main process already, and lives.
    pub(super) fn follows(&self, service: ServiceId, root: ProcessKey) -> bool {
        self.all.get(&service).is_some_and(|main| main.process == root) && alive(root)
    }

    /// Holds on to `root`. `NotFound` where another process has its pid.
    pub(super) fn follow(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()> {
        self.leave(service);
        let pid = i32::try_from(root.pid).ok().and_then(Pid::from_raw);
        let pidfd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // Looked at after opening: who is held is who was meant.
        let facts = facts(root.pid)?.filter(|facts| facts.key == root && !facts.dead);
        let Some(facts) = facts else {
            let text = format!("process {} has ended", root.pid);
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        };
        let pidfd = pidfd.filter(|pidfd| {
            let data = epoll::EventData::new_u64(u64::from(service.0));
            epoll::add(&self.epoll, pidfd, data, epoll::EventFlags::IN).is_ok()
        });
        let mut comm = [0; 16];
        for (to, from) in comm.iter_mut().take(15).zip(facts.comm.bytes()) {
            *to = from;
        }
        self.all.insert(service, Main { process: root, pidfd, comm });
        Ok(())
    }

    /// Lets go of the service's main process.
    pub(super) fn leave(&mut self, service: ServiceId) {
        if let Some(Main { pidfd: Some(pidfd), .. }) = self.all.remove(&service) {
            let _ = epoll::delete(&self.epoll, &pidfd);
        }
    }

    /// Tells who has ended, by the pidfds. Never blocks.
    pub(super) fn ended(&mut self, into: &mut Vec<Event>) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            let mut ready: Vec<epoll::Event> = Vec::with_capacity(64);
            let found =
                epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&now));
            if found.is_err() || ready.is_empty() {
                return;
            }
            for event in ready {
                let service = u32::try_from(event.data.u64()).map(ServiceId);
                if let Ok(service) = service {
                    self.tell(service, into);
                }
            }
        }
    }

    /// Looks at those that no pidfd tells of.
    pub(super) fn look(&mut self, into: &mut Vec<Event>) {
        let over: Vec<ServiceId> = self
            .all
            .iter()
            .filter(|(_, main)| main.pidfd.is_none() && !alive(main.process))
            .map(|(service, _)| *service)
            .collect();
        for service in over {
            self.tell(service, into);
        }
    }

    fn tell(&mut self, service: ServiceId, into: &mut Vec<Event>) {
        let Some(main) = self.all.get(&service) else { return };
        into.push(Event::Exited(Exited {
            service,
            process: main.process,
            main: true,
            status: status(main),
            held_bytes: None,
            comm: main.comm,
            at: boot_now(),
        }));
        self.leave(service);
    }
}

/// How it ended: the kernel keeps it with the pidfd (6.15) once it is reaped, and shows it in
/// `/proc` until then to those who may trace it. A 0 there may also mean that we may not.
fn status(main: &Main) -> ExitStatus {
    let zombie = || {
        let process = Process::new(i32::try_from(main.process.pid).ok()?).ok()?;
        let stat = process.stat().ok()?;
        let code = stat.exit_code.filter(|code| stat.starttime == main.process.start && *code != 0);
        code.map(i32::cast_unsigned)
    };
    let kept = || main.pidfd.as_ref().and_then(|pidfd| exit_code(pidfd.as_fd()));
    kept().or_else(zombie).or_else(kept).map_or(ExitStatus::Unknown, ExitStatus::from_wait)
}
