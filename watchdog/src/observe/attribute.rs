//! Whom the main process belongs to: read through its opened folder in `/proc`, once a cycle where a rule
//! asks for it.

use std::sync::Arc;

use procfs::process::Process;

use super::Scene;
use crate::check::CheckTest;
use crate::check::attribute::{Facts, Test, key};
use crate::check::file::test::Account;
use crate::identity::ProcessKey;
use crate::process::facts_of;
use crate::sys::account;

/// Longer labels are cut; none is near.
const LABEL: usize = 256;

/// Looks at the main process, where a rule asks for that.
pub(super) async fn observe(scene: &Arc<Scene>) -> Option<Facts> {
    let main = scene.main?;
    let mut names: Vec<(&'static str, String)> = Vec::new();
    let mut asked = false;
    scene.service.for_each_check_test(|test| {
        let CheckTest::Attribute(test) = test else { return };
        asked = true;
        match test {
            Test::Uid(Account::Name(name)) | Test::Euid(Account::Name(name)) => {
                names.push(("uid", name.clone()));
            }
            Test::Gid(Account::Name(name)) => names.push(("gid", name.clone())),
            _ => {}
        }
    });
    if !asked {
        return None;
    }
    let read = tokio::task::spawn_blocking(move || {
        let mut facts = read(main).unwrap_or_default();
        for (what, name) in names {
            let number = match what {
                "gid" => account::group_number(&name),
                _ => account::user_id(&name),
            };
            facts.accounts.insert(key(what, &name), number.ok());
        }
        facts
    });
    read.await.ok()
}

/// `None` where it is not that process any longer, or cannot be read.
fn read(main: ProcessKey) -> Option<Facts> {
    let process = Process::new(i32::try_from(main.pid).ok()?).ok()?;
    let status = process.status().ok()?;
    let facts = facts_of(&process).ok()?;
    if facts.key != main {
        return None;
    }
    let label = std::fs::read(format!("/proc/{}/attr/current", main.pid)).ok();
    // The folder is opened by pid for this one: it must still be the same process behind it.
    let same = facts_of(&process).is_ok_and(|facts| facts.key == main);
    let label = label.filter(|_| same).map(|bytes| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LABEL)]).into_owned();
        text.trim_end_matches(['\0', '\n']).to_owned()
    });
    Some(Facts {
        pid: Some(main.pid),
        parent: Some(facts.parent),
        uid: Some(status.ruid),
        euid: Some(status.euid),
        gid: Some(status.rgid),
        security: label.filter(|label| !label.is_empty()),
        ..Facts::default()
    })
}
