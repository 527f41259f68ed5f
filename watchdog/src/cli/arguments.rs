//! The words of the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// Watches services from the kernel and acts by rules.
#[derive(Debug, Parser)]
#[command(name = "ebpf-watchdog", version, max_term_width = 100)]
pub struct Arguments {
    /// The rule file [/etc/ebpf-watchdog/ebpf-watchdog.yaml]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The control socket [default: what the rule file says]
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground
    Run,
    /// Say whether the rule file is right, without any side effect
    Check {
        /// The rule file, as with `-c`
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show services in full; exit code 1 if one of them is failing
    Status {
        /// Only these: names, or patterns with `*`, `?` and `[…]`
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Only those of this group
        #[arg(short, long, value_name = "GROUP")]
        group: Option<String>,
        /// As JSON, as in GET /api/v1/status
        #[arg(long)]
        json: bool,
    },
    /// Show one line for each service
    Summary {
        /// Only these: names, or patterns with `*`, `?` and `[…]`
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Only those of this group
        #[arg(short, long, value_name = "GROUP")]
        group: Option<String>,
        /// As JSON, as in GET /api/v1/services
        #[arg(long)]
        json: bool,
    },
    /// Count services by state; with a word only that number
    Report {
        /// Only this number
        which: Option<Count>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Start services and watch them
    Start(Which),
    /// Stop services and watch them no longer
    Stop(Which),
    /// Restart services and watch them
    Restart(Which),
    /// Watch services again; clears `given up`
    Monitor(Which),
    /// Watch services no longer; they keep running
    Unmonitor(Which),
    /// Have the daemon read its rule file again: all of it or nothing
    Reload,
    /// Have the daemon judge all rules now
    Validate,
    /// End the daemon and wait for its end; services keep running
    Quit {
        /// Do not wait until it has ended
        #[arg(long)]
        no_wait: bool,
    },
    /// Show which processes a pattern matches, and which is taken
    Match {
        /// Regular expression on the arguments joined by one space
        pattern: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the processes of all services by CPU and memory
    Top {
        /// So many tables, then end
        #[arg(short = 'n', long, value_name = "TIMES")]
        times: Option<u32>,
        /// So many seconds from one to the next
        #[arg(short, long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
        delay: u32,
        /// As JSON, one list a line
        #[arg(long)]
        json: bool,
    },
    /// Show the last events
    Events {
        /// Go on with new ones until interrupted
        #[arg(short, long)]
        follow: bool,
        /// As JSON; with -f one object a line
        #[arg(long)]
        json: bool,
    },
    /// Say what works on this host, what is missing, and the cure
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a JSON Schema of the rule file, for editors
    Schema,
    /// Make a password_hash for the rule file
    HashPassword,
    /// The web front, started by `run`
    #[command(hide = true)]
    Web,
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    Import(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    Incident(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    Incidents(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    History(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    Replay(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    Suggest(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    TestAlert(Later),
    #[command(hide = true)]
    #[expect(missing_docs, reason = "a word kept for later work")]
    Quiet(Later),
}

/// What `report` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Count {
    /// All is well so far, or it is being acted on.
    Up,
    /// A rule has failed, or starting was given up.
    Down,
    /// Not known yet, or it waits for another.
    #[value(alias = "initializing")]
    Initialising,
    /// Not watched.
    Unmonitored,
    /// All of them.
    Total,
}

/// To which services an action goes.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("which").required(true).args(["names", "group", "all"]))]
pub struct Which {
    /// These services: names, patterns with `*`, `?` and `[…]`, or `all`
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All services of this group
    #[arg(short, long, value_name = "GROUP")]
    pub group: Option<String>,
    /// All services
    #[arg(long)]
    pub all: bool,
    /// Do not wait for the outcome
    #[arg(long)]
    pub no_wait: bool,
}

/// The words after a command of later work: all are accepted, so that the answer is "not supported
/// yet" and not a complaint about them.
#[derive(Debug, Args)]
pub struct Later {
    /// Anything.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub words: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// A terminal breaks longer lines in the middle of a word.
    #[test]
    fn help_fits_a_terminal() {
        let mut whole = Arguments::command();
        whole.build();
        let mut pages = vec![whole.render_long_help().to_string()];
        // Those of later work are hidden.
        let shown = whole.get_subcommands_mut().filter(|command| !command.is_hide_set());
        pages.extend(shown.map(|command| command.render_long_help().to_string()));
        assert!(pages.len() > 10);
        let wide =
            pages.iter().flat_map(|page| page.lines()).filter(|line| line.chars().count() > 80);
        assert_eq!(wide.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
