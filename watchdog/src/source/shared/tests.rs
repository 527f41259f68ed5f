//! A sensor that plays back what it is given, behind the one that shares.

use std::os::fd::AsFd;

use super::*;
use crate::event::{ExitStatus, Exited, Group, Sample};

#[derive(Default)]
struct Script {
    /// What the next call gives.
    next: Vec<Event>,
    calls: Vec<String>,
    members: BTreeMap<ProcessKey, ServiceId>,
}

struct Played(Arc<Mutex<Script>>, std::fs::File);

impl Played {
    fn give(&self, into: &mut Vec<Event>) {
        into.append(&mut self.0.lock().unwrap().next);
    }

    fn called(&self, call: String) {
        self.0.lock().unwrap().calls.push(call);
    }
}

impl Source for Played {
    fn fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }
    fn drain(&mut self, into: &mut Vec<Event>) {
        self.give(into);
    }
    fn pass(&mut self, into: &mut Vec<Event>) {
        self.give(into);
    }
    fn watch(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()> {
        self.called(format!("watch {} {}", service.0, root.pid));
        self.0.lock().unwrap().members.insert(root, service);
        Ok(())
    }
    fn unwatch(&mut self, service: ServiceId) {
        self.called(format!("unwatch {}", service.0));
    }
    fn limits(&mut self, service: ServiceId, limits: &Limits) -> io::Result<()> {
        self.called(format!("limits {} deaths {}", service.0, limits.member_deaths));
        Ok(())
    }
    fn look(&mut self, service: ServiceId, into: &mut Vec<Event>) {
        let samples = |event: &Event| matches!(event, Event::Sample(s) if s.service == service);
        let script = self.0.lock().unwrap();
        into.extend(script.next.iter().filter(|event| samples(event)).cloned());
        into.push(Event::Group(group(service.0, 1)));
        into.push(Event::Looked { service, at: BootTime(1), complete: true });
    }
    fn enlist(&mut self, service: ServiceId, others: &[ProcessKey]) -> io::Result<()> {
        self.called(format!("enlist {} {}", service.0, others[0].pid));
        Ok(())
    }
    fn want(&mut self, _: ServiceId, _: &[WantBy]) {}
    fn tend(&mut self, _: BootTime, _: &mut Vec<Event>) -> Option<BootTime> {
        None
    }
    fn health(&self) -> Health {
        Health::default()
    }
    fn membership(&self) -> Arc<dyn Membership> {
        Arc::new(Members(Arc::clone(&self.0)))
    }
}

struct Members(Arc<Mutex<Script>>);

impl Membership for Members {
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        let script = self.0.lock().unwrap();
        Ok(script.members.iter().filter(|(_, of)| **of == service).map(|(key, _)| *key).collect())
    }
    fn service_of(&self, process: ProcessKey) -> io::Result<Option<ServiceId>> {
        Ok(self.0.lock().unwrap().members.get(&process).copied())
    }
    fn spawning(&self, _: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        spawn();
        Ok(())
    }
}

fn key(pid: u32) -> ProcessKey {
    ProcessKey { pid, start: u64::from(pid) }
}

fn sample(service: u32, pid: u32, parent: u32, main: bool) -> Event {
    Event::Sample(Sample {
        service: ServiceId(service),
        process: key(pid),
        parent,
        main,
        cpu_ns: 1,
        rss_bytes: 1,
        swap_bytes: 0,
        read_bytes: 0,
        write_bytes: 0,
        descriptors: None,
        threads: 1,
        zombie: false,
        uid: 0,
        comm: [0; 16],
    })
}

fn group(service: u32, dead_cpu_ns: u64) -> Group {
    Group { service: ServiceId(service), dead_cpu_ns, forks: 1, exits: 1 }
}

fn exited(service: u32, pid: u32, main: bool) -> Event {
    Event::Exited(Exited {
        service: ServiceId(service),
        process: key(pid),
        main,
        status: ExitStatus::Code(0),
        held_bytes: None,
        comm: [0; 16],
        at: BootTime(1),
    })
}

fn stage() -> (Shared, Arc<Mutex<Script>>) {
    let script = Arc::new(Mutex::new(Script::default()));
    let file = std::fs::File::open("/dev/null").unwrap();
    (Shared::new(Box::new(Played(Arc::clone(&script), file))), script)
}

