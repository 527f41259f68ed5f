//! File systems: small ones in memory, mounted for one tool alone.

use super::situation::Step::{Cycles, Do, Say};
use super::situation::{Apart, PLAIN, Situation};

macro_rules! filesystem {
    ($name:literal, $monit:literal, $ours:literal, [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            apart: Apart::Mounts,
            before: "mkdir mnt; mount -t tmpfs -o size=4m,nr_inodes=100 none mnt",
            monit: concat!("check filesystem data with path {dir}/mnt\n ", $monit, "\n"),
            ours: concat!(
                "  - filesystem: data\n    path: {dir}/mnt\n    rules:\n      - { ", $ours, " }\n"
            ),
            play: &[Cycles(2), $($step),*, Cycles(2)],
            $($more)*
            ..PLAIN
        }
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    filesystem!(
        "filesystem: space in percent",
        "if space usage > 50% then alert",
        "if: \"space usage > 50%\", then: alert",
        [
            Do("head -c 3M /dev/zero > new; mv new mnt/full"),
            Say("matches resource limit [space usage > 50.0%]"),
            Do("rm mnt/full"),
            Say("space usage test succeeded"),
        ],
    ),
    filesystem!(
        "filesystem: space in bytes, free",
        "if space free < 2 MB then alert",
        "if: \"space free < 2 MB\", then: alert",
        [
            Do("head -c 3M /dev/zero > new; mv new mnt/full"),
            Say("matches resource limit [space free < 2 MB]"),
            Do("rm mnt/full"),
            Say("space free test succeeded"),
        ],
    ),
    filesystem!(
        "filesystem: inodes",
        "if inode usage > 50 then alert",
        "if: \"inode usage > 50\", then: alert",
        [
            Do("for n in $(seq 70); do echo > mnt/$n; done"),
            Say("matches resource limit [inode usage > 50"),
            Do("rm mnt/*"),
            Say("inode usage test succeeded"),
        ],
        tolerance: 1.0,
    ),
    filesystem!(
        "filesystem: inodes in percent",
        "if inode usage > 50% then alert",
        "if: \"inode usage > 50%\", then: alert",
        [
            Do("for n in $(seq 70); do echo > mnt/$n; done"),
            Say("matches resource limit [inode usage > 50.0%]"),
            Do("rm mnt/*"),
            Say("inode usage test succeeded"),
        ],
        tolerance: 1.0,
    ),
    filesystem!(
        "filesystem: flags changed",
        "if changed fsflags then alert",
        "if: \"changed fsflags\", then: alert",
        [Do("mount -o remount,ro mnt"), Say("flags changed")],
    ),
    filesystem!(
        "filesystem: permission",
        "if failed permission 755 then alert",
        "if: \"failed permission 755\", then: alert",
        [
            Do("chmod 700 mnt"),
            Say("permission test failed"),
            Do("chmod 755 mnt"),
            Say("permission test succeeded")
        ],
    ),
    filesystem!(
        "filesystem: unmounted, back again",
        "if space usage > 50% then alert",
        "if: \"space usage > 50%\", then: alert",
        [
            Do("umount mnt"),
            Say("error    'data'"),
            Do("mount -t tmpfs -o size=4m,nr_inodes=100 none mnt"),
            Say("info     'data'"),
        ],
        better: Some("that it is not mounted is told as such, and what mounts it may follow; Monit says that it cannot be read"),
    ),
    Situation {
        name: "filesystem: what is written a second",
        apart: Apart::Mounts,
        before: "truncate -s 32M image; mkfs.ext4 -q -F image; mkdir mnt; mount -o loop image mnt",
        monit: "check filesystem data with path {dir}/mnt\n if write rate > 1 KB/s then alert\n",
        ours: "  - filesystem: data\n    path: {dir}/mnt\n    rules:\n      \
               - { if: \"write rate > 1 KB/s\", then: alert }\n",
        play: &[
            Cycles(3),
            Do(
                "for n in $(seq 12); do head -c 64K /dev/zero > mnt/$n; sync -f mnt; sleep 0.3; done",
            ),
            Say("matches resource limit [write > 1 kB/s]"),
            Say("write rate test succeeded"),
        ],
        tolerance: 1.0,
        ..PLAIN
    },
];
