//! The configuration as it is meant: validated, plain, without positions in a file.
//!
//! Past `config`, an invalid state does not exist. Not here: YAML (`config`), judging (`engine`).

mod control;
pub mod every;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::check::{CheckTest, Checked};
use crate::identity::ServiceId;
use crate::metric::{Metric, Operator};

pub use control::{Bounds, Control, OnReboot};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How often rules in cycles are judged. At least 1 s (tests may go below by `50ms`).
    pub cycle: Duration,
    /// How often levels are looked at between cycles, for rules in time.
    pub sample: Duration,
    /// Wait before the first cycle, on the first start after a boot only.
    pub start_delay: Duration,
    /// The log file; none: the journal under systemd, else standard error.
    pub log_file: Option<PathBuf>,
    /// Where state is kept (mode 0700, root's).
    pub state_dir: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// Refuse to run without the kernel sensor.
    pub require_ebpf: bool,
    /// What memory rules finally judge.
    pub memory: MemoryBasis,
    /// Program names never stopped, besides pid 1, kernel threads and ourselves.
    pub protect: Vec<String>,
    /// Mail servers and sender; none: no mail can be sent.
    pub mail: Option<Mail>,
    /// Who is told of everything.
    pub alerts: Vec<Recipient>,
    /// Undelivered alerts kept at most.
    pub queue_slots: usize,
    /// The web front; none: no TCP at all.
    pub http: Option<Http>,
    /// `limits:`.
    pub limits: Bounds,
    /// The services, in the file's order (includes after it, sorted). `services[i].id == ServiceId(i)`.
    pub services: Vec<Arc<Service>>,
}

/// `memory:` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryBasis {
    /// Proportional set size where it decides.
    Pss,
    /// Resident set size only.
    Rss,
}

/// `mail:` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Tried in order.
    pub servers: Vec<MailServer>,
    /// The sender's address; `$HOST` is already replaced.
    pub from: String,
    /// `reply_to:`.
    pub reply_to: Option<String>,
    /// `subject:` with Monit's macros ($EVENT $SERVICE $DATE $HOST $ACTION $DESCRIPTION).
    pub subject: Option<String>,
    /// `message:` with Monit's macros.
    pub message: Option<String>,
    /// The whole conversation with one server is inside this. Default 30 s.
    pub timeout: Duration,
}

/// One mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address.
    pub host: String,
    /// Default 25 (465 with `tls: wrapped`).
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Login name; the password beside it.
    pub user: Option<String>,
    /// Password, already read from `password: { file: … }`. Never printed.
    pub password: Option<Secret>,
    /// Do not verify the server's certificate (`verify: false`).
    pub insecure: bool,
    /// PEM file of a certificate authority to trust besides the system's (`ca_file:`).
    pub ca_file: Option<PathBuf>,
}

/// How a mail connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Never (`tls: none`).
    None,
    /// STARTTLS where the server offers it (the default, `tls: opportunistic`).
    Opportunistic,
    /// STARTTLS or no mail (`tls: required`).
    Required,
    /// TLS from the first byte (`tls: wrapped`).
    Wrapped,
}

/// Text that no log, status or debug print shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One receiver of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Mail address.
    pub mail: String,
    /// Only these events; empty: all.
    pub only: Vec<EventWord>,
    /// Not these events.
    pub not: Vec<EventWord>,
    /// Again every so many failing cycles (`reminder: 10 cycles`).
    pub reminder: Option<u32>,
}

