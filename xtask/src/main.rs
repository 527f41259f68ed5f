//! The project's own commands. Nothing here is installed on a user's machine.

mod bench;
mod compare;
mod ebpf;
mod run;
mod servers;
mod setup;
mod step;
mod test;
mod test_tools;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install the tools that build the kernel programs (Debian; needs root).
    Setup {
        /// Install what the tests need instead.
        #[arg(long)]
        tests: bool,
    },
    /// Build and run the daemon: on a demonstration, or on a rule file.
    Run(run::Args),
    /// Check everything that a change must pass.
    Test,
    /// Measure us beside Monit.
    Bench(bench::Args),
    /// Play situations before us and Monit, and compare what both log.
    CompareMonit(compare::Args),
    /// Build or verify the committed kernel object.
    #[command(subcommand)]
    Ebpf(ebpf::Task),
    /// Run the tests in guests with other kernels (QEMU).
    #[command(subcommand)]
    Vm(vm::Task),
}

fn main() -> ExitCode {
    // Not by returning the error: a backtrace of this program helps nobody.
    perform(Arguments::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn perform(task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Setup { tests: true } => test_tools::install()?,
        Task::Setup { tests: false } => setup::run()?,
        Task::Run(args) => return run::run(args),
        Task::Test => test::run()?,
        Task::Bench(args) => bench::run(&args)?,
        Task::CompareMonit(args) => return compare::run(&args),
        Task::Ebpf(task) => ebpf::run(&task)?,
        Task::Vm(task) => vm::run(&task)?,
    }
    Ok(ExitCode::SUCCESS)
}
