//! `cargo xtask ebpf`: builds the committed kernel object, and verifies that it is what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow, bail, ensure};
use clap::Subcommand;

#[path = "../../watchdog/build/programs.rs"]
mod programs;

use programs::{BUILDINFO, PREBUILT, Tools, info};

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Build the object from source and write it with its account.
    Build,
    /// Build it again and compare byte for byte.
    Check,
}

/// Runs the task.
pub(crate) fn run(task: &Task) -> anyhow::Result<()> {
    let root = root()?;
    let tools = Tools::find().map_err(|error| anyhow!("{error}; try `cargo xtask setup`"))?;
    let versions = tools.versions().map_err(|error| anyhow!(error))?;
    let target = root.join("target/ebpf");
    let bytes = tools.build(&root, &target).map_err(|error| anyhow!(error))?;
    ensure_no_paths(&bytes, &root)?;
    match task {
        Task::Build => write(&root, &bytes, &versions),
        Task::Check => check(&root, &bytes, &versions, &target),
    }
}

fn write(root: &Path, bytes: &[u8], versions: &str) -> anyhow::Result<()> {
    let account = format!(
        "sources: {}\nobject: {}\ntools: {versions}\n",
        programs::source_hash(root)?,
        programs::bytes_hash(bytes),
    );
    fs::write(root.join(PREBUILT), bytes).context(PREBUILT)?;
    fs::write(root.join(BUILDINFO), account).context(BUILDINFO)?;
    println!("{PREBUILT}: {} bytes", bytes.len());
    Ok(())
}

fn check(root: &Path, bytes: &[u8], versions: &str, target: &Path) -> anyhow::Result<()> {
    let account = fs::read_to_string(root.join(BUILDINFO)).context(BUILDINFO)?;
    let committed = fs::read(root.join(PREBUILT)).context(PREBUILT)?;
    let recorded = |key| info(&account, key).with_context(|| format!("{BUILDINFO} has no {key}"));
    ensure!(
        recorded("sources")? == programs::source_hash(root)?,
        "the sources have changed since {PREBUILT} was built: `cargo xtask ebpf build`"
    );
    ensure!(
        recorded("object")? == programs::bytes_hash(&committed),
        "{PREBUILT} is not the object that {BUILDINFO} describes"
    );
    if committed == bytes {
        println!("{PREBUILT}: built from source, byte for byte the same");
        return Ok(());
    }
    if recorded("tools")? == versions {
        bail!("{PREBUILT} differs from what these sources and these tools give");
    }
    println!("other tools than recorded, the bytes may differ: testing the object built here");
    println!("  recorded: {}\n  here:     {versions}", recorded("tools")?);
    let status = Command::new("cargo")
        .current_dir(root)
        .env("EBPF_WATCHDOG_BPF_OBJECT", target.join("programs.o"))
        .args(["test", "-p", "watchdog-tests", "--test", "kernel"])
        .status()?;
    ensure!(status.success(), "the object built here fails the kernel tests");
    Ok(())
}

/// An object that names a folder of the machine it was built on is not reproducible.
fn ensure_no_paths(bytes: &[u8], root: &Path) -> anyhow::Result<()> {
    let home = std::env::var("HOME").unwrap_or_default();
    for path in [root.display().to_string(), format!("{home}/.cargo")] {
        let there = bytes.windows(path.len()).any(|window| window == path.as_bytes());
        ensure!(!there, "the object names {path}");
    }
    Ok(())
}

/// The repository.
fn root() -> anyhow::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .context("the repository's folder")
}
