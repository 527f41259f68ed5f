//! When a service is checked: each so many cycles, or at the minutes of a crontab.
//!
//! Pure: the moment is handed in. Not here: reading it from the file (`config`), and which moment it
//! is (`clock`).

use std::fmt;

use crate::clock::Minute;

/// `every:` of a service or a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Every {
    /// Each so many cycles; at least 1.
    Cycles(u32),
    /// In the minutes that the crontab names.
    Minutes(Box<Cron>),
    /// In all others.
    NotMinutes(Box<Cron>),
}

/// The five fields of crontab(5), each as the set of its values. Local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// As written.
    pub text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// 0 is Sunday.
    weekdays: u64,
    /// Neither days of the month nor of the week are written with `*`: one of them is enough.
    either_day: bool,
}

/// The fields in their order, with the least and the greatest value of each.
const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
];

impl Cron {
    /// Reads `*/5 8-18 * * 1-5`: values, ranges, lists, steps behind `/`; 0 and 7 are Sunday.
    ///
    /// # Errors
    /// One line of what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() != FIELDS.len() {
            return Err(format!(
                "five fields are needed (minute, hour, day of the month, month, day of the week), not {}",
                words.len()
            ));
        }
        let mut sets = [0_u64; 5];
        for ((set, word), (name, least, most)) in sets.iter_mut().zip(&words).zip(FIELDS) {
            *set = field(word, least, most).map_err(|why| format!("{name} `{word}`: {why}"))?;
        }
        let [minutes, hours, days, months, mut weekdays] = sets;
        if weekdays & 1 << 7 != 0 {
            weekdays = weekdays & !(1 << 7) | 1;
        }
        let either_day = [words[2], words[4]].iter().all(|word| !word.contains('*'));
        Ok(Self { text: words.join(" "), minutes, hours, days, months, weekdays, either_day })
    }

    /// Whether the minute is one of its. Where both days are limited (neither has a `*`), one of them
    /// is enough, as in crontab(5).
    pub fn names(&self, at: Minute) -> bool {
        let is_in = |set: u64, value: u8| set & (1 << (value & 63)) != 0;
        let (day, weekday) = (is_in(self.days, at.day), is_in(self.weekdays, at.weekday));
        let on = if self.either_day { day || weekday } else { day && weekday };
        on && is_in(self.minutes, at.minute)
            && is_in(self.hours, at.hour)
            && is_in(self.months, at.month)
    }
}

fn field(word: &str, least: u8, most: u8) -> Result<u64, String> {
    let number = |text: &str| -> Result<u8, String> {
        let value = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u8>().ok());
        match value.flatten() {
            Some(value) if (least..=most).contains(&value) => Ok(value),
            _ => Err(format!("`{text}` is not a number from {least} to {most}")),
        }
    };
    // A week without an end given ends on Saturday: its Sunday is 0.
    let end = if most == 7 { 6 } else { most };
    let mut set = 0;
    for part in word.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => match step.parse::<u8>() {
                Ok(step) if step > 0 && step <= most => (range, Some(step)),
                _ => return Err(format!("the step `{step}` is not a number from 1 to {most}")),
            },
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, end),
            Some((first, last)) => (number(first)?, number(last)?),
            // `5/10`: from 5 on.
            None if step.is_some() => number(range).map(|first| (first, end.max(first)))?,
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return Err(format!("the range `{range}` ends before it begins"));
        }
        set |= (first..=last).step_by(usize::from(step.unwrap_or(1))).fold(0, |s, v| s | 1 << v);
    }
    Ok(set)
}

