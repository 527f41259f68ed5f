//! Files, directories and named pipes: what the path is now.
//!
//! A path may be on a server that does not answer. So each look is on a thread of its own, the
//! observation waits for it no longer than [`PATIENCE`], and no service has two looks under way.
//! Links are followed, as in Monit. Not here: the content (`content`) and checksums (`sums`).

mod content;
mod sums;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

use super::Scene;
use crate::check::file::test::Account;
use crate::check::file::{Facts, File, FileType, Test};
use crate::check::{self, CheckTest};
use crate::clock::wall_now;
use crate::finder::Place;
use crate::inbox::Inbox;
use crate::message::Input;
use crate::metric::bytes;
use crate::places::Places;
use crate::sys::account;
use sums::Sums;

/// A look that takes longer hangs: what it would tell is not known.
const PATIENCE: Duration = Duration::from_secs(5);
/// Looks and readings under way at most; each holds a thread for as long as it hangs.
const THREADS: usize = 128;
/// Between two observations of a file that is not yet read to its end.
const PAUSE: Duration = Duration::from_millis(100);

/// What the observations of files share.
pub(crate) struct Reach {
    /// Where the kernel tells changes.
    pub(crate) awaited: Places,
    inbox: Arc<Inbox>,
    threads: Arc<Semaphore>,
    /// The services whose look has not come back.
    looking: Arc<Mutex<HashSet<String>>>,
    sums: Sums,
}

impl Reach {
    pub(crate) fn new(awaited: Places, inbox: Arc<Inbox>) -> Self {
        Self {
            awaited,
            inbox,
            threads: Arc::new(Semaphore::new(THREADS)),
            looking: Arc::default(),
            sums: Sums::default(),
        }
    }

    /// The service is to be observed again in a moment.
    fn again(&self, service: &str) {
        let (inbox, service) = (Arc::clone(&self.inbox), service.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(PAUSE).await;
            inbox.answer(Input::Stirred(service));
        });
    }
}

/// A look under way, until it comes back.
struct Looking(Arc<Mutex<HashSet<String>>>, String);

impl Looking {
    fn begin(looking: &Arc<Mutex<HashSet<String>>>, service: &str) -> Option<Self> {
        let mut all = looking.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(service.to_owned()).then(|| Self(Arc::clone(looking), service.to_owned()))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Looks at the path, and reads what the rules want to know of its content.
pub(super) async fn observe(scene: &Arc<Scene>, file: &File) -> Facts {
    let name = &scene.service.name;
    let former = former(scene, file);
    let unknown = |why: &str| Facts {
        exists: None,
        trouble: Some(why.to_owned()),
        ..kept(file, former.as_ref())
    };
    let Some(looking) = Looking::begin(&scene.files.looking, name) else {
        return unknown("a look from before has not come back: the file system hangs");
    };
    let look = async {
        // Never closed, so the error cannot happen.
        let thread = Arc::clone(&scene.files.threads).acquire_owned().await;
        let scene = Arc::clone(scene);
        let (file, former) = (file.clone(), former.clone());
        tokio::task::spawn_blocking(move || {
            let _held = (looking, thread);
            look(&scene, &file, former.as_ref())
        })
        .await
    };
    let (mut facts, more) = match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(_)) => return unknown("the look failed inside the daemon"),
        Err(_) => return unknown("it cannot be looked at: the file system hangs"),
    };
    if more {
        scene.files.again(name);
    }
    if let Some(of) = facts.fingerprint().filter(|_| is_regular(&facts)) {
        let most = scene.service.control.sizes.checksum_size;
        for algorithm in wanted(scene, Test::algorithm) {
            if of.size > most {
                let (of, most) = (&facts.path, bytes(most as f64));
                let limit = "see `checksum_size` of `limits`";
                facts.refused =
                    Some(format!("cannot compute checksum for {of} -- it is over {most}: {limit}"));
                break;
            }
            let known = facts.sums.get(&algorithm).cloned();
            if known.as_ref().is_some_and(|sum| sum.of == of) {
                continue;
            }
            if let Some(hex) = scene.files.sums.of(scene, file, algorithm, of).await {
                let first = known.map_or_else(|| hex.clone(), |sum| sum.first);
                facts.sums.insert(algorithm, check::file::Sum { hex, first, of });
            }
        }
    }
    facts
}

/// What was observed of the same path before.
fn former(scene: &Scene, file: &File) -> Option<Facts> {
    match &scene.before.as_ref()?.facts {
        check::Facts::File(facts) if Path::new(&facts.path) == file.path => Some((**facts).clone()),
        _ => None,
    }
}

/// What stays true whatever the path is now: where reading goes on, and the sums so far.
fn kept(file: &File, former: Option<&Facts>) -> Facts {
    Facts {
        path: file.path.to_string_lossy().into_owned(),
        sums: former.map(|former| former.sums.clone()).unwrap_or_default(),
        content: former.and_then(|former| former.content.clone()),
        ..Facts::default()
    }
}