/// In a few words: `0:10m` is the main process 10 of service 0.
fn words(events: &[Event]) -> Vec<String> {
    let main = |main| if main { "m" } else { "" };
    let word = |event: &Event| match event {
        Event::Sample(s) => format!("{}:{}{}", s.service.0, s.process.pid, main(s.main)),
        Event::Group(g) => format!("{} dead {} forks {}", g.service.0, g.dead_cpu_ns, g.forks),
        Event::Exited(e) => format!("{} lost {}{}", e.service.0, e.process.pid, main(e.main)),
        Event::Regrouped { service } => format!("{} regrouped", service.0),
        Event::PassEnd { .. } => "end".to_owned(),
        Event::Looked { service, .. } => format!("{} looked", service.0),
        other => format!("{other:?}"),
    };
    events.iter().map(word).collect()
}

fn pass(shared: &mut Shared, script: &Mutex<Script>, mut events: Vec<Event>) -> Vec<String> {
    events.push(Event::PassEnd { at: BootTime(1), complete: true });
    script.lock().unwrap().next = events;
    let mut seen = Vec::new();
    shared.pass(&mut seen);
    words(&seen)
}

fn calls(script: &Mutex<Script>) -> Vec<String> {
    std::mem::take(&mut script.lock().unwrap().calls)
}

#[test]
fn services_with_processes_of_their_own_are_told_as_they_were() {
    let (mut shared, script) = stage();
    shared.watch(ServiceId(0), key(10)).unwrap();
    shared.watch(ServiceId(1), key(20)).unwrap();
    let events = vec![sample(0, 10, 1, true), sample(1, 20, 1, true), Event::Group(group(0, 5))];
    assert_eq!(pass(&mut shared, &script, events), ["0:10m", "1:20m", "0 dead 5 forks 1", "end"]);
    assert_eq!(calls(&script), ["watch 0 10", "watch 1 20"]);
}

#[test]
fn a_twin_is_told_all_and_takes_over_when_the_first_is_not_watched_any_longer() {
    let (mut shared, script) = stage();
    shared.watch(ServiceId(0), key(10)).unwrap();
    shared.watch(ServiceId(1), key(10)).unwrap();
    shared.watch(ServiceId(0), key(10)).unwrap();
    shared.watch(ServiceId(1), key(10)).unwrap();
    let watched: Vec<_> =
        calls(&script).into_iter().filter(|call| call.starts_with("watch")).collect();
    assert_eq!(watched, ["watch 0 10", "watch 0 10"], "never for the twin");
    let seen = pass(&mut shared, &script, vec![sample(0, 10, 1, true), Event::Group(group(0, 5))]);
    assert_eq!(seen, ["0:10m", "1:10m", "0 dead 5 forks 1", "1 dead 5 forks 1", "end"]);
    assert_eq!(shared.membership().members(ServiceId(1)).unwrap(), [key(10)]);
    script.lock().unwrap().next = vec![sample(0, 10, 1, true)];
    let mut seen = Vec::new();
    shared.look(ServiceId(1), &mut seen);
    assert_eq!(words(&seen), ["1:10m", "1 dead 1 forks 1", "1 looked"]);
    let deaths = Limits { member_deaths: true, ..Limits::default() };
    shared.limits(ServiceId(1), &deaths).unwrap();
    assert_eq!(calls(&script), ["limits 0 deaths true"]);

    shared.unwatch(ServiceId(0));
    assert_eq!(calls(&script), ["unwatch 0", "watch 1 10", "limits 1 deaths true"]);
    let seen = pass(&mut shared, &script, vec![sample(1, 10, 1, true)]);
    assert_eq!(seen, ["1:10m", "end"]);
    script.lock().unwrap().next = vec![exited(1, 10, true)];
    let mut seen = Vec::new();
    shared.drain(&mut seen);
    assert_eq!(words(&seen), ["1 lost 10m"]);
    // It has the group now: the next of that process is its twin.
    shared.watch(ServiceId(2), key(10)).unwrap();
    assert_eq!(shared.membership().members(ServiceId(2)).unwrap(), [key(10)]);
    assert_eq!(calls(&script), ["unwatch 2", "limits 1 deaths true"]);
}

