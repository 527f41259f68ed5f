//! Holding a service's processes, letting them go, and ending what is held.
//!
//! Freezing its own cgroup holds all of it at once. Otherwise each process gets SIGSTOP, until a
//! look finds none that was not stopped: what the last one forked is found by the next. What is
//! about to be held is remembered before it is. Never held: pid 1, ourselves and our ancestors,
//! protected programs, threads of the kernel, and whoever is not in the group.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::brake_cgroup::{Freezer, own};
use super::ending::end;
use super::family::Family;
use super::signal::{Protect, Sent, send};
use super::{Deed, Tools};
use crate::clock::boot_now;
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey};
use crate::message::{BrakeOrder, Held, ReleaseOrder};
use crate::process::{ancestors, facts, is_stopped, stands_still};
use crate::service::{BrakeHow, Service};

/// So long a storm may outrun us.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at those on their way to stop.
const PAUSE: Duration = Duration::from_millis(1);

/// What is held of each service, by its name: a reload may give its number to another.
#[derive(Default)]
pub(crate) struct Brakes(Mutex<HashMap<String, Holding>>);

#[derive(Debug, Clone, Default)]
struct Holding {
    frozen: Option<String>,
    stopped: BTreeSet<ProcessKey>,
}

impl Brakes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Holding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, service: &Service, change: impl FnOnce(&mut Holding)) {
        change(self.lock().entry(service.name.clone()).or_default());
    }

    /// What is held of a service, with what a former run noted.
    fn of(&self, service: &Service, noted: &Held) -> Holding {
        let mut holding = self.lock().get(&service.name).cloned().unwrap_or_default();
        holding.frozen = holding.frozen.or_else(|| noted.frozen.clone());
        holding.stopped.extend(&noted.stopped);
        holding
    }

    /// For the saved state.
    pub(crate) fn held(&self, service: &Service) -> Held {
        let Holding { frozen, stopped } = self.of(service, &Held::default());
        Held { frozen, stopped: stopped.into_iter().collect() }
    }
}

/// Holds the service. One line of what is held now, or of what could not be.
pub(crate) fn hold(tools: &Tools, order: &BrakeOrder) -> Result<String, String> {
    let service = &*order.service;
    let members = || members(tools, service, order.main);
    let spared = Spared { protect: tools.protect(), ancestors: ancestors() };
    let mut done = Vec::new();
    let mut frozen = HashSet::new();
    if order.how == BrakeHow::Freeze
        && let Some((freezer, inside)) = order.main.and_then(|main| own(main, &members))
        && !inside.iter().any(|pid| spared.pid(*pid))
    {
        let folder = freezer.folder.display().to_string();
        tools.brakes.note(service, |holding| holding.frozen = Some(folder.clone()));
        match freezer.set(true) {
            Ok(()) => {
                frozen = freezer.processes().unwrap_or_default().into_iter().collect();
                done.push(format!("cgroup {folder} is frozen ({} processes)", frozen.len()));
            }
            // It holds nothing, so there is nothing to let go.
            Err(_) => tools.brakes.note(service, |holding| holding.frozen = None),
        }
    }
    let begun = boot_now();
    let (mut refused, mut stopped, mut spare) = (BTreeSet::new(), HashSet::new(), HashSet::new());
    let quiet = loop {
        // One on its way to stop may fork after the look: only a look behind the last stop counts.
        let still = stopped.iter().all(|key| stands_still(*key));
        let mut found = members();
        found.retain(|key| !frozen.contains(&key.pid));
        found.retain(|key| !stopped.contains(key) && !spare.contains(key));
        if found.is_empty() && still {
            break true;
        }
        if boot_now().since(begun) > PATIENCE {
            break false;
        }
        if found.is_empty() {
            std::thread::sleep(PAUSE);
            continue;
        }
        tools.brakes.note(service, |holding| holding.stopped.extend(&found));
        for key in &found {
            match spared.send(*key, Signal::STOP) {
                Sent::Refused(why) => {
                    refused.insert(why);
                    spare.insert(*key);
                }
                Sent::Delivered | Sent::Gone => drop(stopped.insert(*key)),
            }
        }
    };
    // Not before all stand still: who is ended on the way leaves children that go on.
    let killed = match order.how {
        BrakeHow::Kill => kill(&stopped, order, &spared),
        BrakeHow::Freeze | BrakeHow::Stop => 0,
    };
    tools.brakes.note(service, |holding| holding.stopped.retain(|key| facts_of(*key).is_some()));
    if !stopped.is_empty() {
        done.push(format!("{} processes got SIGSTOP", stopped.len()));
    }
    if killed > 0 {
        done.push(format!("{killed} of them SIGKILL"));
    }
    if !refused.is_empty() {
        done.push(format!("left alone: {}", refused.into_iter().collect::<Vec<_>>().join(", ")));
    }
    if done.is_empty() {
        done.push("nobody is there to hold".to_owned());
    }
    let done = done.join(", ");
    if quiet { Ok(done) } else { Err(format!("the storm outruns it: {done}")) }
}

