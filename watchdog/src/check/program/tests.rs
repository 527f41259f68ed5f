//! Verdicts about programs.

use super::*;
use crate::check::Observation;

fn ran(status: u8, output: &str) -> Observation {
    seen(Facts { run: Some(Run { status, output: output.into() }), trouble: None })
}

fn seen(facts: Facts) -> Observation {
    Observation { facts: crate::check::Facts::Program(facts), ..Observation::default() }
}

fn words(test: &Test, now: &Observation, before: Option<&Observation>) -> (Option<bool>, String) {
    test.judge(Seen { now, before }).words()
}

type Case<'a> = (&'a Test, &'a Observation, Option<&'a Observation>, Option<bool>, &'a str);

#[test]
fn in_monits_words() {
    let bad = ran(3, "bad thing happened\ndisk ok, value 42\n");
    let (good, silent) = (ran(0, "disk ok, value 42\n"), ran(0, " \n"));
    let nonzero = Test::Status(Operator::NotEqual, 0);
    let content = |text: &str, found| Test::Content {
        pattern: Pattern::new(text).expect("a pattern"),
        found,
    };
    let table: &[Case<'_>] = &[
        (
            &nonzero,
            &bad,
            None,
            Some(true),
            "status failed (3) -- bad thing happened; disk ok, value 42",
        ),
        (&nonzero, &good, None, Some(false), "status succeeded (0) -- disk ok, value 42"),
        (&nonzero, &silent, None, Some(false), "status succeeded (0) -- no output"),
        (
            &Test::StatusChanged,
            &bad,
            None,
            Some(false),
            "status didn't change (3) -- bad thing happened; disk ok, value 42",
        ),
        (
            &Test::StatusChanged,
            &bad,
            Some(&silent),
            Some(true),
            "status changed (0 -> 3) -- bad thing happened; disk ok, value 42",
        ),
        (
            &Test::StatusChanged,
            &good,
            Some(&silent),
            Some(false),
            "status didn't change (0) -- disk ok, value 42",
        ),
        (
            &content("value 4[0-9]", true),
            &good,
            None,
            Some(true),
            "content match on program output: disk ok, value 42",
        ),
        (
            &content("^bad", true),
            &good,
            None,
            Some(false),
            "content doesn't match on program output: disk ok, value 42",
        ),
        (
            &content("disk ok", false),
            &silent,
            None,
            Some(true),
            "content doesn't match on program output: no output",
        ),
        (
            &Test::ContentChanged { changed: true },
            &good,
            Some(&bad),
            Some(true),
            "content changed: disk ok, value 42",
        ),
        (
            &Test::ContentChanged { changed: false },
            &good,
            Some(&good),
            Some(true),
            "content has not changed",
        ),
        (
            &Test::ContentChanged { changed: false },
            &good,
            None,
            Some(false),
            "content changed: disk ok, value 42",
        ),
    ];
    for (test, now, before, truth, text) in table {
        assert_eq!(words(test, now, *before), (*truth, (*text).to_owned()), "{test}");
    }
}

#[test]
fn what_does_not_run_fails_tests_of_the_status_and_is_no_change() {
    let before = ran(0, "x");
    let former = Some(Run { status: 0, output: "x".into() });
    let trouble = Some("'/x': no such file".into());
    let broken = seen(Facts { run: former.clone(), trouble });
    for test in [Test::Status(Operator::Equal, 9), Test::DoesNotRun] {
        let expect = (Some(true), "status failed (-1) -- '/x': no such file".to_owned());
        assert_eq!(words(&test, &broken, Some(&before)), expect);
        assert_eq!(words(&test, &before, Some(&broken)).0, Some(false));
    }
    for test in [Test::StatusChanged, Test::ContentChanged { changed: true }] {
        assert_eq!(words(&test, &broken, Some(&before)).0, None);
        let again = seen(Facts { run: former.clone(), trouble: None });
        assert_eq!(words(&test, &again, Some(&broken)).0, Some(false));
    }
    assert_eq!(seen(Facts::default()).facts.program_status(), None);
    assert_eq!(broken.facts.program_status(), Some(-1));
}
