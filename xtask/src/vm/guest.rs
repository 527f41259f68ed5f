//! One run in a guest: restored or booted, given its payload, listened to, its results fetched.

use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};

use super::cache::Cache;
use super::kernel::Kernel;
use super::machine::{Machine, Parts};
use super::payload::Payload;
use super::plan::Plan;
use super::snapshot::{HOLD, RESULT_BYTES};
use super::variant::Variant;
use crate::test::Sum;

/// Until the guest is there: ten seconds on an idle machine, a second where it is restored.
const BOOT_LIMIT: Duration = Duration::from_secs(150);
/// What runs there, when all hangs: each suite has a limit of its own.
const LIMIT: Duration = Duration::from_secs(900);
/// For a restored guest to hear us.
const WAKING: u32 = 600;

/// Runs the plan and shows what the guest says, each line with the guest's name.
pub(crate) fn run(
    cache: &Cache,
    kernel: Kernel,
    variant: Variant,
    payload: &Payload,
    plan: &Plan,
) -> Result<Sum> {
    let name = format!("run-{kernel}-{variant}");
    let folder = cache.at(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    payload.write(plan, variant, &folder.join("payload"))?;
    File::create(folder.join("results.tar"))?.set_len(RESULT_BYTES)?;
    let sum = talk(cache, kernel, variant, &name)
        .with_context(|| format!("guest {kernel} {variant} (see {})", folder.display()))?;
    let results = folder.join("results");
    fs::create_dir(&results)?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xf").arg(folder.join("results.tar")).arg("-C").arg(&results);
    ensure!(unpack.status()?.success(), "the guest's results cannot be read");
    if sum.broken {
        println!("{kernel} {variant}: failed; its log and journal are in {}", folder.display());
    }
    Ok(sum)
}

fn talk(cache: &Cache, kernel: Kernel, variant: Variant, name: &str) -> Result<Sum> {
    // The emulator may fail us; what runs in the guest gets no second chance.
    let mut machine = begin(cache, kernel, variant, name).or_else(|error| {
        println!("{kernel} {variant}: the guest is not there ({error:#}): once more");
        begin(cache, kernel, variant, name)
    })?;
    machine.limit(LIMIT);
    let mut sum = Sum::default();
    let code = machine.await_line("@@CODE", |line| {
        sum.count(line);
        let line = line.strip_prefix("@@DONE ").unwrap_or(line);
        println!("{kernel} {variant} | {line}");
    })?;
    machine.wait()?;
    sum.broken = code != "0";
    Ok(sum)
}

/// A guest that is about to run what it was given.
fn begin(cache: &Cache, kernel: Kernel, variant: Variant, name: &str) -> Result<Machine> {
    let restored = variant == Variant::Plain;
    let state = format!("exec:cat < {kernel}/state");
    let disk = if restored { format!("{kernel}/disk.img") } else { "base.img".to_owned() };
    let parts = Parts {
        folder: &cache.at(""),
        kernel: &kernel.to_string(),
        settings: if restored { HOLD } else { variant.settings() },
        disks: [
            // Written to a file that vanishes with the machine.
            format!("file={disk},snapshot=on"),
            format!("file={name}/payload,readonly=on"),
            format!("file={name}/results.tar,cache=unsafe"),
        ],
        console: &format!("{name}/console.log"),
        more: if restored { &["-incoming", &state] } else { &[] },
    };
    let log = cache.at(name).join("run.log");
    let mut machine = Machine::start(&parts, &log, BOOT_LIMIT)?;
    if restored {
        wake(&mut machine)?;
    } else {
        let state = machine.await_line("@@STATE", |_| {})?;
        ensure!(state == "running", "systemd says of the guest: {state}");
    }
    Ok(machine)
}

/// Tells a restored guest the time until it answers: what comes first over the line gets lost.
fn wake(machine: &mut Machine) -> Result<()> {
    for _ in 0..WAKING {
        let now = clock_gettime(ClockId::Realtime);
        machine.say(&format!("\ngo {}.{:09}", now.tv_sec, now.tv_nsec))?;
        if let Some(line) = machine.hear(Duration::from_millis(100))?
            && line == "@@GO"
        {
            return Ok(());
        }
    }
    anyhow::bail!("the restored guest does not answer")
}
