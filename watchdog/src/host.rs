//! The host's own numbers, read once per pass: `/proc/stat`, `/proc/meminfo`, `/proc/loadavg`, and where
//! they are there `/proc/sys/fs/file-nr`, `/proc/diskstats`, `/proc/vmstat` and `/proc/pressure`.
//!
//! Small files, kept open and read by position: a system call each a pass, whatever the number of
//! processes. Nothing below `/proc/<pid>` is touched here. Format: proc(5).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::message::{CpuTicks, HostSample, Stalls};
use crate::metric::Resource;

mod disks;

use disks::Disks;

/// The files, open.
#[derive(Debug)]
pub struct Host {
    stat: File,
    meminfo: File,
    loadavg: File,
    files: Option<File>,
    diskstats: Option<File>,
    disks: Disks,
    vmstat: Option<File>,
    pressure: [Option<File>; 3],
    buffer: Vec<u8>,
}

impl Host {
    /// Opens the files.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            stat: File::open("/proc/stat")?,
            meminfo: File::open("/proc/meminfo")?,
            loadavg: File::open("/proc/loadavg")?,
            files: File::open("/proc/sys/fs/file-nr").ok(),
            diskstats: File::open("/proc/diskstats").ok(),
            disks: Disks::default(),
            vmstat: File::open("/proc/vmstat").ok(),
            pressure: Resource::ALL
                .map(|resource| File::open(format!("/proc/pressure/{}", resource.word())).ok()),
            buffer: vec![0; 16 * 1024],
        })
    }

    /// Whether the kernel tells how long work stands still.
    pub fn has_pressure(&self) -> bool {
        self.pressure.iter().all(Option::is_some)
    }

    /// Reads them all. One of the first three that cannot be read gives an error: the numbers are then
    /// unknown. Each of the others is unknown by itself.
    pub fn sample(&mut self) -> io::Result<HostSample> {
        let mut sample = HostSample::default();
        read_stat(read(&self.stat, &mut self.buffer)?, &mut sample);
        read_meminfo(read(&self.meminfo, &mut self.buffer)?, &mut sample);
        read_loadavg(read(&self.loadavg, &mut self.buffer)?, &mut sample);
        if let Some(files) = &self.files {
            sample.files = read(files, &mut self.buffer).ok().and_then(files_of);
        }
        if let Some(diskstats) = &self.diskstats
            && let Ok(text) = read(diskstats, &mut self.buffer)
        {
            sample.disks = Some(self.disks.sum(text));
        }
        if let Some(vmstat) = &self.vmstat {
            sample.paged = read(vmstat, &mut self.buffer).ok().and_then(paged_of);
        }
        for (file, stalls) in self.pressure.iter().zip(&mut sample.pressure) {
            if let Some(file) = file {
                *stalls = read(file, &mut self.buffer).ok().and_then(stalls_of);
            }
        }
        Ok(sample)
    }
}

/// `/proc/stat` of a host with very many CPUs and interrupts is no longer than this.
const LONGEST: usize = 1 << 20;

fn read<'b>(file: &File, buffer: &'b mut Vec<u8>) -> io::Result<&'b str> {
    let mut length = 0;
    loop {
        if length == buffer.len() {
            if length >= LONGEST {
                break;
            }
            buffer.resize(length * 2, 0);
        }
        match file.read_at(&mut buffer[length..], length as u64)? {
            0 => break,
            // One read gives a whole small file; only a full buffer is worth another.
            n if length + n < buffer.len() => {
                length += n;
                break;
            }
            n => length += n,
        }
    }
    Ok(std::str::from_utf8(&buffer[..length]).unwrap_or(""))
}

fn read_stat(text: &str, sample: &mut HostSample) {
    for line in text.lines() {
        if let Some(forks) = line.strip_prefix("processes ") {
            sample.forks = forks.trim().parse().ok();
            break;
        }
        let Some(rest) = line.strip_prefix("cpu") else { continue };
        if !rest.starts_with(' ') {
            sample.cpus += 1;
            continue;
        }
        let mut numbers = rest.split_ascii_whitespace().map(|n| n.parse::<u64>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        sample.ticks = CpuTicks {
            user: next(),
            nice: next(),
            system: next(),
            idle: next(),
            iowait: next(),
            irq: next(),
            softirq: next(),
            steal: next(),
            guest: next(),
            guest_nice: next(),
        };
    }
}

fn read_meminfo(text: &str, sample: &mut HostSample) {
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let target = match name {
            "MemTotal" => &mut sample.memory_total,
            "MemAvailable" => &mut sample.memory_available,
            "SwapTotal" => &mut sample.swap_total,
            "SwapFree" => &mut sample.swap_free,
            _ => continue,
        };
        let kilobytes = rest.split_ascii_whitespace().next().and_then(|n| n.parse::<u64>().ok());
        *target = kilobytes.unwrap_or(0).saturating_mul(1024);
    }
}

