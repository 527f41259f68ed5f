//! The keys of the main file besides `services`, `mail` and `http`: cycle, paths, queue and so on.

use std::path::PathBuf;
use std::time::Duration;

use crate::service::{Bounds, Config, LogLevel, MemoryBasis};

use super::diagnostic::Diagnostic;
use super::raw::Value;
use super::reader::{Entry, Reader, Table};
use super::source::Place;
use super::vocabulary::{CONTROL, LOG, QUEUE};

const DEFAULT_CYCLE: Duration = Duration::from_secs(60);
const DEFAULT_SAMPLE: Duration = Duration::from_secs(1);
const DEFAULT_STATE: &str = "/var/lib/ebpf-watchdog";
const DEFAULT_SOCKET: &str = "/run/ebpf-watchdog/control.sock";
const DEFAULT_SLOTS: usize = 100;
/// Below this the daemon would do nothing but judge.
const SHORTEST_CYCLE: Duration = Duration::from_millis(50);
const SENSIBLE_CYCLE: Duration = Duration::from_secs(1);
/// A Unix socket's path must fit `sockaddr_un`, with its final NUL.
const LONGEST_SOCKET: usize = 107;

/// The levels that `log: { level }` takes. That we gave up is always told.
pub(super) const LEVELS: [LogLevel; 4] =
    [LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error];

impl Default for Config {
    /// What an empty file means.
    fn default() -> Self {
        Self {
            cycle: DEFAULT_CYCLE,
            sample: DEFAULT_SAMPLE,
            start_delay: Duration::ZERO,
            log_file: None,
            log_level: LogLevel::Info,
            state_dir: PathBuf::from(DEFAULT_STATE),
            socket: PathBuf::from(DEFAULT_SOCKET),
            require_ebpf: false,
            memory: MemoryBasis::Pss,
            protect: Vec::new(),
            mail: None,
            alerts: Vec::new(),
            queue_slots: DEFAULT_SLOTS,
            http: None,
            limits: Bounds::default(),
            services: Vec::new(),
        }
    }
}

impl Reader {
    /// Everything of the main file but its services and includes.
    pub(super) fn settings(&mut self, top: &mut Table) -> Config {
        let mut config = Config::default();
        if let Some(cycle) = top.take("cycle").and_then(|entry| self.period(&entry, true)) {
            config.cycle = cycle;
        }
        if let Some(sample) = top.take("sample").and_then(|entry| self.period(&entry, false)) {
            config.sample = sample;
        }
        if let Some(delay) = top.take("start_delay").and_then(|entry| self.duration(&entry)) {
            config.start_delay = delay;
        }
        if let Some(entry) = top.take("log") {
            self.log(entry, &mut config);
        }
        if let Some(path) = top.take("state_dir").and_then(|entry| self.path(&entry)) {
            config.state_dir = path;
        }
        let socket = top.take("control");
        let at = socket.as_ref().map(|entry| entry.key);
        if let Some(path) = self.only_path(socket, &CONTROL, "socket") {
            if path.as_os_str().len() > LONGEST_SOCKET
                && let Some(at) = at
            {
                self.error(at, format!("a socket's path has at most {LONGEST_SOCKET} bytes"));
            }
            config.socket = path;
        }
        if let Some(required) = top.take("require_ebpf").and_then(|entry| self.boolean(&entry)) {
            config.require_ebpf = required;
        }
        if let Some(entry) = top.take("memory") {
            let words = [("pss", MemoryBasis::Pss), ("rss", MemoryBasis::Rss)];
            if let Some(memory) = self.choice(&entry, &words) {
                config.memory = memory;
            }
        }
        if let Some(entry) = top.take("protect") {
            config.protect = self.program_names(entry);
        }
        if let Some(slots) = self
            .inner(top.take("queue"), &QUEUE, "slots")
            .and_then(|entry| self.number(&entry, 1usize, 100_000))
        {
            config.queue_slots = slots;
        }
        let has_mail = top.key("mail").is_some();
        config.mail = top.take("mail").and_then(|entry| self.mail(entry));
        let alerts_at = top.key("alerts");
        if let Some(entry) = top.take("alerts") {
            config.alerts = self.recipients(entry);
            self.alerted = config.alerts.iter().map(|each| each.mail.clone()).collect();
        }
        if let (Some(at), false) = (alerts_at, has_mail) {
            self.out.push(Diagnostic::warning(
                at,
                "there is no `mail`: these alerts wait and are not sent",
            ));
        }
        if let Some(entry) = top.take("limits") {
            self.limits = self.limits(entry);
            config.limits = self.limits;
        }
        if let Some(word) = top.take("onreboot").and_then(|entry| self.on_reboot(&entry)) {
            self.onreboot = word;
        }
        config.http = top.take("http").and_then(|entry| self.http(entry));
        config
    }

