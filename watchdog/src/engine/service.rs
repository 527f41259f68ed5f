//! What the engine remembers of one service.
//!
//! State only; the transitions are in `judging`, `acting` and `operator`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::brake::InForce;
use crate::engine::crossing::Armed;
use crate::engine::deaths::Deaths;
use crate::engine::levels::Levels;
use crate::engine::measure::Measure;
use crate::engine::observed::Observations;
use crate::engine::order::{Role, Turn};
use crate::engine::programs::Programs;
use crate::engine::retry::Retry;
use crate::engine::rule::RuleState;
use crate::engine::seldom::Seldom;
use crate::engine::stirring::Stirring;
use crate::identity::ProcessKey;
use crate::message::{ActionId, Context, RequestId, RuleStatus, SavedUnwatched, Verb};
use crate::sensor::WantBy;
use crate::service::{ProcessService, Service, Span, Test};

/// Restarts remembered for `N restarts within …`; more than any limit can count to.
const RESTARTS: usize = 256;

/// There may be ten thousand: what few of them have for a moment is boxed.
#[derive(Debug, Clone)]
pub(crate) struct ServiceState {
    pub service: Arc<Service>,
    pub monitored: bool,
    /// Why it is not, where that is known.
    pub unwatched: Option<Box<SavedUnwatched>>,
    pub life: Life,
    pub levels: Seldom<Levels>,
    pub rules: Vec<RuleState>,
    pub acting: Option<Box<Acting>>,
    pub retry: Retry,
    /// An attempt that waits for its time.
    pub wanted: Option<Box<Wanted>>,
    /// The last minute of local time in which it was checked by a crontab.
    pub minute: Option<i64>,
    /// An action that waits for other services.
    pub turn: Option<Box<Turn>>,
    pub restarts: u64,
    /// It was up before, so that the next start is a restart.
    pub was_up: bool,
    /// Cycle and moment of each start and restart of ours.
    pub restart_log: VecDeque<(u64, BootTime)>,
    pub deaths: Seldom<Deaths>,
    /// What the kernel watches between cycles.
    pub armed: Seldom<Armed>,
    /// PSS, where it decides.
    pub measure: Seldom<Measure>,
    /// What was observed, where something is.
    pub observed: Observations,
    /// What ended the last main process, in one line.
    pub last_death: Option<String>,
    /// What people should change about it.
    pub advice: Option<String>,
    /// The main process before this moment, while it is being found out what came after it.
    pub former_main: Option<ProcessKey>,
    /// When the last action ended: looks from before it say nothing.
    pub settled: BootTime,
    /// The last main process that the kernel told dead, and when. `/proc` shows a process as alive
    /// for a moment longer.
    pub dead: Option<(ProcessKey, BootTime)>,
    /// What a former run of the daemon had begun, until it is clear how that ended.
    pub recovering: Option<Box<Recovering>>,
    /// The brake in force, until everything is released.
    pub brake: Option<Box<InForce>>,
    /// Its rules' programs.
    pub programs: Seldom<Programs>,
    /// People know that its programs fail.
    pub failure_told: bool,
    /// Why its process is not believed, as people were told.
    pub untrusted_told: Option<String>,
    /// When a former run last knew its processes to live, until this one has looked.
    pub seen: Option<BootTime>,
    /// The end of the main process that was known last was told, by this run or a former one.
    pub ended: bool,
    /// The main process in the saved state of this boot.
    pub hint: Option<ProcessKey>,
    /// By what the kernel knows its processes when they begin, as far as the finder could tell.
    pub known_by: Vec<WantBy>,
    /// What the sensor was asked to tell.
    pub asked: Vec<WantBy>,
    /// Somebody else may be starting it.
    pub stirring: Option<Box<Stirring>>,
}

/// Whether the main process is there, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Life {
    Unknown,
    Present { main: ProcessKey, candidates: u32 },
    Absent { why: String },
    Untrusted { why: String },
}

/// An action under way.
#[derive(Debug, Clone)]
pub(crate) struct Acting {
    pub id: ActionId,
    pub verb: Verb,
    pub since: BootTime,
    pub program: Option<ProcessKey>,
    pub request: Option<RequestId>,
    /// For whose sake.
    pub role: Role,
    /// With which others it is done.
    pub cascade: u64,
}

/// An attempt that waits for its time.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub at: BootTime,
    pub verb: Verb,
    pub context: Context,
}

/// The outcome of a start that a former run had begun is awaited until its timeout.
#[derive(Debug, Clone)]
pub(crate) struct Recovering {
    pub until: BootTime,
    pub next: BootTime,
    pub program: Option<ProcessKey>,
}

/// How often the outcome of a former run's start is looked for.
pub(crate) const RECOVERY_LOOK: Duration = Duration::from_millis(250);