#[test]
fn a_twin_that_is_not_watched_any_longer_leaves_the_first_alone() {
    let (mut shared, script) = stage();
    shared.watch(ServiceId(0), key(10)).unwrap();
    shared.watch(ServiceId(1), key(10)).unwrap();
    calls(&script);
    shared.unwatch(ServiceId(1));
    assert_eq!(calls(&script), [] as [&str; 0]);
    // Its next process is its own.
    shared.watch(ServiceId(1), key(30)).unwrap();
    assert_eq!(calls(&script), ["watch 1 30"]);
    assert!(shared.ties.is_plain());
}

#[test]
fn the_first_goes_on_to_another_process_and_the_twin_stays_with_the_old_one() {
    let (mut shared, script) = stage();
    shared.watch(ServiceId(0), key(10)).unwrap();
    shared.watch(ServiceId(1), key(10)).unwrap();
    calls(&script);
    shared.watch(ServiceId(0), key(20)).unwrap();
    assert_eq!(calls(&script), ["watch 1 10", "limits 1 deaths false", "watch 0 20"]);
    assert!(shared.ties.is_plain());
}

#[test]
fn a_process_that_ended_makes_no_twin() {
    let (mut shared, script) = stage();
    shared.watch(ServiceId(0), key(10)).unwrap();
    script.lock().unwrap().members.clear();
    let error = shared.watch(ServiceId(1), key(10)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn what_is_below_counts_above() {
    let (mut shared, script) = stage();
    for (service, pid) in [(0, 10), (1, 20), (2, 30)] {
        shared.watch(ServiceId(service), key(pid)).unwrap();
    }
    let deaths = Limits { member_deaths: true, ..Limits::default() };
    shared.limits(ServiceId(0), &deaths).unwrap();
    calls(&script);
    // 10 has the child 11, that has 20 (service 1), and that has 30 (service 2).
    let events = || {
        let samples = [(0, 10, 1), (0, 11, 10), (1, 20, 11), (2, 30, 20)];
        let mut events: Vec<Event> = samples
            .map(|(service, pid, parent)| sample(service, pid, parent, pid % 10 == 0))
            .into();
        events.extend((0..3).map(|service| Event::Group(group(service, 1 << service))));
        events
    };
    let all = [
        "0:10m",
        "0:11",
        "1:20m",
        "0:20",
        "2:30m",
        "1:30",
        "0:30",
        "0 dead 7 forks 3",
        "1 dead 6 forks 2",
        "2 dead 4 forks 1",
        "end",
    ];
    let seen = pass(&mut shared, &script, events());
    assert_eq!(seen, [&["0 regrouped", "1 regrouped"][..], &all[..]].concat());
    assert!(calls(&script).contains(&"limits 2 deaths true".to_owned()), "0 wants each death");
    assert_eq!(pass(&mut shared, &script, events()), all, "told once that it is so");

    script.lock().unwrap().next = vec![exited(2, 30, true)];
    let mut seen = Vec::new();
    shared.drain(&mut seen);
    assert_eq!(words(&seen), ["2 lost 30m", "1 lost 30", "0 lost 30"]);

    script.lock().unwrap().next = events();
    let mut seen = Vec::new();
    shared.look(ServiceId(1), &mut seen);
    assert_eq!(words(&seen), ["1:20m", "1:30", "1 dead 2 forks 2", "1 looked"]);
    // A look at what is below is a part to those above: they are not told of it.
    let mut seen = Vec::new();
    shared.look(ServiceId(2), &mut seen);
    assert_eq!(words(&seen), ["2:30m", "2 dead 1 forks 1", "2 looked"]);

    calls(&script);
    shared.unwatch(ServiceId(1));
    assert_eq!(calls(&script), ["unwatch 1", "enlist 0 20"]);
    let events = vec![sample(0, 10, 1, true), sample(0, 20, 10, false), sample(2, 30, 20, true)];
    let seen = pass(&mut shared, &script, events);
    assert_eq!(seen, ["0 regrouped", "0:10m", "0:20", "2:30m", "0:30", "end"]);
    // Its parent has ended: it is nobody's child now.
    let events = vec![sample(0, 10, 1, true), sample(2, 30, 1, true)];
    assert_eq!(pass(&mut shared, &script, events), ["0 regrouped", "0:10m", "2:30m", "end"]);
}