/// Monit's filter words for events, and ours. One list, here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventWord {
    /// An action on user request is done.
    Action,
    /// A start, stop or exec program failed.
    Exec,
    /// Something exists that should not, or exists again.
    Exist,
    /// The daemon has started, stopped or reloaded.
    Instance,
    /// A process is not running.
    Nonexist,
    /// The main process changed.
    Pid,
    /// CPU, memory, load, children, threads: a limit is passed.
    Resource,
    /// The restart limit is reached.
    Timeout,
    /// Uptime.
    Uptime,
    /// A process ended, in a way a rule asked for (ours; Monit has no such event).
    Exit,
    /// Bytes received by an interface.
    Bytein,
    /// Bytes sent by an interface.
    Byteout,
    /// The checksum of a file.
    Checksum,
    /// A connection or what was said over it.
    Connection,
    /// What a file or a program says.
    Content,
    /// Something could not be observed.
    Data,
    /// The mount options of a file system.
    Fsflags,
    /// The group that something belongs to.
    Gid,
    /// A ping.
    Icmp,
    /// Something is not of its kind.
    Invalid,
    /// The link of an interface.
    Link,
    /// Packets received by an interface.
    Packetin,
    /// Packets sent by an interface.
    Packetout,
    /// Permission bits.
    Permission,
    /// The parent process changed.
    Ppid,
    /// The share of an interface in use.
    Saturation,
    /// The size of a file.
    Size,
    /// The speed of an interface.
    Speed,
    /// The exit status of a program.
    Status,
    /// When a file was changed or read.
    Timestamp,
    /// The user that something belongs to.
    Uid,
}

impl EventWord {
    /// Every word of Monit's list with ours.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("action", Self::Action),
        ("bytein", Self::Bytein),
        ("byteout", Self::Byteout),
        ("checksum", Self::Checksum),
        ("connection", Self::Connection),
        ("content", Self::Content),
        ("data", Self::Data),
        ("exec", Self::Exec),
        ("exist", Self::Exist),
        ("exit", Self::Exit),
        ("fsflags", Self::Fsflags),
        ("gid", Self::Gid),
        ("icmp", Self::Icmp),
        ("instance", Self::Instance),
        ("invalid", Self::Invalid),
        ("link", Self::Link),
        ("nonexist", Self::Nonexist),
        ("packetin", Self::Packetin),
        ("packetout", Self::Packetout),
        ("permission", Self::Permission),
        ("pid", Self::Pid),
        ("ppid", Self::Ppid),
        ("resource", Self::Resource),
        ("saturation", Self::Saturation),
        ("size", Self::Size),
        ("speed", Self::Speed),
        ("status", Self::Status),
        ("timeout", Self::Timeout),
        ("timestamp", Self::Timestamp),
        ("uid", Self::Uid),
        ("uptime", Self::Uptime),
    ];
}

/// `http:` of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Loopback only in this version.
    pub listen: SocketAddr,
    /// Networks that may connect; empty: loopback.
    pub allow: Vec<ipnet::IpNet>,
    /// Users with bcrypt hashes.
    pub users: Vec<WebUser>,
}

impl Http {
    /// Whether the address may talk to us at all.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.allow.is_empty() {
            peer.is_loopback()
        } else {
            self.allow.iter().any(|net| net.contains(&peer))
        }
    }
}

/// A user of the web front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUser {
    /// Login name.
    pub name: String,
    /// bcrypt, as `ebpf-watchdog hash-password` or `htpasswd -B` writes it.
    pub password_hash: Secret,
    /// May this user act (later work) or only look.
    pub operator: bool,
}

/// One service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its place in the configuration.
    pub id: ServiceId,
    /// Unique name, `$HOST` replaced. Any text without control characters.
    pub name: String,
    /// `group:`, possibly several.
    pub groups: Vec<String>,
    /// What it is.
    pub kind: ServiceKind,
    /// How it stands to others.
    pub control: Control,
    /// Its rules in the file's order. `rules[i]` is `RuleId(i)`. The implicit
    /// `does not exist` rule of a process service comes last, marked `implicit`.
    pub rules: Vec<Rule>,
}

/// The kinds of services this version knows.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceKind {
    /// The host as a whole.
    System,
    /// A process with its descendants.
    Process(ProcessService),
    /// Something else that is observed.
    Checked(Checked),
}

impl ServiceKind {
    /// The key word in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Process(_) => "process",
            Self::Checked(checked) => checked.check.word(),
        }
    }
}

