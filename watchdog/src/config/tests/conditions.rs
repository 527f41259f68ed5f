//! Any condition that the model can hold: printed, it is read as the same; and any words.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

mod checks;

use checks::*;

use super::connections::{connection_tests, ping_tests};
use crate::check::{CheckTest, file};
use crate::config::grammar::{Subject, parse, print};
use crate::metric::*;
use crate::service::*;

/// One of each kind at least.
fn metrics(subject: Subject) -> Vec<Metric> {
    match subject {
        Subject::Process => vec![
            Metric::Cpu,
            Metric::TotalCpu,
            Metric::Memory,
            Metric::TotalMemory,
            Metric::Children,
            Metric::Threads,
            Metric::Uptime,
            Metric::LoadAverage { over: LoadWindow::Fifteen, per_core: true },
            Metric::Forks { per: Duration::from_secs(60) },
            Metric::FileDescriptors,
            Metric::TotalFileDescriptors,
            Metric::Disk { direction: Direction::Write, total: true },
        ],
        _ => vec![
            Metric::SystemCpu(CpuShare::Busy),
            Metric::SystemCpu(CpuShare::HardIrq),
            Metric::SystemMemory,
            Metric::SystemSwap,
            Metric::Uptime,
            Metric::LoadAverage { over: LoadWindow::One, per_core: false },
            Metric::SystemForks { per: Duration::from_secs(7) },
            Metric::SystemFileDescriptors,
            Metric::SystemDisk { direction: Direction::Read, operations: false },
            Metric::SystemDisk { direction: Direction::Write, operations: true },
            Metric::SystemPaging(Direction::Write),
            Metric::Pressure { resource: Resource::Io, full: true },
        ],
    }
}

