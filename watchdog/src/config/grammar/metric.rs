//! What numbers are called in sentences: by which words they are told of first, how they are read and how they are
//! written, beside each other.
//!
//! Not here: what is asked of a number (`level`, `trend`) and its limit (`limit`); Monit's words for it in the
//! log, which are [`Metric::words`].

use std::time::Duration;

use crate::metric::{CpuShare, Direction, LoadWindow, Metric, Resource, per_words};

use super::parser::Parser;
use super::token::Kind;
use super::{SentenceError, Subject};

/// First words of the numbers that a kind of service has, for suggestions and the reference.
pub(super) fn first_words(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::System => &[
            "loadavg",
            "cpu",
            "memory",
            "swap",
            "forks",
            "filedescriptors",
            "disk",
            "pagein",
            "pageout",
            "pressure",
            "uptime",
        ],
        Subject::Process => &[
            "cpu",
            "totalcpu",
            "memory",
            "totalmem",
            "children",
            "threads",
            "forks",
            "filedescriptors",
            "disk",
            "uptime",
            "loadavg",
        ],
        _ => &[],
    }
}

/// Words for the parts of a system's CPU time; the first of each is the one we print.
const SHARES: &[(&str, CpuShare)] = &[
    ("user", CpuShare::User),
    ("us", CpuShare::User),
    ("usr", CpuShare::User),
    ("system", CpuShare::System),
    ("sys", CpuShare::System),
    ("sy", CpuShare::System),
    ("wait", CpuShare::Wait),
    ("wa", CpuShare::Wait),
    ("nice", CpuShare::Nice),
    ("hardirq", CpuShare::HardIrq),
    ("softirq", CpuShare::SoftIrq),
    ("steal", CpuShare::Steal),
    ("guest", CpuShare::Guest),
    ("guestnice", CpuShare::GuestNice),
];

impl Parser<'_> {
    /// The number that the next words name, if they name one.
    pub(super) fn metric(&mut self) -> Result<Option<Metric>, SentenceError> {
        let process = self.subject == Subject::Process;
        let Some(token) = self.next() else { return Ok(None) };
        let Kind::Word(word) = token.kind else { return Ok(None) };
        let metric = match word.as_str() {
            "cpu" if process => {
                self.any(&["usage"]);
                if let Some(open) = self.peek().filter(|token| token.is("(")) {
                    return Err(SentenceError::new(
                        open.span.clone(),
                        "parts of CPU time are tests of a system service",
                    )
                    .help("a process has `cpu` and `totalcpu`"));
                }
                Metric::Cpu
            }
            "cpu" => {
                self.any(&["usage"]);
                Metric::SystemCpu(self.share()?)
            }
            "totalcpu" if process => {
                self.any(&["usage"]);
                Metric::TotalCpu
            }
            "totalmem" | "totalmemory" if process => {
                self.memory_noise();
                Metric::TotalMemory
            }
            "total" if process => {
                if self.word("cpu") {
                    self.any(&["usage"]);
                    Metric::TotalCpu
                } else if self.any(&["mem", "memory"]) {
                    self.memory_noise();
                    Metric::TotalMemory
                } else if self.word("filedescriptors") {
                    Metric::TotalFileDescriptors
                } else if self.word("disk") {
                    Metric::Disk { direction: self.direction()?, total: true }
                } else {
                    return Err(self.expected("`cpu`, `memory`, `filedescriptors` or `disk`"));
                }
            }
            "mem" | "memory" => {
                self.memory_noise();
                if process { Metric::Memory } else { Metric::SystemMemory }
            }
            "swap" if !process => {
                self.memory_noise();
                Metric::SystemSwap
            }
            "children" if process => Metric::Children,
            "threads" if process => Metric::Threads,
            // The time stands behind the number.
            "forks" if process => Metric::Forks { per: Duration::ZERO },
            "forks" => Metric::SystemForks { per: Duration::ZERO },
            "filedescriptors" if process => Metric::FileDescriptors,
            "filedescriptors" => Metric::SystemFileDescriptors,
            "disk" if process => Metric::Disk { direction: self.direction()?, total: false },
            "disk" => Metric::SystemDisk { direction: self.direction()?, operations: false },
            "pagein" if !process => Metric::SystemPaging(Direction::Read),
            "pageout" if !process => Metric::SystemPaging(Direction::Write),
            "pressure" if !process => self.pressure()?,
            "uptime" => Metric::Uptime,
            "loadavg" => self.load_average()?,
            _ => return Ok(None),
        };
        Ok(Some(metric))
    }

    /// `read` or `write` behind `disk`, with Monit's words behind that.
    fn direction(&mut self) -> Result<Direction, SentenceError> {
        let direction = if self.word("read") {
            Direction::Read
        } else if self.word("write") {
            Direction::Write
        } else {
            return Err(self.expected("`read` or `write`"));
        };
        self.any(&["activity", "rate"]);
        Ok(direction)
    }

    /// `(memory) some` behind `pressure`; some is meant where nothing is said.
    fn pressure(&mut self) -> Result<Metric, SentenceError> {
        let open = self.word("(");
        let named = Resource::ALL.into_iter().find(|resource| self.word(resource.word()));
        let Some(resource) = named else { return Err(self.expected("memory, cpu or io")) };
        if open && !self.word(")") {
            return Err(self.expected("`)`"));
        }
        let full = self.word("full");
        if !full {
            self.word("some");
        }
        Ok(Metric::Pressure { resource, full })
    }

    fn memory_noise(&mut self) {
        self.any(&["usage", "amount"]);
    }

    /// `(user)`, or nothing for user and system together.
    fn share(&mut self) -> Result<CpuShare, SentenceError> {
        if !self.word("(") {
            return Ok(CpuShare::Busy);
        }
        for (word, share) in SHARES {
            if self.word(word) {
                return if self.word(")") { Ok(*share) } else { Err(self.expected("`)`")) };
            }
        }
        Err(self.expected("user, system, wait, nice, hardirq, softirq, steal, guest or guestnice"))
    }

    /// `(5min) per core`, both optional.
    fn load_average(&mut self) -> Result<Metric, SentenceError> {
        let mut over = LoadWindow::One;
        if self.word("(") {
            over = match self.peek().map(|token| &token.kind) {
                Some(Kind::Number(1.0)) => LoadWindow::One,
                Some(Kind::Number(5.0)) => LoadWindow::Five,
                Some(Kind::Number(15.0)) => LoadWindow::Fifteen,
                _ => return Err(self.expected("1, 5 or 15 minutes")),
            };
            self.at += 1;
            self.any(&["m", "min", "minute", "minutes"]);
            if !self.word(")") {
                return Err(self.expected("`)`"));
            }
        }
        let per_core = self.word("per");
        if per_core && !self.word("core") {
            return Err(self.expected("`core`"));
        }
        Ok(Metric::LoadAverage { over, per_core })
    }
}