/// The programs of a service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Methods<'a> {
    /// Brings it about.
    pub start: Option<&'a Program>,
    /// Ends it.
    pub stop: Option<&'a Program>,
    /// In place of stop and start.
    pub restart: Option<&'a Program>,
}

impl Service {
    /// Its programs, whatever its kind.
    pub fn methods(&self) -> Methods<'_> {
        let (start, stop, restart) = match &self.kind {
            ServiceKind::System => return Methods::default(),
            ServiceKind::Process(one) => (&one.start, &one.stop, &one.restart),
            ServiceKind::Checked(one) => (&one.start, &one.stop, &one.restart),
        };
        Methods { start: start.as_ref(), stop: stop.as_ref(), restart: restart.as_ref() }
    }

    /// The process part, where it is one.
    pub fn process(&self) -> Option<&ProcessService> {
        match &self.kind {
            ServiceKind::Process(process) => Some(process),
            ServiceKind::System | ServiceKind::Checked(_) => None,
        }
    }
}

/// How a process service is found, started and stopped. At least one of `pidfile`, `matching`,
/// `unit`, `cgroup` and `start` is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessService {
    /// File that holds the main process's pid.
    pub pidfile: Option<PathBuf>,
    /// What the main process looks like.
    pub matching: Option<Match>,
    /// Name of the systemd unit whose cgroup holds it, with its suffix `.service`.
    pub unit: Option<String>,
    /// The cgroup that holds it: an absolute path below the hierarchy's root, without `.` and `..`.
    pub cgroup: Option<PathBuf>,
    /// The start program; its own timeout covers program and appearance of the process.
    pub start: Option<Program>,
    /// The stop program.
    pub stop: Option<Program>,
    /// A restart program in place of stop and start.
    pub restart: Option<Program>,
    /// How long TERM may take before KILL when there is no stop program. Default 30 s.
    pub stop_timeout: Duration,
}

impl ProcessService {
    /// Whether something but our own start names the main process.
    pub fn has_selector(&self) -> bool {
        self.pidfile.is_some() || self.matching.is_some() || self.has_cgroup()
    }

    /// Whether a cgroup says who belongs to it.
    pub fn has_cgroup(&self) -> bool {
        self.unit.is_some() || self.cgroup.is_some()
    }
}

/// `match:`: all given parts must hold.
#[derive(Debug, Clone)]
pub struct Match {
    /// Path or glob of the resolved executable.
    pub exe: Option<String>,
    /// Regular expression on the arguments joined by one space.
    pub args: Option<regex::Regex>,
    /// Effective user, by name or number (resolved when looking).
    pub user: Option<String>,
}

impl Match {
    /// Whether it tells more than arguments, which any user's process can have.
    pub fn is_of_weight(&self) -> bool {
        self.exe.is_some() || self.user.is_some()
    }
}

impl PartialEq for Match {
    fn eq(&self, other: &Self) -> bool {
        self.exe == other.exe
            && self.user == other.user
            && self.args.as_ref().map(regex::Regex::as_str)
                == other.args.as_ref().map(regex::Regex::as_str)
    }
}

/// A program to run: no shell unless its first word is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Absolute path and arguments; never empty.
    pub argv: Vec<String>,
    /// Run as this user (name or number); default root.
    pub user: Option<String>,
    /// Run as this group; default the user's.
    pub group: Option<String>,
    /// More environment.
    pub env: Vec<(String, String)>,
    /// Working directory; default `/`.
    pub cwd: Option<PathBuf>,
    /// After this it is ended with all it started. Default 30 s for start and stop, 300 s for exec.
    pub timeout: Duration,
}

