//! The project's own commands. Nothing here is installed on a user's machine.

mod ebpf;
mod setup;

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
    Setup,
    /// Build or verify the committed kernel object.
    #[command(subcommand)]
    Ebpf(ebpf::Task),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Setup => setup::run(),
        Task::Ebpf(task) => ebpf::run(&task),
    }
}
