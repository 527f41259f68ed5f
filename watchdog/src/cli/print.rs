//! Standard output and error: escaped, coloured on a terminal only, silent when a pipe is closed.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use super::{Exit, Failure};
use crate::escape::one_line;

/// Lines longer than this are broken on a terminal.
const COLUMNS: usize = 80;

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// On the way to be bad, or being worked on.
    Warn,
    /// Bad.
    Bad,
    /// Not watched.
    Faint,
}

/// How texts are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Colours are wanted (a terminal, and no NO_COLOR: <https://no-color.org>).
    pub colour: bool,
    /// Long lines are broken.
    pub wrap: bool,
}

impl Style {
    /// For standard output as it is.
    pub fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        Self { colour: terminal && !Self::refused(), wrap: terminal }
    }

    /// Whether the user wants no colours anywhere.
    pub fn refused() -> bool {
        std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
    }

    /// `text` in a colour. It is not escaped here.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `text` broken at spaces so that it fits when each line begins at column `indent`; the
    /// lines after the first have that many spaces before them.
    pub fn wrap(self, text: &str, indent: usize) -> String {
        let room = COLUMNS.saturating_sub(indent);
        if !self.wrap || text.chars().count() <= room {
            return text.to_owned();
        }
        let mut out = String::new();
        let mut column = 0;
        for word in text.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > room {
                let _ = write!(out, "\n{:indent$}", "");
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out
    }
}

/// The tone of a status or a rule's state.
pub fn tone(word: &str) -> Tone {
    match word {
        "ok" => Tone::Good,
        "failing" | "given_up" => Tone::Bad,
        "unmonitored" => Tone::Faint,
        _ => Tone::Warn,
    }
}

/// Writes to standard output. Who closed the pipe has read enough: that is no error.
///
/// # Errors
/// Anything else, such as a full disk, with exit code 1.
pub fn output(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            Err(Failure { exit: Exit::Failed, text: format!("cannot write the answer: {error}") })
        }
        Ok(()) => Ok(()),
    }
}

/// Writes a failure to standard error, each of its lines escaped.
pub fn failure(text: &str) {
    let mut lines = text.lines().map(one_line);
    let mut out = format!("ebpf-watchdog: {}\n", lines.next().unwrap_or_default());
    for line in lines {
        out.push_str(&line);
        out.push('\n');
    }
    // Where standard error is closed nobody wants to know.
    let _ = io::stderr().write_all(out.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_between_words() {
        let style = Style { colour: false, wrap: true };
        let text = style.wrap(&"word ".repeat(20), 20);
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(20))));
        let plain = Style { colour: false, wrap: false };
        assert_eq!(plain.wrap(&"word ".repeat(20), 20).lines().count(), 1);
    }

    #[test]
    fn a_pipe_gets_no_colour() {
        let plain = Style { colour: false, wrap: false };
        assert_eq!(plain.paint(Tone::Bad, "x"), "x");
        let colour = Style { colour: true, wrap: true };
        assert_eq!(colour.paint(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