/// The metric's name in the file.
pub(super) fn name(metric: Metric) -> String {
    match metric {
        Metric::Cpu => "cpu".into(),
        Metric::TotalCpu => "totalcpu".into(),
        Metric::Memory | Metric::SystemMemory => "memory".into(),
        Metric::TotalMemory => "totalmem".into(),
        Metric::Children => "children".into(),
        Metric::Threads => "threads".into(),
        Metric::Forks { .. } | Metric::SystemForks { .. } => "forks".into(),
        Metric::FileDescriptors | Metric::SystemFileDescriptors => "filedescriptors".into(),
        Metric::TotalFileDescriptors => "total filedescriptors".into(),
        Metric::Disk { direction, total } => {
            format!("{}disk {}", if total { "total " } else { "" }, direction.word())
        }
        Metric::SystemDisk { direction, .. } => format!("disk {}", direction.word()),
        Metric::SystemPaging(direction) => direction.paging().into(),
        Metric::Pressure { resource, full } => {
            format!("pressure ({}) {}", resource.word(), if full { "full" } else { "some" })
        }
        Metric::Uptime => "uptime".into(),
        Metric::SystemSwap => "swap".into(),
        Metric::LoadAverage { over, per_core } => {
            let minutes = match over {
                LoadWindow::One => 1,
                LoadWindow::Five => 5,
                LoadWindow::Fifteen => 15,
            };
            format!("loadavg ({minutes}min){}", if per_core { " per core" } else { "" })
        }
        Metric::SystemCpu(share) => match SHARES.iter().find(|(_, each)| *each == share) {
            Some((word, _)) => format!("cpu ({word})"),
            None => "cpu".into(),
        },
    }
}

/// What stands behind its limit.
pub(super) fn behind_limit(metric: Metric) -> String {
    match metric {
        Metric::Disk { .. } | Metric::SystemDisk { operations: false, .. } => "/s".into(),
        Metric::SystemDisk { operations: true, .. } => " operations/s".into(),
        Metric::SystemPaging(_) => " per second".into(),
        _ => metric.per().map_or(String::new(), |per| format!(" per {}", per_words(per))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::grammar::parse;

    #[test]
    fn first_words_begin_numbers() {
        for subject in [Subject::System, Subject::Process] {
            for word in first_words(subject) {
                let error = parse(word, subject).expect_err("half a sentence");
                assert!(!error.message.contains("unknown"), "{word}: {}", error.message);
            }
        }
    }
}
