//! Tests of the kinds that are observed, as the model can hold them.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::check::network::{self, traffic};
use crate::check::{CheckTest, file, filesystem, program};
use crate::metric::*;
use crate::protocol::Pattern;
use crate::service::*;

pub(super) fn file_tests() -> Vec<CheckTest> {
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
pub(super) fn filesystem_test() -> impl Strategy<Value = Test> {
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
pub(super) fn network_test() -> impl Strategy<Value = Test> {
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
pub(super) fn attribute_tests() -> Vec<CheckTest> {
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
pub(super) fn program_tests() -> Vec<CheckTest> {
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

pub(super) fn way(operator: impl Strategy<Value = Operator>) -> impl Strategy<Value = Way> {
    prop_oneof![
        prop::option::of((operator, any::<u8>())).prop_map(|code| Way::Exits { code }),
        prop::option::of(1u8..=64).prop_map(|signal| Way::Killed { signal }),
        Just(Way::Crashed),
        Just(Way::OomKilled),
    ]
}
