//! The grammar: Monit's sentences, ours, and printing.

use std::sync::Arc;

use proptest::prelude::*;

use super::connections::{connection_tests, ping_tests};
use crate::check::network::{self, traffic};
use crate::check::{CheckTest, file, filesystem, program};
use crate::config::grammar::{Subject, parse, print};
use crate::metric::*;
use crate::protocol::Pattern;
use crate::service::*;
use std::time::Duration;

fn normal(subject: Subject, text: &str) -> String {
    match parse(text, subject) {
        Ok(sentence) => print(&sentence.condition, sentence.qualifier),
        Err(error) => panic!("{text}: {error:?}"),
    }
}

#[test]
fn sentences_of_a_process() {
    for (text, printed) in [
        ("cpu > 60% for 2 cycles", "cpu > 60% for 2 cycles"),
        ("CPU usage is greater than 60 percent for 1 cycle", "cpu > 60% for 1 cycles"),
        ("total cpu usage gt 80.5%", "totalcpu > 80.5%"),
        ("total mem amount is greater than 1800 megabytes", "totalmem > 1800 MB"),
        ("total memory usage > 10%", "totalmem > 10%"),
        (
            "totalmem>1GiB for 5 times within 15 cycles",
            "totalmem > 1 GB for 5 times within 15 cycles",
        ),
        ("mem < 512 kb", "memory < 512 KB"),
        ("memory usage >= 1.5 GB", "memory >= 1536 MB"),
        ("children more than 250", "children > 250"),
        ("threads != 1 for 30s", "threads != 1 for 30s"),
        ("uptime is less than 3 minutes", "uptime < 3 minutes"),
        ("loadavg(5min) greater than 10 for 8 cycles", "loadavg (5min) > 10 for 8 cycles"),
        ("loadavg (15) per core > 0.5", "loadavg (15min) per core > 0.5"),
        ("loadavg > 4", "loadavg (1min) > 4"),
        ("does not exist", "does not exist"),
        ("not exist for 3 cycles", "does not exist for 3 cycles"),
        ("does exist", "exists"),
        ("not (exists)", "not (exists)"),
        ("exits", "exits"),
        ("exits with code 3", "exits with code = 3"),
        (
            "exits with code != 0 3 times within 1 hour",
            "exits with code != 0 for 3 times within 1h",
        ),
        ("killed", "killed"),
        (
            "killed by signal sigterm within 10 minutes",
            "killed by signal 15 for 1 times within 10m",
        ),
        (
            "killed by signal 64 2 within 5 cycles",
            "killed by signal 64 for 2 times within 5 cycles",
        ),
        ("3 restarts within 5 cycles", "3 restarts within 5 cycles"),
        ("1 restart within 90 seconds", "1 restarts within 90s"),
        (
            "(cpu > 60% and totalmem > 1 GB) or children > 250",
            "cpu > 60% and totalmem > 1 GB or children > 250",
        ),
        (
            "cpu > 1% and (cpu < 5% or not threads = 1)",
            "cpu > 1% and (cpu < 5% or not threads = 1)",
        ),
        ("cpu > 1% or cpu > 2% and cpu > 3%", "cpu > 1% or cpu > 2% and cpu > 3%"),
        ("not not exists", "not does not exist"),
        ("filedescriptors > 500", "filedescriptors > 500"),
        ("changed pid or changed ppid", "changed pid or changed ppid"),
        ("security attribute !=~ ':c[0-9]+$'", "security attribute !=~ \":c[0-9]+$\""),
        ("security attribute is = x_t", "security attribute = \"x_t\""),
        ("filedescriptors >= 80%", "filedescriptors >= 80%"),
        ("total filedescriptors > 5000 for 2 cycles", "total filedescriptors > 5000 for 2 cycles"),
        ("filedescriptors grows > 10 per minute", "filedescriptors grows > 10 per minute over 10m"),
        ("filedescriptors reaches 90% within 1h", "filedescriptors reaches 90% within 1h"),
        ("disk read activity > 10 MB/s", "disk read > 10 MB/s"),
        ("total disk write rate > 1 GB per second", "total disk write > 1 GB/s"),
        ("forks > 200 per second", "forks > 200 per second"),
        ("forks > 1000 per 60 s", "forks > 1000 per minute"),
        ("forks gt 5 per 90 seconds for 2 cycles", "forks > 5 per 90s for 2 cycles"),
        (
            "total memory grows > 50 MB per minute over 10 minutes",
            "totalmem grows > 50 MB per minute over 10m",
        ),
        ("memory grows > 10% per hour", "memory grows > 10% per hour over 1h"),
        ("children grows > 2 per minute", "children grows > 2 per minute over 10m"),
        ("threads grows >= 200 percent per day", "threads grows >= 200% per day over 1d"),
        ("totalmem reaches 1800 MB within 15 minutes", "totalmem reaches 1800 MB within 15m"),
        (
            "cpu > 5% and totalmem reaches 80% within 1h for 2 minutes",
            "cpu > 5% and totalmem reaches 80% within 1h for 2m",
        ),
    ] {
        assert_eq!(normal(Subject::Process, text), printed, "{text}");
    }
}