/// Ends the storm's part of those that were just stopped: the young, and who brought them. The main
/// process is never ended by a brake.
fn kill(found: &HashSet<ProcessKey>, order: &BrakeOrder, spared: &Spared) -> usize {
    let young = |key: &ProcessKey| key.start * NANOSECONDS_PER_TICK >= order.storm.0;
    let parents: HashSet<u32> = found
        .iter()
        .filter(|key| young(key))
        .filter_map(|key| Some(facts_of(*key)?.parent))
        .collect();
    found
        .iter()
        .filter(|key| Some(**key) != order.main && (young(key) || parents.contains(&key.pid)))
        .filter(|key| matches!(spared.send(**key, Signal::KILL), Sent::Delivered))
        .count()
}

/// Lets go of all that is held of the service; `others` are those that may have been stopped besides
/// what is noted. One line of what was held, empty where nothing was.
pub(crate) fn release(
    tools: &Tools,
    order: &ReleaseOrder,
    others: &[ProcessKey],
) -> Result<String, String> {
    let service = &*order.service;
    let holding = tools.brakes.of(service, &order.held);
    let mut done = Vec::new();
    if let Some(folder) = &holding.frozen {
        match thaw(folder) {
            Ok(true) => done.push(format!("cgroup {folder} is thawed")),
            Ok(false) => {}
            Err(why) => {
                // Held still, and remembered still.
                tools.brakes.note(service, |kept| *kept = holding.clone());
                return Err(why);
            }
        }
    }
    // The kernel stops forkers by itself at a crossing, and a former run's note may lack the last.
    let others = others.iter().filter(|key| !holding.stopped.contains(key));
    // Whom the kernel has stopped may not stand still yet: the signal waits for the end of its fork,
    // and CONT takes it away. Of a former run's group only those are meant that do.
    let others = others.filter(|key| !order.former || is_stopped(**key));
    let everybody: Vec<ProcessKey> = holding.stopped.iter().chain(others).copied().collect();
    // Whoever is protected since: it is let go all the same.
    let nobody = Protect::default();
    let free = |key: &&ProcessKey| send(**key, Signal::CONT, &nobody) == Sent::Delivered;
    let freed = everybody.iter().filter(free).count();
    tools.brakes.lock().remove(&service.name);
    if freed > 0 {
        done.push(format!("{freed} processes got SIGCONT"));
    }
    Ok(done.join(", "))
}

/// Ends all that is held. While it is held: set free, a storm would go on.
pub(crate) async fn end_held(deed: &Deed, main: Option<ProcessKey>) {
    let tools = &deed.tools;
    let holding = tools.brakes.of(&deed.service, &Held::default());
    let mut who = || {
        let mut all = deed.group(main);
        let others: Vec<_> = holding.stopped.iter().filter(|key| !all.contains(key)).collect();
        all.extend(others.into_iter().filter(|key| facts_of(**key).is_some()));
        all
    };
    let held = who();
    let protect = tools.protect();
    for key in &held {
        send(*key, Signal::KILL, &protect);
    }
    // Those frozen by v1 die when they are thawed; the spared live on.
    let order = ReleaseOrder {
        id: deed.id,
        service: Arc::clone(&deed.service),
        main,
        held: Held::default(),
        former: false,
    };
    if let Err(why) = release(tools, &order, &held) {
        deed.doing(format!("brake: {why}"));
    }
    end(&mut who, Duration::ZERO, &protect).await;
    if !held.is_empty() {
        deed.doing(format!("brake: ended {} processes that were held", held.len()));
    }
}

/// Thaws a cgroup. False where it is gone, and everybody in it.
fn thaw(folder: &str) -> Result<bool, String> {
    let freezer = match Freezer::at(Path::new(folder)) {
        Ok(freezer) => freezer,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(format!("cgroup {folder}: {error}")),
    };
    match freezer.set(false) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(false),
        Err(error) => Err(format!("cgroup {folder} cannot be thawed: {error}")),
    }
}

/// The group's processes; where the sensor cannot say, what descends from the main process.
pub(crate) fn members(
    tools: &Tools,
    service: &Service,
    main: Option<ProcessKey>,
) -> Vec<ProcessKey> {
    match tools.membership.members(service.id) {
        Ok(members) if !members.is_empty() => members,
        _ => main.map(|main| Family::of(main).living()).unwrap_or_default(),
    }
}

/// Who is never held.
struct Spared {
    protect: Arc<Protect>,
    ancestors: Vec<u32>,
}

impl Spared {
    fn send(&self, key: ProcessKey, signal: Signal) -> Sent {
        if self.ancestors.contains(&key.pid) {
            return Sent::Refused(format!("process {} is an ancestor of this daemon", key.pid));
        }
        send(key, signal, &self.protect)
    }

    fn pid(&self, pid: u32) -> bool {
        let spared = |facts| self.protect.spares(&facts).is_some();
        self.ancestors.contains(&pid) || facts(pid).ok().flatten().is_some_and(spared)
    }
}

fn facts_of(key: ProcessKey) -> Option<crate::process::Facts> {
    facts(key.pid).ok().flatten().filter(|facts| facts.key == key && !facts.dead)
}
