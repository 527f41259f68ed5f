//! For how long or how often a condition must hold.

use std::time::Duration;

use crate::service::{Qualifier, Recovery, Span};

use super::SentenceError;
use super::event::whole;
use super::parser::Parser;
use super::token::Kind;
use crate::config::units;
use crate::config::vocabulary::nearest;

/// The engine keeps one bit per cycle.
const MAX_CYCLES: u32 = 64;
/// Good cycles in a row are counted, not kept.
const MAX_GOOD: u32 = 100_000;
/// As many changes are counted at most.
const MAX_TIMES: u32 = 1000;

impl Parser<'_> {
    /// What stands behind the clause; nothing: at once.
    pub(super) fn qualifier(&mut self) -> Result<Qualifier, SentenceError> {
        let spoken = self.word("for");
        if self.word("within") {
            return self.within(1, 0..0);
        }
        // Behind `for` a number has to follow; without it, what follows is none of a qualifier's.
        let token = self.peek().cloned();
        let Some((token, number)) = token.and_then(|token| match token.kind {
            Kind::Number(number) => Some((token, number)),
            _ => None,
        }) else {
            return if spoken {
                Err(self.expected("a number of cycles or a time"))
            } else {
                Ok(Qualifier::Once)
            };
        };
        let counted = self
            .peek_at(1)
            .is_some_and(|next| next.is("times") || next.is("time") || next.is("within"));
        if counted {
            self.at += 1;
            self.any(&["times", "time"]);
            if !self.word("within") {
                return Err(self.expected("`within`"));
            }
            let times = whole(number, 1, MAX_TIMES).ok_or_else(|| {
                SentenceError::new(
                    token.span.clone(),
                    format!("a whole number from 1 to {MAX_TIMES}"),
                )
            })?;
            return self.within(times, token.span);
        }
        if !spoken {
            return Ok(Qualifier::Once);
        }
        match self.span(MAX_CYCLES)? {
            Span::Cycles(cycles) => Ok(Qualifier::Cycles { times: cycles, of: cycles }),
            Span::Time(time) => Ok(Qualifier::Lasting(time)),
        }
    }

    /// In how many of the last cycles a rule must be good to be recovered.
    pub(super) fn recovery(&mut self) -> Result<Recovery, SentenceError> {
        const HELP: &str = "write it as `3 cycles` or `2 times within 5 cycles`";
        let start = self.peek().map_or(0, |token| token.span.start);
        let whole = start..self.text.trim_end().len().max(start);
        let no_cycles = || SentenceError::new(whole.clone(), "not a number of cycles").help(HELP);
        let counted = self
            .peek_at(1)
            .is_some_and(|next| ["times", "time", "within"].iter().any(|word| next.is(word)));
        if counted {
            return match self.qualifier()? {
                Qualifier::Cycles { times, of } => Ok(Recovery { times, of }),
                _ => Err(no_cycles()),
            };
        }
        match self.span(MAX_GOOD).map_err(|error| error.help(HELP))? {
            Span::Cycles(of) => Ok(Recovery { times: of, of }),
            Span::Time(_) => Err(no_cycles()),
        }
    }

    /// Behind `within`.
    fn within(
        &mut self,
        times: u32,
        count: std::ops::Range<usize>,
    ) -> Result<Qualifier, SentenceError> {
        let start = self.peek().map_or(0, |token| token.span.start);
        match self.span(MAX_CYCLES)? {
            Span::Cycles(of) if times > of => {
                Err(SentenceError::new(start..self.behind(), "fewer cycles than times")
                    .also(count, "so often"))
            }
            Span::Cycles(of) => Ok(Qualifier::Cycles { times, of }),
            Span::Time(within) => Ok(Qualifier::TimesWithin { times, within }),
        }
    }

    /// The unit of time behind a number.
    pub(super) fn time(&mut self, number: f64, start: usize) -> Result<Duration, SentenceError> {
        let Some(Kind::Word(word)) = self.peek().map(|token| &token.kind) else {
            return Err(self.expected("`cycles` or a unit of time (s, m, h)"));
        };
        let Some(milliseconds) = units::unit(units::TIME, word) else {
            let near = nearest(word, ["cycles", "times", "seconds", "minutes", "hours", "days"]);
            let error = self.expected("`cycles` or a unit of time (s, m, h)");
            return Err(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        };
        self.at += 1;
        units::time(number, milliseconds)
            .filter(|time| !time.is_zero())
            .ok_or_else(|| SentenceError::new(start..self.behind(), "a time from 1 ms to a year"))
    }
}
