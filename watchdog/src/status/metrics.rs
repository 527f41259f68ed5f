//! The numbers of a service in the JSON document. A system has other keys than a process.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::message::Metrics;

/// The numbers of a service. Written are the keys of its kind only; a missing key reads as `None`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct MetricsDocument {
    /// The keys of a `system` are written, not those of a `process`.
    #[serde(skip)]
    system: bool,
    /// As in the snapshot; shares are user, system, wait.
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// As [`Metrics`], readable from JSON.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Numbers {
    pub cpu: Option<f64>,
    pub totalcpu: Option<f64>,
    pub totalcpu_seconds: Option<f64>,
    pub memory_bytes: Option<u64>,
    pub totalmem_bytes: Option<u64>,
    pub totalmem_pss_bytes: Option<u64>,
    pub children: Option<u64>,
    pub threads: Option<u64>,
    pub forks_per_second: Option<f64>,
    pub filedescriptors: Option<u64>,
    pub disk_read_bytes_per_second: Option<f64>,
    pub disk_write_bytes_per_second: Option<f64>,
    pub pagein_per_second: Option<f64>,
    pub pageout_per_second: Option<f64>,
    pub pressure: Option<Pressure>,
    pub memory_total_bytes: Option<u64>,
    pub swap_bytes: Option<u64>,
    pub swap_total_bytes: Option<u64>,
    pub cpu_user: Option<f64>,
    pub cpu_system: Option<f64>,
    pub cpu_wait: Option<f64>,
    pub load: Option<[f64; 3]>,
}

/// How much of about 10 s work stood still, by what it waited for.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    pub memory: Stall,
    pub cpu: Stall,
    pub io: Stall,
}

/// Shares of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// Something stood still.
    pub some: f64,
    /// Everything stood still.
    pub full: f64,
}

impl MetricsDocument {
    /// Of a snapshot; `system` says which keys are written.
    pub fn of(metrics: &Metrics, system: bool) -> Self {
        let share = |index: usize| metrics.cpu_shares.map(|shares| ratio(shares[index]));
        let numbers = Numbers {
            cpu: metrics.cpu.map(ratio),
            totalcpu: metrics.totalcpu.map(ratio),
            totalcpu_seconds: metrics.totalcpu_seconds.map(ratio),
            memory_bytes: metrics.memory_bytes,
            totalmem_bytes: metrics.totalmem_bytes,
            totalmem_pss_bytes: metrics.totalmem_pss_bytes,
            children: metrics.children,
            threads: metrics.threads,
            forks_per_second: metrics.forks_per_second.map(ratio),
            filedescriptors: metrics.filedescriptors,
            disk_read_bytes_per_second: metrics.disk_read_bytes_per_second.map(f64::round),
            disk_write_bytes_per_second: metrics.disk_write_bytes_per_second.map(f64::round),
            pagein_per_second: metrics.pagein_per_second.map(ratio),
            pageout_per_second: metrics.pageout_per_second.map(ratio),
            pressure: metrics.pressure.map(|[memory, cpu, io]| {
                let stall = |[some, full]: [f64; 2]| Stall { some: ratio(some), full: ratio(full) };
                Pressure { memory: stall(memory), cpu: stall(cpu), io: stall(io) }
            }),
            memory_total_bytes: metrics.memory_total_bytes,
            swap_bytes: metrics.swap_bytes,
            swap_total_bytes: metrics.swap_total_bytes,
            cpu_user: share(0),
            cpu_system: share(1),
            cpu_wait: share(2),
            load: metrics.load,
        };
        Self { system, numbers }
    }
}

impl Serialize for MetricsDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = &self.numbers;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("cpu", &numbers.cpu)?;
        if self.system {
            map.serialize_entry("cpu_user", &numbers.cpu_user)?;
            map.serialize_entry("cpu_system", &numbers.cpu_system)?;
            map.serialize_entry("cpu_wait", &numbers.cpu_wait)?;
            map.serialize_entry("memory_bytes", &numbers.memory_bytes)?;
            map.serialize_entry("memory_total_bytes", &numbers.memory_total_bytes)?;
            map.serialize_entry("swap_bytes", &numbers.swap_bytes)?;
            map.serialize_entry("swap_total_bytes", &numbers.swap_total_bytes)?;
            map.serialize_entry("load", &numbers.load)?;
        } else {
            map.serialize_entry("totalcpu", &numbers.totalcpu)?;
            map.serialize_entry("totalcpu_seconds", &numbers.totalcpu_seconds)?;
            map.serialize_entry("memory_bytes", &numbers.memory_bytes)?;
            map.serialize_entry("totalmem_bytes", &numbers.totalmem_bytes)?;
            map.serialize_entry("totalmem_pss_bytes", &numbers.totalmem_pss_bytes)?;
            map.serialize_entry("children", &numbers.children)?;
            map.serialize_entry("threads", &numbers.threads)?;
        }
        map.serialize_entry("forks_per_second", &numbers.forks_per_second)?;
        map.serialize_entry("filedescriptors", &numbers.filedescriptors)?;
        let [read, write] =
            [numbers.disk_read_bytes_per_second, numbers.disk_write_bytes_per_second];
        map.serialize_entry("disk_read_bytes_per_second", &read)?;
        map.serialize_entry("disk_write_bytes_per_second", &write)?;
        if self.system {
            map.serialize_entry("pagein_per_second", &numbers.pagein_per_second)?;
            map.serialize_entry("pageout_per_second", &numbers.pageout_per_second)?;
            map.serialize_entry("pressure", &numbers.pressure)?;
        }
        map.end()
    }
}

/// Six digits behind the point are below what anything here measures.
fn ratio(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
