//! Verdicts about interfaces.

use super::*;
use crate::check::Observation;

const MB: u64 = 1 << 20;

fn seen(facts: Facts) -> Observation {
    Observation { facts: crate::check::Facts::Network(Box::new(facts)), ..Observation::default() }
}

fn words(test: &Test, now: &Observation, before: Option<&Observation>) -> (Option<bool>, String) {
    test.judge(Seen { now, before }).words()
}

fn busy() -> Facts {
    let counts = |seconds: u64, bytes: u64| Counts {
        boot: "a".into(),
        at: seconds * 1_000_000_000,
        down: [bytes, seconds],
        up: [0, 0],
    };
    let (before, now) = (counts(0, 0), counts(10, 50 * MB));
    Facts {
        name: Some("eth0".into()),
        up: Some(true),
        capacity: Some(Capacity { speed: 100, full: true }),
        rates: Rates::between(&before, &now),
        counts: Some(now),
        past: vec![before],
        ..Facts::default()
    }
}

#[test]
fn in_monits_words() {
    use Operator::Greater;
    let (size, hour) = (|bytes: u64| Limit::Bytes(bytes as f64), Duration::from_secs(3600));
    let now = seen(busy());
    let table = [
        (
            Test::Rate(Way::Download, Greater, size(1)),
            "download 5 MB matches limit [download rate > 1 B in last 1 second]",
        ),
        (
            Test::Rate(Way::Download, Greater, Limit::Count(0.5)),
            "download packets 1 matches limit [download packets > 0 in last 1 second]",
        ),
        (
            Test::Total(Way::Download, Greater, size(MB), hour),
            "total download 50 MB matches limit [download rate > 1 MB in last 1 hour]",
        ),
        (
            Test::Saturation(Greater, 0.4),
            "link saturation of 41.9% matches limit [saturation > 40.0%]",
        ),
        (Test::Link { up: true }, "link up"),
    ];
    for (test, text) in table {
        assert_eq!(words(&test, &now, None), (Some(true), text.to_owned()), "{test}");
    }
    let calm = Test::Rate(Way::Upload, Greater, size(1));
    let text = "upload check succeeded [current upload rate 0 B in last 1 second]".to_owned();
    assert_eq!(words(&calm, &now, None), (Some(false), text));
    assert_eq!(words(&calm, &seen(Facts::default()), None).0, None);
    assert_eq!(words(&Test::Saturation(Greater, 0.1), &seen(Facts::default()), None).0, None);
}

#[test]
fn links_that_fall_and_change() {
    let down = Test::Link { up: false };
    let up = seen(busy());
    let trouble = Some("there is no such interface".to_owned());
    let gone = seen(Facts { up: Some(false), trouble, ..busy() });
    assert_eq!(words(&down, &up, None), (Some(false), "link up".to_owned()));
    let text = "link down -- there is no such interface".to_owned();
    assert_eq!(words(&down, &gone, Some(&up)), (Some(true), text));
    assert_eq!(words(&down, &seen(Facts::default()), None).0, None);
    let slow = seen(Facts { capacity: Some(Capacity { speed: 10, full: false }), ..busy() });
    let text = "link capacity changed from 100 Mb/s full-duplex to 10 Mb/s half-duplex";
    let changed = words(&Test::CapacityChanged, &slow, Some(&up));
    assert_eq!(changed, (Some(true), text.to_owned()));
    assert_eq!(words(&Test::CapacityChanged, &slow, None).0, Some(false));
    let silent = seen(Facts { capacity: None, ..busy() });
    assert_eq!(words(&Test::CapacityChanged, &silent, Some(&up)).0, None);
}
