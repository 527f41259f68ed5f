//! Tests of a number: metric, operator, limit.

use std::ops::Range;

use crate::metric::{CpuShare, LoadWindow, Metric, Operator, Unit};
use crate::service::{Level, Limit};

use super::parser::Parser;
use super::token::Kind;
use super::{SentenceError, Subject};
use crate::config::units;

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
    pub(super) fn level(&mut self) -> Result<Option<Level>, SentenceError> {
        let start = self.at;
        let Some(metric) = self.metric()? else {
            self.at = start;
            return Ok(None);
        };
        let from = self.tokens.get(start).map_or(0, |token| token.span.start);
        let name = from..self.behind();
        let operator = self.operator()?;
        let limit = self.limit(metric, name, operator)?;
        Ok(Some(Level { metric, operator, limit }))
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
                    return Err(SentenceError::new(
                        token.span.start..self.behind(),
                        "the test `total filedescriptors` is not supported yet",
                    ));
                } else {
                    return Err(self.expected("`cpu` or `memory`"));
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
            "uptime" => Metric::Uptime,
            "loadavg" => self.load_average()?,
            _ => return Ok(None),
        };
        Ok(Some(metric))
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

    /// A sign, or Monit's words for it.
    pub(super) fn operator(&mut self) -> Result<Operator, SentenceError> {
        self.any(&["is"]);
        let Some(token) = self.peek() else { return Err(self.expected("an operator such as `>`")) };
        let (Kind::Word(word) | Kind::Symbol(word)) = &token.kind else {
            return Err(self.expected("an operator such as `>`"));
        };
        let (operator, spoken) = match word.as_str() {
            ">" | "gt" => (Operator::Greater, false),
            "greater" | "more" | "older" => (Operator::Greater, true),
            "<" | "lt" => (Operator::Less, false),
            "less" | "newer" => (Operator::Less, true),
            ">=" | "ge" => (Operator::GreaterOrEqual, false),
            "<=" | "le" => (Operator::LessOrEqual, false),
            "=" | "==" | "eq" | "equal" => (Operator::Equal, false),
            "!=" | "ne" | "notequal" => (Operator::NotEqual, false),
            word @ ("grows" | "reaches") => {
                return Err(SentenceError::new(
                    token.span.clone(),
                    format!("`{word}` is not supported yet"),
                ));
            }
            _ => return Err(self.expected("an operator such as `>`")),
        };
        self.at += 1;
        if spoken {
            self.any(&["than"]);
        }
        Ok(operator)
    }

    /// The number with its unit, in a unit that the metric is in.
    fn limit(
        &mut self,
        metric: Metric,
        name: Range<usize>,
        operator: Operator,
    ) -> Result<Limit, SentenceError> {
        let Some(token) = self.peek() else { return Err(self.expected("a number")) };
        let Kind::Number(number) = token.kind else { return Err(self.expected("a number")) };
        let start = token.span.start;
        self.at += 1;
        let limit = self.unit(number);
        let span = start..self.behind();
        if self.peek().is_some_and(|token| token.is("per")) {
            let span = self.peek().map_or(span, |token| token.span.clone());
            return Err(SentenceError::new(span, "`per` is not supported yet"));
        }
        let wants = metric.unit();
        let fits = match limit {
            Limit::Ratio(_) => matches!(wants, Unit::Ratio | Unit::Bytes),
            Limit::Bytes(_) => wants == Unit::Bytes,
            Limit::Count(_) => wants == Unit::Count,
            Limit::Seconds(_) => wants == Unit::Seconds,
        };
        if !fits {
            let written = self.text.get(span.clone()).unwrap_or("").to_owned();
            let (is, help) = match wants {
                Unit::Ratio => ("a share in %", format!("write `{number}%`")),
                Unit::Bytes => (
                    "a size, or a share of all memory in %",
                    match number {
                        ..=100.0 => format!("write `{number} MB` or `{number}%`"),
                        _ => format!("write `{number} MB`"),
                    },
                ),
                Unit::Count => ("a plain number", format!("write `{number}`")),
                Unit::Seconds => {
                    ("a length of time", format!("write `{number} seconds` or `{number} minutes`"))
                }
            };
            return Err(SentenceError::new(span, format!("`{written}` does not fit this test"))
                .also(name, format!("this is {is}"))
                .help(help));
        }
        if let Limit::Ratio(ratio) = limit {
            if ratio > 1.0 {
                return Err(SentenceError::new(span, "more than 100% cannot be")
                    .also(name, "at most 100%: all cores together are 100%"));
            }
            if ratio >= 1.0 && operator == Operator::Greater {
                self.doubts.push(
                    SentenceError::new(span, "more than 100% cannot be: this is never true")
                        .help("write a smaller limit, or `>= 100%`"),
                );
            }
        }
        Ok(limit)
    }

    /// The unit behind a number, if one stands there.
    fn unit(&mut self, number: f64) -> Limit {
        if self.any(&["%", "percent"]) {
            return Limit::Ratio(number / 100.0);
        }
        if let Some(Kind::Word(word)) = self.peek().map(|token| &token.kind) {
            if let Some(bytes) = units::unit(units::SIZE, word) {
                self.at += 1;
                return Limit::Bytes(number * bytes as f64);
            }
            if let Some(milliseconds) = units::unit(units::TIME, word) {
                self.at += 1;
                return Limit::Seconds(number * (milliseconds as f64 / 1000.0));
            }
        }
        Limit::Count(number)
    }
}
