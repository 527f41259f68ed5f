//! Cascades of services that depend on each other: a long chain, a wide fan, diamonds and random
//! graphs. The engine decides, the test answers in any order; nothing here waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use ebpf_watchdog::clock::BootTime;
use ebpf_watchdog::config::{self, HostChecks, LoadOptions, Trust};
use ebpf_watchdog::engine::Engine;
use ebpf_watchdog::event::{Event, ExitStatus, Exited};
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::message::{
    Acted, ActionId, Decision, Found, Input, Outcome, Presence, SavedState, Stamped, Verb,
};

/// `edges[i]`: what service i depends on.
type Edges = Vec<Vec<usize>>;

/// Side by side at most.
const MOST: usize = 8;

struct Stage {
    engine: Engine,
    edges: Edges,
    now: BootTime,
    pids: u32,
    mains: BTreeMap<usize, ProcessKey>,
    /// Actions without an answer yet.
    open: Vec<(usize, Verb, ActionId)>,
    stopped: Vec<usize>,
    started: Vec<usize>,
    /// What is down as far as the world goes.
    down: BTreeSet<usize>,
}

impl Stage {
    fn new(edges: Edges) -> Self {
        let mut text = String::from("services:\n");
        for (i, below) in edges.iter().enumerate() {
            let names: Vec<String> = below.iter().map(|p| format!("s{p}")).collect();
            let _ = writeln!(
                text,
                "- {{ process: s{i}, pidfile: /run/s{i}.pid, start: /bin/s, depends_on: [{}] }}",
                names.join(", ")
            );
        }
        let options =
            LoadOptions { trust: Trust::Skip, host_checks: HostChecks::Warn, host: "h".into() };
        let loaded = config::load_str("order.yaml", &text, options);
        let config = loaded.unwrap_or_else(|errors| panic!("{}", errors.render(false))).config;
        let saved = SavedState::default();
        let engine = Engine::new(Arc::new(config), &saved, "h".into(), BootTime::default());
        let mut stage = Self {
            engine,
            edges,
            now: BootTime::from_secs(1),
            pids: 0,
            mains: BTreeMap::new(),
            open: Vec::new(),
            stopped: Vec::new(),
            started: Vec::new(),
            down: BTreeSet::new(),
        };
        let decisions = stage.engine.start();
        stage.look_at(decisions);
        for i in 0..stage.edges.len() {
            let main = stage.process(i);
            stage.found(i, Presence::Present { main, candidates: 1 });
        }
        stage
    }

    fn process(&mut self, i: usize) -> ProcessKey {
        self.pids += 1;
        let main = ProcessKey { pid: self.pids, start: 0 };
        self.mains.insert(i, main);
        main
    }

    fn found(&mut self, i: usize, presence: Presence) {
        let (others, by) = (Vec::new(), Vec::new());
        let service = ServiceId(i as u32);
        self.step(Input::Found(Found { looked: self.now, service, presence, others, by }));
    }

    fn step(&mut self, input: Input) {
        let decisions = self.engine.step(Stamped { at: self.now, input });
        self.look_at(decisions);
    }

    fn above(&self, i: usize) -> Vec<usize> {
        (0..self.edges.len()).filter(|d| self.edges[*d].contains(&i)).collect()
    }

    /// Notes what is to be done, and whether it is its turn.
    fn look_at(&mut self, decisions: Vec<Decision>) {
        for decision in decisions {
            let Decision::Act(act) = decision else { continue };
            let i = act.service.id.index();
            if act.verb == Verb::Stop {
                for d in self.above(i) {
                    assert!(self.down.contains(&d), "s{i} is stopped before s{d} above it is down");
                }
            } else {
                for p in &self.edges[i] {
                    assert!(!self.down.contains(p), "s{i} is started before s{p} below it is up");
                }
            }
            self.open.push((i, act.verb, act.id));
            assert!(self.open.len() <= MOST, "{} at the same time", self.open.len());
        }
    }

    fn die(&mut self, i: usize) {
        let at = self.now;
        let exited = Exited {
            service: ServiceId(i as u32),
            process: self.mains[&i],
            main: true,
            status: ExitStatus::Signal { number: 9, core: false },
            held_bytes: None,
            comm: [0; 16],
            at,
        };
        self.down.insert(i);
        self.step(Input::Event(Event::Exited(exited)));
        self.found(i, Presence::Absent { why: "gone".into() });
    }

    /// Answers everything, in an order that the seed says, until nothing is asked any more.
    fn play(&mut self, mut seed: u64) {
        while !self.open.is_empty() {
            // Knuth's MMIX generator: any order will do, the same each time.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let nth = (seed >> 33) as usize % self.open.len();
            let (i, verb, id) = self.open.swap_remove(nth);
            let outcome = if verb == Verb::Stop {
                self.stopped.push(i);
                self.down.insert(i);
                Outcome::Stopped
            } else {
                self.started.push(i);
                self.down.remove(&i);
                Outcome::Started { main: self.process(i), candidates: 1 }
            };
            self.step(Input::Acted(Acted { id, service: ServiceId(i as u32), outcome }));
        }
    }

    /// All that stands above a service.
    fn all_above(&self, i: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        let mut next = vec![i];
        while let Some(i) = next.pop() {
            next.extend(self.above(i).into_iter().filter(|d| all.insert(*d)));
        }
        all
    }
}

/// The root dies: what is above it is stopped once and started once, nothing else is touched.
fn root_dies(edges: Edges, root: usize, seed: u64) {
    let mut stage = Stage::new(edges);
    let above = stage.all_above(root);
    stage.die(root);
    stage.play(seed);
    let mut stopped = std::mem::take(&mut stage.stopped);
    let mut started = std::mem::take(&mut stage.started);
    stopped.sort_unstable();
    started.sort_unstable();
    let expected: Vec<usize> = above.iter().copied().collect();
    assert_eq!(stopped, expected, "each that depends on it is stopped once");
    let mut expected: Vec<usize> = above.into_iter().chain([root]).collect();
    expected.sort_unstable();
    assert_eq!(started, expected, "each is started once");
    assert!(stage.down.is_empty());
}

#[test]
fn a_chain_of_fifty() {
    let mut edges: Edges = (0..50).map(|i| if i == 0 { vec![] } else { vec![i - 1] }).collect();
    edges.push(Vec::new());
    root_dies(edges.clone(), 0, 1);
    root_dies(edges, 20, 2);
}

#[test]
fn a_fan_of_five_hundred() {
    let mut edges: Edges = vec![vec![]];
    edges.extend((0..500).map(|_| vec![0]));
    edges.extend([vec![], vec![501]]);
    root_dies(edges, 0, 3);
}

#[test]
fn a_diamond() {
    let edges = vec![vec![], vec![0], vec![0], vec![1, 2], vec![]];
    for seed in 0..20 {
        root_dies(edges.clone(), 0, seed);
        root_dies(edges.clone(), 1, seed);
    }
}

#[test]
fn any_graph_in_any_order() {
    for seed in 0..60_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as usize % below.max(1)
        };
        let many = 2 + draw(30);
        let mut edges: Edges = vec![vec![]];
        for i in 1..many {
            let mut below: Vec<usize> = (0..draw(4)).map(|_| draw(i)).collect();
            below.sort_unstable();
            below.dedup();
            edges.push(below);
        }
        root_dies(edges, draw(many), seed);
    }
}
