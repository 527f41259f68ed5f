//! Which stalls the kernel is to tell, and what lacks for that.
//!
//! Not here: its triggers (`crate::pressure`).

use super::Core;
use crate::message::Level;
use crate::source::Missing;

impl Core {
    /// What rules about pressure lack here, if there are any.
    pub(super) fn pressure_missing(&self) -> Option<Missing> {
        let asked = self.parts.engine.needs_pressure();
        if self.parts.host.has_pressure() {
            return self.triggers.missing().filter(|_| asked).cloned();
        }
        asked.then(|| Missing {
            what: "/proc/pressure".into(),
            why: "the kernel does not tell how long work stands still: rules about pressure are unknown"
                .into(),
            cure: "boot with psi=1 (CONFIG_PSI=y)".into(),
        })
    }

    /// Has the kernel tell stalls from now on, and says what is missing.
    pub(super) fn follow_pressure(&mut self) {
        self.triggers.set(&self.parts.engine.stalls());
        if let Some(missing) = self.pressure_missing() {
            let text = format!("{}: {}; {}", missing.what, missing.why, missing.cure);
            self.note(Level::Warning, text);
        }
    }
}
