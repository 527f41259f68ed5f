//! Whether others may rely on a service, and why not.
//!
//! Not here: what follows from it (`order`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::service::{Life, ServiceState, start_patience};
use crate::identity::NANOSECONDS_PER_TICK;
use crate::message::Verb;
use crate::service::ServiceKind;

impl ServiceState {
    /// It runs, or may run for all that is known.
    pub(super) fn may_run(&self) -> bool {
        let gone = match self.service.process() {
            Some(_) => matches!(self.life, Life::Absent { .. }),
            None => self.present() == Some(false),
        };
        self.is_stoppable() && !gone
            || self.acting.as_ref().is_some_and(|acting| acting.verb != Verb::Stop)
    }

    /// A stop of it is awaited.
    pub(super) fn is_stopping(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.verb == Verb::Stop)
            || self.acting.as_ref().is_some_and(|acting| acting.verb != Verb::Start)
    }

    /// Whether others may rely on it: it is watched, there, and nothing is done to it. What is
    /// observed must be good in all its rules.
    pub(super) fn is_ready(&self) -> bool {
        if !self.monitored || self.acting.is_some() || self.turn.is_some() {
            return false;
        }
        match self.service.kind {
            ServiceKind::System => true,
            ServiceKind::Process(_) => {
                matches!(self.life, Life::Present { .. } | Life::Untrusted { .. })
            }
            ServiceKind::Checked(_) => self.is_good(),
        }
    }

    /// Whether what keeps it from being ready may be over in a moment without anybody's help.
    pub(super) fn is_settling(&self) -> bool {
        self.acting.is_some()
            || self.turn.is_some()
            || self.wanted.is_some()
            || self.monitored
                && match self.service.kind {
                    ServiceKind::System => false,
                    ServiceKind::Process(_) => self.life == Life::Unknown,
                    ServiceKind::Checked(_) => {
                        !self.observed.stands() || self.is_withheld() && !self.is_bad()
                    }
                }
    }
}

impl Engine {
    /// Whether a rule of the service is judged now.
    pub(crate) fn is_judged(&self, i: usize) -> bool {
        let state = &self.services[i];
        state.monitored
            && state.acting.is_none()
            && state.turn.is_none()
            && self.holder(i).is_none()
    }

    /// A service that this one depends on and that is not ready: the nearest.
    pub(crate) fn holder(&self, i: usize) -> Option<usize> {
        let holds = |below: &usize| !self.services[*below].is_ready() && !self.is_silent(*below);
        self.graph.all_below(i).find(holds)
    }

    /// Outside of the minutes of its crontab nobody looks at what is observed: as long as nothing is
    /// known against it, nobody waits for it until the night.
    fn is_silent(&self, i: usize) -> bool {
        let state = &self.services[i];
        let idle = state.monitored && state.acting.is_none() && state.turn.is_none();
        let unseen = !state.observed.stands() && !state.is_bad();
        state.service.checked().is_some() && idle && unseen && self.is_asleep(i)
    }

    /// The youngest process among those that it depends on which are not older than their start may
    /// take, and when that began: what is observed of it may fail only because that is not yet up.
    pub(crate) fn just_begun(&self, i: usize, at: BootTime) -> Option<(usize, BootTime)> {
        let young = self.graph.all_below(i).filter_map(|p| {
            let state = &self.services[p];
            let born = BootTime(state.main()?.start.saturating_mul(NANOSECONDS_PER_TICK));
            let patience = start_patience(state.service.process()?);
            (!patience.is_zero() && at.since(born) <= patience).then_some((p, born))
        });
        young.max_by_key(|(_, born)| *born)
    }

    /// Why a failure of the service is not counted, for people.
    pub(crate) fn withheld(&self, i: usize, at: BootTime) -> Option<String> {
        if !self.services[i].is_withheld() || self.services[i].is_bad() {
            return None;
        }
        let (p, _) = self.just_begun(i, at)?;
        Some(format!("'{}', which it depends on, has just begun", self.services[p].service.name))
    }

    /// Why the service is not judged, for people.
    pub(crate) fn held(&self, i: usize) -> Option<String> {
        Some(self.lacking(self.holder(i)?))
    }

    /// What is the matter with a service that others depend on, for people.
    pub(super) fn lacking(&self, i: usize) -> String {
        let below = &self.services[i];
        let how = if !below.monitored {
            "is not monitored"
        } else if let Some(acting) = &below.acting {
            match acting.verb {
                Verb::Start => "is being started",
                Verb::Stop => "is being stopped",
                Verb::Restart => "is being restarted",
            }
        } else if let Some(turn) = &below.turn {
            match turn.verb {
                Verb::Start => "waits to be started",
                Verb::Stop => "waits to be stopped",
                Verb::Restart => "waits to be restarted",
            }
        } else if below.service.checked().is_some() && below.observed.stands() && below.is_bad() {
            "is failing"
        } else if below.is_settling() && below.wanted.is_none() {
            "is not known yet"
        } else {
            "is not running"
        };
        format!("'{}', which it depends on, {how}", below.service.name)
    }
}
