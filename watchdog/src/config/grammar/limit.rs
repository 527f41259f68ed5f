//! The limit of a test: operator, number, unit, and whether the unit fits the number that is asked for.

use std::ops::Range;
use std::time::Duration;

use crate::metric::{Metric, Operator, Unit};
use crate::service::Limit;

use super::SentenceError;
use super::parser::Parser;
use super::token::Kind;
use crate::config::units;

impl Parser<'_> {
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
            _ => return Err(self.expected("an operator such as `>`")),
        };
        self.at += 1;
        if spoken {
            self.any(&["than"]);
        }
        Ok(operator)
    }

    /// The number with its unit, in a unit that the metric is in, and what that says of the metric.
    pub(super) fn limit(
        &mut self,
        metric: Metric,
        name: Range<usize>,
        operator: Operator,
    ) -> Result<(Metric, Limit), SentenceError> {
        let (number, limit, span) = self.quantity()?;
        let metric = match metric {
            Metric::Disk { .. } | Metric::SystemDisk { .. } => self.disk_rate(metric, &span)?,
            Metric::SystemPaging(_) => {
                self.any(&["pages", "page"]);
                self.second()?;
                metric
            }
            _ => self.rate(metric, &name)?,
        };
        self.fits(metric, &name, number, limit, &span)?;
        if let Limit::Ratio(ratio) = limit {
            self.share_of_all(ratio, name, span, operator)?;
        }
        Ok((metric, limit))
    }

    /// A number with its unit, as it stands there.
    pub(super) fn quantity(&mut self) -> Result<(f64, Limit, Range<usize>), SentenceError> {
        let Some(token) = self.peek() else { return Err(self.expected("a number")) };
        let Kind::Number(number) = token.kind else { return Err(self.expected("a number")) };
        let start = token.span.start;
        self.at += 1;
        let limit = self.unit(number);
        Ok((number, limit, start..self.behind()))
    }

    /// `per second` behind a number: where the metric has it, and only there.
    fn rate(&mut self, metric: Metric, name: &Range<usize>) -> Result<Metric, SentenceError> {
        let per = self.peek().filter(|token| token.is("per")).map(|token| token.span.clone());
        match (metric, per) {
            (Metric::Forks { .. }, Some(_)) => Ok(Metric::Forks { per: self.per()? }),
            (Metric::SystemForks { .. }, Some(_)) => Ok(Metric::SystemForks { per: self.per()? }),
            (Metric::Forks { .. } | Metric::SystemForks { .. }, None) => {
                Err(self.expected("`per second`, `per minute` or `per hour`"))
            }
            (_, Some(per)) => {
                Err(SentenceError::new(per, "this test is of a level, not of so many in a time")
                    .also(name.clone(), "judged as it is now")
                    .help(
                        "`forks` are counted `per second`; a level `grows` by so much `per hour`",
                    ))
            }
            (_, None) => Ok(metric),
        }
    }

    /// `/s`, `per second` or `operations/s` behind the number of a `disk` test.
    fn disk_rate(&mut self, metric: Metric, span: &Range<usize>) -> Result<Metric, SentenceError> {
        let counted = self.any(&["operations", "operation"]);
        let counted_at = span.start..self.behind();
        self.second()?;
        match metric {
            Metric::SystemDisk { direction, .. } => {
                Ok(Metric::SystemDisk { direction, operations: counted })
            }
            _ if counted => Err(SentenceError::new(
                counted_at,
                "the operations of a process are not counted by the kernel",
            )
            .help("bytes are: `disk read > 10 MB/s`; operations are a test of a system service")),
            _ => Ok(metric),
        }
    }

    /// `/s` or `per second`.
    fn second(&mut self) -> Result<(), SentenceError> {
        let per = self.word("/") || self.word("per");
        if per && self.any(&["s", "sec", "second"]) {
            return Ok(());
        }
        Err(self.expected("`per second` or `/s`"))
    }

    /// `per minute`, `per 10 seconds`.
    pub(super) fn per(&mut self) -> Result<Duration, SentenceError> {
        if !self.word("per") {
            return Err(self.expected("`per` with a time"));
        }
        let Some(token) = self.peek().cloned() else { return Err(self.expected("a time")) };
        let number = match token.kind {
            Kind::Number(number) => {
                self.at += 1;
                number
            }
            _ => 1.0,
        };
        let unit = |kind: &Kind| matches!(kind, Kind::Word(word) if units::unit(units::TIME, word).is_some());
        if !self.peek().is_some_and(|token| unit(&token.kind)) {
            return Err(self.expected("a unit of time such as `second` or `minute`"));
        }
        self.time(number, token.span.start)
    }

    pub(super) fn fits(
        &self,
        metric: Metric,
        name: &Range<usize>,
        number: f64,
        limit: Limit,
        span: &Range<usize>,
    ) -> Result<(), SentenceError> {
        let wants = metric.unit();
        let fits = match limit {
            Limit::Ratio(_) => metric.takes_percent(),
            Limit::Bytes(_) => wants == Unit::Bytes,
            Limit::Count(_) => wants == Unit::Count,
            Limit::Seconds(_) => wants == Unit::Seconds,
        };
        let behind = self.peek().filter(|_| !fits);
        if let Some(error) = behind.and_then(|token| self.unknown_unit(token)) {
            return Err(error);
        }
        if !fits {
            let written = self.text.get(span.clone()).unwrap_or("").to_owned();
            let (is, help) = match wants {
                Unit::Ratio => ("a share in %", format!("write `{number}%`")),
                Unit::Bytes => (
                    if metric.takes_percent() {
                        "a size, or a share of all memory in %"
                    } else {
                        "a size in a second"
                    },
                    match number {
                        _ if !metric.takes_percent() => format!("write `{number} MB/s`"),
                        ..=100.0 => format!("write `{number} MB` or `{number}%`"),
                        _ => format!("write `{number} MB`"),
                    },
                ),
                Unit::Count => ("a plain number", format!("write `{number}`")),
                Unit::Seconds => {
                    ("a length of time", format!("write `{number} seconds` or `{number} minutes`"))
                }
            };
            return Err(SentenceError::new(
                span.clone(),
                format!("`{written}` does not fit this test"),
            )
            .also(name.clone(), format!("this is {is}"))
            .help(help));
        }
        Ok(())
    }

    /// Percent of something whole.
    pub(super) fn share_of_all(
        &mut self,
        ratio: f64,
        name: Range<usize>,
        span: Range<usize>,
        operator: Operator,
    ) -> Result<(), SentenceError> {
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
        Ok(())
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