fn read_loadavg(text: &str, sample: &mut HostSample) {
    let numbers = text.split_ascii_whitespace().map(|n| n.parse().unwrap_or(0.0));
    for (load, number) in sample.load.iter_mut().zip(numbers) {
        *load = number;
    }
}

/// Open files and the most there may be: `751 0 2466183`.
fn files_of(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().map(|n| n.parse().ok());
    let (open, _, most) = (numbers.next()??, numbers.next()?, numbers.next()??);
    Some((open, most))
}

/// Pages in from swap and out to it: `pswpin 12` and, later, `pswpout 34`.
fn paged_of(text: &str) -> Option<(u64, u64)> {
    let mut lines = text.lines();
    let mut value = |name: &str| {
        let number = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        number.and_then(|number| number.trim().parse().ok())
    };
    value("pswpin").zip(value("pswpout"))
}

/// `some avg10=1.15 avg60=… avg300=… total=4026290842`, and the same with `full`, which kernels before
/// 5.13 do not have for the CPU.
fn stalls_of(text: &str) -> Option<Stalls> {
    let mut stalls = Stalls::default();
    let mut some = false;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next()?;
        let value = |name: &str| {
            let mut words = line.split_ascii_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let (average, total) =
            (value("avg10")?.parse::<f64>().ok()?, value("total")?.parse().ok()?);
        match kind {
            "some" => {
                (stalls.average[0], stalls.some_us) = (average / 100.0, total);
                some = true;
            }
            "full" => (stalls.average[1], stalls.full_us) = (average / 100.0, total),
            _ => {}
        }
    }
    some.then_some(stalls)
}

/// The host's name, as `uname -n` prints it.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_prints() {
        let mut sample = HostSample::default();
        read_stat(
            "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2\ncpu1 3 4\nintr 5 6\nprocesses 77\nprocs_running 3\n",
            &mut sample,
        );
        read_meminfo(
            "MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable:   40 kB\nSwapTotal: 9 kB\nSwapFree: 3 kB\n",
            &mut sample,
        );
        read_loadavg("0.50 1.25 2.00 1/234 5678\n", &mut sample);
        assert_eq!((sample.cpus, sample.ticks.user, sample.ticks.guest_nice), (2, 10, 100));
        assert_eq!(sample.forks, Some(77));
        assert_eq!((sample.memory_total, sample.memory_available), (102_400, 40_960));
        assert_eq!((sample.swap_total, sample.swap_free), (9216, 3072));
        assert!((sample.load[1] - 1.25).abs() < 1e-9);
    }

    #[test]
    fn files_and_stalls() {
        assert_eq!(files_of("751\t0\t2466183\n"), Some((751, 2_466_183)));
        assert_eq!(files_of("751"), None);
        let vmstat = "nr_free_pages 9\npgpgin 1\npgpgout 2\npswpin 30\npswpout 40\npgalloc_dma 5\n";
        assert_eq!(paged_of(vmstat), Some((30, 40)));
        assert_eq!(paged_of("pgpgin 1\npgpgout 2\n"), None);
        let stalls = stalls_of(
            "some avg10=58.37 avg60=15.67 avg300=5.56 total=2652431080\n\
             full avg10=56.31 avg60=15.03 avg300=4.51 total=1643577572\n",
        );
        let stalls = stalls.expect("known");
        assert_eq!((stalls.some_us, stalls.full_us), (2_652_431_080, 1_643_577_572));
        assert!((stalls.average[0] - 0.5837).abs() < 1e-9);
        assert_eq!(stalls_of("nonsense\n"), None);
        assert_eq!(stalls_of(""), None);
    }

    #[test]
    fn this_host_answers() {
        let sample = Host::open().and_then(|mut host| host.sample()).expect("proc is mounted");
        assert!(sample.cpus >= 1 && sample.memory_total > sample.memory_available);
    }
}
