//! `top [-n TIMES] [-d TIME] [--json]`: the processes of all services by CPU and memory, again and again.
//!
//! Two answers of the daemon make a table: what each process used between them. On a terminal the
//! tables follow one another until interrupted; in a pipe there is one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use hyper::Method;

use super::client::{Client, SHORTLY, block_on, read};
use super::print::{Style, Tone, cut, output, padded};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::status::top::{RunningDocument, TopDocument};
use crate::status::words;

/// Where the terminal does not say how many lines it has.
const LINES: usize = 24;
/// Lines of a table that are not processes, with one left for the prompt.
const AROUND: usize = 3;
/// Columns of a service's name, and of a program's, which the kernel keeps no longer: the table fits in 80.
/// What is longer is cut on a terminal.
const SERVICE: usize = 16;
const PROGRAM: usize = 15;

/// Asks and prints, so many times; none: for ever on a terminal, once else.
pub fn run(client: &Client, times: Option<u32>, every: Duration, json: bool) -> Done {
    let style = Style::of_stdout();
    let times = times.or_else(|| (style.columns.is_none() || json).then_some(1));
    block_on(async {
        let mut before = ask(client).await?;
        let mut shown = 0;
        while times.is_none_or(|times| shown < times) {
            tokio::time::sleep(every).await;
            let now = ask(client).await?;
            let rows = rows(&before, &now);
            if json {
                let text = serde_json::to_string(&rows.iter().map(Row::json).collect::<Vec<_>>())
                    .map_err(|error| Failure::failed(error.to_string()))?;
                output(text + "\n")?;
            } else {
                output(text(&rows, now.omitted, style))?;
            }
            before = now;
            shown += 1;
        }
        Ok(Exit::Ok)
    })?
}

async fn ask(client: &Client) -> Result<TopDocument, Failure> {
    read(&client.ask(Method::GET, "/api/v1/top", SHORTLY).await?)
}

/// A process with what it used between two answers.
struct Row<'a> {
    process: &'a RunningDocument,
    /// Of one processor; unknown where it was not there before.
    cpu: Option<f64>,
}

impl Row<'_> {
    fn json(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self.process).unwrap_or_default();
        value["cpu"] = self.cpu.into();
        value
    }
}

/// By CPU, then by memory.
fn rows<'a>(before: &TopDocument, now: &'a TopDocument) -> Vec<Row<'a>> {
    let past: HashMap<(u32, u64), f64> =
        before.processes.iter().map(|p| ((p.pid, p.start), p.cpu_seconds)).collect();
    let passed = now.at_seconds - before.at_seconds;
    let mut rows: Vec<Row<'a>> = now
        .processes
        .iter()
        .map(|process| {
            let used = past.get(&(process.pid, process.start)).map(|p| process.cpu_seconds - p);
            Row { process, cpu: used.filter(|_| passed > 0.0).map(|used| used / passed) }
        })
        .collect();
    rows.sort_by(|a, b| {
        let cpu = b.cpu.unwrap_or(-1.0).total_cmp(&a.cpu.unwrap_or(-1.0));
        cpu.then(b.process.memory_bytes.cmp(&a.process.memory_bytes))
    });
    rows
}

fn text(rows: &[Row<'_>], omitted: usize, style: Style) -> String {
    let terminal = style.columns.is_some();
    let room = if terminal { lines().saturating_sub(AROUND).max(1) } else { usize::MAX };
    let mut out = String::new();
    if terminal {
        // To the upper left corner, and nothing below.
        out.push_str("\x1b[H\x1b[J");
    }
    out.push_str("    PID USER         CPU%     MEMORY THREADS SERVICE          PROGRAM\n");
    for row in rows.iter().take(room) {
        let process = row.process;
        let user = process.user.clone().unwrap_or_else(|| process.uid.to_string());
        let cpu = row.cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.1}", cpu * 100.0));
        let cpu = format!("{cpu:>7}");
        let cpu = match row.cpu {
            Some(share) if share > 0.5 => style.paint(Tone::Bad, &cpu),
            Some(share) if share > 0.1 => style.paint(Tone::Warn, &cpu),
            _ => cpu,
        };
        let word = |text: &str, columns: usize| {
            let text = one_line(text);
            if terminal { cut(&text, columns) } else { text.into_owned() }
        };
        let _ = writeln!(
            out,
            "{:>7} {} {cpu} {:>10} {:>7} {} {}{}",
            process.pid,
            padded(&word(&user, 10), 10),
            words::bytes(Some(process.memory_bytes)),
            process.threads,
            padded(&word(&process.service, SERVICE), SERVICE),
            word(&process.program, PROGRAM),
            if process.main { " *" } else { "" },
        );
    }
    let left = rows.len().saturating_sub(room) + omitted;
    if left > 0 {
        let _ = writeln!(out, "{left} more");
    }
    out
}

/// Lines of the terminal.
fn lines() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(LINES, |size| usize::from(size.ws_row)).max(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, start: u64, cpu: f64, memory: u64) -> RunningDocument {
        RunningDocument {
            service: "web".into(),
            pid,
            start,
            main: pid == 1,
            program: "app\x1b[2J".into(),
            uid: 33,
            user: None,
            cpu_seconds: cpu,
            memory_bytes: memory,
            swap_bytes: 0,
            threads: 1,
            disk_read_bytes: 0,
            disk_write_bytes: 0,
        }
    }

    fn document(at: f64, processes: Vec<RunningDocument>) -> TopDocument {
        TopDocument { at_seconds: at, processes, omitted: 0 }
    }

    #[test]
    fn the_busiest_come_first_and_a_reused_pid_is_somebody_else() {
        let before = document(10.0, vec![process(1, 5, 1.0, 9), process(2, 5, 8.0, 9)]);
        let now = document(
            12.0,
            vec![process(2, 7, 0.5, 70), process(1, 5, 2.0, 9), process(3, 9, 0.1, 80)],
        );
        let rows = rows(&before, &now);
        let told: Vec<_> = rows.iter().map(|row| (row.process.pid, row.cpu)).collect();
        assert_eq!(told, [(1, Some(0.5)), (3, None), (2, None)]);
        let shown = text(&rows, 4, Style { colour: false, columns: None });
        assert!(shown.contains("      1 33            50.0        9 B       1 web"), "{shown}");
        assert!(shown.ends_with("4 more\n") && !shown.contains('\x1b'), "{shown}");
    }
}
