//! Tests of how a number moves: `grows > 50 MB per minute over 10 minutes`, `reaches 1800 MB within 15 minutes`.

use std::ops::Range;
use std::time::Duration;

use crate::metric::{Metric, Operator, Unit};
use crate::service::{Course, Limit, Trend};

use super::SentenceError;
use super::parser::Parser;
use super::token::Kind;

/// The window where none is named: the time behind `per`, but never less than this.
const OVER: Duration = Duration::from_secs(600);
/// A line through fewer samples says nothing; `sample` is a second where nobody sets it.
const SHORTEST: Duration = Duration::from_secs(3);

impl Parser<'_> {
    /// What stands behind `grows` or `reaches`, if one of them stands next.
    pub(super) fn trend(
        &mut self,
        metric: Metric,
        name: &Range<usize>,
    ) -> Result<Option<Trend>, SentenceError> {
        let Some(token) = self.peek().cloned() else { return Ok(None) };
        let grows = token.is("grows");
        if !grows && !token.is("reaches") {
            return Ok(None);
        }
        if !metric.is_level() {
            return Err(SentenceError::new(token.span, "this number does not grow")
                .also(name.clone(), "it is a rate, a share or an age")
                .help("memory, swap, children, threads and descriptors can grow"));
        }
        self.at += 1;
        if grows { self.grows(metric, name) } else { self.reaches(metric, name) }.map(Some)
    }

    fn grows(&mut self, metric: Metric, name: &Range<usize>) -> Result<Trend, SentenceError> {
        let sign = self.peek().map_or(0..0, |token| token.span.clone());
        let operator = self.operator()?;
        if matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(SentenceError::new(sign, "growth is never exactly so much")
                .help("write `grows > …`"));
        }
        let (number, limit, span) = self.quantity()?;
        if !matches!((metric.unit(), limit), (Unit::Count, Limit::Ratio(_))) {
            self.fits(metric, name, number, limit, &span)?;
        }
        let per = self.per()?;
        let over = if self.word("over") { self.window()? } else { per.max(OVER) };
        Ok(Trend { metric, limit, course: Course::Grows { operator, per, over } })
    }

    fn reaches(&mut self, metric: Metric, name: &Range<usize>) -> Result<Trend, SentenceError> {
        let (number, limit, span) = self.quantity()?;
        self.fits(metric, name, number, limit, &span)?;
        if let Limit::Ratio(ratio) = limit {
            self.share_of_all(ratio, name.clone(), span, Operator::GreaterOrEqual)?;
        }
        if !self.word("within") {
            return Err(self.expected("`within` and a time"));
        }
        Ok(Trend { metric, limit, course: Course::Reaches { within: self.window()? } })
    }

    /// A time that is long enough for some samples.
    fn window(&mut self) -> Result<Duration, SentenceError> {
        let Some(token) = self.peek().cloned() else { return Err(self.expected("a time")) };
        let Kind::Number(number) = token.kind else { return Err(self.expected("a time")) };
        self.at += 1;
        let window = self.time(number, token.span.start)?;
        if window < SHORTEST {
            let span = token.span.start..self.behind();
            return Err(SentenceError::new(span, "too short to see how a number moves")
                .help("write a time of 3 seconds or more"));
        }
        Ok(window)
    }
}
