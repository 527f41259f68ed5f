//! What changes: each change is told once, and that it has stopped.

use super::situation::Step::{Cycles, Do, Say};
use super::situation::{PLAIN, Situation};

macro_rules! change {
    ($name:literal, $kind:literal, $before:literal, $test:literal, [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            before: $before,
            monit: concat!(
                "check ", $kind, " thing with path {dir}/thing\n if ", $test, " then alert\n"
            ),
            ours: concat!(
                "  - ", $kind, ": thing\n    path: {dir}/thing\n    rules:\n      ",
                "- { if: '", $test, "', then: alert }\n"
            ),
            play: &[Cycles(3), $($step),*, Cycles(3)],
            $($more)*
            ..PLAIN
        }
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    change!(
        "file: size changed",
        "file",
        "echo one > thing",
        "changed size",
        [
            Do("printf 12345 > new; mv new thing"),
            Say("size for D/thing changed to 5 B"),
            Say("size has not changed")
        ],
    ),
    change!(
        "file: permission changed",
        "file",
        "echo one > thing; chmod 644 thing",
        "changed permission",
        [
            Do("chmod 600 thing"),
            Say("permission for D/thing changed from 0644 to 0600"),
            Say("permission not changed")
        ],
    ),
    change!(
        "file: timestamp changed",
        "file",
        "echo one > thing",
        "changed mtime",
        [Do("touch thing"), Say("changed from"), Say("was not changed")],
        tolerance: 1.0,
    ),
    change!(
        "directory: timestamp changed",
        "directory",
        "mkdir thing",
        "changed timestamp",
        [Do("touch thing/one"), Say("changed from"), Say("was not changed")],
        tolerance: 1.0,
    ),
    change!(
        "file: it exists",
        "file",
        "true",
        "exist",
        [Do("echo one > new; mv new thing"), Say("exist"), Do("rm thing"), Say("exist")],
    ),
    change!(
        "file: of another kind",
        "file",
        "echo one > one; mkdir two; ln -s one thing; ln -s one to-one; ln -s two to-two",
        "size > 9 GB",
        [
            Do("mv -T to-two thing"),
            Say("error    'thing' is neither a regular file nor a socket"),
            Do("mv -T to-one thing"),
            Say("info     'thing' is a regular file")
        ],
        better: Some("there is nothing to restart: Monit says all the same that it does"),
    ),
    change!(
        "file: content is not there",
        "file",
        "echo one > thing",
        "content != \"^fine\"",
        [Do("echo wrong >> thing"), Say("content match"), Say("content doesn't match")],
        better: Some(super::file::ONE_LINE),
    ),
    change!(
        "program: status changed",
        "program",
        "printf '#!/bin/sh\\n. %s/does\\n' \"$PWD\" > thing; chmod 755 thing; echo 'echo ok' > does",
        "changed status",
        [Do("echo 'echo bad; exit 2' > new; mv new does"), Say("status changed")],
    ),
];
