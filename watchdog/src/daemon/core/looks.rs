//! What the sensor has is taken and handed to the engine.
//!
//! Not here: how the sensor knows it (`crate::source`).

use super::Core;
use crate::clock;
use crate::event::Event;
use crate::message::{Input, Stamped};

impl Core {
    /// Takes what the sensor has.
    pub(super) fn drain(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        self.parts.source.drain(&mut seen);
        let lost = seen.iter().any(|event| matches!(event, Event::Lost { .. }));
        self.take(&mut seen);
        self.seen = seen;
        if lost {
            // The pass is the repair: it shows who is really there.
            self.pass();
        }
    }

    /// Hands events on. Limits that were crossed come last: the rest may be half a pass, and a look
    /// at the service shows what is true now.
    pub(super) fn take(&mut self, seen: &mut Vec<Event>) {
        let mut crossings = Vec::new();
        let at = clock::boot_now();
        for event in seen.drain(..) {
            match event {
                Event::Crossed(crossed) => crossings.push(crossed),
                // Nothing is decided by one process of a pass, and there may be thirty thousand.
                event @ Event::Sample(_) => {
                    let input = Input::Event(event);
                    let decisions = self.parts.engine.step(Stamped { at, input });
                    self.carry(decisions);
                }
                event => self.step(Input::Event(event)),
            }
        }
        for (nth, crossed) in crossings.iter().enumerate() {
            if crossings[..nth].iter().all(|former| former.service != crossed.service) {
                let mut looked = Vec::new();
                self.parts.source.look(crossed.service, &mut looked);
                for event in looked {
                    // A crossing that the look itself saw: it was looked at.
                    self.step(match event {
                        Event::Crossed(crossed) => Input::Crossed(crossed),
                        event => Input::Event(event),
                    });
                }
            }
            self.step(Input::Crossed(*crossed));
        }
    }

    /// The sensor's upkeep. What was just read may have made some due: the sensor knows.
    pub(super) fn tend(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        self.next_tend = self.parts.source.tend(clock::boot_now(), &mut seen);
        self.take(&mut seen);
        self.seen = seen;
    }

    /// Looks at every watched process once, and at the host.
    pub(super) fn pass(&mut self) {
        self.passed = clock::boot_now();
        let mut seen = std::mem::take(&mut self.seen);
        self.parts.source.pass(&mut seen);
        self.descriptors.fill(&mut seen);
        self.take(&mut seen);
        self.seen = seen;
        if let Ok(sample) = self.parts.host.sample() {
            self.step(Input::Host(Box::new(sample)));
        }
    }
}
