//! One run in a guest: restored or booted, given its payload, listened to, its results fetched.

use std::fmt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};

use super::cache::Cache;
use super::kernel::Kernel;
use super::lockup;
use super::machine::{Heard, Machine, Parts};
use super::payload::Payload;
use super::plan::Plan;
use super::snapshot::{HOLD, RESULT_BYTES};
use super::variant::Variant;
use crate::test::Sum;

/// Until the guest is there: ten seconds on an idle machine, a second where it is restored, ten times as
/// much beside builds.
const BOOT_LIMIT: Duration = Duration::from_secs(400);
/// Without a sign of life, of which there is one every five seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// From the last word of what runs there to the machine's end.
const SWITCHING_OFF: Duration = Duration::from_secs(30);
/// For a restored guest to hear us.
const WAKING: u32 = 600;

/// Where it runs and what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) cache: &'a Cache,
    pub(crate) kernel: Kernel,
    pub(crate) variant: Variant,
    pub(crate) payload: &'a Payload,
    pub(crate) plan: &'a Plan,
}

enum Outcome {
    Ended(Sum),
    /// The guest stood still, which says nothing of what ran there.
    Stuck(String),
}

impl Run<'_> {
    /// Runs the plan and shows what the guest says, each line with the guest's name. A guest that
    /// stands still is booted afresh, once; what fails in one that does not is not run again.
    pub(crate) fn perform(&self) -> Result<Sum> {
        for fresh in [false, true] {
            let why = match self.attempt(fresh)? {
                Outcome::Ended(sum) => return Ok(sum),
                Outcome::Stuck(why) => why,
            };
            println!("{self} !! THE GUEST STOOD STILL: {why}. The end of its console:");
            println!("{}", lockup::end(&self.console()));
            if !fresh {
                println!(
                    "{self} !! What ran there is not judged: all of it once more, booted afresh"
                );
            }
        }
        bail!("guest {self}: it stood still twice (see {})", self.folder().display())
    }

    fn name(&self) -> String {
        format!("run-{}-{}", self.kernel, self.variant)
    }

    fn folder(&self) -> PathBuf {
        self.cache.at(&self.name())
    }

    fn console(&self) -> PathBuf {
        self.folder().join("console.log")
    }

    fn attempt(&self, fresh: bool) -> Result<Outcome> {
        let folder = self.folder();
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        self.payload.write(self.plan, self.variant, &folder.join("payload"))?;
        File::create(folder.join("results.tar"))?.set_len(RESULT_BYTES)?;
        let outcome = self.talk(fresh).with_context(|| {
            let console = lockup::end(&self.console());
            format!("guest {self} (see {}); the end of its console:\n{console}", folder.display())
        })?;
        let Outcome::Ended(sum) = outcome else { return Ok(outcome) };
        let results = folder.join("results");
        fs::create_dir(&results)?;
        let mut unpack = Command::new("tar");
        unpack.arg("-xf").arg(folder.join("results.tar")).arg("-C").arg(&results);
        ensure!(unpack.status()?.success(), "the guest's results cannot be read");
        match lockup::told(&self.console()) {
            Some(line) if sum.broken => return Ok(Outcome::Stuck(line)),
            Some(line) => println!("{self} !! passed although the guest stood still: {line}"),
            None if sum.broken => {
                println!("{self}: failed; its log and journal are in {}", folder.display());
            }
            None => {}
        }
        Ok(Outcome::Ended(sum))
    }

    fn talk(&self, fresh: bool) -> Result<Outcome> {
        let mut machine = self.begin(fresh).or_else(|error| {
            println!("{self}: the guest is not there ({error:#}): once more");
            self.begin(fresh)
        })?;
        machine.limit(self.plan.limit(self.variant));
        let mut sum = Sum::default();
        loop {
            let line = match machine.hear_living(SILENCE)? {
                Heard::Line(line) => line,
                Heard::Silence => {
                    return Ok(Outcome::Stuck(format!("no sign of life for {SILENCE:?}")));
                }
                // Each command has a limit of its own, which the guest keeps while it gets on.
                Heard::Late => return Ok(Outcome::Stuck("its time is over".to_owned())),
            };
            if let Some(code) = line.strip_prefix("@@CODE ") {
                sum.broken = code.trim() != "0";
                break;
            }
            sum.count(&line);
            println!("{self} | {}", line.strip_prefix("@@DONE ").unwrap_or(&line));
        }
        // All is said and the results are written: what comes now changes nothing of them.
        machine.limit(SWITCHING_OFF);
        if let Err(error) = machine.wait() {
            println!("{self} !! ENDED BY FORCE: {error:#}. The end of its console:");
            println!("{}", lockup::end(&self.console()));
        }
        Ok(Outcome::Ended(sum))
    }

    /// A guest that is about to run what it was given.
    fn begin(&self, fresh: bool) -> Result<Machine> {
        let Self { cache, kernel, variant, .. } = *self;
        let name = self.name();
        let restored = variant == Variant::Plain && !fresh;
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
        let log = self.folder().join("run.log");
        let mut machine = Machine::start(&parts, &log, BOOT_LIMIT)?;
        if restored {
            wake(&mut machine)?;
        } else {
            let state = machine.await_line("@@STATE", |_| {})?;
            ensure!(state == "running", "systemd says of the guest: {state}");
        }
        Ok(machine)
    }
}

impl fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kernel, self.variant)
    }
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
    bail!("the restored guest does not answer")
}
