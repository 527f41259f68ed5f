//! The bytes of a record to an event. Total: any bytes give an event, a sample or `None`.

use bytemuck::Pod;
use watchdog_common::record::{
    CrossedRecord, ExitRecord, FLAG_DEAD, FLAG_MAIN, Head, Kind, SampleRecord, SignalRecord,
    WantedRecord,
};

use watchdog_common::table::{Wanted, crossing};

use super::WantBy;
use crate::clock::BootTime;
use crate::event::{Crossed, Crossing, Event, ExitStatus, Exited, Sample, Signalled};
use crate::identity::{ProcessKey, ServiceId};

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A process that services wait for has begun: which services, user space knows.
    Wanted {
        /// What it is known by.
        by: WantBy,
        /// The process.
        process: ProcessKey,
        /// When.
        at: BootTime,
    },
    /// Something has happened.
    Event(Event),
    /// A process at a pass.
    Sampled {
        /// The sample.
        sample: Sample,
        /// When its pass began, as user space stamped it.
        pass: BootTime,
        /// The part of its run time that the group's counter of the dead holds as well.
        freed_ns: u64,
    },
    /// A process between reaping and free: in no sample and not yet among the dead.
    Limbo {
        /// Its service.
        service: ServiceId,
        /// When its pass began.
        pass: BootTime,
        /// Its run time so far that no counter holds.
        cpu_ns: u64,
    },
    /// A service comes near one of its memory limits: it wants a closer look.
    Near {
        /// The service.
        service: ServiceId,
    },
    /// The OOM killer's choice where the kernel names a pid only: whose it is, the table knows.
    OomPid {
        /// The pid.
        pid: u32,
        /// When.
        at: BootTime,
    },
}

/// Decodes one record; `page` is the page size in bytes. `None` for what this version does not know.
pub fn decode(bytes: &[u8], page: u64) -> Option<Decoded> {
    let head: Head = read(bytes)?;
    let at = BootTime(head.at);
    let kind = Kind::try_from(head.kind).ok()?;
    if kind == Kind::Oom && head.group == 0 {
        return Some(Decoded::OomPid { pid: head.tgid, at });
    }
    if kind == Kind::Wanted {
        let WantedRecord { by, .. } = read(bytes)?;
        let process = ProcessKey::from_boot_nanoseconds(head.tgid, head.start);
        return Some(Decoded::Wanted { by: want_by(by)?, process, at });
    }
    let service = ServiceId::from_group(head.group)?;
    let process = ProcessKey::from_boot_nanoseconds(head.tgid, head.start);
    let main = head.flags & FLAG_MAIN != 0;
    Some(match kind {
        Kind::Sample => {
            let record: SampleRecord = read(bytes)?;
            let sample = Sample {
                service,
                process,
                parent: record.parent,
                main,
                cpu_ns: record.cpu_ns,
                rss_bytes: record.rss_pages.saturating_mul(page),
                swap_bytes: record.swap_pages.saturating_mul(page),
                read_bytes: record.read_bytes,
                write_bytes: record.write_bytes,
                descriptors: None,
                threads: record.threads,
                zombie: head.flags & FLAG_DEAD != 0,
                uid: record.uid,
                comm: record.comm,
            };
            Decoded::Sampled { sample, pass: at, freed_ns: record.freed_ns }
        }
        Kind::Limbo => {
            let record: SampleRecord = read(bytes)?;
            let cpu_ns = record.cpu_ns.saturating_sub(record.freed_ns);
            Decoded::Limbo { service, pass: at, cpu_ns }
        }
        Kind::Exit => {
            let record: ExitRecord = read(bytes)?;
            let status = ExitStatus::from_wait(record.status);
            Decoded::Event(Event::Exited(Exited {
                service,
                process,
                main,
                status,
                held_bytes: (record.held_pages != 0)
                    .then(|| record.held_pages.saturating_mul(page)),
                comm: record.comm,
                at,
            }))
        }
        Kind::Exec => Decoded::Event(Event::Executed { service, process, at }),
        Kind::Signal => {
            let record: SignalRecord = read(bytes)?;
            Decoded::Event(Event::Signalled(Signalled {
                service,
                process,
                signal: u8::try_from(record.signal).ok()?,
                sender: record.sender,
                sender_uid: record.sender_uid,
                sender_comm: record.sender_comm,
                at,
            }))
        }
        Kind::Wanted => return None,
        Kind::Oom => Decoded::Event(Event::OomVictim { service, process, at }),
        Kind::Crossed => {
            let record: CrossedRecord = read(bytes)?;
            let (crossing, unit) = match record.crossing {
                crossing::TOTAL_MEMORY => (Crossing::TotalMemory, page),
                crossing::MEMORY => (Crossing::Memory, page),
                crossing::CHILDREN => (Crossing::Children, 1),
                crossing::FORKS => (Crossing::Forks, 1),
                crossing::NEAR => return Some(Decoded::Near { service }),
                _ => return None,
            };
            let value = record.value.saturating_mul(unit);
            Decoded::Event(Event::Crossed(Crossed { service, crossing, value, by: process, at }))
        }
    })
}

/// What kind of record it is.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    Kind::try_from(read::<Head>(bytes)?.kind).ok()
}

fn want_by(Wanted { space, number }: Wanted) -> Option<WantBy> {
    Some(match space {
        Wanted::CGROUP => WantBy::Cgroup(number),
        device => WantBy::File { device: u32::try_from(device).ok()?, inode: number },
    })
}

/// The value at the beginning of the bytes, wherever they lie in memory.
fn read<T: Pod>(bytes: &[u8]) -> Option<T> {
    bytemuck::try_pod_read_unaligned(bytes.get(..size_of::<T>())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_exit_is_read_from_its_bytes() {
        let mut bytes = Vec::new();
        for word in [3_u32, 8, 4711, 1] {
            bytes.extend(word.to_ne_bytes()); // kind, group, tgid, flags
        }
        bytes.extend(12_345_678_901_u64.to_ne_bytes()); // start
        bytes.extend(99_u64.to_ne_bytes()); // at
        bytes.extend(0x8b_u32.to_ne_bytes()); // SIGSEGV with a core
        bytes.extend([0; 4]);
        bytes.extend(3_u64.to_ne_bytes()); // pages held
        bytes.extend(*b"crasher\0\0\0\0\0\0\0\0\0");
        let expected = Exited {
            service: ServiceId(7),
            process: ProcessKey { pid: 4711, start: 1234 },
            main: true,
            status: ExitStatus::Signal { number: 11, core: true },
            held_bytes: Some(3 * 4096),
            comm: *b"crasher\0\0\0\0\0\0\0\0\0",
            at: BootTime(99),
        };
        assert_eq!(decode(&bytes, 4096), Some(Decoded::Event(Event::Exited(expected))));
        assert_eq!(decode(&bytes[..63], 4096), None, "cut short");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..10) {
            let _ = decode(&bytes, 4096);
            let mut bytes = bytes;
            if let Some(first) = bytes.get_mut(..4) {
                first.copy_from_slice(&u32::from(kind).to_ne_bytes());
            }
            let _ = decode(&bytes, u64::MAX);
        }
    }
}