impl Program {
    /// The command in one line, for logs.
    pub fn line(&self) -> String {
        shlex::try_join(self.argv.iter().map(String::as_str))
            .unwrap_or_else(|_| self.argv.join(" "))
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The `if` text as written (one line), for people.
    pub text: String,
    /// `name:`.
    pub name: Option<String>,
    /// What must hold.
    pub condition: Condition,
    /// For how long or how often.
    pub qualifier: Qualifier,
    /// What is done when the qualifier is met.
    pub then: Vec<Action>,
    /// `every:`: when it is judged, of the times that its service is; none: each time.
    pub every: Option<every::Every>,
    /// After how many good judgements it is recovered (`else: { after: 3 cycles }`); default 1.
    pub recover_after: u32,
    /// What is done on recovery, besides the alert.
    pub otherwise: Vec<Action>,
    /// `severity:`; default critical for give-up, else warning.
    pub severity: Severity,
    /// `alert:` of the rule: told besides the global list.
    pub alert: Vec<Recipient>,
    /// Made by us, not the user (`does not exist → restart`).
    pub implicit: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For information.
    Info,
    /// The default.
    Warning,
    /// Someone should get up.
    Critical,
}

impl Severity {
    /// The word in the file and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A condition: real and, or, not (in Monit these are noise words).
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `and`; at least two.
    All(Vec<Condition>),
    /// `or`; at least two.
    Any(Vec<Condition>),
    /// `not`
    Not(Box<Condition>),
    /// A single test.
    Test(Test),
}

impl Condition {
    /// Calls `visit` for every test, left to right.
    pub fn for_each_test(&self, visit: &mut dyn FnMut(&Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.for_each_test(visit);
                }
            }
            Self::Not(part) => part.for_each_test(visit),
            Self::Test(test) => visit(test),
        }
    }
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// A number against a limit.
    Level(Level),
    /// How a number moves: `totalmem grows > 50 MB per minute`, `totalmem reaches 1800 MB within 15
    /// minutes`.
    Trend(Trend),
    /// `does not exist`: the process is not there.
    DoesNotExist,
    /// `exists`.
    Exists,
    /// `crashed`, `member oom killed`: a process ended in such a way.
    Death(DeathTest),
    /// A test of a check's kind: `failed permission 755`, `failed port 80 protocol http`.
    Check(Arc<CheckTest>),
    /// `3 restarts within 5 cycles`.
    Restarts {
        /// At least so many.
        count: u32,
        /// Within this.
        within: Span,
    },
}

impl Test {
    /// Whether it is about a moment (a death), not a state that lasts.
    pub fn is_event(&self) -> bool {
        matches!(self, Self::Death(_))
    }

    /// Whether it is about something that has changed or come since it was last told: each time is
    /// told anew.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Check(test) if test.is_change())
    }
}

/// A test of how a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeathTest {
    /// `member …`: of any process of the group, the main process among them; else of the main
    /// process only.
    pub member: bool,
    /// In which way.
    pub way: Way,
}

/// Ways to end that a rule can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `exits`, `exits with code != 0`: it returned.
    Exits {
        /// Only such codes.
        code: Option<(Operator, u8)>,
    },
    /// `killed`, `killed by signal 9`: a signal ended it.
    Killed {
        /// Only this signal.
        signal: Option<u8>,
    },
    /// `crashed`: a signal ended it whose default is to dump core (signal(7)), whether or not a
    /// core was dumped and whoever sent it.
    Crashed,
    /// `oom killed`: the kernel's OOM killer ended it.
    OomKilled,
}

/// A signal's name without `SIG` (signal(7), x86 and ARM numbers).
pub fn signal_name(number: u8) -> &'static str {
    const NAMES: [&str; 32] = [
        "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
        "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU",
        "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    NAMES.get(number as usize).copied().unwrap_or("RT")
}

/// A number against a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Which number.
    pub metric: Metric,
    /// Which relation.
    pub operator: Operator,
    /// The limit.
    pub limit: Limit,
}

/// How a number moves over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Which number.
    pub metric: Metric,
    /// The limit: of the number where it `reaches`, of what it grows by in a time where it `grows`.
    /// In percent then of the level at the start of the window.
    pub limit: Limit,
    /// What is asked of it.
    pub course: Course,
}

/// What is asked of a number that moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// `grows > 50 MB per minute over 10 minutes`
    Grows {
        /// Which relation.
        operator: Operator,
        /// So much in this time.
        per: Duration,
        /// On the average over this.
        over: Duration,
    },
    /// `reaches 1800 MB within 15 minutes`
    Reaches {
        /// The forecast, and the window that it is made from.
        within: Duration,
    },
}