/// Conditions as the model can hold them.
fn condition(subject: Subject) -> impl Strategy<Value = Condition> {
    let operator = prop::sample::select(vec![
        Operator::Greater,
        Operator::Less,
        Operator::GreaterOrEqual,
        Operator::LessOrEqual,
        Operator::Equal,
        Operator::NotEqual,
    ]);
    let level =
        (prop::sample::select(metrics(subject)), operator.clone(), 0.0f64..1e9, any::<bool>())
            .prop_map(move |(metric, operator, number, percent)| {
                let limit = match metric.unit() {
                    Unit::Ratio => Limit::Ratio((number / 1e4).round() / 1000.0 / 100.0),
                    Unit::Bytes if percent && metric.takes_percent() => {
                        Limit::Ratio((number / 1e7).round() / 100.0)
                    }
                    Unit::Bytes => Limit::Bytes(number),
                    Unit::Count => Limit::Count(number),
                    Unit::Seconds => Limit::Seconds(number.round()),
                };
                Test::Level(Level { metric, operator, limit })
            });
    let level = prop_oneof![level, trend(subject)];
    let check = |tests: Vec<CheckTest>| {
        prop::sample::select(tests).prop_map(|test| Test::Check(Arc::new(test))).boxed()
    };
    let test = match subject {
        Subject::System => level.boxed(),
        Subject::File | Subject::Directory | Subject::Fifo => {
            prop_oneof![Just(Test::DoesNotExist), Just(Test::Exists), check(file_tests())].boxed()
        }
        Subject::Filesystem => {
            let of_its_path = |test: &CheckTest| {
                use file::Test::{Gid, Permission, PermissionChanged, Uid};
                matches!(test, CheckTest::File(Permission(_) | PermissionChanged | Uid(_) | Gid(_)))
            };
            let attributes = file_tests().into_iter().filter(of_its_path).collect();
            prop_oneof![
                Just(Test::DoesNotExist),
                Just(Test::Exists),
                filesystem_test(),
                check(attributes)
            ]
            .boxed()
        }
        Subject::Program => check(program_tests()).boxed(),
        Subject::Host => prop_oneof![check(connection_tests()), check(ping_tests())].boxed(),
        Subject::Network => network_test().boxed(),
        Subject::Process => prop_oneof![
            level,
            check(connection_tests()),
            check(attribute_tests()),
            Just(Test::DoesNotExist),
            Just(Test::Exists),
            (any::<bool>(), way(operator))
                .prop_map(|(member, way)| Test::Death(DeathTest { member, way })),
            (1u32..1000, 1u32..1000)
                .prop_map(|(count, m)| Test::Restarts { count, within: Span::Cycles(m) }),
            (1u32..1000, 1u64..1_000_000_000).prop_map(|(count, ms)| Test::Restarts {
                count,
                within: Span::Time(Duration::from_millis(ms))
            }),
        ]
        .boxed(),
    };
    test.prop_map(Condition::Test).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

/// One of each form that a test of a file has.
/// Numbers that move, as the model can hold them.
fn trend(subject: Subject) -> impl Strategy<Value = Test> {
    let metrics = match subject {
        Subject::Process => vec![Metric::TotalMemory, Metric::Memory, Metric::Children],
        _ => vec![Metric::SystemMemory, Metric::SystemSwap],
    };
    let times = (1u64..100_000_000, 3000u64..100_000_000);
    (prop::sample::select(metrics), 0.0f64..1e9, any::<bool>(), any::<bool>(), times).prop_map(
        |(metric, number, percent, grows, (per, window))| {
            let percent = percent && metric != Metric::Children;
            let limit = match metric.unit() {
                _ if percent => Limit::Ratio((number / 1e7).round() / 100.0),
                Unit::Bytes => Limit::Bytes(number),
                _ => Limit::Count(number),
            };
            let window = Duration::from_millis(window);
            let per = Duration::from_millis(per);
            let course = if grows {
                Course::Grows { operator: Operator::GreaterOrEqual, per, over: window }
            } else {
                Course::Reaches { within: window }
            };
            Test::Trend(Trend { metric, limit, course })
        },
    )
}

/// Qualifiers that any condition may have.
fn qualifier() -> impl Strategy<Value = Qualifier> {
    prop_oneof![
        Just(Qualifier::Once),
        (1u32..32, 0u32..32)
            .prop_filter("one of one", |(_, more)| *more > 0)
            .prop_map(|(times, more)| Qualifier::Cycles { times, of: times + more }),
        (1u32..1000, 1u64..1_000_000_000).prop_map(|(times, ms)| Qualifier::TimesWithin {
            times,
            within: Duration::from_millis(ms)
        }),
    ]
}

#[test]
fn suggestions_know_every_number() {
    for subject in [Subject::Process, Subject::System] {
        for metric in metrics(subject) {
            let (operator, limit) = (Operator::Greater, Limit::Count(1.0));
            let test = Test::Level(Level { metric, operator, limit });
            let sentence = print(&Condition::Test(test), Qualifier::Once);
            let first = sentence.split(' ').next().unwrap();
            assert!(first == "total" || subject.tests().contains(&first), "{sentence}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(
        (subject, condition) in prop_oneof![
            condition(Subject::Process).prop_map(|c| (Subject::Process, c)),
            condition(Subject::System).prop_map(|c| (Subject::System, c)),
            condition(Subject::File).prop_map(|c| (Subject::File, c)),
            condition(Subject::Program).prop_map(|c| (Subject::Program, c)),
            condition(Subject::Host).prop_map(|c| (Subject::Host, c)),
            condition(Subject::Filesystem).prop_map(|c| (Subject::Filesystem, c)),
            condition(Subject::Network).prop_map(|c| (Subject::Network, c)),
        ],
        qualifier in qualifier(),
    ) {
        let text = print(&condition, qualifier);
        let read = parse(&text, subject);
        let read = read.map_err(|error| TestCaseError::fail(format!("{text}: {error:?}")))?;
        prop_assert_eq!(read.condition, condition, "{}", text);
        prop_assert_eq!(read.qualifier, qualifier, "{}", text);
    }

    #[test]
    fn no_sentence_panics(text in "[a-z0-9 ()<>=!%.ä\u{a0}'\"/:\\\\]{0,60}") {
        for (_, subject) in Subject::ALL {
            if let Err(error) = parse(&text, subject) {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            }
        }
    }

    #[test]
    fn no_words_panic(words in prop::collection::vec(prop::sample::select(vec![
        "cpu", "(", ")", "not", "and", "or", ">", "5", "%", "MB", "for", "cycles", "within", "times", "total",
        "mem", "loadavg", "per", "core", "exits", "with", "code", "killed", "by", "signal", "restarts", "does",
        "exist", "crashed", "oom", "member", "is", "than", "1min", "30s", "forks", "second", "grows", "reaches",
        "over", "999999999999999999999", "failed", "changed", "permission", "'", "\"a", "/x", "port", "=~",
        "host", "unixsocket", "protocol", "ssh", "send", "expect", "timeout", "retry", "type", "udp", "80", "s",
        "tls", "options", "{", "}", ":", "verify", "certificate", "valid", "checksum", "url", "http://a/b", "ping",
    ]), 0..40)) {
        for (_, subject) in Subject::ALL {
            let _ = parse(&words.join(" "), subject);
        }
    }
}
