//! `cargo xtask compare-monit`: this daemon and Monit side by side. The same things happen before
//! both, under rules that say the same, and both logs are compared: what failed, what was done
//! about it, in which order and in which words.
//!
//! Each situation has a Monit, a daemon and things to watch of its own, in a folder that goes with
//! it; a few are played at a time. Not part of `cargo xtask test`: it takes minutes, for Monit
//! looks once a second at most.

mod action;
mod cascade;
mod change;
mod connection;
mod file;
mod filesystem;
mod level;
mod mailbox;
mod network;
mod operator;
mod play;
mod process;
mod program;
mod schedule;
mod seclusion;
mod situation;
mod story;
mod system;
mod table;
mod twin;

use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};

use crate::step::{cargo, step, target};
use crate::{setup, test_tools};
use play::Verdict;
use situation::Situation;
use table::Table;
use twin::Programs;

/// Arguments of `cargo xtask compare-monit`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Play only situations with this in their name; may stand several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Print both logs of each situation
    #[arg(long)]
    logs: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// How many are played at a time. They wait most of the time.
const AT_A_TIME: usize = 4;

/// All situations, group by group.
const GROUPS: &[&[Situation]] = &[
    process::SITUATIONS,
    level::SITUATIONS,
    operator::SITUATIONS,
    system::SITUATIONS,
    file::SITUATIONS,
    change::SITUATIONS,
    program::SITUATIONS,
    connection::SITUATIONS,
    filesystem::SITUATIONS,
    network::SITUATIONS,
    cascade::SITUATIONS,
    schedule::SITUATIONS,
    action::SITUATIONS,
];

/// Plays, compares and prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if !rustix::process::geteuid().is_root() {
        bail!("both tools watch and start services: run it as root");
    }
    let chosen: Vec<&Situation> = GROUPS
        .iter()
        .flat_map(|group| group.iter())
        .filter(|one| args.only.is_empty() || args.only.iter().any(|part| one.name.contains(part)))
        .collect();
    if chosen.is_empty() {
        bail!("no situation has such a name");
    }
    let monit = test_tools::monit()?;
    // Something to watch, and what makes networks and file systems.
    setup::packages(&["apache2-bin", "iproute2", "e2fsprogs"])?;
    step("build", &mut cargo("build --quiet --package ebpf-watchdog"))?;
    step("build what is watched", &mut cargo("build --quiet --package xtask --bin watched"))?;
    let debug = target().join("debug");
    let folder = tempfile::Builder::new()
        .prefix("ebpf-watchdog-compare-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in("/var/lib")?;
    let actor = folder.path().join("actor");
    std::fs::copy(debug.join("watched"), &actor)?;
    let programs = Programs { monit, ours: debug.join("ebpf-watchdog"), actor };
    let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(vec![None; chosen.len()]));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let n = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(situation) = chosen.get(n)
                {
                    let place = folder.path().join(n.to_string());
                    let (verdict, said) = play::play(situation, &programs, &place)
                        .unwrap_or_else(|e| (Verdict::Differs(format!("{e:#}")), String::new()));
                    match &verdict {
                        Verdict::Differs(how) => eprintln!("── {}: {how}\n{said}", situation.name),
                        _ if args.logs => eprintln!("── {}\n{said}", situation.name),
                        _ => {}
                    }
                    if let Ok(mut verdicts) = verdicts.lock() {
                        verdicts[n] = Some(verdict);
                    }
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap_or_default().into_iter().flatten();
    let table = Table(chosen.iter().map(|one| one.name).zip(verdicts).collect());
    if args.json {
        println!("{:#}", table.json());
    } else {
        print!("{table}");
    }
    Ok(if table.counts()[2] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
