//! The command line: arguments in, texts and an exit code out. One file per command.
//!
//! All but `run`, `check`, `match`, `schema`, `hash-password` and `web` speak to the running daemon over its
//! control socket. Not here: what an action does (`engine`, `action`) or a rule file means (`config`).

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser as _};

pub mod act;
pub mod arguments;
pub mod check;
pub mod client;
pub mod doctor;
pub mod events;
pub mod hash_password;
pub mod matching;
pub mod names;
pub mod order;
pub mod print;
pub mod report;
pub mod run;
pub mod status;
pub mod summary;
pub mod top;
pub mod web;

use arguments::{Arguments, Command};
use client::Client;

use crate::config::{self, HostChecks, LoadOptions, Trust};

/// The rule file unless `-c` names another.
pub const DEFAULT_CONFIG: &str = "/etc/ebpf-watchdog/ebpf-watchdog.yaml";

/// How much of a wrong rule file is looked through for the socket's path (bytes).
const LONGEST_GLANCE: u64 = 1 << 20;

/// How a command ends. The numbers are a promise: scripts test them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// It failed; in `status`: a service is failing.
    Failed = 1,
    /// Wrong words.
    Usage = 2,
    /// The daemon is not running (LSB's number).
    NotRunning = 3,
    /// A name that the daemon does not know, or no right to ask.
    NotAllowed = 4,
    /// Another daemon runs already (EX_TEMPFAIL of sysexits.h).
    AnotherRuns = 75,
    /// The configuration is bad (EX_CONFIG of sysexits.h).
    BadConfig = 78,
}

/// Why a command ends without having done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// With which code.
    pub exit: Exit,
    /// What to tell the user; lines are escaped when printed.
    pub text: String,
}

impl Failure {
    /// A failure with code 1.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, text: text.into() }
    }
}

/// What a command gives back.
pub type Done = Result<Exit, Failure>;

/// Runs the command line of this process.
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(mut told) => {
            suggest(&mut told);
            // Help and version go to standard output and are no error.
            let _ = told.print();
            return if told.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    match dispatch(arguments) {
        Ok(exit) => exit,
        Err(failure) => {
            print::failure(&failure.text);
            failure.exit
        }
    }
}

/// What Monit's users type, and how it is said here.
const MONITS: &[(&str, &str)] = &[
    ("-t", "the command `check`"),
    ("-v", "`log: { level: debug }` in the rule file"),
    ("-I", "the command `run`"),
    ("-d", "`cycle:` in the rule file"),
    ("-l", "`log: { file: … }` in the rule file"),
    ("-g", "`--group` behind the command"),
    ("procmatch", "the command `match`"),
];

/// For words that there are not: what is meant, if anything is near.
fn suggest(told: &mut clap::Error) {
    let word = match told.get(ContextKind::InvalidSubcommand).or(told.get(ContextKind::InvalidArg))
    {
        Some(ContextValue::String(word)) => word.clone(),
        _ => return,
    };
    if let Some((_, ours)) = MONITS.iter().find(|(theirs, _)| *theirs == word) {
        let tip = format!("Monit's '{word}' is here {ours}");
        told.remove(ContextKind::SuggestedSubcommand);
        told.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return;
    }
    let Some(ContextValue::String(word)) = told.get(ContextKind::InvalidSubcommand) else { return };
    let words = Arguments::command();
    let known = words.get_subcommands().filter(|command| !command.is_hide_set());
    let known: Vec<&str> = known.map(clap::Command::get_name).collect();
    if let Some(near) = config::nearest(word, known) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        told.insert(ContextKind::SuggestedSubcommand, near);
    }
}

fn dispatch(arguments: Arguments) -> Done {
    let Arguments { config, socket, command } = arguments;
    let is_own = matches!(
        command,
        Command::Run
            | Command::Check { .. }
            | Command::Match { .. }
            | Command::Schema
            | Command::HashPassword
    );
    if let (None, Some(file), false) = (&socket, &config, is_own)
        && !file.exists()
    {
        // Not the default socket: that may be another daemon's.
        let text = format!("{}: no such rule file", file.display());
        return Err(Failure { exit: Exit::Usage, text });
    }
    let client = || Client::new(socket.clone().unwrap_or_else(|| socket_of(config.as_deref())));
    let config_file = || config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    match command {
        Command::Run => run::run(&config_file()),
        // Not left to the parser: it does not see an option that stands before the command.
        Command::Check { file: Some(_), .. } if config.is_some() => {
            let text = "one rule file at a time: `check FILE`, or `-c FILE`".to_owned();
            Err(Failure { exit: Exit::Usage, text })
        }
        Command::Check { file, json } => check::run(&file.unwrap_or_else(config_file), json),
        Command::Status { names, group, json } => {
            status::run(&client(), &names, group.as_deref(), json)
        }
        Command::Summary { names, group, json } => {
            summary::run(&client(), &names, group.as_deref(), json)
        }
        Command::Report { which, json } => report::run(&client(), which, json),
        Command::Start(which) => act::run(&client(), crate::message::CommandVerb::Start, &which),
        Command::Stop(which) => act::run(&client(), crate::message::CommandVerb::Stop, &which),
        Command::Restart(which) => {
            act::run(&client(), crate::message::CommandVerb::Restart, &which)
        }
        Command::Monitor(which) => {
            act::run(&client(), crate::message::CommandVerb::Monitor, &which)
        }
        Command::Unmonitor(which) => {
            act::run(&client(), crate::message::CommandVerb::Unmonitor, &which)
        }
        Command::Reload => order::reload(&client()),
        Command::Validate => order::validate(&client()),
        Command::Quit { no_wait } => order::quit(&client(), no_wait),
        Command::Match { pattern, json } => matching::run(&pattern, json),
        Command::Events { follow, json } => events::run(&client(), follow, json),
        Command::Top { times, delay, json } => {
            top::run(&client(), times, std::time::Duration::from_secs(delay.into()), json)
        }
        Command::Doctor { json } => doctor::run(&client(), json),
        Command::HashPassword => hash_password::run(),
        Command::Web => web::run(),
        Command::Schema => {
            print::output(format!("{:#}\n", config::schema::schema()))?;
            Ok(Exit::Ok)
        }
        Command::Import(_)
        | Command::Incident(_)
        | Command::Incidents(_)
        | Command::History(_)
        | Command::Replay(_)
        | Command::Suggest(_)
        | Command::TestAlert(_)
        | Command::Quiet(_) => {
            Err(Failure { exit: Exit::Usage, text: "this command is not supported yet".to_owned() })
        }
    }
}