    /// Where the log goes and what is in it.
    fn log(&mut self, entry: Entry, config: &mut Config) {
        if let Value::Scalar(text) = &entry.value.value {
            let path = if text.starts_with('/') { text } else { "PATH" };
            let help = format!("write `log: {{ file: {path} }}`");
            self.error_help(entry.value.place, "`log` is a mapping, not a path", help);
            return;
        }
        let Some(mut table) = self.table(entry.value, entry.key, &LOG) else { return };
        config.log_file = table.take("file").and_then(|entry| self.path(&entry));
        let words = LEVELS.map(|level| (level.word(), level));
        if let Some(level) = table.take("level").and_then(|entry| self.choice(&entry, &words)) {
            config.log_level = level;
        }
    }

    /// A period of judging.
    fn period(&mut self, entry: &Entry, warn: bool) -> Option<Duration> {
        let period = self.duration(entry)?;
        if period < SHORTEST_CYCLE {
            self.error(entry.value.place, format!("`{}` is at least 50ms", entry.name));
            return None;
        }
        if warn && period < SENSIBLE_CYCLE {
            self.out.push(Diagnostic::warning(
                entry.value.place,
                format!("a `{}` below 1s is meant for tests", entry.name),
            ));
        }
        Some(period)
    }

    /// The one entry of a mapping with one key.
    fn inner(
        &mut self,
        entry: Option<Entry>,
        keys: &super::vocabulary::Keys,
        name: &str,
    ) -> Option<Entry> {
        let entry = entry?;
        self.table(entry.value, entry.key, keys)?.take(name)
    }

    fn only_path(
        &mut self,
        entry: Option<Entry>,
        keys: &super::vocabulary::Keys,
        name: &str,
    ) -> Option<PathBuf> {
        let entry = self.inner(entry, keys, name)?;
        self.path(&entry)
    }

    /// Names of programs; a path would protect nothing.
    fn program_names(&mut self, entry: Entry) -> Vec<String> {
        let at = entry.key;
        let mut names = Vec::new();
        for node in self.list(entry) {
            let Some(name) = self.line(&node, at) else { continue };
            if let Some((_, last)) = name.rsplit_once('/') {
                let help = format!("write `{last}`");
                self.error_help(node.place, format!("`{name}` is a path, not a name"), help);
            }
            names.push(name);
        }
        names
    }

    /// The groups of a service: one name or a list of names.
    pub(super) fn groups(&mut self, entry: Entry) -> Vec<String> {
        let mut names = Vec::new();
        for (name, place) in self.placed_names(entry) {
            if let Some(list) = as_list(&name) {
                let text = format!("`{name}` is the name of one group, with a comma in it");
                let help = format!("for several write `group: {list}`");
                self.out.push(Diagnostic::warning(place, text).help(help));
            }
            names.push(name);
        }
        names
    }

    /// The same with the place of each.
    pub(super) fn placed_names(&mut self, entry: Entry) -> Vec<(String, Place)> {
        let at = entry.key;
        let items = self.list(entry);
        let named = items.iter().filter_map(|node| Some((self.line(node, at)?, node.place)));
        named.collect()
    }
}

/// One text with commas as the list that it may be meant to be.
pub(super) fn as_list(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    (parts.len() > 1).then(|| format!("[{}]", parts.join(", ")))
}
