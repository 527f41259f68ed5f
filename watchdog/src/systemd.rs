//! What systemd says of units: the main process, whether one is being started, and whether systemd
//! starts it again by itself.
//!
//! Asked when processes have come into a unit's cgroup and when the rule file is read, never per cycle:
//! the answer costs a program. Its cgroup tells who belongs to a unit; which of them is the main process
//! only systemd knows for sure, as `ExecStartPre=` and `ExecReload=` programs are in there too. The
//! program is given little time, and without an answer nothing is known. Not here: starting and
//! stopping units (`action`, as any program).

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::clock::boot_now;
use crate::trust::trusted_program;

/// There while systemd runs this host.
const RUNS: &str = "/run/systemd/system";
const PROGRAM: &str = "/usr/bin/systemctl";
/// The manager answers within milliseconds; one that is busy reloading, within seconds.
const LIMIT: Duration = Duration::from_secs(3);
const LONGEST: usize = 64 << 10;
/// Units that are asked for at once.
pub(crate) const AT_ONCE: usize = 256;

/// What systemd knows of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Unit {
    /// Its main process, where it has one.
    pub(crate) main: Option<u32>,
    /// It is being started.
    pub(crate) starting: bool,
}

/// Asks systemd. `None` where it does not run this host or does not answer in time.
pub(crate) fn ask(unit: &str) -> Option<Unit> {
    runs().then(|| ask_program(Path::new(PROGRAM), unit, LIMIT))?
}

/// Whether systemd runs this host.
pub(crate) fn runs() -> bool {
    Path::new(RUNS).is_dir()
}

/// What systemd does by itself when each of these units ends (`Restart=`); none where that is nothing
/// or not known. At most [`AT_ONCE`]. `None` where systemd does not run this host or does not answer.
pub(crate) fn policies(units: &[String]) -> Option<Vec<Option<String>>> {
    if !runs() || units.is_empty() {
        return None;
    }
    let said = show(Path::new(PROGRAM), "Id,Restart", units, LIMIT)?;
    Some(restarts(&said, units.len()))
}

/// What is to be said of a unit that both systemd and we start again.
pub(crate) fn two_masters(unit: &str, policy: &str) -> String {
    format!("unit {unit} has Restart={policy}: systemd starts it again as well as its rules do")
}

/// The way out of that.
pub(crate) fn one_master(unit: &str) -> String {
    format!(
        "set Restart=no by `systemctl edit {unit}`, or leave it to systemd: `then: alert` for \
         `does not exist`"
    )
}

fn ask_program(program: &Path, unit: &str, limit: Duration) -> Option<Unit> {
    let units = [unit.to_owned()];
    show(program, "MainPID,ActiveState", &units, limit).map(|text| parse(&text))
}

fn show(program: &Path, what: &str, units: &[String], limit: Duration) -> Option<Vec<u8>> {
    trusted_program(program).ok()?;
    let mut child = Command::new(program)
        .args(["show", &format!("--property={what}"), "--"])
        .args(units)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let text = output(&mut child, limit);
    // A program that has closed its output, or used up its time, is not waited for any longer.
    let _ = child.kill();
    let ended = child.wait();
    ended.ok()?;
    text.ok()
}

/// What it writes until it closes its end.
fn output(child: &mut Child, limit: Duration) -> io::Result<Vec<u8>> {
    let mut pipe = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let begin = boot_now();
    let mut text = Vec::new();
    let mut some = [0; 512];
    loop {
        let left = limit.checked_sub(boot_now().since(begin)).ok_or(io::ErrorKind::TimedOut)?;
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let ready = {
            let pipe = pipe.as_fd();
            poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&timeout))
        };
        match ready {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match pipe.read(&mut some)? {
            0 => return Ok(text),
            _ if text.len() > LONGEST => return Err(io::ErrorKind::InvalidData.into()),
            n => text.extend(some.iter().take(n)),
        }
    }
}

/// `NAME=value` lines.
fn parse(text: &[u8]) -> Unit {
    let mut unit = Unit::default();
    for line in text.split(|byte| *byte == b'\n') {
        match std::str::from_utf8(line).ok().and_then(|line| line.split_once('=')) {
            Some(("MainPID", pid)) => unit.main = pid.parse().ok().filter(|pid| *pid > 1),
            Some(("ActiveState", state)) => unit.starting = state == "activating",
            _ => {}
        }
    }
    unit
}

/// A block for each unit, in their order, with an empty line between; none of what is not `count` of
/// them is believed. `Id` makes that no block is empty.
fn restarts(text: &[u8], count: usize) -> Vec<Option<String>> {
    let text = String::from_utf8_lossy(text);
    let blocks: Vec<&str> = text.trim_end().split("\n\n").collect();
    if blocks.len() != count {
        return vec![None; count];
    }
    let policy = |block: &str| {
        let value = block.lines().find_map(|line| line.strip_prefix("Restart="))?;
        let word = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        (word && !matches!(value, "" | "no")).then(|| value.to_owned())
    };
    blocks.into_iter().map(policy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_line_by_line() {
        let unit = |main, starting| Unit { main, starting };
        assert_eq!(parse(b"MainPID=812\nActiveState=active\n"), unit(Some(812), false));
        assert_eq!(parse(b"MainPID=0\nActiveState=activating\n"), unit(None, true));
        assert_eq!(parse(b"MainPID=1\n\xff\nActiveState\n"), unit(None, false));
        assert_eq!(parse(b""), unit(None, false));
    }

    #[test]
    fn what_is_started_again_is_told_for_each_unit_in_its_order() {
        let said = b"Restart=no\nId=a.service\n\nRestart=on-failure\nId=b.service\n\nId=c.scope\n";
        assert_eq!(restarts(said, 3), [None, Some("on-failure".to_owned()), None]);
        // Not for each: it is not known which is missing.
        assert_eq!(restarts(said, 2), [None, None]);
        assert_eq!(restarts(b"", 1), [None]);
        assert_eq!(restarts(b"Restart=\x1b[2J\nId=x\n", 1), [None]);
    }

    #[test]
    fn a_program_that_answers_is_believed_and_one_that_hangs_is_not_waited_for() {
        // Not below /tmp: only root may be able to write there.
        let folder = tempfile::tempdir_in("/var/lib").unwrap();
        let program = |name: &str, lines: &str| {
            let path = folder.path().join(name);
            // Not by this process: a child that another test is just forking would have it open for
            // writing, and nobody could run it then.
            let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
            let mut shell = Command::new("/bin/sh");
            assert!(shell.args(["-c", write]).arg(&path).arg(lines).status().unwrap().success());
            path
        };
        let long = Duration::from_secs(60);
        let good =
            program("good", "[ \"$4\" = x.service ] && echo MainPID=77; echo ActiveState=active");
        assert_eq!(ask_program(&good, "x.service", long).unwrap().main, Some(77));
        let hangs = program("hangs", "exec sleep 600");
        let begin = boot_now();
        assert_eq!(ask_program(&hangs, "x.service", Duration::from_millis(50)), None);
        assert!(boot_now().since(begin) < long);
        let floods = program("floods", "exec yes");
        assert_eq!(ask_program(&floods, "x.service", long), None);
        assert_eq!(ask_program(Path::new("/no/such"), "x.service", long), None);
    }
}