/// Where the daemon's socket is, by the rule file, also by one that is being edited and is wrong
/// just now. Who may not read it (members of the readers' group) gets the default: `--socket` says
/// otherwise.
fn socket_of(config: Option<&Path>) -> PathBuf {
    let file = config.unwrap_or_else(|| Path::new(DEFAULT_CONFIG));
    // Asking needs no trust: whoever could write the file could as well be asked by `--socket`.
    let options = LoadOptions {
        trust: Trust::Skip,
        host_checks: HostChecks::Warn,
        host: crate::host::name(),
    };
    if let Ok(loaded) = config::load(file, options) {
        return loaded.config.socket;
    }
    let text = beginning(file);
    socket_in(&text).unwrap_or_else(|| crate::status::default_socket().to_owned())
}

/// The beginning of a file, that may be anything: a pipe must not hold us, a device not fill us.
fn beginning(file: &Path) -> String {
    let mut bytes = Vec::new();
    let open = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file);
    // What cannot be read has no socket in it.
    let _ = open.map(|file| file.take(LONGEST_GLANCE).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The absolute path behind `socket:` at or below a `control:` line, whatever else the text holds.
fn socket_in(text: &str) -> Option<PathBuf> {
    let rest =
        &text[text.find("control:").filter(|at| *at == 0 || text[..*at].ends_with('\n'))?..];
    let (_, value) = rest.split_once("socket:")?;
    let value = value.trim_start_matches([' ', '"', '\'']);
    let path = value.split([' ', '"', '\'', '}', ',', '\n', '#']).next()?;
    path.starts_with('/').then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_takes_the_file_either_way_and_one_only() {
        let parse =
            |words: &[&str]| Arguments::try_parse_from([&["ebpf-watchdog"], words].concat());
        let by_option = parse(&["check", "-c", "a.yaml"]).expect("right");
        assert_eq!(by_option.config.as_deref(), Some(Path::new("a.yaml")));
        let by_name = parse(&["check", "a.yaml"]).expect("right").command;
        let Command::Check { file, .. } = by_name else { panic!("{by_name:?}") };
        assert_eq!(file.as_deref(), Some(Path::new("a.yaml")));
        for both in [&["check", "a.yaml", "-c", "b.yaml"], &["-c", "b.yaml", "check", "a.yaml"]] {
            let refused = dispatch(parse(both).expect("words that are known"));
            assert_eq!(refused.expect_err("two files").exit, Exit::Usage);
        }
    }

    #[test]
    fn what_monits_users_type_is_answered() {
        for (words, ours) in [(["-t", "x"], "`check`"), (["procmatch", "x"], "`match`")] {
            let told = Arguments::try_parse_from([&["ebpf-watchdog"], &words[..]].concat());
            let mut told = told.expect_err("not ours");
            suggest(&mut told);
            let said = told.render().to_string();
            assert!(said.contains(ours), "{said}");
        }
    }

    #[test]
    fn the_socket_is_found_in_a_broken_file() {
        let cases = [
            ("control: { socket: /run/x.sock }\nservices: [", Some("/run/x.sock")),
            ("cycle: ??\ncontrol:\n  socket: \"/run/x.sock\"\n", Some("/run/x.sock")),
            ("# control: { socket: /run/x.sock }\n", None),
            ("control: { socket: relative }\n", None),
            ("", None),
        ];
        for (text, expect) in cases {
            assert_eq!(socket_in(text).as_deref(), expect.map(Path::new), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_none_does_not_hold_the_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
        for file in [pipe.as_path(), Path::new("/dev/zero")] {
            assert_eq!(socket_of(Some(file)), crate::status::default_socket());
        }
    }
}
