//! Tests of an interface: `link down`, `saturation > 80%`, `download > 10 MB/s`.

use std::ops::Range;
use std::time::Duration;

use crate::check::network::Test;
use crate::check::network::traffic::Way;
use crate::metric::Operator;
use crate::service::Limit;

use super::SentenceError;
use super::event::whole;
use super::parser::Parser;
use super::token::Kind;

/// As far as is remembered, in minutes: a day.
const MOST: u32 = 1440;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    pub(super) fn network_test(&mut self) -> Result<Option<Test>, SentenceError> {
        let start = self.at;
        if self.word("changed") {
            if !self.word("link") {
                return Err(self.expected("`link`"));
            }
            self.any(&["capacity"]);
            return Ok(Some(Test::CapacityChanged));
        }
        // Monit's old form.
        if self.words(&["failed", "link"]) {
            return Ok(Some(Test::Link { up: false }));
        }
        if self.word("link") {
            let up = self.word("up");
            if !up && !self.word("down") {
                return Err(self.expected("`down` or `up`"));
            }
            return Ok(Some(Test::Link { up }));
        }
        if self.word("saturation") {
            let from = self.tokens.get(start).map_or(0, |token| token.span.start);
            let name = from..self.behind();
            let operator = self.operator()?;
            let (number, limit, span) = self.quantity()?;
            let Limit::Ratio(ratio) = limit else {
                return Err(
                    SentenceError::new(span, "this is no share").help(format!("write `{number}%`"))
                );
            };
            self.share_of_all(ratio, name, span, operator)?;
            return Ok(Some(Test::Saturation(operator, ratio)));
        }
        for (way, rate, total) in
            [(Way::Download, "download", "downloaded"), (Way::Upload, "upload", "uploaded")]
        {
            if self.word(rate) {
                self.any(&["rate"]);
                let (operator, limit, _) = self.traffic()?;
                self.per_second()?;
                return Ok(Some(Test::Rate(way, operator, limit)));
            }
            if self.words(&["total", total]) {
                let (operator, limit, _) = self.traffic()?;
                let within = self.in_last()?;
                return Ok(Some(Test::Total(way, operator, limit, within)));
            }
        }
        if self.word("total") {
            return Err(self.expected("`downloaded` or `uploaded`"));
        }
        Ok(None)
    }

    /// `> 10 MB`, `> 500 packets`.
    fn traffic(&mut self) -> Result<(Operator, Limit, Range<usize>), SentenceError> {
        let operator = self.operator()?;
        let (number, limit, span) = self.quantity()?;
        let counted = self.any(&["packets", "packet"]);
        match limit {
            Limit::Bytes(_) if !counted => Ok((operator, limit, span)),
            Limit::Count(_) if counted => Ok((operator, limit, span)),
            _ => Err(SentenceError::new(span, "this is neither a size nor a number of packets")
                .help(format!("write `{number} MB` or `{number} packets`"))),
        }
    }

    /// `in last 2 hours`, `in last day`.
    fn in_last(&mut self) -> Result<Duration, SentenceError> {
        if !self.word("in") {
            return Err(self.expected("`in last` with a time"));
        }
        self.any(&["last"]);
        let start = self.peek().map_or(self.behind(), |token| token.span.start);
        let number = match self.peek().map(|token| &token.kind) {
            Some(Kind::Number(number)) => {
                let number = *number;
                self.at += 1;
                number
            }
            _ => 1.0,
        };
        let minutes = if self.any(&["minute", "minutes", "min", "m"]) {
            1.0
        } else if self.any(&["hour", "hours", "h"]) {
            60.0
        } else if self.any(&["day", "days", "d"]) {
            1440.0
        } else {
            return Err(self.expected("minutes, hours or a day"));
        };
        let minutes = whole(number * minutes, 1, MOST).ok_or_else(|| {
            SentenceError::new(start..self.behind(), "a whole number of minutes, a day at most")
        })?;
        Ok(Duration::from_secs(u64::from(minutes) * 60))
    }
}
