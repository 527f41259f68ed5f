//! Programs that rules run: which of them fail, so that a repeated one is told of once.
//!
//! Not here: when one is run (`judging/taking`), running it (`runner`).

use std::collections::BTreeMap;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::message::{ActionId, Context, Level, Outcome, Part};
use crate::service::{EventWord, Severity};

/// Programs under way that are remembered for one service: more than it may run at a time.
const REMEMBERED: usize = 64;

/// Which program: by the place of its rule, and its own among the rule's actions.
pub(crate) type Place = (usize, usize);

/// What is remembered of one service's rules' programs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    under_way: Vec<(ActionId, Place)>,
    /// Those that failed when they ended last, and how.
    failing: BTreeMap<Place, String>,
}

impl Programs {
    /// One is run. `again`: because its rule goes on failing.
    pub(crate) fn begin(&mut self, id: ActionId, place: Place, again: bool) {
        if !again {
            // Whoever was told of the last time is told of this time, too.
            self.failing.remove(&place);
        }
        if self.under_way.len() == REMEMBERED {
            self.under_way.remove(0);
        }
        self.under_way.push((id, place));
    }

    fn ended(&mut self, id: ActionId) -> Option<Place> {
        let at = self.under_way.iter().position(|(other, _)| *other == id)?;
        Some(self.under_way.swap_remove(at).1)
    }
}

impl Engine {
    /// A rule's program has ended. That it fails is told once while it is repeated, until it fails for
    /// another reason or runs well again.
    pub(crate) fn ran(&mut self, i: usize, id: ActionId, outcome: Outcome, at: BootTime) {
        let place = self.services[i].programs.ended(id);
        let failing = &mut self.services[i].programs.failing;
        match outcome {
            Outcome::Failed { part: Part::Exec, message } => {
                let former = place.and_then(|place| failing.insert(place, message.clone()));
                let text = format!("failed to execute {message}");
                self.log(i, Level::Error, Some(EventWord::Exec), text.clone(), at);
                if former.is_none_or(|former| reason(&former) != reason(&message)) {
                    let context = Context::plain("Execution failed", text, at);
                    self.alert_service(i, EventWord::Exec, &context, &[], Severity::Warning);
                }
            }
            Outcome::Ran => {
                let Some(former) = place.and_then(|place| failing.remove(&place)) else { return };
                let text = format!("a program has run well that had failed to execute: {former}");
                self.log(i, Level::Info, Some(EventWord::Exec), text.clone(), at);
                let context = Context::plain("Execution succeeded", text, at);
                self.alert_service(i, EventWord::Exec, &context, &[], Severity::Warning);
            }
            _ => {}
        }
    }
}

/// Why it failed. Numbers in what a program says (a time of day, a count) make no other reason.
fn reason(message: &str) -> String {
    // How it ended is ours, and its number says something; what follows is the program's.
    let end = message.find(')').map_or(0, |end| end + 1);
    let (ours, own) = message.split_at(end);
    let own = own.chars().filter(|c| !c.is_ascii_digit());
    ours.chars().chain(own).collect()
}