#[test]
fn sentences_of_a_system() {
    for (text, printed) in [
        ("cpu usage (user) > 70%", "cpu (user) > 70%"),
        ("cpu(wait) is greater than 20%", "cpu (wait) > 20%"),
        ("cpu > 95%", "cpu > 95%"),
        ("memory usage > 75%", "memory > 75%"),
        ("swap usage > 25% for 4 cycles", "swap > 25% for 4 cycles"),
        ("uptime > 90 days", "uptime > 90 days"),
        ("cpu (guestnice) > 1%", "cpu (guestnice) > 1%"),
        ("forks > 200 per second", "forks > 200 per second"),
        ("pressure memory > 20%", "pressure (memory) some > 20%"),
        ("pressure (io) full > 5% for 30s", "pressure (io) full > 5% for 30s"),
        ("filedescriptors > 90%", "filedescriptors > 90%"),
        ("disk write > 500 operations/s", "disk write > 500 operations/s"),
        ("disk read rate > 1.5 MB / s", "disk read > 1536 KB/s"),
        ("pagein > 10 pages/s", "pagein > 10 per second"),
        (
            "pageout is greater than 50 per second for 20 cycles",
            "pageout > 50 per second for 20 cycles",
        ),
        ("swap reaches 50% within 15 min", "swap reaches 50% within 15m"),
        ("memory usage grows > 1 GB per hour over 2h", "memory grows > 1 GB per hour over 2h"),
    ] {
        assert_eq!(normal(Subject::System, text), printed, "{text}");
    }
}

#[test]
fn sentences_of_a_file_system() {
    for (text, printed) in [
        ("space usage is greater than 80 percent", "space > 80%"),
        ("space > 500 MB for 2 cycles", "space > 500 MB for 2 cycles"),
        ("space free < 5 GB", "space free < 5 GB"),
        ("inode usage > 30000", "inodes > 30000"),
        ("inodes free less than 10%", "inodes free < 10%"),
        ("changed fsflags", "changed fsflags"),
        ("read rate > 1.5 MB/s", "read > 1536 KB/s"),
        ("write > 500 operations per second", "write > 500 operations/s"),
        ("service time > 10 milliseconds for 3 cycles", "service time > 10 ms for 3 cycles"),
        ("service time > 5.2 ms", "service time > 5.2 ms"),
        ("does not answer", "does not answer"),
        ("does not exist or space > 90%", "does not exist or space > 90%"),
    ] {
        assert_eq!(normal(Subject::Filesystem, text), printed, "{text}");
    }
    for text in [
        "space > 5",
        "space > 101%",
        "inodes > 5 MB",
        "read > 5 operations",
        "read > 5 MB",
        "write > 5/s",
        "service time > 5",
        "changed flags",
    ] {
        assert!(parse(text, Subject::Filesystem).is_err(), "{text}");
    }
}

#[test]
fn sentences_of_an_interface() {
    for (text, printed) in [
        ("link down", "link down"),
        ("link up for 2 cycles", "link up for 2 cycles"),
        ("changed link capacity", "changed link"),
        ("saturation is greater than 90 percent for 2 cycles", "saturation > 90% for 2 cycles"),
        ("download rate > 1.5 MB/s", "download > 1536 KB/s"),
        ("upload > 500 packets per second", "upload > 500 packets/s"),
        ("total downloaded > 1 GB in last 2 hours", "total downloaded > 1 GB in last 2 hours"),
        (
            "total uploaded > 10000 packets in 60 minutes",
            "total uploaded > 10000 packets in last 1 hour",
        ),
        ("total uploaded < 1 MB in last day", "total uploaded < 1 MB in last 1 day"),
    ] {
        assert_eq!(normal(Subject::Network, text), printed, "{text}");
    }
    for text in [
        "link",
        "saturation > 5",
        "saturation > 101%",
        "download > 5 MB",
        "download > 5/s",
        "total downloaded > 5 MB",
        "total downloaded > 5 MB in last 25 hours",
        "total downloaded > 5 MB in last 30 seconds",
        "total download > 5 MB in last hour",
    ] {
        assert!(parse(text, Subject::Network).is_err(), "{text}");
    }
}

#[test]
fn sentences_of_a_program() {
    for (text, printed) in [
        ("status != 0", "status != 0"),
        ("Status is greater than 2 for 3 cycles", "status > 2 for 3 cycles"),
        ("changed status", "changed status"),
        ("does not run for 2 cycles", "does not run for 2 cycles"),
        ("content = error", "content = \"error\""),
        ("content != \"all \\\"well\\\"\" for 2 cycles", "content != 'all \"well\"' for 2 cycles"),
        ("content changed", "content changed"),
        ("content not changed for 5 cycles", "content not changed for 5 cycles"),
        ("not content == \"ok\" and status = 0", "not content = \"ok\" and status = 0"),
    ] {
        assert_eq!(normal(Subject::Program, text), printed, "{text}");
    }
    for text in [
        "status",
        "status != 256",
        "status != -1",
        "content > \"x\"",
        "content = \"(\"",
        "changed",
        "cpu > 5%",
    ] {
        assert!(parse(text, Subject::Program).is_err(), "{text}");
    }
}

