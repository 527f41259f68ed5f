//! Ends and the tests that ask for them. Not here: whole deaths, which are engine cases.

use super::*;
use crate::metric::Operator;
use crate::service::DeathTest;

#[test]
fn an_end_is_what_it_is_called() {
    let signal = |number| ExitStatus::Signal { number, core: false };
    let end = |status| End { main: true, status, oom: false };
    let failed = Way::Exits { code: Some((Operator::NotEqual, 0)) };
    let cases = [
        (end(ExitStatus::Code(0)), Way::Exits { code: None }, true),
        (end(ExitStatus::Code(0)), failed, false),
        (end(ExitStatus::Code(3)), failed, true),
        (end(signal(11)), failed, false),
        (end(signal(11)), Way::Crashed, true),
        (end(signal(11)), Way::Killed { signal: None }, true),
        (end(signal(9)), Way::Crashed, false),
        (end(signal(15)), Way::Crashed, false),
        (end(signal(9)), Way::Killed { signal: Some(9) }, true),
        (end(signal(9)), Way::OomKilled, false),
        (End { oom: true, ..end(signal(9)) }, Way::OomKilled, true),
        (End { oom: true, ..end(signal(9)) }, Way::Killed { signal: Some(9) }, true),
    ];
    for (end, way, expect) in cases {
        assert_eq!(end.is(way), expect, "{end:?} {way:?}");
    }
}

#[test]
fn only_member_tests_hear_of_members() {
    let way = Way::Crashed;
    let end = |main| End { main, status: ExitStatus::Signal { number: 6, core: true }, oom: false };
    let test = |member| Test::Death(DeathTest { member, way });
    assert!(end(true).matches(&test(false)) && end(true).matches(&test(true)));
    assert!(!end(false).matches(&test(false)) && end(false).matches(&test(true)));
}
