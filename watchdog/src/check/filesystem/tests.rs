//! Verdicts about file systems.

use super::*;
use crate::check::Observation;

const MB: f64 = 1_048_576.0;

fn seen(facts: Facts) -> Observation {
    Observation {
        facts: crate::check::Facts::Filesystem(Box::new(facts)),
        ..Observation::default()
    }
}

fn words(test: &Test, now: &Observation, before: Option<&Observation>) -> (Option<bool>, String) {
    test.judge(Seen { now, before }).words()
}

/// 6.5 % in use, and only 29.5 % of it free for everybody.
fn reserved() -> Observation {
    let space = Space { total: 1000 << 20, free: 935 << 20, available: 295 << 20 };
    let inodes = Space { total: 1000, free: 100, available: 100 };
    let rates = Rates {
        read_bytes: 2.0 * MB,
        write_bytes: 0.0,
        reads: 10.0,
        writes: 0.0,
        service_time: 0.0052,
    };
    seen(Facts {
        exists: Some(true),
        space: Some(space),
        inodes: Some(inodes),
        rates: Some(rates),
        flags: Some("rw".into()),
        ..Facts::default()
    })
}

#[test]
fn in_monits_words() {
    use Operator::{Greater, Less};
    let now = reserved();
    let table = [
        (
            Test::Space(Side::Usage, Greater, Limit::Ratio(0.01)),
            "space usage 6.5% matches resource limit [space usage > 1.0%]",
        ),
        (
            Test::Space(Side::Usage, Greater, Limit::Bytes(64.0 * MB)),
            "space usage 65 MB matches resource limit [space usage > 64 MB]",
        ),
        (
            Test::Space(Side::Free, Less, Limit::Ratio(0.3)),
            "space free 29.5% matches resource limit [space free < 30.0%]",
        ),
        (
            Test::Inodes(Side::Usage, Greater, Limit::Ratio(0.8)),
            "inode usage 90.0% matches resource limit [inode usage > 80.0%]",
        ),
        (
            Test::Inodes(Side::Free, Less, Limit::Count(101.0)),
            "inode free 100 matches resource limit [inode free < 101]",
        ),
        (
            Test::Rate(Direction::Read, Greater, Limit::Bytes(MB)),
            "read rate 2 MB/s matches resource limit [read > 1 MB/s]",
        ),
        (
            Test::Rate(Direction::Read, Greater, Limit::Count(9.0)),
            "read rate 10 operations/s matches resource limit [read > 9 operations/s]",
        ),
        (
            Test::ServiceTime(Greater, 5.0),
            "service time 5.2 ms matches resource limit [service time > 5.0 ms]",
        ),
    ];
    for (test, text) in table {
        assert_eq!(words(&test, &now, None), (Some(true), text.to_owned()), "{test}");
    }
    let calm = Test::Space(Side::Usage, Greater, Limit::Ratio(0.8));
    let text = "space usage test succeeded [current space usage = 6.5%]";
    assert_eq!(words(&calm, &now, None), (Some(false), text.to_owned()));
    assert_eq!(words(&calm, &seen(Facts::default()), None).0, None);
}

#[test]
fn flags_that_change_and_a_file_system_that_says_nothing() {
    let before = reserved();
    let read_only = Facts { flags: Some("ro".into()), exists: Some(true), ..Facts::default() };
    let now = seen(read_only.clone());
    let text = "filesystem flags changed from 'rw' to 'ro'".to_owned();
    assert_eq!(words(&Test::FlagsChanged, &now, Some(&before)), (Some(true), text));
    assert_eq!(words(&Test::FlagsChanged, &now, Some(&now)).0, Some(false));
    assert_eq!(words(&Test::FlagsChanged, &now, None).0, Some(false));
    assert_eq!(words(&Test::FlagsChanged, &seen(Facts::default()), Some(&now)).0, None);
    let silent = seen(Facts {
        source: "nas:/x".into(),
        trouble: Some("no answer within 5 s".into()),
        ..read_only
    });
    let text = "unable to read filesystem 'nas:/x' state -- no answer within 5 s".to_owned();
    assert_eq!(words(&Test::Silent, &silent, None), (Some(true), text));
    assert_eq!(words(&Test::Silent, &before, None).0, Some(false));
}

#[test]
fn rates_need_two_counts_of_the_same_boot_that_only_grew() {
    let counts = |boot: &str, at: u64, reads: u64| Counts {
        boot: boot.into(),
        at: at * 1_000_000_000,
        read_bytes: reads * 512,
        reads,
        took: reads * 3,
        ..Counts::default()
    };
    let rates = Rates::between(&counts("a", 10, 100), &counts("a", 20, 300)).expect("rates");
    assert_eq!((rates.reads, rates.read_bytes, rates.writes), (20.0, 10_240.0, 0.0));
    assert!((rates.service_time - 0.003).abs() < 1e-12);
    assert_eq!(Rates::between(&counts("a", 10, 100), &counts("b", 20, 300)), None);
    assert_eq!(Rates::between(&counts("a", 10, 100), &counts("a", 10, 300)), None);
    assert_eq!(Rates::between(&counts("a", 10, 300), &counts("a", 20, 100)), None);
    let idle = Rates::between(&counts("a", 10, 1), &counts("a", 20, 1)).expect("rates");
    assert_eq!(idle, Rates::default());
}