#[test]
fn sentences_of_files() {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (text, printed) in [
        ("failed permission 755", "failed permission 0755"),
        ("failed perm 4755 for 2 cycles", "failed permission 4755 for 2 cycles"),
        ("changed permission", "changed permission"),
        ("failed uid root", "failed uid \"root\""),
        ("failed uid \"www-data\"", "failed uid \"www-data\""),
        ("failed gid 33", "failed gid 33"),
        ("size > 100 MB", "size > 100 MB"),
        ("size is greater than 1.5 kilobytes", "size > 1536 B"),
        ("size less than 100", "size < 100 B"),
        ("changed size", "changed size"),
        ("timestamp > 15 minutes", "timestamp > 15 minutes"),
        ("timestamp is older than 3 days", "timestamp > 3 days"),
        ("timestamp was older than 90", "timestamp > 90 seconds"),
        ("time newer than 1 hour", "timestamp < 1 hours"),
        ("access time > 1 day", "atime > 1 days"),
        ("ctime > 90 seconds", "ctime > 90 seconds"),
        ("modification time > 2 hours for 3 cycles", "mtime > 2 hours for 3 cycles"),
        ("changed change time", "changed ctime"),
        ("changed timestamp", "changed timestamp"),
        ("changed access time", "changed atime"),
        ("failed checksum", "failed sha256 checksum"),
        ("failed md5 checksum", "failed md5 checksum"),
        ("changed sha1 checksum", "changed sha1 checksum"),
        ("changed checksum", "changed sha256 checksum"),
        (
            "failed checksum and expect the sum B1946AC92492D2347C6235B4D2611184",
            "failed md5 checksum expect b1946ac92492d2347c6235b4d2611184",
        ),
        (
            "failed sha1 checksum expect da39a3ee5e6b4b0d3255bfef95601890afd80709 for 2 cycles",
            "failed sha1 checksum expect da39a3ee5e6b4b0d3255bfef95601890afd80709 for 2 cycles",
        ),
        (
            &format!("failed checksum and expect \"{sum}\" and size > 1 MB"),
            &format!("failed sha256 checksum expect {sum} and size > 1 MB"),
        ),
        ("hardlink > 1", "hardlink > 1"),
        ("changed hardlink", "changed hardlink"),
        ("content = \"ERROR [0-9]+\"", "content = \"ERROR [0-9]+\""),
        (
            "content == ERROR for 3 times within 5 cycles",
            "content = \"ERROR\" for 3 times within 5 cycles",
        ),
        ("content != '^(INFO|DEBUG)'", "content != \"^(INFO|DEBUG)\""),
        ("content = 'say \"no\"' and size > 0", "content = 'say \"no\"' and size > 0 B"),
        ("content = \"it's \\\"x\\\"\"", "content = \"it's \\\"x\\\"\""),
        ("failed type", "failed type"),
        ("not exist", "does not exist"),
    ] {
        assert_eq!(normal(Subject::File, text), printed, "{text}");
    }
    for text in [
        "failed permission 888",
        "failed",
        "changed",
        "changed uid",
        "size > 10%",
        "size > 10 minutes",
        "timestamp > 10 MB",
        "hardlink > 1.5",
        "content > \"x\"",
        "content = \"(\"",
        "content =",
        "failed checksum expect 1234",
        "failed sha256 checksum expect b1946ac92492d2347c6235b4d2611184",
        "failed md5 size",
        "space > 80%",
    ] {
        assert!(parse(text, Subject::File).is_err(), "{text}");
    }
    for text in
        ["failed permission 755", "failed uid root", "timestamp > 5 minutes", "changed mtime"]
    {
        for subject in [Subject::Directory, Subject::Fifo] {
            assert!(parse(text, subject).is_ok(), "{text}");
        }
    }
    for text in ["size > 1 MB", "failed checksum", "changed size", "content = \"x\""] {
        let error = parse(text, Subject::Directory).unwrap_err();
        assert!(error.message.contains("a test of a file, not of a directory"), "{error:?}");
    }
}

#[test]
fn noise_words_stand_only_where_monit_has_them() {
    for text in
        ["cpu than > 5%", "is cpu > 5%", "cpu > is 5%", "children usage > 5", "cpu > than 5%"]
    {
        assert!(parse(text, Subject::Process).is_err(), "{text}");
    }
}

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
            prop_oneof![Just(Test::DoesNotExist), Just(Test::Exists), filesystem_test()].boxed()
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
    use file::test::{Account, Time};
    use file::{Algorithm, Test};
    let filter = |text: &str, not| Filter { not, pattern: Pattern::new(text).unwrap() };
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
