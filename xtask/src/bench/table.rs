//! The outcome: one row per figure, for people and for programs.

use std::fmt;

use serde_json::{Value, json};

/// Rows in the order measured.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Row>);

#[derive(Debug)]
pub(super) struct Row {
    name: String,
    unit: &'static str,
    ours: f64,
    /// Where Monit has such a number.
    monit: Option<f64>,
    /// What ours is to be; empty: nothing promised.
    goal: &'static str,
}

impl Row {
    pub(super) fn goal(&mut self, goal: &'static str) {
        self.goal = goal;
    }
}

impl Table {
    /// A figure of both; one that is not a number stands for none.
    pub(super) fn row(
        &mut self,
        name: &str,
        unit: &'static str,
        ours: f64,
        monit: f64,
    ) -> &mut Row {
        self.add(name, unit, ours, Some(monit).filter(|monit| !monit.is_nan()))
    }

    /// A figure that Monit has nothing beside.
    pub(super) fn alone(&mut self, name: &str, unit: &'static str, ours: f64) -> &mut Row {
        self.add(name, unit, ours, None)
    }

    fn add(&mut self, name: &str, unit: &'static str, ours: f64, monit: Option<f64>) -> &mut Row {
        self.0.push(Row { name: name.to_owned(), unit, ours, monit, goal: "" });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    pub(super) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|row| json!({"figure": row.name, "unit": row.unit, "ebpf_watchdog": row.ours, "monit": row.monit, "goal": row.goal}))
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ours, monit, ratio_of, goal] = ["ebpf-watchdog", "Monit 5.33", "ratio", "goal"];
        writeln!(f, "{:<66} {ours:>15} {monit:>12} {ratio_of:>10}  {goal}", "")?;
        for row in &self.0 {
            let ours = number(row.ours, row.unit);
            let (monit, ratio) = match row.monit {
                Some(monit) => (number(monit, row.unit), ratio(row.ours, monit)),
                None => ("–".to_owned(), String::new()),
            };
            let line = format!("{:<66} {ours:>15} {monit:>12} {ratio:>10}  {}", row.name, row.goal);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Three digits that mean something.
fn number(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

/// `1/50` reads better than `0.02`.
fn ratio(ours: f64, monit: f64) -> String {
    match ours / monit {
        r if !r.is_finite() => String::new(),
        r if r > 0.0 && r < 0.67 => format!("1/{}", number(1.0 / r, "")),
        r => number(r, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_as_people_say_them() {
        assert_eq!(number(1234.5, "ms"), "1234 ms");
        assert_eq!(number(0.1234, "ms"), "0.123 ms");
        assert_eq!(number(12.0, ""), "12.0");
        assert_eq!(ratio(1.0, 50.0), "1/50.0");
        assert_eq!(ratio(3.0, 2.0), "1.50");
    }
}
