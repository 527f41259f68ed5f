//! Tests of a number: which number, and what is asked of it.
//!
//! Not here: the limit with its unit (`limit`), and how a number moves (`trend`).

use std::time::Duration;

use crate::metric::{CpuShare, Direction, LoadWindow, Metric, Resource};
use crate::service::{Level, Test};

use super::parser::Parser;
use super::token::Kind;
use super::{SentenceError, Subject};

/// Words for the parts of a system's CPU time; the first of each is the one we print.
pub(super) const SHARES: &[(&str, CpuShare)] = &[
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
    /// A test of a number, if the next words name one.
    pub(super) fn level(&mut self) -> Result<Option<Test>, SentenceError> {
        let start = self.at;
        let Some(metric) = self.metric()? else {
            self.at = start;
            return Ok(None);
        };
        let from = self.tokens.get(start).map_or(0, |token| token.span.start);
        let name = from..self.behind();
        if let Some(trend) = self.trend(metric, &name)? {
            return Ok(Some(Test::Trend(trend)));
        }
        let operator = self.operator()?;
        let (metric, limit) = self.limit(metric, name, operator)?;
        Ok(Some(Test::Level(Level { metric, operator, limit })))
    }

    fn metric(&mut self) -> Result<Option<Metric>, SentenceError> {
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
