//! Every key of the file, in one place: what is known now, what later work brings.
//!
//! Not here: what a key means (`settings`, `mail`, `http`, `services`, `rule`), and the words of a rule's
//! sentence (`grammar`).

/// The keys of one mapping.
pub(super) struct Keys {
    /// What the mapping is called in messages, with its article.
    pub(super) title: &'static str,
    /// Understood now.
    pub(super) known: &'static [&'static str],
    /// Refused as "not supported yet".
    pub(super) later: &'static [&'static str],
}

pub(super) const TOP: Keys = Keys {
    title: "the configuration",
    known: &[
        "cycle",
        "sample",
        "start_delay",
        "log",
        "state_dir",
        "control",
        "include",
        "require_ebpf",
        "memory",
        "protect",
        "mail",
        "alerts",
        "queue",
        "http",
        "limits",
        "onreboot",
        "services",
    ],
    later: &["brake", "tls", "history", "incidents", "quiet"],
};

pub(super) const INCLUDED: Keys =
    Keys { title: "an included file", known: &["services", "include"], later: &[] };

pub(super) const LOG: Keys = Keys { title: "`log`", known: &["file", "level"], later: &["format"] };
pub(super) const CONTROL: Keys = Keys { title: "`control`", known: &["socket"], later: &[] };
pub(super) const QUEUE: Keys = Keys { title: "`queue`", known: &["slots"], later: &[] };

pub(super) const MAIL: Keys = Keys {
    title: "`mail`",
    known: &["servers", "from", "reply_to", "subject", "message", "hostname", "timeout"],
    later: &[],
};
pub(super) const MAIL_SERVER: Keys = Keys {
    title: "a mail server",
    known: &["host", "port", "tls", "user", "password", "verify", "ca_file", "checksum"],
    later: &[],
};
pub(super) const PASSWORD: Keys = Keys { title: "`password`", known: &["file"], later: &[] };
pub(super) const RECIPIENT: Keys = Keys {
    title: "a receiver of alerts",
    known: &["mail", "only", "not", "reminder", "format"],
    later: &["webhook"],
};
pub(super) const FORMAT: Keys =
    Keys { title: "`format`", known: &["from", "reply_to", "subject", "message"], later: &[] };

pub(super) const HTTP: Keys =
    Keys { title: "`http`", known: &["listen", "allow", "users"], later: &["tls"] };
pub(super) const WEB_USER: Keys =
    Keys { title: "a user of `http`", known: &["name", "password_hash", "role"], later: &[] };

/// Kinds of services understood now.
pub(super) const KINDS: &[&str] =
    &["system", "process", "file", "directory", "fifo", "filesystem", "program", "host", "network"];
/// Kinds of later work.
pub(super) const KINDS_LATER: &[&str] = &[];
/// Keys that every kind takes.
pub(super) const SERVICE_KEYS: &[&str] =
    &["group", "depends_on", "mode", "every", "onreboot", "alert", "noalert", "rules"];
/// Keys that every kind but the system takes.
pub(super) const METHOD_KEYS: &[&str] = &["start", "stop", "restart"];
/// Keys that a process takes besides.
pub(super) const PROCESS_KEYS: &[&str] = &["pidfile", "match", "unit", "cgroup", "stop_timeout"];
/// Keys that other kinds take besides: the kinds that have the key.
pub(super) const CHECK_KEYS: &[(&str, &[&str])] = &[
    ("path", &["file", "directory", "fifo", "filesystem", "program"]),
    ("address", &["host", "network"]),
    ("interface", &["network"]),
    ("ignore", &["file"]),
];
/// Keys of later work, of any kind.
pub(super) const SERVICE_KEYS_LATER: &[&str] = &["limits", "brake", "timeout"];

pub(super) const MATCH: Keys =
    Keys { title: "`match`", known: &["exe", "args", "user"], later: &[] };
pub(super) const PROGRAM: Keys = Keys {
    title: "a program",
    known: &["program", "timeout", "user", "group", "env", "cwd"],
    later: &["limits", "cgroup"],
};
pub(super) const RULE: Keys = Keys {
    title: "a rule",
    known: &["if", "then", "else", "severity", "name", "alert", "every"],
    later: &[],
};
pub(super) const EVERY: Keys = Keys { title: "`every`", known: &["not"], later: &[] };
pub(super) const LIMITS: Keys = Keys {
    title: "`limits`",
    known: &[
        "program_timeout",
        "start_timeout",
        "stop_timeout",
        "restart_timeout",
        "exec_timeout",
        "network_timeout",
        "program_output",
        "send_expect_buffer",
        "file_content_buffer",
        "http_content_buffer",
        "checksum_size",
    ],
    later: &[],
};
pub(super) const RECOVERY: Keys = Keys { title: "`else`", known: &["after", "then"], later: &[] };
pub(super) const EXEC: Keys = Keys {
    title: "`exec`",
    known: &["program", "timeout", "user", "group", "env", "cwd", "repeat"],
    later: &["limits"],
};
pub(super) const IGNORE: Keys = Keys { title: "`ignore`", known: &["not", "file"], later: &[] };
pub(super) const IGNORE_FILE: Keys =
    Keys { title: "`not` of `ignore`", known: &["file"], later: &[] };
pub(super) const BRAKE: Keys = Keys { title: "`brake`", known: &["how", "for"], later: &[] };
/// All actions.
pub(super) const ACTIONS: &[&str] =
    &["alert", "restart", "start", "stop", "unmonitor", "ignore", "exec", "brake"];

/// All mappings with fixed keys, for the test that the sample names each key.
pub(super) const ALL: &[&Keys] = &[
    &TOP,
    &LOG,
    &CONTROL,
    &QUEUE,
    &MAIL,
    &MAIL_SERVER,
    &PASSWORD,
    &RECIPIENT,
    &FORMAT,
    &HTTP,
    &WEB_USER,
    &MATCH,
    &PROGRAM,
    &RULE,
    &EVERY,
    &LIMITS,
    &RECOVERY,
    &EXEC,
    &BRAKE,
    &IGNORE,
    &IGNORE_FILE,
];

/// The candidate that a misspelt word most likely means, for "did you mean …".
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Long garbage costs quadratic time and is near nothing.
    if word.len() > 40 {
        return None;
    }
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        // Of two that are as near, who begins the same.
        .min_by_key(|(distance, candidate)| (*distance, candidate.get(..1) != word.get(..1)))
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?", or the list of what there is where nothing is near.
pub(crate) fn suggestion(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is: {}", candidates.join(", ")),
    }
}
