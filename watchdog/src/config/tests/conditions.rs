//! Any condition that the model can hold: printed, it is read as the same; and any words.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::connections::{connection_tests, ping_tests};
use crate::check::network::{self, traffic};
use crate::check::{CheckTest, file, filesystem, program};
use crate::config::grammar::{Subject, parse, print};
use crate::metric::*;
use crate::protocol::Pattern;
use crate::service::*;

/// Conditions as the model can hold them.
fn condition(subject: Subject) -> impl Strategy<Value = Condition> {
    let metrics: Vec<Metric> = match subject {
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
    };
    let operator = prop::sample::select(vec![
        Operator::Greater,
        Operator::Less,
        Operator::GreaterOrEqual,
        Operator::LessOrEqual,
        Operator::Equal,
        Operator::NotEqual,
    ]);
    let level = (prop::sample::select(metrics), operator.clone(), 0.0f64..1e9, any::<bool>())
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
fn file_tests() -> Vec<CheckTest> {
    use file::content::Filter;
    use file::patterns::{PatternFile, Patterns};
    use file::test::{Account, Time};
    use file::{Algorithm, Test};
    let filter =
        |text: &str, not| Filter { not, patterns: Patterns::One(Pattern::new(text).unwrap()) };
    let of_file = |path: &str, not| Filter {
        not,
        patterns: Patterns::File(PatternFile::unread(path.into())),
    };
    let mut tests = vec![
        Test::Type,
        Test::Permission(0o755),
        Test::Permission(0),
        Test::PermissionChanged,
        Test::Uid(Account::Name("www-data".into())),
        Test::Uid(Account::Number(0)),
        Test::Gid(Account::Name("two words".into())),
        Test::Size(Operator::Greater, 3 << 30),
        Test::Size(Operator::NotEqual, 0),
        Test::Size(Operator::LessOrEqual, 1025),
        Test::SizeChanged,
        Test::Checksum(Algorithm::Md5, Some("b1946ac92492d2347c6235b4d2611184".into())),
        Test::Hardlink(Operator::Equal, 2),
        Test::HardlinkChanged,
        Test::Content(filter("ERROR", false)),
        Test::Content(filter("a \"quoted\" text", true)),
        Test::Content(filter("it's a \"quoted\" \\S+ text", true)),
        Test::Content(filter(r"back\\", false)),
        Test::Content(filter("/healthz", false)),
        Test::Content(of_file("/etc/patterns.txt", false)),
        Test::Content(of_file("/srv/it-is/a~b=c,d", true)),
    ];
    for algorithm in Algorithm::ALL {
        tests.extend([Test::Checksum(algorithm, None), Test::ChecksumChanged(algorithm)]);
    }
    for time in [Time::Any, Time::Access, Time::Change, Time::Modification] {
        tests.push(Test::TimeChanged(time));
        tests.extend([90.0, 0.25, 86_400.0].map(|age| Test::Time(time, Operator::Less, age)));
    }
    tests.into_iter().map(CheckTest::File).collect()
}

/// Any test of a file system.
fn filesystem_test() -> impl Strategy<Value = Test> {
    use filesystem::{Side, Test as Own};
    let operator =
        prop::sample::select(vec![Operator::Greater, Operator::Less, Operator::NotEqual]);
    let side = prop::sample::select(vec![Side::Usage, Side::Free]);
    let way = prop::sample::select(vec![Direction::Read, Direction::Write]);
    (0..8, operator, side, way, 0.0f64..1e9).prop_map(|(form, operator, side, way, number)| {
        let share = Limit::Ratio((number / 1e7).round() / 100.0);
        let test = match form {
            0 => Own::Space(side, operator, share),
            1 => Own::Space(side, operator, Limit::Bytes(number)),
            2 => Own::Inodes(side, operator, share),
            3 => Own::Inodes(side, operator, Limit::Count(number)),
            4 => Own::Rate(way, operator, Limit::Bytes(number)),
            5 => Own::Rate(way, operator, Limit::Count(number)),
            6 => Own::ServiceTime(operator, number.round() / 1e3),
            _ if number < 5e8 => Own::FlagsChanged,
            _ => Own::Silent,
        };
        Test::Check(Arc::new(CheckTest::Filesystem(test)))
    })
}

/// Any test of an interface.
fn network_test() -> impl Strategy<Value = Test> {
    use network::Test as Own;
    let operator =
        prop::sample::select(vec![Operator::Greater, Operator::Less, Operator::NotEqual]);
    let way = prop::sample::select(vec![traffic::Way::Download, traffic::Way::Upload]);
    (0..7, operator, way, 0.0f64..1e9, 1u64..=1440).prop_map(
        |(form, operator, way, number, minutes)| {
            let within = Duration::from_secs(minutes * 60);
            let test = match form {
                0 => Own::Link { up: number > 5e8 },
                1 => Own::CapacityChanged,
                2 => Own::Saturation(operator, (number / 1e7).round() / 100.0),
                3 => Own::Rate(way, operator, Limit::Bytes(number)),
                4 => Own::Rate(way, operator, Limit::Count(number)),
                5 => Own::Total(way, operator, Limit::Bytes(number), within),
                _ => Own::Total(way, operator, Limit::Count(number), within),
            };
            Test::Check(Arc::new(CheckTest::Network(test)))
        },
    )
}

/// One of each form that a test of whom a process belongs to has.
fn attribute_tests() -> Vec<CheckTest> {
    use crate::check::attribute::{Label, Test};
    let label = |not| Label::Text { not, text: r#"a "b" \c"#.to_owned() };
    let pattern =
        |not| Label::Pattern { not, pattern: Pattern::new(r"^x:\w+ 'y'").expect("a pattern") };
    let name = || file::test::Account::new("www-data");
    [
        Test::Uid(name()),
        Test::Euid(file::test::Account::Number(0)),
        Test::Gid(name()),
        Test::PidChanged,
        Test::ParentChanged,
        Test::SecurityIs(label(false)),
        Test::SecurityIs(label(true)),
        Test::SecurityIs(pattern(false)),
        Test::SecurityIs(pattern(true)),
        Test::Security("unconfined (complain)".to_owned()),
    ]
    .map(CheckTest::Attribute)
    .into()
}

/// One of each form that a test of a program has.
fn program_tests() -> Vec<CheckTest> {
    let pattern = |text| Pattern::new(text).expect("a pattern");
    [
        program::Test::Status(Operator::NotEqual, 0),
        program::Test::Status(Operator::GreaterOrEqual, 255),
        program::Test::StatusChanged,
        program::Test::DoesNotRun,
        program::Test::Content { pattern: pattern("a b"), found: true },
        program::Test::Content { pattern: pattern(r"^ä\s(x|'y')$"), found: false },
        program::Test::ContentChanged { changed: true },
        program::Test::ContentChanged { changed: false },
    ]
    .map(CheckTest::Program)
    .into()
}

fn way(operator: impl Strategy<Value = Operator>) -> impl Strategy<Value = Way> {
    prop_oneof![
        prop::option::of((operator, any::<u8>())).prop_map(|code| Way::Exits { code }),
        prop::option::of(1u8..=64).prop_map(|signal| Way::Killed { signal }),
        Just(Way::Crashed),
        Just(Way::OomKilled),
    ]
}

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
