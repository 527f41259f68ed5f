//! What people should change about a service, told once: a warning in the log, and in the status for as
//! long as it holds.

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::message::Level;

impl Engine {
    pub(crate) fn advised(&mut self, name: &str, text: Option<String>, at: BootTime) {
        let Some(i) = self.services.iter().position(|state| state.service.name == name) else {
            return;
        };
        // The rules may have changed since it was looked at.
        let text = text.filter(|_| self.services[i].service.is_brought_back());
        let former = std::mem::replace(&mut self.services[i].advice, text.clone());
        if let Some(text) = text.filter(|text| former.as_ref() != Some(text)) {
            self.log(i, Level::Warning, None, text, at);
        }
    }
}
