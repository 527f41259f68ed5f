//! Files, directories and named pipes: what the path is now.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::Scene;
use crate::check::file::{Facts, File};

/// Looks at the path on a blocking thread.
pub(super) async fn observe(_scene: &Arc<Scene>, file: &File) -> Facts {
    let path = file.path.clone();
    let read = tokio::task::spawn_blocking(move || match fs::metadata(&path) {
        Ok(data) => Facts { exists: Some(true), mode: Some(data.permissions().mode() & 0o7777) },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Facts { exists: Some(false), mode: None }
        }
        Err(_) => Facts::default(),
    });
    read.await.unwrap_or_default()
}
