//! The password of a conversation, read anew for each: who changes it need not tell us.

use std::io::Read;
use std::path::Path;

use super::aside::{FILES, aside};
use super::{Progress, Stage, Trouble};
use crate::protocol::Protocol;
use crate::trust::open_secret;

/// No password is longer.
const LONGEST: u64 = 4096;

/// What stands in the protocol's file, where it has one. A file that is not root's alone, or not there,
/// says nothing of the server.
pub(super) async fn of(
    protocol: &Protocol,
    progress: &Progress,
) -> Result<Option<String>, Trouble> {
    let Some(path) = protocol.password_file().map(Path::to_owned) else { return Ok(None) };
    let (what, stage) = (path.display().to_string(), progress.reached(Stage::Files));
    let text = aside(&FILES, &what, progress, move || read(&path)).await?;
    progress.reached(stage);
    text.map(Some).map_err(Trouble::Ours)
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = open_secret(path).map_err(|error| error.to_string())?;
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
