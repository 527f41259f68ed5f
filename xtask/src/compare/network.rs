//! Interfaces and pings, in networks of one tool's own.

use super::situation::Step::{Count, Cycles, Do, Say, Says};
use super::situation::{Apart, PLAIN, Situation, Who};

macro_rules! network {
    ($name:literal, $before:literal, $monit:literal, $ours:literal, [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            apart: Apart::Networks,
            before: $before,
            monit: concat!($monit, "\n"),
            ours: concat!("  - ", $ours, "\n"),
            play: &[Cycles(3), $($step),*, Cycles(2)],
            $($more)*
            ..PLAIN
        }
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    network!(
        "network: link set down and up",
        "ip link add wd0 type veth peer name wd1; ip link set wd0 up; ip link set wd1 up",
        "check network net with interface wd0\n if link down then alert",
        "network: net\n    interface: wd0\n    rules:\n      - { if: link down, then: alert }",
        [
            Do("ip link set wd0 down"),
            Say("error    'net' link down"),
            Do("ip link set wd0 up"),
            Say("info     'net' link up"),
        ],
    ),
    network!(
        "network: link up is told",
        "ip link add wd0 type veth peer name wd1; ip link set wd1 up",
        "check network net with interface wd0\n if link up then alert",
        "network: net\n    interface: wd0\n    rules:\n      - { if: link up, then: alert }",
        [
            Do("ip link set wd0 up"),
            Say("error    'net' link up"),
            Do("ip link set wd0 down"),
            Say("info     'net' link down"),
        ],
    ),
    network!(
        "network: nobody at the other end",
        "ip link add wd0 type veth peer name wd1; ip link set wd0 up; ip link set wd1 up",
        "check network net with interface wd0\n if link down then alert",
        "network: net\n    interface: wd0\n    rules:\n      - { if: link down, then: alert }",
        [
            Do("ip link set wd1 down"),
            Says(Who::Ours, "error    'net' link down"),
            Do("ip link set wd1 up"),
            Says(Who::Ours, "info     'net' link up"),
            Count(Who::Monit, "'net'", 0),
        ],
        better: Some("a link without a carrier is down, whatever keeps it from having one"),
    ),
    network!(
        "network: download",
        "true",
        "check network net with interface lo\n if download > 1 KB/s then alert",
        "network: net\n    interface: lo\n    rules:\n      - { if: download > 1 KB/s, then: alert }",
        [
            Do("./actor send 60 1000"),
            Say("matches limit [download rate > 1 kB in last 1 second]"),
            Say("download check succeeded"),
        ],
        tolerance: 1.0,
    ),
    network!(
        "network: upload in packets",
        "true",
        "check network net with interface lo\n if upload > 5 packets/s then alert",
        "network: net\n    interface: lo\n    rules:\n      - { if: upload > 5 packets/s, then: alert }",
        [
            Do("./actor send 60 10"),
            Say("matches limit [upload packets > 5 in last 1 second]"),
            Say("upload packets check succeeded"),
        ],
        tolerance: 1.0,
    ),
    network!(
        "network: sent in a minute",
        "true",
        "check network net with interface lo\n if total uploaded > 20 KB in last 1 minute then alert",
        "network: net\n    interface: lo\n    rules:\n      - { if: total uploaded > 20 KB in last 1 minute, then: alert }",
        [Do("./actor send 60 1000"), Say("in last 1 minute]")],
        tolerance: 1.0,
    ),
    network!(
        "network: received in a minute, in packets",
        "true",
        "check network net with interface lo\n if total downloaded > 20 packets in last 1 minute then alert",
        "network: net\n    interface: lo\n    rules:\n      - { if: total downloaded > 20 packets in last 1 minute, then: alert }",
        [Do("./actor send 60 10"), Say("in last 1 minute]")],
        tolerance: 1.0,
    ),
    network!(
        "network: saturation of what tells no speed",
        "true",
        "check network net with interface lo\n if saturation > 90% then alert",
        "network: net\n    interface: lo\n    rules:\n      - { if: saturation > 90%, then: alert }",
        [Do("./actor send 20 1000")],
    ),
    network!(
        "host: ping answered, not, answered",
        "true",
        "check host far with address 127.0.0.1\n if failed ping count 1 with timeout 1 second then alert",
        "host: far\n    address: 127.0.0.1\n    rules:\n      - { if: failed ping count 1 with timeout 1 second, then: alert }",
        [
            Do("ip link set lo down"),
            Say("error    'far' ping test failed"),
            Do("ip link set lo up"),
            Say("info     'far' ping test succeeded"),
        ],
        tolerance: 1.0,
        better: Some("why it failed stands in the line of the service"),
    ),
    network!(
        "host: ping to an address that is silent",
        "ip link add wd0 type veth peer name wd1; ip address add 192.0.2.1/24 dev wd0; \
         ip link set wd0 up; ip link set wd1 up; \
         ip neighbor add 192.0.2.2 lladdr 02:00:00:00:00:02 dev wd0",
        "check host far with address 192.0.2.2\n if failed icmp type echo count 2 with timeout 1 second then alert",
        "host: far\n    address: 192.0.2.2\n    rules:\n      - { if: failed icmp type echo count 2 with timeout 1 second, then: alert }",
        [
            Say("error    'far' ping test failed"),
            Do("ip address add 192.0.2.2/32 dev lo"),
            Say("info     'far' ping test succeeded"),
        ],
        tolerance: 1.0,
        better: Some("why it failed stands in the line of the service"),
    ),
];
