//! Rules that stand in a service unless the user has one with the same test.
//!
//! Not here: what the tests mean (`check`, `engine`).

use std::sync::Arc;

use crate::check::{CheckTest, file, filesystem, network, program};
use crate::service::{Action, Condition, Qualifier, Recovery, Rule, ServiceKind, Severity, Test};

use super::grammar::{Subject, print};

/// Puts them behind the user's own rules.
pub(super) fn add(rules: &mut Vec<Rule>, subject: Subject, kind: &ServiceKind) {
    if subject.may_be_missing() {
        let can = match kind {
            ServiceKind::System => false,
            ServiceKind::Process(process) => process.start.is_some() || process.restart.is_some(),
            ServiceKind::Checked(checked) => checked.start.is_some() || checked.restart.is_some(),
        };
        let action = if can { Action::Restart } else { Action::Alert };
        // Who says what follows when it is there expects it not to be.
        let own = has(rules, |test| matches!(test, Test::DoesNotExist | Test::Exists));
        push(rules, own, Test::DoesNotExist, action);
    }
    match subject {
        Subject::File | Subject::Directory | Subject::Fifo => {
            let test = check(CheckTest::File(file::Test::Type));
            push(rules, has(rules, |own| *own == test), test, Action::Alert);
        }
        Subject::Program => {
            let of_status =
                |test: &CheckTest| matches!(test, CheckTest::Program(test) if test.is_of_status());
            let own = has(rules, |test| matches!(test, Test::Check(test) if of_status(test)));
            push(rules, own, check(CheckTest::Program(program::Test::DoesNotRun)), Action::Alert);
        }
        Subject::Filesystem => {
            for test in [filesystem::Test::FlagsChanged, filesystem::Test::Silent] {
                let test = check(CheckTest::Filesystem(test));
                push(rules, has(rules, |own| *own == test), test, Action::Alert);
            }
        }
        Subject::Network => {
            let of_link =
                |test: &CheckTest| matches!(test, CheckTest::Network(network::Test::Link { .. }));
            let own = has(rules, |test| matches!(test, Test::Check(test) if of_link(test)));
            let down = check(CheckTest::Network(network::Test::Link { up: false }));
            push(rules, own, down, Action::Alert);
        }
        _ => {}
    }
}

fn check(test: CheckTest) -> Test {
    Test::Check(Arc::new(test))
}

/// Whether one of the rules has such a test.
fn has(rules: &[Rule], what: impl Fn(&Test) -> bool) -> bool {
    let mut found = false;
    for rule in rules {
        rule.condition.for_each_test(&mut |test| found |= what(test));
    }
    found
}

fn push(rules: &mut Vec<Rule>, own: bool, test: Test, action: Action) {
    if own {
        return;
    }
    let condition = Condition::Test(test);
    rules.push(Rule {
        text: print(&condition, Qualifier::Once),
        name: None,
        condition,
        qualifier: Qualifier::Once,
        then: vec![action],
        every: None,
        recovery: Recovery::default(),
        otherwise: Vec::new(),
        severity: Severity::Warning,
        alert: Vec::new(),
        implicit: true,
    });
}
