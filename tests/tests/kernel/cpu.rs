//! CPU time against the kernel's own account, and the price of taking it.

use std::time::Duration;

use aya::programs::Program;
use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::source::kernel::Options;
use ebpf_watchdog::source::{ForkLimit, Limits, Source};

use watchdog_tests::until::until;

use crate::stage::{Account, Load, SERVICE, Stage};

/// Two thousand; fewer in an emulated guest, which starts some ten a second.
fn children() -> u64 {
    if std::env::var_os("EBPF_WATCHDOG_GUEST").is_some() { 300 } else { 2000 }
}

/// What the dead have used, by us and by the control group, once that agrees or for a minute:
/// what they used after the last look is known when the kernel frees them, after a grace period.
fn agreed(stage: &mut Stage, account: &Account, started: u64) -> (u64, u64) {
    let mut last = (0, 0);
    until(Duration::from_secs(60), || {
        let ours = stage.pass().group(SERVICE).dead_cpu_ns;
        // Before the first is freed that is nothing.
        last = (ours.saturating_sub(started), account.used());
        (last.0.abs_diff(last.1) < last.1 / 50).then_some(())
    });
    last
}

/// Children that no sample of the living would show.
fn churn(kind: &str) {
    let mut stage = Stage::new(&Options::default());
    let account = Account::new(kind);
    let count = children();
    let mut load = stage.born(SERVICE, &["churn", kind, &count.to_string()]);
    // The program's own start is ours alone.
    let started = stage.at_rest(load.pid());
    account.add(load.pid());
    load.say("go");
    assert_eq!(load.hear(), "done");
    load.end();
    let group = stage.until_empty(SERVICE);
    let (ours, truth) = agreed(&mut stage, &account, started);
    let off = 100.0 * (ours as f64 - truth as f64) / truth as f64;
    println!("{kind}: {ours} ns, the cgroup says {truth} ns: {off:+.3} %");
    let forks = 1 + if kind == "orphan" { 2 * count } else { count };
    assert_eq!((group.forks, group.exits), (forks, forks));
    assert!(off.abs() < 2.0, "{off} %");
}

#[test]
fn children_that_are_waited_for() {
    churn("wait");
}

#[test]
fn children_whose_parent_ignores_their_end() {
    churn("ignore");
}

#[test]
fn children_that_are_orphaned() {
    churn("orphan");
}

#[test]
fn threads_living_and_dead_count_once() {
    let mut stage = Stage::new(&Options::default());
    let account = Account::new("threads");
    let mut load = stage.born(SERVICE, &["threads", "20", "20000000"]);
    // The program's own start is ours alone.
    let started = stage.at_rest(load.pid());
    account.add(load.pid());
    load.say("go");
    assert_eq!(load.hear(), "done");
    // A thread that is reaped and not freed yet is in neither sum: a grace period of RCU later it is.
    let seen = until(Duration::from_secs(60), || {
        let pass = stage.pass();
        let sample = pass.of(load.pid()).expect("a sample").clone();
        let (ours, truth) = (sample.cpu_ns - started, account.used());
        println!("threads: {ours} ns, the cgroup says {truth} ns");
        assert!(ours < truth + truth / 50, "no thread twice: {ours} {truth}");
        let total = pass.total(SERVICE) - started;
        assert!(total < truth + truth / 50, "no thread twice: {total} {truth}");
        let counted = ours > 400_000_000 && ours.min(total) > truth - truth / 50;
        // Ten that stay and the first.
        (counted && sample.threads == 11).then_some(())
    });
    seen.expect("every thread is counted, and no dead one among the living");
    load.end();
    stage.until_empty(SERVICE);
    let (ours, truth) = agreed(&mut stage, &account, started);
    assert!(ours.abs_diff(truth) < truth / 50, "{ours} of {truth} after {started}");
    // And it stays: nothing is counted again.
    let later = stage.pass().group(SERVICE).dead_cpu_ns - started;
    assert!(later.abs_diff(truth) < truth / 50, "{later} of {truth}");
}

#[test]
fn the_price() {
    let mut stage = Stage::new(&Options::default());
    let _stats = aya::sys::enable_stats(aya::sys::Stats::RunTime).expect("bpf statistics");
    let limits =
        Limits { total_memory: Some(1 << 40), children: Some(1 << 20), ..Limits::default() };
    let forks = ForkLimit { count: 1 << 20, window: Duration::from_secs(60), brake: false };
    stage.source.limits(SERVICE, &Limits { forks: Some(forks), ..limits }).unwrap();
    let mut stranger = Load::start(&["grow"]);
    stranger.say("small 256");
    stranger.hear();
    prices(&stage, "a stranger touches 256 MB");
    stranger.end();
    let mut load = stage.born(SERVICE, &["churn", "wait", &(children() / 2).to_string()]);
    load.say("go");
    load.hear();
    let mut grower = stage.born(SERVICE, &["grow"]);
    grower.say("small 256");
    grower.hear();
    prices(&stage, "and a member, and children of a member");
    grower.end();
    let sleepers: Vec<Load> = (0..20).map(|_| stage.born(SERVICE, &["touch", "1"])).collect();
    for passes in [1, 1, 100] {
        let begin = boot_now();
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        for _ in 0..passes {
            assert!(stage.pass().complete);
        }
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let cpu = (now.tv_sec - used.tv_sec) * 1_000_000 + (now.tv_nsec - used.tv_nsec) / 1000;
        let wall = boot_now().since(begin).as_micros();
        println!("{passes} passes over 21 processes: {cpu} us of CPU, {wall} us");
    }
    drop(sleepers);
}

fn prices(stage: &Stage, when: &str) {
    println!("{when}:");
    for (name, program) in stage.source.object().programs() {
        if let Some((count, time)) = runs(program) {
            println!("{name}: {count} runs, {} ns each (statistics about 31)", time / count.max(1));
        }
    }
}

/// Runs and nanoseconds of a program, from its descriptor's account.
fn runs(program: &Program) -> Option<(u64, u64)> {
    use std::os::fd::{AsFd, AsRawFd};
    let fd = program.fd().ok()?.as_fd().as_raw_fd();
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim_start_matches(':').trim().parse().ok()
    };
    Some((value("run_cnt")?, value("run_time_ns")?))
}