/// What the rules' tests want, each once.
fn wanted<T: PartialEq>(scene: &Scene, what: impl Fn(&Test) -> Option<T>) -> Vec<T> {
    let mut all = Vec::new();
    scene.service.for_each_check_test(|test| {
        if let CheckTest::File(test) = test
            && let Some(each) = what(test)
            && !all.contains(&each)
        {
            all.push(each);
        }
    });
    all
}

fn is_regular(facts: &Facts) -> bool {
    facts.what == Some(FileType::File) && facts.wanted.is_none()
}

/// The look. True where there is more to read.
fn look(scene: &Scene, file: &File, former: Option<&Facts>) -> (Facts, bool) {
    // First, so that no change is missed between the look and this.
    let place = file.path.parent().zip(file.path.file_name());
    let place = place.map(|(folder, name)| Place { folder: folder.into(), name: name.into() });
    scene.files.awaited.await_at(&scene.service.name, place.as_slice(), Some(&file.path));
    let now = wall_now();
    let mut facts = Facts {
        at: i64::try_from(now.as_nanosecond()).ok(),
        zone: TimeZone::system().to_offset(now).seconds(),
        ..kept(file, former)
    };
    let data = match fs::metadata(&file.path) {
        Ok(data) => data,
        Err(error) => {
            missing(&mut facts, &error);
            content::absent(scene, &mut facts);
            return (facts, false);
        }
    };
    fill(&mut facts, &data, file.what);
    name_owners(scene, &mut facts);
    let socket = data.file_type().is_socket();
    let more = is_regular(&facts) && !socket && content::read(scene, file, &mut facts, &data);
    (facts, more)
}

/// The numbers of the users and groups that rules name.
fn name_owners(scene: &Scene, facts: &mut Facts) {
    let user = |test: &Test| match test {
        Test::Uid(Account::Name(name)) => Some(name.clone()),
        _ => None,
    };
    let group = |test: &Test| match test {
        Test::Gid(Account::Name(name)) => Some(name.clone()),
        _ => None,
    };
    facts.users = numbers(wanted(scene, user), account::user_id, &mut facts.trouble);
    facts.groups = numbers(wanted(scene, group), account::group_number, &mut facts.trouble);
}

/// Permission and owner of a path that something else than a file is named by, if a rule asks for
/// them. May hang.
pub(super) fn attributes(scene: &Scene, path: &Path) -> Option<Facts> {
    wanted(scene, |test| Some(test.clone())).first()?;
    let mut facts = Facts { path: path.to_string_lossy().into_owned(), ..Facts::default() };
    match fs::metadata(path) {
        Ok(data) => {
            facts.exists = Some(true);
            facts.mode = Some(data.mode() & 0o7777);
            (facts.uid, facts.gid) = (Some(data.uid()), Some(data.gid()));
        }
        Err(error) => missing(&mut facts, &error),
    }
    name_owners(scene, &mut facts);
    Some(facts)
}

/// What the attributes say.
fn fill(facts: &mut Facts, data: &Metadata, wanted: FileType) {
    let kind = data.file_type();
    let what = if kind.is_file() || kind.is_socket() {
        FileType::File
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_fifo() {
        FileType::Fifo
    } else {
        FileType::Other
    };
    // Times beyond the year 2262 are its last.
    let time =
        |seconds: i64, ns: i64| Some(seconds.saturating_mul(1_000_000_000).saturating_add(ns));
    facts.exists = Some(true);
    facts.what = Some(what);
    facts.wanted = (what != wanted).then_some(wanted);
    facts.mode = Some(data.mode() & 0o7777);
    (facts.uid, facts.gid) = (Some(data.uid()), Some(data.gid()));
    (facts.size, facts.links) = (Some(data.size()), Some(data.nlink()));
    (facts.device, facts.inode) = (Some(data.dev()), Some(data.ino()));
    facts.atime = time(data.atime(), data.atime_nsec());
    facts.ctime = time(data.ctime(), data.ctime_nsec());
    facts.mtime = time(data.mtime(), data.mtime_nsec());
}

/// It is not there, or that cannot be told.
fn missing(facts: &mut Facts, error: &io::Error) {
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        facts.exists = Some(false);
    } else {
        facts.trouble = Some(error.to_string());
    }
}

/// The numbers of names. A database that does not answer is trouble, not an unknown name.
fn numbers(
    names: Vec<String>,
    number: impl Fn(&str) -> io::Result<u32>,
    trouble: &mut Option<String>,
) -> BTreeMap<String, Option<u32>> {
    let each = names.into_iter().map(|name| {
        let number = number(&name).map_err(|error| *trouble = Some(error.to_string())).ok();
        (name, number)
    });
    each.collect()
}
