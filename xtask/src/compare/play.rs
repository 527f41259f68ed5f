//! One situation before both tools, step by step, and the verdict.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::situation::{Situation, Step, Who};
use super::story::{self, Line};
use super::twin::{Programs, Twin};

/// Longest wait for a tool to say something.
const PATIENCE: Duration = Duration::from_secs(30);

/// How both told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same lines in the same order.
    Same,
    /// As foreseen, and why that is better.
    Better(&'static str),
    /// What differs.
    Differs(String),
}

/// Plays it in a new folder. With the verdict comes all that both said.
pub(super) fn play(
    situation: &Situation,
    programs: &Programs,
    folder: &Path,
) -> Result<(Verdict, String)> {
    std::fs::create_dir(folder)?;
    let start = |who, name: &str| Twin::start(who, programs, folder.join(name), situation);
    let mut stage = Stage {
        monit: Seat::of(start(Who::Monit, "monit")?),
        ours: Seat::of(start(Who::Ours, "ours")?),
    };
    let lack = stage.play(situation.play);
    let said = [&stage.monit, &stage.ours].map(|seat| seat.twin.said()).concat();
    if let Some(lack) = lack? {
        return Ok((Verdict::Differs(lack), said));
    }
    let [monit, ours] = [&stage.monit, &stage.ours].map(|seat| story::once(&seat.story()));
    let verdict = match (situation.better, story::parting(&monit, &ours, situation.tolerance)) {
        (None, None) => Verdict::Same,
        (Some(reason), Some(_)) => Verdict::Better(reason),
        (None, Some(parting)) => Verdict::Differs(parting),
        (Some(_), None) => Verdict::Differs("nothing: the reason for a difference is stale".into()),
    };
    Ok((verdict, said))
}

/// Both tools.
struct Stage<'a> {
    monit: Seat<'a>,
    ours: Seat<'a>,
}

/// A tool, and how far it was listened to.
struct Seat<'a> {
    twin: Twin<'a>,
    heard: usize,
    mails: usize,
}

impl<'a> Seat<'a> {
    fn of(twin: Twin<'a>) -> Self {
        Self { twin, heard: 0, mails: 0 }
    }

    fn story(&self) -> Vec<Line> {
        story::read(&self.twin.portless_log(), &self.twin.folder)
    }

    /// Waits until it has read its rules.
    fn begun(&mut self) -> Option<String> {
        let begun = patiently(|| match self.twin.log().contains(" started\n") {
            true => Some(true),
            false => (!self.twin.lives()).then_some(false),
        });
        (begun != Some(true)).then(|| format!("{:?} did not start", self.twin.who))
    }

    /// Waits for a line; what is missing, where it does not come.
    fn hear(&mut self, part: &str) -> Option<String> {
        let found = patiently(|| {
            let story = self.story();
            story.iter().skip(self.heard).position(|line| line.text.contains(part))
        });
        let Some(found) = found else {
            return Some(format!("{:?} did not say (next): {part}", self.twin.who));
        };
        self.heard += found + 1;
        None
    }

    /// Waits for a mail; what is missing, where it does not come.
    fn receive(&mut self, subject: &str) -> Option<String> {
        let found = patiently(|| {
            let subjects = self.twin.mailbox.subjects();
            subjects.iter().skip(self.mails).position(|one| one == subject)
        });
        let Some(found) = found else {
            let subjects = self.twin.mailbox.subjects();
            return Some(format!("{:?} sent {subjects:?}, not: {subject}", self.twin.who));
        };
        self.mails += found + 1;
        None
    }
}

/// Asks again and again, for a while.
fn patiently<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let nap = Duration::from_millis(20);
    (0..PATIENCE.as_millis() / nap.as_millis()).find_map(|_| {
        let found = ask();
        if found.is_none() {
            std::thread::sleep(nap);
        }
        found
    })
}

impl<'a> Stage<'a> {
    fn seat(&mut self, who: Who) -> &mut Seat<'a> {
        match who {
            Who::Monit => &mut self.monit,
            Who::Ours => &mut self.ours,
        }
    }

    /// Step by step; the first that was not as foreseen.
    fn play(&mut self, steps: &[Step]) -> Result<Option<String>> {
        for who in [Who::Monit, Who::Ours] {
            if let Some(lack) = self.seat(who).begun() {
                return Ok(Some(lack));
            }
        }
        for step in steps {
            if let Some(lack) = self.step(step)? {
                return Ok(Some(lack));
            }
        }
        Ok(None)
    }

    /// One step; what was not as foreseen.
    fn step(&mut self, step: &Step) -> Result<Option<String>> {
        let both = [Who::Monit, Who::Ours];
        Ok(match *step {
            Step::Do(line) => {
                for who in both {
                    self.seat(who).twin.shell(line)?;
                }
                None
            }
            Step::Order(words) => {
                for who in both {
                    self.seat(who).twin.order(words)?;
                }
                None
            }
            Step::Orders(who, words) => {
                self.seat(who).twin.order(words)?;
                None
            }
            Step::Holds(line) => both.into_iter().find_map(|who| {
                let twin = &self.seat(who).twin;
                let found = patiently(|| twin.shell(line).is_ok().then_some(()));
                found.is_none().then(|| format!("not so for {who:?}: {line}"))
            }),
            Step::Say(part) => both.into_iter().find_map(|who| self.seat(who).hear(part)),
            Step::Says(who, part) => self.seat(who).hear(part),
            Step::Mail(subject) => both.into_iter().find_map(|who| self.seat(who).receive(subject)),
            Step::Reload => {
                for who in both {
                    self.seat(who).twin.signal(Signal::HUP)?;
                }
                None
            }
            Step::Dies(who) => {
                let dead = patiently(|| (!self.seat(who).twin.lives()).then_some(()));
                dead.is_none().then(|| format!("{who:?} goes on"))
            }
            Step::Lives(who) => {
                (!self.seat(who).twin.lives()).then(|| format!("{who:?} has ended"))
            }
            Step::Cycles(cycles) => {
                let begun = both.map(|who| self.seat(who).twin.cycles());
                let lack = both.into_iter().zip(begun).find_map(|(who, begun)| {
                    let twin = &self.seat(who).twin;
                    let passed = patiently(|| (twin.cycles() >= begun + cycles).then_some(()));
                    passed.is_none().then(|| format!("{who:?} had no {cycles} cycles"))
                });
                // What was judged side by side with the last of them.
                std::thread::sleep(Duration::from_millis(200));
                lack
            }
            Step::Count(who, part, count) => {
                let story = self.seat(who).story();
                let said = story.iter().filter(|line| line.text.contains(part)).count();
                (said != count).then(|| format!("{who:?} said {said} times, not {count}: {part}"))
            }
        })
    }
}
