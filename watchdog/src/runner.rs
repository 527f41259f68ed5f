//! Carries out what the engine decides, beside the engine: it never waits for a service.
//!
//! One lane per service: its deeds happen one after another, in order; deeds of different services
//! at the same time, so a start program that hangs delays nobody else. Programs of rules run beside
//! the lanes, in bounded number. Every order is answered exactly once, whatever happens. Not here:
//! how a deed is done (`action`), and whether (`engine`).

mod lane;
mod links;
mod looks;
mod masters;
mod measure;
mod observe;
mod overflow;
mod slots;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::action::brake::{Brakes, members};
use crate::action::hanging::Calls;
use crate::action::output::trim_all;
use crate::action::probes::Probes;
use crate::action::{Deed, Failure, Protect, Tools, exec};
use crate::identity::{ProcessKey, ServiceId};
use crate::inbox::Inbox;
use crate::message::{
    Act, Acted, BrakeOrder, Input, Observe, Outcome, Part, ReleaseOrder, RunProgram,
};
use crate::sensor::Membership;
use crate::service::Service;
use crate::state::Folder;
use crate::sys::spawn::Baseline;
use lane::{Item, Lanes};
use looks::Looks;
use masters::Masters;
use measure::Measures;
use observe::Observations;
use slots::Slots;

/// How often the files of programs' output are looked at.
const TRIM: Duration = Duration::from_secs(60);

/// What a runner is made of.
pub struct RunnerParts {
    /// Where the answers go.
    pub inbox: Arc<Inbox>,
    /// Who belongs to which service.
    pub membership: Arc<dyn Membership>,
    /// The state directory: output is kept in it.
    pub folder: Arc<Folder>,
    /// Program names that are never signalled.
    pub protect: Vec<String>,
    /// The host's name, for the environment of programs.
    pub host: String,
    /// What the daemon's own priorities and limits were when it started.
    pub baseline: Baseline,
}

/// The engine's end: orders go in here and never wait.
#[derive(Clone)]
pub struct Runner {
    // Unbounded, but the engine has at most one deed per service under way, and what it may ask for
    // besides (programs of rules) is refused at the other end at once where it is too much.
    orders: mpsc::UnboundedSender<Order>,
    tools: Arc<Tools>,
}

enum Order {
    Lane(Item),
    Exec(RunProgram),
    Find(looks::Order),
    /// The names of the services that there are.
    Keep(HashSet<String>),
    Measure(ServiceId, Vec<ProcessKey>),
    Observe(Observe),
}

/// The working end: a future for the runtime of the I/O thread.
pub struct Work {
    orders: mpsc::UnboundedReceiver<Order>,
    tools: Arc<Tools>,
    masters: Arc<Masters>,
    lanes: Lanes,
    slots: Slots,
    looks: Looks,
    measures: Measures,
    observations: Observations,
}

impl Runner {
    /// Both ends. Nothing happens until [`Work::run`] is driven, on a tokio runtime with I/O and
    /// time enabled. At the end of the daemon drop the runtime with `shutdown_background`: a thread
    /// may hang on a dead network file system.
    pub fn new(parts: RunnerParts) -> (Self, Work) {
        let outputs = parts.folder.inside("output").ok().map(Arc::new);
        let tools = Arc::new(Tools {
            inbox: parts.inbox,
            membership: parts.membership,
            outputs,
            protect: RwLock::new(Arc::new(Protect(parts.protect))),
            host: parts.host,
            baseline: parts.baseline,
            calls: Calls::default(),
            brakes: Brakes::default(),
            probes: Probes::default(),
        });
        let masters = Arc::new(Masters::default());
        let (sender, orders) = mpsc::unbounded_channel();
        let work = Work {
            orders,
            tools: Arc::clone(&tools),
            lanes: Lanes::new(Arc::clone(&masters)),
            slots: Slots::default(),
            looks: Looks::new(Arc::clone(&masters)),
            measures: Measures::default(),
            observations: Observations::new(&tools.inbox),
            masters,
        };
        (Self { orders: sender, tools }, work)
    }

    /// Starts, stops or restarts a service. Answers: [`Input::Progress`], then [`Input::Acted`].
    pub fn act(&self, act: Act) {
        let (id, service, verb) = (act.id, act.service.id, act.verb);
        if self.orders.send(Order::Lane(Item::Act(act))).is_err() {
            let part = lane::part_of(verb);
            let outcome = Outcome::Failed { part, message: "the daemon is ending".to_owned() };
            self.tools.inbox.answer(Input::Acted(Acted { id, service, outcome }));
        }
    }

    /// Holds a service's processes. Answer: [`Input::Braked`].
    pub fn brake(&self, order: BrakeOrder) {
        // Without a working end the daemon is ending: it would have to let go at once.
        let _ = self.orders.send(Order::Lane(Item::Brake(order)));
    }

    /// Lets a service's processes go; `others` as [`Runner::stopped`] gave them. Answer:
    /// [`Input::Released`].
    pub fn release(&self, order: ReleaseOrder, others: Vec<ProcessKey>) {
        let _ = self.orders.send(Order::Lane(Item::Release(order, others)));
    }

