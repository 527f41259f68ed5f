//! Against a kernel that latches: whatever memory does, no limit is passed without its rule knowing,
//! and nothing goes round in circles.

use std::sync::Arc;

use proptest::prelude::*;

use crate::clock::BootTime;
use crate::config::{self, HostChecks, LoadOptions, Trust};
use crate::engine::Engine;
use crate::event::{Crossed, Crossing, Event, Group, Sample};
use crate::identity::{ProcessKey, ServiceId};
use crate::message::{
    Decision, Found, HostSample, Input, Presence, RuleStatus, SavedState, Stamped,
};
use crate::sensor::Limits;

const MAIN: ProcessKey = ProcessKey { pid: 100, start: 1 };
const SERVICE: ServiceId = ServiceId(0);
const MB: u64 = 1 << 20;

/// The kernel's side: one process, limits that are told once until they are set again.
struct World {
    engine: Engine,
    now: BootTime,
    memory: u64,
    limits: Limits,
    told: bool,
    crossings: u32,
}

impl World {
    fn new(limits: &[u64]) -> Self {
        let rules: Vec<String> = limits
            .iter()
            .map(|limit| format!("      - {{ if: \"totalmem > {limit} MB\", then: alert }}\n"))
            .collect();
        let text = format!(
            "memory: rss\nservices:\n  - process: web\n    pidfile: /run/web.pid\n    rules:\n{}",
            rules.concat()
        );
        let options =
            LoadOptions { trust: Trust::Skip, host_checks: HostChecks::Warn, host: "h".into() };
        let loaded = config::load_str("test.yaml", &text, options);
        let config = loaded.unwrap_or_else(|errors| panic!("{}", errors.render(false))).config;
        let now = BootTime::from_secs(1);
        let engine = Engine::new(Arc::new(config), &SavedState::default(), "h".into(), now);
        let limits = Limits::default();
        let mut world = Self { engine, now, memory: MB, limits, told: false, crossings: 0 };
        let presence = Presence::Present { main: MAIN, candidates: 1 };
        let (others, by) = (Vec::new(), Vec::new());
        world.step(Input::Found(Found { looked: now, service: SERVICE, presence, others, by }));
        world
    }

    fn step(&mut self, input: Input) {
        for decision in self.engine.step(Stamped { at: self.now, input }) {
            match decision {
                Decision::Arm { limits, .. } => (self.limits, self.told) = (limits, false),
                Decision::Watch { .. } => (self.limits, self.told) = (Limits::default(), false),
                _ => {}
            }
        }
    }

    fn samples(&mut self) {
        let sample = Sample {
            service: SERVICE,
            process: MAIN,
            parent: 1,
            main: true,
            cpu_ns: 0,
            rss_bytes: self.memory,
            swap_bytes: 0,
            read_bytes: 0,
            write_bytes: 0,
            descriptors: None,
            threads: 1,
            zombie: false,
            uid: 0,
            comm: [0; 16],
        };
        self.step(Input::Event(Event::Sample(sample)));
        let group = Group { service: SERVICE, dead_cpu_ns: 0, forks: 0, exits: 0 };
        self.step(Input::Event(Event::Group(group)));
    }

    /// Memory becomes `megabytes`, and `then` before the look that a crossing leads to.
    fn becomes(&mut self, megabytes: u64, then: u64) {
        self.memory = megabytes * MB;
        while !self.told && self.limits.total_memory.is_some_and(|limit| self.memory > limit) {
            let value = self.memory;
            self.told = true;
            self.crossings += 1;
            self.memory = then * MB;
            self.samples();
            let looked = Event::Looked { service: SERVICE, at: self.now, complete: true };
            self.step(Input::Event(looked));
            let crossing = Crossing::TotalMemory;
            let crossed = Crossed { service: SERVICE, crossing, value, by: MAIN, at: self.now };
            self.step(Input::Crossed(crossed));
        }
        self.memory = then * MB;
    }

    fn pass(&mut self) {
        let at = self.now;
        self.samples();
        self.step(Input::Event(Event::PassEnd { at, complete: true }));
        let host = HostSample { cpus: 2, memory_total: 4096 * MB, ..HostSample::default() };
        self.step(Input::Host(Box::new(host)));
        self.step(Input::Cycle);
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now = self.now + std::time::Duration::from_millis(milliseconds);
        if self.engine.next_wake().is_some_and(|due| due <= self.now) {
            self.step(Input::Wake);
        }
        // What is over a limit that was just armed is told now.
        let memory = self.memory / MB;
        self.becomes(memory, memory);
    }

    fn failing(&self) -> Vec<bool> {
        let snapshot = self.engine.snapshot(self.now);
        let rules = snapshot.services[0].rules.iter().filter(|rule| !rule.implicit);
        rules.map(|rule| rule.state == RuleStatus::Failing).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_limit_is_passed_in_silence(
        limits in prop::collection::vec(10..1000_u64, 1..6),
        moves in prop::collection::vec((1..1100_u64, 1..1100_u64, any::<bool>(), 1..400_u64), 1..60),
    ) {
        let mut world = World::new(&limits);
        world.pass();
        for (high, then, pass, pause) in moves {
            let before = world.crossings;
            world.becomes(high, then);
            // One for each limit, and one that is not confirmed.
            prop_assert!(world.crossings - before <= limits.len() as u32 + 1);
            // So long a limit that was told in vain may stay unarmed.
            world.wait(101);
            world.wait(pause);
            if pass {
                world.pass();
            }
            let failing = world.failing();
            for (limit, failing) in limits.iter().zip(&failing) {
                prop_assert!(*failing || world.memory <= limit * MB, "{limit} MB passed in silence");
            }
            let lowest = limits
                .iter()
                .zip(&failing)
                .filter(|(_, failing)| !**failing)
                .map(|(limit, _)| limit * MB)
                .min();
            prop_assert!(!world.told);
            prop_assert_eq!(world.limits.total_memory, lowest);
        }
    }
}
