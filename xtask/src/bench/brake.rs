//! How many processes of a fork storm ever exist: braked by us, ended by Monit's rule, left alone.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;

use super::cost::Ended;
use super::table::Table;
use super::tool::{Bed, Service};
use super::{Extent, median};

/// Processes of a storm at most, and how long each lives after its last fork, in milliseconds.
const COUNT: u32 = 3_000;
const LIFE: u32 = 6_000;

/// A storm, and microseconds from one fork of a process to the next.
const KINDS: [(&str, &str, u32); 2] =
    [("linear", "1,000 forks a second", 1_000), ("tree", "all that are born fork", 20_000)];

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    for (how, name, pause) in KINDS {
        let mut ever = [Vec::new(), Vec::new()];
        for run in 0..extent.brakes {
            for kind in bed.turns(run) {
                eprintln!("brake, {name}, run {}: {kind:?}", run + 1);
                let mut storm = Storm::start(bed, how, pause)?;
                let exec = format!("{} end {}", bed.load().display(), storm.pidfile.display());
                let mut tool = bed.start(
                    kind,
                    &Service {
                        ours: &["if: children > 100, then: { brake: { how: stop, for: 60s } }"
                            .to_owned()],
                        monit: &[format!("if children > 100 then exec \"{exec}\"")],
                        ..Service::of(&storm.pidfile)
                    },
                )?;
                tool.settle()?;
                ever[kind as usize].push(storm.ever()?);
                // Releases what is held: before that nothing of the storm can end.
                drop(tool);
                storm.main.end();
                std::thread::sleep(Duration::from_millis(LIFE.into()));
            }
        }
        let mut alone = Storm::start(bed, how, pause)?;
        let free = alone.ever()?;
        alone.main.end();
        std::thread::sleep(Duration::from_millis(LIFE.into()));
        let [ours, monit] = ever.each_ref().map(|all| median(all));
        table.row(&format!("processes of a storm, {name}"), "", ours, monit);
        table.alone(&format!("processes of a storm, {name}: left alone"), "", free);
    }
    Ok(())
}

/// A service that storms when it is told to.
pub(super) struct Storm {
    pub(super) pidfile: std::path::PathBuf,
    pub(super) main: Ended,
    account: std::path::PathBuf,
}

impl Storm {
    fn start(bed: &Bed, how: &str, pause: u32) -> Result<Self> {
        Self::living(bed, how, pause, LIFE)
    }

    pub(super) fn living(bed: &Bed, how: &str, pause: u32, life: u32) -> Result<Self> {
        let (pidfile, account) = (bed.at("bomb.pid"), bed.at("account"));
        fs::remove_file(&account).ok();
        fs::remove_file(go(&account)).ok();
        let mut command = Command::new(bed.at("storm"));
        command.arg(how).args([COUNT, life, pause].map(|n| n.to_string())).arg(&account);
        let main = Ended(command.stdin(Stdio::null()).spawn()?);
        fs::write(&pidfile, format!("{}\n", main.0.id()))?;
        Ok(Self { pidfile, main, account })
    }

    pub(super) fn begin(&self) -> Result<()> {
        Ok(fs::write(go(&self.account), "")?)
    }

    /// Lets it storm, and counts when nothing is born any more.
    fn ever(&self) -> Result<f64> {
        self.begin()?;
        let mut born = 0;
        for _ in 0..10 {
            std::thread::sleep(Duration::from_secs(1));
            let now = self.born()?;
            if now == born && now > 0 {
                break;
            }
            born = now;
        }
        Ok(f64::from(born))
    }

    pub(super) fn born(&self) -> Result<u32> {
        let words = fs::read(&self.account)?;
        let pids = words.chunks_exact(4).skip(1).filter(|word| **word != [0; 4]);
        Ok(u32::try_from(pids.count())?)
    }
}

fn go(account: &Path) -> String {
    format!("{}.go", account.display())
}