impl ServiceState {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let rules = service.rules.iter().map(RuleState::new).collect();
        let mut levels: Seldom<Levels> = Seldom::default();
        if service.process().is_some() {
            levels.follow(&service.rules);
        }
        Self {
            service,
            monitored: true,
            unwatched: None,
            life: Life::Unknown,
            levels,
            rules,
            acting: None,
            retry: Retry::default(),
            wanted: None,
            minute: None,
            turn: None,
            restarts: 0,
            was_up: false,
            restart_log: VecDeque::new(),
            deaths: Seldom::default(),
            armed: Seldom::default(),
            measure: Seldom::default(),
            observed: Observations::default(),
            last_death: None,
            advice: None,
            former_main: None,
            settled: BootTime::default(),
            dead: None,
            untrusted_told: None,
            recovering: None,
            brake: None,
            programs: Seldom::default(),
            failure_told: false,
            seen: None,
            ended: false,
            hint: None,
            known_by: Vec::new(),
            asked: Vec::new(),
            stirring: None,
        }
    }

    /// What was observed is about something else now, or nobody has watched since.
    pub(crate) fn forget_observed(&mut self) {
        self.observed.forget();
        self.rules.iter_mut().for_each(|rule| rule.base = None);
    }

    pub(crate) fn main(&self) -> Option<ProcessKey> {
        match self.life {
            Life::Present { main, .. } => Some(main),
            _ => None,
        }
    }

    /// The main process now, or the last that was known.
    pub(crate) fn last_known(&self) -> Option<ProcessKey> {
        self.main().or(self.former_main).or(self.hint)
    }

    /// For rules: `None` where it is not known.
    pub(crate) fn present(&self) -> Option<bool> {
        if self.service.checked().is_some() {
            return self.observed.now()?.facts.present();
        }
        match self.life {
            Life::Present { .. } => Some(true),
            Life::Absent { .. } => Some(false),
            Life::Unknown | Life::Untrusted { .. } => None,
        }
    }

    /// How far apart attempts are where a rule of the user's limits restarts in place of ours: a cycle
    /// where it counts within cycles, else as near as may be.
    pub(crate) fn own_pace(&self, cycle: Duration) -> Option<Duration> {
        let mut pace = None;
        for rule in &self.service.rules {
            rule.condition.for_each_test(&mut |test| {
                if let Test::Restarts { within, .. } = test {
                    let of_this = match within {
                        Span::Cycles(_) => cycle,
                        Span::Time(_) => Duration::ZERO,
                    };
                    pace = pace.max(Some(of_this));
                }
            });
        }
        pace
    }

    pub(crate) fn note_restart(&mut self, cycle: u64, at: BootTime) {
        if self.restart_log.len() == RESTARTS {
            self.restart_log.pop_front();
        }
        self.restart_log.push_back((cycle, at));
    }

    /// Starts and restarts of ours within a span that ends now.
    pub(crate) fn restarts_within(&self, span: &Span, cycle: u64, now: BootTime) -> u32 {
        let within = |(when, at): &&(u64, BootTime)| match span {
            Span::Cycles(cycles) => cycle.saturating_sub(*when) < u64::from(*cycles),
            Span::Time(time) => now.since(*at) <= *time,
        };
        u32::try_from(self.restart_log.iter().filter(within).count()).unwrap_or(u32::MAX)
    }

    /// The same for the same service, different for another: spreads attempts.
    pub(crate) fn seed(&self) -> u64 {
        // FNV-1a
        self.service.name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    pub(crate) fn is_startable(&self) -> bool {
        let methods = self.service.methods();
        methods.start.is_some() || methods.restart.is_some()
    }

    /// Whether there is something to stop it with: a process is stopped by signals.
    pub(crate) fn is_stoppable(&self) -> bool {
        self.service.process().is_some() || self.service.methods().stop.is_some()
    }

    /// Whether what is observed is there and good in all its rules.
    pub(crate) fn is_good(&self) -> bool {
        self.observed.stands() && !self.is_bad() && !self.is_withheld()
    }

    /// Whether what is observed is missing, or fails in one of its rules.
    pub(crate) fn is_bad(&self) -> bool {
        let failing = |rule: &RuleState| rule.status() == RuleStatus::Failing;
        let missing = self.observed.now().is_some_and(|now| now.facts.present() == Some(false));
        missing || self.observed.now().is_some() && self.rules.iter().any(failing)
    }

    /// Whether a rule's failure is not counted yet.
    pub(crate) fn is_withheld(&self) -> bool {
        self.rules.iter().any(|rule| rule.withheld)
    }

    /// Whether it is up, as far as it can be.
    pub(crate) fn is_up(&self) -> bool {
        self.main().is_some() || self.service.checked().is_some() && self.is_good()
    }
}

/// How long a restart of the service may take in all.
pub(crate) fn patience(process: &ProcessService) -> Duration {
    let stop = process.stop.as_ref().map_or(process.stop_timeout, |stop| stop.timeout);
    start_patience(process) + stop
}

/// How long a start may take in all.
pub(crate) fn start_patience(process: &ProcessService) -> Duration {
    let start = process.start.as_ref().or(process.restart.as_ref());
    start.map_or(Duration::ZERO, |start| start.timeout)
}