impl Every {
    /// Whether it is time: in a cycle with this number, in this minute. `last`: the minute in which it
    /// last was; a minute counts once, however many cycles it has. What is not a minute of the
    /// crontab's is checked each cycle under `not`.
    pub fn is_now(&self, cycle: u64, minute: Minute, last: Option<i64>) -> bool {
        match self {
            Self::Cycles(every) => cycle.is_multiple_of(u64::from((*every).max(1))),
            Self::Minutes(cron) => last != Some(minute.number) && cron.names(minute),
            Self::NotMinutes(cron) => !cron.names(minute),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycles(every) => write!(f, "{every} cycles"),
            Self::Minutes(cron) => f.write_str(&cron.text),
            Self::NotMinutes(cron) => write!(f, "not {}", cron.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 is a Sunday.
    fn at(day: u8, weekday: u8, hour: u8, minute: u8) -> Minute {
        Minute { number: 0, minute, hour, day, month: 11, weekday }
    }

    #[test]
    fn fields_name_their_minutes() {
        let cases = [
            ("* * * * *", at(22, 0, 5, 7), true),
            ("*/5 8-18 * * 1-5", at(23, 1, 8, 55), true),
            ("*/5 8-18 * * 1-5", at(23, 1, 8, 56), false),
            ("*/5 8-18 * * 1-5", at(23, 1, 19, 0), false),
            ("*/5 8-18 * * 1-5", at(22, 0, 8, 55), false),
            ("0,30 * * * 0", at(22, 0, 5, 30), true),
            ("0,30 * * * 7", at(22, 0, 5, 30), true),
            ("0 0 * * 5-7", at(22, 0, 0, 0), true),
            ("10-20/5 * * * *", at(1, 0, 0, 15), true),
            ("10-20/5 * * * *", at(1, 0, 0, 16), false),
            ("50/4 * * * *", at(1, 0, 0, 58), true),
            ("50/4 * * * *", at(1, 0, 0, 46), false),
            // Monday, Wednesday, Friday: a Sunday at the end of the week is one where it is named.
            ("0 0 * * 1/2", at(22, 0, 0, 0), false),
            ("0 0 * * 1/2", at(23, 1, 0, 0), true),
            ("0 0 * * 1/2", at(27, 5, 0, 0), true),
            ("0 0 * * 1-7/2", at(22, 0, 0, 0), true),
            ("0 0 * * */2", at(22, 0, 0, 0), true),
            ("0 0 * * */2", at(23, 1, 0, 0), false),
            ("0 0 * * 7/2", at(22, 0, 0, 0), true),
            ("0 0 * * 7/2", at(24, 2, 0, 0), false),
            // A step behind `*` limits, and does not make one of the days enough.
            ("0 0 */2 * 1", at(23, 1, 0, 0), true),
            ("0 0 */2 * 1", at(25, 3, 0, 0), false),
            ("0 0 */2 * 1", at(16, 1, 0, 0), false),
            ("0 0 1-31 * 1", at(25, 3, 0, 0), true),
            ("* * 22 * 1", at(22, 0, 0, 0), true),
            ("* * 1 * 0", at(22, 0, 0, 0), true),
            ("* * 1 * 1", at(22, 0, 0, 0), false),
            ("* * * 12 *", at(22, 0, 0, 0), false),
        ];
        for (text, minute, expected) in cases {
            let cron = Cron::parse(text).unwrap();
            assert_eq!(cron.names(minute), expected, "{text} at {minute:?}");
        }
    }

    #[test]
    fn what_is_no_crontab_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "*/61 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "-1 * * * *",
            "1,, * * * *",
            "+1 * * * *",
            "1-2-3 * * * *",
            "* * * jan *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_minute_counts_once_and_not_its_opposite() {
        let cron = Cron::parse("0-10 5 * * *").unwrap();
        let minute = at(1, 0, 5, 3);
        let every = Every::Minutes(Box::new(cron.clone()));
        assert!(every.is_now(1, minute, None) && every.is_now(1, minute, Some(-1)));
        assert!(!every.is_now(1, minute, Some(0)));
        assert!(!Every::NotMinutes(Box::new(cron.clone())).is_now(1, minute, None));
        assert!(Every::NotMinutes(Box::new(cron)).is_now(1, at(1, 0, 5, 11), Some(0)));
        let third: Vec<u64> =
            (1..8).filter(|n| Every::Cycles(3).is_now(*n, minute, None)).collect();
        assert_eq!(third, [3, 6]);
    }
}
