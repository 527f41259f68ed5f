//! Files, directories and named pipes.

use super::situation::Step::{Cycles, Do, Say, Says};
use super::situation::{PLAIN, Situation, Who};

/// One rule about one thing: what fails it, what is said, and what mends it.
macro_rules! thing {
    ($name:literal, $kind:literal, $before:literal, $monit:literal, $ours:literal,
     [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            before: $before,
            monit: concat!("check ", $kind, " thing with path {dir}/thing\n ", $monit, "\n"),
            ours: concat!(
                "  - ", $kind, ": thing\n    path: {dir}/thing\n    rules:\n      - { ", $ours, " }\n"
            ),
            play: &[Cycles(2), $($step),*, Cycles(2)],
            $($more)*
            ..PLAIN
        }
    };
}

/// Why an owner is told otherwise.
const OWNER: &str = "the path is named, as for permissions, and not the service a second time";

/// Why what a file or program says is told otherwise.
pub(super) const ONE_LINE: &str = "what was found stands in the same line, and cannot forge one";

pub(super) const SITUATIONS: &[Situation] = &[
    thing!(
        "file: missing, back again",
        "file",
        "echo one > thing",
        "if does not exist then alert",
        "if: \"does not exist\", then: alert",
        [
            Do("mv thing away"),
            Say("error    'thing' file doesn't exist"),
            Do("mv away thing"),
            Say("exist")
        ],
    ),
    thing!(
        "file: permission",
        "file",
        "echo one > thing; chmod 644 thing",
        "if failed permission 644 then alert",
        "if: \"failed permission 644\", then: alert",
        [
            Do("chmod 600 thing"),
            Say("permission test failed for D/thing [current permission 0600]"),
            Do("chmod 644 thing"),
            Say("permission test succeeded"),
        ],
    ),
    thing!(
        "file: permission, unmonitored",
        "file",
        "echo one > thing; chmod 644 thing",
        "if failed permission 644 then unmonitor",
        "if: \"failed permission 644\", then: unmonitor",
        [
            Do("chmod 600 thing"),
            Say("permission test failed for D/thing [current permission 0600]"),
        ],
    ),
    thing!(
        "file: uid",
        "file",
        "echo one > thing",
        "if failed uid 0 then alert",
        "if: \"failed uid 0\", then: alert",
        [
            Do("chown 1 thing"),
            Says(Who::Monit, "uid test failed for thing -- current uid is 1"),
            Says(Who::Ours, "uid test failed for D/thing -- current uid is 1"),
            Do("chown 0 thing"),
            Say("uid test succeeded [current uid = 0]"),
        ],
        better: Some(OWNER),
    ),
    thing!(
        "file: gid",
        "file",
        "echo one > thing",
        "if failed gid root then alert",
        "if: \"failed gid root\", then: alert",
        [
            Do("chgrp 1 thing"),
            Says(Who::Monit, "gid test failed for thing -- current gid is 1"),
            Says(Who::Ours, "gid test failed for D/thing -- current gid is 1"),
            Do("chgrp 0 thing"),
            Say("gid test succeeded [current gid = 0]"),
        ],
        better: Some(OWNER),
    ),
    thing!(
        "file: checksum",
        "file",
        "echo one > thing",
        "if failed md5 checksum and expect the sum 5bbf5a52328e7439ae6e719dfe712200 then alert",
        "if: \"failed md5 checksum and expect the sum 5bbf5a52328e7439ae6e719dfe712200\", then: alert",
        [
            Do("echo two > new; mv new thing"),
            Say("checksum failed, expected 5bbf5a52328e7439ae6e719dfe712200 got"),
            Do("echo one > new; mv new thing"),
            Say("checksum"),
        ],
    ),
    thing!(
        "file: checksum changed",
        "file",
        "echo one > thing",
        "if changed md5 checksum then alert",
        "if: \"changed md5 checksum\", then: alert",
        [
            Do("echo two > new; mv new thing"),
            Say("checksum changed to"),
            Say("checksum has not changed")
        ],
    ),
    thing!(
        "file: size",
        "file",
        "echo one > thing",
        "if size > 100 B then alert",
        "if: \"size > 100 B\", then: alert",
        [
            Do("head -c 200 /dev/zero > new; mv new thing"),
            Say("size test failed for D/thing -- current size is 200 B"),
            Do("echo one > new; mv new thing"),
            Say("size check succeeded [current size = 4 B]"),
        ],
    ),
    thing!(
        "file: timestamp",
        "file",
        "echo one > thing",
        "if timestamp > 4 seconds then alert",
        "if: \"timestamp > 4 seconds\", then: alert",
        [Say("thing failed -- current"), Do("touch thing"), Say("test succeeded")],
        tolerance: 1.0,
    ),
    thing!(
        "file: content",
        "file",
        "echo one > thing",
        "if content = \"ERROR\" then alert",
        "if: 'content = \"ERROR\"', then: alert",
        [Do("echo ERROR two >> thing"), Say("content match:"), Say("content doesn't match")],
        better: Some(ONE_LINE),
    ),
    thing!(
        "directory: permission",
        "directory",
        "mkdir thing; chmod 755 thing",
        "if failed permission 755 then alert",
        "if: \"failed permission 755\", then: alert",
        [
            Do("chmod 700 thing"),
            Say("permission test failed for D/thing [current permission 0700]"),
            Do("chmod 755 thing"),
            Say("permission test succeeded"),
        ],
    ),
    thing!(
        "fifo: missing, back again",
        "fifo",
        "mkfifo -m 600 thing",
        "if does not exist then alert",
        "if: \"does not exist\", then: alert",
        [
            Do("mv thing away"),
            Say("error    'thing' fifo doesn't exist"),
            Do("mv away thing"),
            Say("exist")
        ],
    ),
];