    /// Who may have been stopped besides those that are noted: by the kernel, as the sensor knows;
    /// for a former run, whoever is in the group.
    pub fn stopped(&self, order: &ReleaseOrder) -> Vec<ProcessKey> {
        let service = order.service.id;
        if order.former {
            return members(&self.tools, &order.service, order.main);
        }
        self.tools.membership.braked(service).unwrap_or_default()
    }

    /// Runs a rule's program. Answer: [`Input::Acted`].
    pub fn exec(&self, run: RunProgram) {
        let (id, service) = (run.id, run.service.id);
        if self.orders.send(Order::Exec(run)).is_err() {
            let message = "the daemon is ending".to_owned();
            let outcome = Outcome::Failed { part: Part::Exec, message };
            self.tools.inbox.answer(Input::Acted(Acted { id, service, outcome }));
        }
    }

    /// Looks for a service's main process; see [`Decision::Find`](crate::message::Decision::Find).
    /// Answer: [`Input::Found`], one for all that was asked while a look was under way; of a look
    /// among `begun` only where it is there.
    pub fn find(&self, service: Arc<Service>, known: Option<ProcessKey>, begun: Vec<ProcessKey>) {
        // Without a working end nobody is left to read the answer.
        let _ = self.orders.send(Order::Find(looks::Order { service, known, begun }));
    }

    /// Reads the proportional set size of these processes. Answer: [`Input::Measured`].
    pub fn measure(&self, service: ServiceId, members: Vec<ProcessKey>) {
        // Without a working end nobody is left to read the answer.
        let _ = self.orders.send(Order::Measure(service, members));
    }

    /// Observes what no kernel event tells. Answer: [`Input::Observed`].
    pub fn observe(&self, order: Observe) {
        // Without a working end nobody is left to read the answer.
        let _ = self.orders.send(Order::Observe(order));
    }

    /// There are these services now (a new configuration): nobody else is awaited any longer.
    pub fn keep(&self, services: impl Iterator<Item = String>) {
        let _ = self.orders.send(Order::Keep(services.collect()));
    }

    /// Ends the programs that are run to be judged, with all that they started: at the end of the
    /// daemon. Waits for that at most so long.
    pub fn end_probes(&self, within: Duration) -> impl Future<Output = ()> + Send + 'static {
        let tools = Arc::clone(&self.tools);
        async move { tools.probes.end(within).await }
    }

    /// Replaces the names of programs that are never signalled (a new configuration).
    pub fn protect(&self, names: Vec<String>) {
        let mut protect = self.tools.protect.write().unwrap_or_else(PoisonError::into_inner);
        *protect = Arc::new(Protect(names));
    }
}

impl Work {
    /// Carries out orders until every [`Runner`] is dropped.
    pub async fn run(mut self) {
        self.looks.listen(&self.tools);
        self.observations.listen(&self.tools.inbox);
        let (masters, inbox) = (Arc::clone(&self.masters), Arc::clone(&self.tools.inbox));
        tokio::spawn(async move { masters.tell(&inbox).await });
        if let Some(outputs) = self.tools.outputs.clone() {
            tokio::spawn(overflow::keep_short(outputs));
        }
        let mut trim = tokio::time::interval(TRIM);
        trim.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Lane(item)) => self.lanes.enter(&self.tools, item),
                    Some(Order::Exec(run)) => self.exec(run),
                    Some(Order::Find(order)) => self.looks.enter(&self.tools, order),
                    Some(Order::Keep(names)) => {
                        self.looks.keep(&names);
                        self.observations.keep(&names);
                        self.masters.keep(&names);
                    }
                    Some(Order::Measure(service, members)) => {
                        self.measures.enter(&self.tools, service, members);
                    }
                    Some(Order::Observe(order)) => self.observations.enter(&self.tools, order),
                    None => return,
                },
                _ = trim.tick() => {
                    if let Some(outputs) = self.tools.outputs.clone() {
                        tokio::task::spawn_blocking(move || trim_all(&outputs));
                    }
                }
            }
        }
    }

    fn exec(&self, run: RunProgram) {
        let (id, service) = (run.id, run.service.id);
        let inbox = Arc::clone(&self.tools.inbox);
        let answer = move |outcome| inbox.answer(Input::Acted(Acted { id, service, outcome }));
        let slot = match self.slots.take(&run.service.name) {
            Ok(slot) => slot,
            Err(message) => return answer(Outcome::Failed { part: Part::Exec, message }),
        };
        let deed = Deed {
            id,
            tools: Arc::clone(&self.tools),
            service: run.service,
            context: run.context,
            dead: None,
        };
        tokio::spawn(async move {
            let done =
                tokio::spawn(async move { exec::exec(&deed, &run.program, slot.number()).await });
            let outcome = match done.await {
                Ok(Ok(())) => Outcome::Ran,
                Ok(Err(failure)) => failed(failure),
                Err(_) => broken(Part::Exec),
            };
            answer(outcome);
        });
    }
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed { part: failure.part, message: failure.message }
}

/// A bug of ours must not leave the engine waiting for ever.
fn broken(part: Part) -> Outcome {
    Outcome::Failed { part, message: "the action failed inside the daemon".to_owned() }
}
