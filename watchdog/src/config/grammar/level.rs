//! Tests of a number: what is asked of it.
//!
//! Not here: which number (`metric`), the limit with its unit (`limit`), and how a number moves (`trend`).

use crate::service::{Level, Test};

use super::SentenceError;
use super::parser::Parser;

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
}
