//! The one-line texts of failed deeds, in Monit's shape: `(exit status 3) -- 'program': why`.

use std::time::Duration;

use crate::event::ExitStatus;

/// A program that ended and should have ended otherwise.
pub(super) fn ended(line: &str, status: ExitStatus, output: &str) -> String {
    let (code, why) = match status {
        ExitStatus::Code(code) => (i32::from(code), None),
        ExitStatus::Signal { number, .. } => (-1, Some(format!("killed by signal {number}"))),
        ExitStatus::Unknown => (-1, Some("ended, how is not known".to_owned())),
    };
    let said = match (why, output) {
        (None, "") => "no output".to_owned(),
        (None, output) => output.to_owned(),
        (Some(why), "") => why,
        (Some(why), output) => format!("{why}: {output}"),
    };
    format!("(exit status {code}) -- '{line}': {said}")
}

/// Why a program gave no status of its own, in the shape of one that did.
pub(super) fn without_status(why: &str) -> String {
    format!("(exit status -1) -- {why}")
}

/// A program that did not end.
pub(super) fn timed_out(line: &str, after: Duration, output: &str) -> String {
    let said = if output.is_empty() { String::new() } else { format!(": {output}") };
    format!("Program '{line}' timed out after {}{said}", seconds(after))
}

/// A program that could not be run at all.
pub(super) fn not_run(line: &str, why: &str) -> String {
    format!("'{line}': {why}")
}

/// `3 s`, `0.5 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_monits_shape() {
        assert_eq!(
            ended("/etc/init.d/x start", ExitStatus::Code(3), "cannot start: refused"),
            "(exit status 3) -- '/etc/init.d/x start': cannot start: refused"
        );
        assert_eq!(
            without_status(&timed_out("sleep 60", Duration::from_secs(3), "")),
            "(exit status -1) -- Program 'sleep 60' timed out after 3 s"
        );
        let killed = ExitStatus::Signal { number: 9, core: false };
        assert_eq!(ended("x", killed, ""), "(exit status -1) -- 'x': killed by signal 9");
    }
}
