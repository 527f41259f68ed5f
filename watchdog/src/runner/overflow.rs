//! Keeps what programs write from filling the disk: inotify tells that something was written, and what
//! is too long is cut at once.
//!
//! Whoever writes as fast as it can is cut every 10 ms. Without inotify there is the look each minute
//! (`runner`). Why it is files and no pipes: `action::output`.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::time::{Instant, sleep};

use crate::action::output::{trim_all, trim_one};
use crate::state::Folder;
use crate::sys::readable::Readable;

/// Bytes of events read at once.
const BUFFER: usize = 8192;
/// Events taken in one reading. More stay with the kernel, which bounds them.
const EVENTS: usize = 16_384;
/// Between two readings; the shorter one while something is cut.
const PAUSE: Duration = Duration::from_millis(100);
const FLOOD_PAUSE: Duration = Duration::from_millis(10);
/// It is said at most this often, and only of whoever was cut so many times meanwhile.
const SAID: Duration = Duration::from_secs(60);
const OFTEN: u32 = 10;

/// Whose files were written to.
#[derive(Debug, Default)]
struct Written {
    names: Vec<String>,
    /// The kernel has not told all.
    anybody: bool,
}

/// Cuts for ever; ends where the kernel tells nothing.
pub(super) async fn keep_short(outputs: Arc<Folder>) {
    let Ok(watcher) = watch(&outputs) else { return };
    let Ok(watcher) = Readable::new(Arc::new(watcher)) else { return };
    let mut cuts: HashMap<String, u32> = HashMap::new();
    let mut said = Instant::now();
    while let Ok(written) = watcher.when(read).await {
        let outputs = Arc::clone(&outputs);
        let cut = tokio::task::spawn_blocking(move || cut(&outputs, written)).await;
        let cut = cut.unwrap_or_default();
        let pause = if cut.is_empty() { PAUSE } else { FLOOD_PAUSE };
        for name in cut {
            *cuts.entry(name).or_default() += 1;
        }
        if said.elapsed() >= SAID {
            said = Instant::now();
            for (name, times) in cuts.drain().filter(|(_, times)| *times >= OFTEN) {
                log::warn!("output/{name} grows fast: it was cut {times} times within a minute");
            }
        }
        sleep(pause).await;
    }
}

fn watch(outputs: &Folder) -> io::Result<OwnedFd> {
    let watcher = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let path = format!("/proc/self/fd/{}", outputs.as_fd().as_raw_fd());
    inotify::add_watch(&watcher, path, WatchFlags::MODIFY | WatchFlags::ONLYDIR)?;
    Ok(watcher)
}

fn read(watcher: &OwnedFd) -> io::Result<Written> {
    let mut written = Written::default();
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut reader = Reader::new(watcher, &mut buffer);
    for nth in 0..EVENTS {
        let event = match reader.next() {
            Ok(event) => event,
            Err(Errno::AGAIN) if nth > 0 => break,
            Err(error) => return Err(error.into()),
        };
        written.anybody |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
        let name = event.file_name().and_then(|name| name.to_str().ok());
        written.names.extend(name.map(str::to_owned));
    }
    written.names.sort_unstable();
    written.names.dedup();
    Ok(written)
}

/// Whose were cut.
fn cut(outputs: &Folder, written: Written) -> Vec<String> {
    if written.anybody {
        return trim_all(outputs);
    }
    written.names.into_iter().filter(|name| trim_one(outputs, name)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn who_writes_too_much_is_cut_and_goes_on_writing() {
        let temp = tempfile::tempdir().unwrap();
        let outputs = Arc::new(Folder::open(&temp.path().join("output")).unwrap());
        let (mut loud, mut quiet) =
            (outputs.append("loud.log").unwrap(), outputs.append("quiet.log").unwrap());
        let keeper = tokio::spawn(keep_short(Arc::clone(&outputs)));
        quiet.write_all(b"kept").unwrap();
        for _ in 0..3 {
            // The first may come before anybody listens, so it is said again until it is heard.
            let limit = Instant::now() + Duration::from_secs(60);
            loop {
                loud.write_all(&vec![b'x'; (1 << 20) + 1]).unwrap();
                sleep(Duration::from_millis(20)).await;
                if loud.metadata().unwrap().len() <= 1 << 20 {
                    break;
                }
                assert!(Instant::now() < limit, "nobody cuts");
            }
        }
        assert_eq!(quiet.metadata().unwrap().len(), 4);
        keeper.abort();
    }
}
