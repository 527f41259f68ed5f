//! What a guest is given: the daemon and the test programs, built as for this machine (the guest has
//! the same C library), and the list of what to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cache::Cache;
use super::plan::Plan;
use super::snapshot::PAYLOAD_BYTES;
use super::variant::Variant;
use crate::step::{cargo, root, step, target};

/// Programs by name, where cargo put them.
#[derive(Debug, Default)]
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// A test program.
    pub(crate) fn test(&self, name: &str) -> Result<&Path> {
        let found = self.0.get(name).with_context(|| format!("tests/tests/{name} is not built"))?;
        Ok(found)
    }
}

/// A folder that becomes a guest's second disk.
#[derive(Debug)]
pub(crate) struct Payload {
    programs: Programs,
    folder: tempfile::TempDir,
}

impl Payload {
    /// Builds the programs and gathers them.
    pub(crate) fn build(cache: &Cache) -> Result<Self> {
        // As `cargo xtask test` does it, so that neither makes the other build anew.
        step("build", &mut cargo("build --locked --quiet --workspace --bins"))?;
        let mut tests = cargo("test --locked --quiet --no-run --workspace --test *");
        println!("── build the tests");
        let built = tests
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(built.status.success(), "the tests do not build");
        let programs = programs(&String::from_utf8_lossy(&built.stdout));
        let folder = tempfile::tempdir_in(cache.at(""))?;
        // The tests know their programs by absolute path: each is put where it is here.
        for program in programs.0.values().chain([&daemon()]) {
            let inside = program.strip_prefix("/").context("an absolute path")?;
            let to = folder.path().join("files").join(inside);
            fs::create_dir_all(to.parent().context("a file")?)?;
            let mut strip = Command::new("strip");
            let stripped = strip.arg("--strip-all").arg("-o").arg(to).arg(program).status()?;
            ensure!(stripped.success(), "cannot strip {}", program.display());
        }
        fs::copy(root().join("tests/vm/run"), folder.path().join("run"))?;
        fs::copy(
            root().join("config/ebpf-watchdog.service"),
            folder.path().join("ebpf-watchdog.service"),
        )?;
        Ok(Self { programs, folder })
    }

    /// Makes the disk for one run.
    pub(crate) fn write(&self, plan: &Plan, variant: Variant, disk: &Path) -> Result<()> {
        let at = |name| self.folder.path().join(name);
        fs::write(at("plan"), plan.lines(variant, &self.programs)?)?;
        fs::write(
            at("environment"),
            // A test that would be skipped fails: the guest has all that they need.
            format!(
                "CI=true\nRUST_BACKTRACE=0\nEBPF_WATCHDOG_GUEST={variant}\n\
                 EBPF_WATCHDOG_BIN={}\n",
                daemon().display()
            ),
        )?;
        fs::File::create(disk)?.set_len(PAYLOAD_BYTES)?;
        let mut make = Command::new("mke2fs");
        make.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d"]);
        let made = make.arg(self.folder.path()).arg(disk).output()?;
        ensure!(
            made.status.success(),
            "the payload does not become a disk of {} MB: {}",
            PAYLOAD_BYTES >> 20,
            String::from_utf8_lossy(&made.stderr)
        );
        Ok(())
    }
}

fn daemon() -> PathBuf {
    target().join("debug/ebpf-watchdog")
}

/// Tests, and the programs that they start, out of what cargo says of them.
fn programs(said: &str) -> Programs {
    let mut programs = Programs::default();
    for line in said.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        let of_tests = message["manifest_path"]
            .as_str()
            .is_some_and(|path| Path::new(path) == root().join("tests/Cargo.toml"));
        let (name, file) = (message["target"]["name"].as_str(), message["executable"].as_str());
        if let (true, Some(name), Some(file)) = (of_tests, name, file) {
            programs.0.insert(name.to_owned(), file.into());
        }
    }
    programs
}
