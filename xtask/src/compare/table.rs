//! The verdicts, for people (80 columns) and for programs.

use std::fmt;

use serde_json::{Value, json};

use super::play::Verdict;

/// A row for each situation, in the order of the list.
#[derive(Debug, Default)]
pub(super) struct Table(pub Vec<(&'static str, Verdict)>);

impl Table {
    /// How many are the same, better, and neither.
    pub(super) fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (_, verdict) in &self.0 {
            counts[match verdict {
                Verdict::Same => 0,
                Verdict::Better(_) => 1,
                Verdict::Differs(_) => 2,
            }] += 1;
        }
        counts
    }

    pub(super) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .0
            .iter()
            .map(|(name, verdict)| {
                let (word, why) = match verdict {
                    Verdict::Same => ("same", ""),
                    Verdict::Better(reason) => ("better", *reason),
                    Verdict::Differs(how) => ("differs", how.as_str()),
                };
                json!({"situation": name, "verdict": word, "why": why})
            })
            .collect();
        let [same, better, differs] = self.counts();
        json!({"situations": rows, "same": same, "better": better, "differs": differs})
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, verdict) in &self.0 {
            let word = match verdict {
                Verdict::Same => "same",
                Verdict::Better(_) => "better",
                Verdict::Differs(_) => "DIFFERS",
            };
            writeln!(f, "{name:<70} {word:>8}")?;
            let why = match verdict {
                Verdict::Same => "",
                Verdict::Better(reason) => reason,
                Verdict::Differs(how) => how.lines().next().unwrap_or_default(),
            };
            for line in folded(why, 74) {
                writeln!(f, "    {line}")?;
            }
        }
        let [same, better, differs] = self.counts();
        writeln!(
            f,
            "{} situations: {same} the same, {better} better, {differs} differ",
            self.0.len()
        )
    }
}

/// Lines of at most so many characters; a longer word has a line of its own.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_eighty_columns_and_counts() {
        let table = Table(vec![
            ("a", Verdict::Same),
            (
                "b",
                Verdict::Better(
                    "a reason that is so long that it does not fit into the eighty columns of a terminal",
                ),
            ),
            ("c", Verdict::Differs("line 1\nand more".into())),
        ]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with("3 situations: 1 the same, 1 better, 1 differ\n"), "{text}");
        assert_eq!(table.json()["differs"], 1);
    }
}