impl Trend {
    /// How much of the past it is judged by.
    pub fn window(&self) -> Duration {
        match self.course {
            Course::Grows { over, .. } => over,
            Course::Reaches { within } => within,
        }
    }
}

/// A limit with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A ratio, 1 = 100 %.
    Ratio(f64),
    /// Bytes.
    Bytes(f64),
    /// A bare number.
    Count(f64),
    /// Seconds.
    Seconds(f64),
}

/// As a sentence has it: what is read back as the same.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = |number: f64, units: &[(&'static str, f64)], least: &'static str| {
            let fits = |(_, unit): &&(&str, f64)| number > 0.0 && number % unit == 0.0;
            let (word, unit) = units.iter().find(fits).copied().unwrap_or((least, 1.0));
            format!("{} {word}", number / unit)
        };
        match *self {
            Self::Ratio(ratio) => f.write_str(&percent(ratio)),
            Self::Count(count) => count.fmt(f),
            Self::Bytes(bytes) => {
                let units = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)]
                    .map(|(word, power)| (word, (1_u64 << power) as f64));
                f.write_str(&largest(bytes, &units, "B"))
            }
            Self::Seconds(seconds) => {
                let units = [("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)];
                f.write_str(&largest(seconds, &units, "seconds"))
            }
        }
    }
}

/// The shortest percentage that is read back as this ratio.
fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    (0..=17)
        .map(|digits| format!("{percent:.digits$}"))
        .find(|text| text.parse::<f64>().is_ok_and(|number| number / 100.0 == ratio))
        .unwrap_or_else(|| percent.to_string())
        + "%"
}

/// A length of time or of cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many cycles.
    Cycles(u32),
    /// So long.
    Time(Duration),
}

/// For how long or how often a condition must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// At once (no `for`).
    Once,
    /// `for N cycles` is `times == of`; `for N times within M cycles`. `of` is at most 64.
    Cycles {
        /// True so often
        times: u32,
        /// of the last so many.
        of: u32,
    },
    /// `for 30s`: at every sample from t to t + 30 s, two samples at least.
    Lasting(Duration),
    /// `3 times within 10 minutes`: so many changes to true (or events) within the time.
    TimesWithin {
        /// So many.
        times: u32,
        /// Within this.
        within: Duration,
    },
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Log and mail (every other action alerts as well).
    Alert,
    /// Stop, wait until gone, start, wait until there.
    Restart,
    /// Start.
    Start,
    /// Stop and unmonitor.
    Stop,
    /// Do not watch it any longer, loudly.
    Unmonitor,
    /// Nothing, not even an alert.
    Ignore,
    /// Run a program.
    Exec(Exec),
    /// Hold its processes for a while.
    Brake(Brake),
}

impl Action {
    /// Monit's word, as mails and logs show it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Unmonitor => "unmonitor",
            Self::Ignore => "ignore",
            Self::Exec(_) => "exec",
            Self::Brake(_) => "brake",
        }
    }
}

/// `brake:` of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brake {
    /// By what means.
    pub how: BrakeHow,
    /// What is held is released after this.
    pub lasting: Duration,
}

impl Default for Brake {
    fn default() -> Self {
        Self { how: BrakeHow::Freeze, lasting: Duration::from_secs(10) }
    }
}

/// How a service is braked, the gentlest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrakeHow {
    /// Its own cgroup is frozen; where it has none, as `Stop`.
    Freeze,
    /// Its processes get SIGSTOP.
    Stop,
    /// As `Stop`, and the storm's processes get SIGKILL; the main process never does.
    Kill,
}

impl BrakeHow {
    /// The word in the file and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Stop => "stop",
            Self::Kill => "kill",
        }
    }
}

/// `exec:` of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program.
    pub program: Program,
    /// Again every so many failing cycles.
    pub repeat: Option<u32>,
}
