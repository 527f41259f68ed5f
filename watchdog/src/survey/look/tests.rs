//! The ranking on given data, and looks at this very process.

use super::*;

fn row(pid: u32, start: u64, parent: u32, number: u64) -> Row {
    Row { key: ProcessKey { pid, start }, parent, comm: format!("p{pid}"), number }
}

fn numbers(rows: Vec<Row>) -> Vec<(u32, u64)> {
    rows.into_iter().map(|row| (row.key.pid, row.number)).collect()
}

#[test]
fn the_three_worst_come_first_and_nothing_is_no_number() {
    let rows = vec![
        row(5, 1, 1, 10),
        row(2, 1, 1, 300),
        row(9, 1, 1, 0),
        row(4, 1, 1, 10),
        row(7, 1, 1, 40),
    ];
    assert_eq!(numbers(ranked(rows)), [(2, 300), (7, 40), (4, 10)]);
    assert_eq!(numbers(ranked(vec![row(9, 1, 1, 0)])), []);
}

#[test]
fn what_counts_up_is_compared_with_the_same_process_only() {
    let before = [row(2, 10, 1, 100), row(3, 10, 1, 500), row(4, 10, 1, 7)];
    let after = vec![
        row(2, 10, 1, 130),
        // Another process under a number that was used before: begun since, so all is new.
        row(3, 90, 1, 20),
        // Counted back: a kernel that corrects itself.
        row(4, 10, 1, 5),
        // The first look had no time for it: what it did before is not known.
        row(8, 20, 1, 9999),
    ];
    assert_eq!(numbers(grown(&before, after, 80)), [(2, 30), (3, 20), (4, 0)]);
}

#[test]
fn parents_are_ranked_by_their_young_children() {
    let rows = [
        row(1, 0, 0, 0),
        row(20, 5, 1, 0),
        row(21, 95, 20, 0),
        row(22, 96, 20, 0),
        row(23, 50, 20, 0),
        row(30, 94, 1, 0),
        row(31, 99, 30, 0),
        // Its parent ended between.
        row(32, 99, 77, 0),
    ];
    assert_eq!(numbers(ranked(parents(&rows, 94))), [(20, 2), (1, 1), (30, 1)]);
}

fn later() -> BootTime {
    boot_now() + Duration::from_secs(60)
}

fn own(walk: Walk) -> Row {
    let pid = std::process::id();
    walk.rows.into_iter().find(|row| row.key.pid == pid).expect("we are there")
}

#[test]
fn what_we_hold_and_have_open_is_seen() {
    let block = vec![1_u8; 64 << 20];
    let memory = own(walk(SurveyBy::Memory, later()).expect("proc"));
    assert!(memory.number >= block.len() as u64, "{memory:?}");
    let files: Vec<_> =
        (0..200).map(|_| std::fs::File::open("/dev/null").expect("there")).collect();
    let open = own(walk(SurveyBy::Descriptors, later()).expect("proc"));
    assert!(open.number >= files.len() as u64, "{open:?}");
    assert_eq!(user(open.key), Some(rustix::process::getuid().as_raw()));
    assert_eq!(user(ProcessKey { start: open.key.start + 1, ..open.key }), None);
}

#[test]
fn what_we_burn_between_two_looks_is_seen() {
    let before = walk(SurveyBy::Cpu, later()).expect("proc");
    let limit = later();
    let mut after = own(walk(SurveyBy::Cpu, later()).expect("proc"));
    let from = own(Walk { rows: before.rows.clone(), partly: false }).number;
    while after.number <= from && boot_now() < limit {
        std::hint::black_box((0..1_000_000_u64).sum::<u64>());
        after = own(walk(SurveyBy::Cpu, later()).expect("proc"));
    }
    let grown = grown(&before.rows, vec![after], u64::MAX);
    assert!(grown[0].number > 0, "{grown:?}");
}

#[test]
fn a_child_of_ours_counts_for_us() {
    let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().expect("sleep");
    let began = tick(boot_now()).saturating_sub(ticks(YOUNG));
    let rows = walk(SurveyBy::Children, later()).expect("proc").rows;
    let found = parents(&rows, began).into_iter().find(|row| row.key.pid == std::process::id());
    child.kill().expect("ours");
    child.wait().expect("ours");
    assert!(found.is_some_and(|row| row.number >= 1));
}

#[test]
fn when_time_is_up_no_further_process_is_looked_at() {
    for by in [SurveyBy::Memory, SurveyBy::Cpu] {
        let seen = worst(by, BootTime::default()).expect("proc");
        assert!(seen.partly && seen.worst.is_empty(), "{seen:?}");
    }
}
