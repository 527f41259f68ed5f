//! Standard output and error: escaped, coloured on a terminal only, silent when a pipe is closed.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Exit, Failure};
use crate::escape::one_line;

/// Of a terminal that does not say how many columns it has.
const COLUMNS: usize = 80;
/// In fewer columns nothing can be laid out.
const NARROWEST: usize = 40;
/// Longer lines are hard to read.
const WIDEST: usize = 120;

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
    /// Colours are wanted.
    pub colour: bool,
    /// Lines are broken at so many columns; none: not at all.
    pub columns: Option<usize>,
}

impl Style {
    /// For standard output as it is.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let size = || rustix::termios::tcgetwinsize(&stdout).ok();
        let columns = || match size().map_or(0, |size| usize::from(size.ws_col)) {
            0 => COLUMNS,
            columns => columns.clamp(NARROWEST, WIDEST),
        };
        Self { colour: Self::colours(terminal), columns: terminal.then(columns) }
    }

    /// Whether colours are wanted where this is a terminal or not (<https://no-color.org>,
    /// <https://bixense.com/clicolors>).
    pub fn colours(terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        set("NO_COLOR").is_none() && (forced || terminal && !dumb)
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
    /// lines after the first have that many spaces before them. A word stays whole, so that a path or a
    /// checksum can be taken from the screen.
    pub fn wrap(self, text: &str, indent: usize) -> String {
        let room = self.columns.unwrap_or(usize::MAX).saturating_sub(indent);
        if text.width() <= room {
            return text.to_owned();
        }
        let mut out = String::new();
        let mut column = 0;
        for word in text.split(' ') {
            let length = word.width();
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

/// `text` with spaces behind it, so that it takes so many columns on a screen: characters may be wide or
/// have no width.
pub fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

/// The beginning of `text` that fits in so many columns; where it does not fit, with a mark.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut taken = 1;
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken > columns {
            break;
        }
        out.push(character);
    }
    out + "…"
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
        let style = Style { colour: false, columns: Some(80) };
        let text = style.wrap(&"word ".repeat(20), 20);
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(20))));
        let plain = Style { colour: false, columns: None };
        assert_eq!(plain.wrap(&"word ".repeat(20), 20).lines().count(), 1);
        let wide = style.wrap(&"日本語 ".repeat(12), 20);
        assert!(wide.lines().all(|line| line.width() <= 80), "{wide}");
        assert!(wide.lines().count() > 1);
        let path = "/very/long".repeat(20);
        assert_eq!(style.wrap(&path, 20), path, "a word stays whole");
    }

    #[test]
    fn a_pipe_gets_no_colour() {
        let plain = Style { colour: false, columns: None };
        assert_eq!(plain.paint(Tone::Bad, "x"), "x");
        let colour = Style { colour: true, columns: Some(80) };
        assert_eq!(colour.paint(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }

    #[test]
    fn columns_are_those_of_the_screen() {
        for text in ["apache", "日本語", "e\u{301}te", "🦀"] {
            assert_eq!(padded(text, 10).width(), 10, "{text}");
        }
        assert_eq!(padded("too long", 3), "too long");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("apache", 3), "ap…");
    }
}
