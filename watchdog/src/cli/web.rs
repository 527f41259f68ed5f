//! `web`: the process of the web front, which `run` starts.
//!
//! Not here: what it does (`web::front`).

use super::{Done, Exit, Failure};
use crate::web::front::{self, FrontError};

/// Serves until the core is gone.
pub fn run() -> Done {
    front::run().map(|()| Exit::Ok).map_err(|error| match error {
        FrontError::NotOurs(error) => {
            let text = format!("`web` is started by `run`: {error}");
            Failure { exit: Exit::Usage, text }
        }
        FrontError::Failed(error) => Failure::failed(format!("web front: {error}")),
    })
}
