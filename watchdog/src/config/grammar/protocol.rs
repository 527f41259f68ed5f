//! Sentences about protocols: the name and the options behind it.
//!
//! Not here: the connection that it is talked over (`connection`). One function a protocol.

use crate::config::vocabulary::nearest;
use crate::protocol::Protocol;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// What stands behind `protocol`: a name, and all words behind it that are about it.
    #[expect(dead_code, reason = "the sentence of a connection begins with it")]
    pub(super) fn protocol(&mut self) -> Result<Protocol, SentenceError> {
        let Some((name, span)) = self.raw() else {
            return Err(self.expected("a protocol such as `http`"));
        };
        let name = name.to_ascii_lowercase();
        let Some(protocol) = Protocol::named(&name) else {
            if Protocol::NAMES_LATER.contains(&name.as_str()) {
                let text = format!("the protocol `{name}` is not supported yet");
                return Err(SentenceError::new(span, text));
            }
            let error = SentenceError::new(span, format!("unknown protocol `{name}`"));
            let names = Protocol::NAMES.iter().map(|(name, _)| *name);
            return Err(match nearest(&name, names) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        };
        match protocol {
            Protocol::Ssh => Ok(protocol),
        }
    }
}
