//! How far an attempt has come, for whoever ends it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::aside::{FILES_AT_ONCE, NAMES_AT_ONCE};
use crate::check::connection::{Certificate, Outcome};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    #[default]
    Name,
    Connection,
    Encryption,
    Answer,
    Echo,
    /// Files of ours that the conversation needs: passwords, certificates.
    Files,
    /// A thread for a call that may hang; others hang that long already.
    Place,
}

impl Stage {
    /// How an attempt went that did not come further in this time.
    pub(super) fn within(self, time: Duration) -> Outcome {
        let missing = match self {
            Self::Name => "the name was not resolved",
            Self::Connection => "no connection",
            Self::Encryption => "no TLS",
            Self::Answer => "no answer",
            Self::Echo => "no reply",
            Self::Files => {
                return Outcome::Unknown(
                    "files of ours cannot be read: the file system hangs".to_owned(),
                );
            }
            Self::Place => {
                return Outcome::Unknown(format!(
                    "no thread is left: {FILES_AT_ONCE} calls about files hang, or {NAMES_AT_ONCE} about names"
                ));
            }
        };
        Outcome::Failed(format!("{missing} within {} s", time.as_secs_f64()))
    }
}

/// Where an attempt stands and what it has seen.
#[derive(Default)]
pub(super) struct Progress {
    stage: Mutex<Stage>,
    certificate: Mutex<Option<Certificate>>,
}

impl Progress {
    /// Gives the stage before.
    pub(super) fn reached(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.stage.lock().unwrap_or_else(PoisonError::into_inner), stage)
    }

    pub(super) fn stage(&self) -> Stage {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shown(&self, certificate: Option<Certificate>) {
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    pub(super) fn certificate(self) -> Option<Certificate> {
        self.certificate.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
