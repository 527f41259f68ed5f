//! Checksums of files, made beside everything else: a few at a time, each a slice of time at a time,
//! so that no large file keeps a small one waiting.
//!
//! What takes longer than an observation waits goes on, and the service is observed again when it is
//! done. One per service and algorithm: another content ends the former. Not here: when a sum is
//! still right (`check::file::Fingerprint`).

use std::collections::HashMap;
use std::fs::{self, File as Open};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::setpriority_process;
use sha2::digest::DynDigest;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::content;
use crate::check::file::{Algorithm, Facts, File, Fingerprint};
use crate::clock::boot_now;
use crate::observe::Scene;

/// Readings at the same time.
const AT_ONCE: usize = 2;
/// How long one goes on while others wait.
const SLICE: Duration = Duration::from_millis(200);
/// A slice that takes this long hangs: others go on beside it.
const PLACE: Duration = Duration::from_secs(1);
/// How long an observation waits for its sums.
const PATIENCE: Duration = Duration::from_secs(2);
/// The least that a thread may ask for: whatever else has to be computed goes before.
const NICE: i32 = 19;
/// Bytes read at once.
const CHUNK: usize = 256 << 10;

type Key = (String, Algorithm);

/// The sums that are being made, and those that nobody has taken yet.
#[derive(Clone)]
pub(super) struct Sums {
    jobs: Arc<Mutex<HashMap<Key, Job>>>,
    places: Arc<Semaphore>,
}

impl Default for Sums {
    fn default() -> Self {
        Self { jobs: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

struct Job {
    of: Fingerprint,
    end: Arc<AtomicBool>,
    done: Option<String>,
}

/// A reading between two slices.
struct Reading {
    path: PathBuf,
    of: Fingerprint,
    open: Option<Open>,
    digest: Box<dyn DynDigest + Send>,
    /// Bytes read, and how many there may be: a file of `/proc` does not say how long it is.
    read: u64,
    most: u64,
    done: Option<String>,
}

impl Sums {
    /// The sum of a file with this fingerprint; none where it takes longer or cannot be made now.
    pub(super) async fn of(
        &self,
        scene: &Scene,
        file: &File,
        algorithm: Algorithm,
        of: Fingerprint,
    ) -> Option<String> {
        let (reach, service) = (&scene.files, &scene.service.name);
        let key = (service.clone(), algorithm);
        let end = Arc::new(AtomicBool::new(false));
        {
            let mut jobs = self.lock();
            match jobs.get(&key) {
                Some(job) if job.done.is_none() => {
                    if job.of != of {
                        job.end.store(true, Ordering::Relaxed);
                    }
                    return None;
                }
                Some(job) if job.of == of => return jobs.remove(&key)?.done,
                _ => {}
            }
            jobs.insert(key.clone(), Job { of, end: Arc::clone(&end), done: None });
        }
        let reading = Reading {
            path: file.path.clone(),
            of,
            open: None,
            digest: digest(algorithm),
            read: 0,
            most: scene.service.control.sizes.checksum_size,
            done: None,
        };
        let (told, sum) = oneshot::channel();
        let (sums, threads) = (self.clone(), Arc::clone(&reach.threads));
        let (inbox, service) = (Arc::clone(&reach.inbox), service.clone());
        tokio::spawn(async move {
            let made = sums.make(reading, &threads, &end).await;
            let ended = end.load(Ordering::Relaxed);
            // Whoever has waited takes it along; else it is kept until the service is observed.
            let mut jobs = sums.lock();
            jobs.remove(&key);
            match told.send(made) {
                Err(Some(hex)) => {
                    jobs.insert(key, Job { of, end, done: Some(hex) });
                }
                Err(None) if !ended => return,
                Err(None) => {}
                Ok(()) => return,
            }
            drop(jobs);
            inbox.answer(crate::message::Input::Stirred(service));
        });
        timeout(PATIENCE, sum).await.ok()?.ok()?
    }

    /// Reads slice by slice; none where it cannot be read, has changed meanwhile or is not wanted.
    async fn make(
        &self,
        mut reading: Reading,
        threads: &Arc<Semaphore>,
        end: &AtomicBool,
    ) -> Option<String> {
        while !end.load(Ordering::Relaxed) {
            // Never closed, so the errors cannot happen.
            let thread = Arc::clone(threads).acquire_owned().await;
            let place = Arc::clone(&self.places).acquire_owned().await;
            let (told, mut slice) = oneshot::channel();
            let work = move || {
                let _thread = thread;
                // Of Linux's own: of this thread, not of the process. Without it, it is but ruder.
                let _ = setpriority_process(None, NICE);
                let _ = told.send(reading.slice().map(|()| reading));
            };
            // A thread of its own: a lent one would have to be given back as it was, which the kernel
            // refuses to those without privileges.
            std::thread::Builder::new().name("watchdog-sums".into()).spawn(work).ok()?;
            let read = match timeout(PLACE, &mut slice).await {
                Ok(read) => read,
                Err(_) => {
                    drop(place);
                    slice.await
                }
            };
            reading = read.ok()?.ok()?;
            if reading.done.is_some() {
                return reading.done;
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// Reads on for a slice of time.
    fn slice(&mut self) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let data = fs::metadata(&self.path)?;
                content::open(&self.path, &data)?
            }
        };
        let began = boot_now();
        let mut buffer = vec![0; CHUNK];
        while boot_now().since(began) < SLICE {
            match open.read(&mut buffer) {
                Ok(0) => {
                    self.same(&open)?;
                    let sum = self.digest.finalize_reset();
                    self.done = Some(sum.iter().map(|byte| format!("{byte:02x}")).collect());
                    return Ok(());
                }
                Ok(read) => {
                    self.read += read as u64;
                    if self.read > self.most {
                        return Err(io::Error::other("it is too large"));
                    }
                    self.digest.update(buffer.get(..read).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.same(&open)?;
        self.open = Some(open);
        Ok(())
    }

    /// Whether it is still what the sum is asked of.
    fn same(&self, open: &Open) -> io::Result<()> {
        let mut facts = Facts::default();
        super::fill(&mut facts, &open.metadata()?, crate::check::file::FileType::File);
        match facts.fingerprint() == Some(self.of) {
            true => Ok(()),
            false => Err(io::Error::other("it has changed meanwhile")),
        }
    }
}

fn digest(algorithm: Algorithm) -> Box<dyn DynDigest + Send> {
    match algorithm {
        Algorithm::Md5 => Box::new(md5::Md5::default()),
        Algorithm::Sha1 => Box::new(sha1::Sha1::default()),
        Algorithm::Sha256 => Box::new(sha2::Sha256::default()),
    }
}
