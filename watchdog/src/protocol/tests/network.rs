//! DNS, NTP, RADIUS and the time protocol.

use super::{Example, Step, replies, says};
use crate::protocol::digest::{hmac_md5, md5};
use crate::protocol::scripted::named;
use crate::protocol::{Conversation, Radius};

fn dns(answer: fn(&[u8]) -> Vec<u8>) -> Example {
    Example::new(named("dns"), vec![Step::Takes(17), replies(answer)]).datagram()
}

fn dns_stream() -> Example {
    let answer =
        |heard: &[u8]| [&[0, 12], &heard[2..4], &[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    Example::new(named("dns"), vec![Step::Takes(19), replies(answer)])
}

fn dns_with(heard: &[u8], low: u8) -> Vec<u8> {
    [&heard[..2], &[0x81, low], &heard[4..]].concat()
}

/// An answer of this leap, version and mode, and stratum.
fn ntp_with(heard: &[u8], first: u8, stratum: u8) -> Vec<u8> {
    let mut answer = vec![0; 48];
    (answer[0], answer[1]) = (first, stratum);
    answer[12..16].copy_from_slice(b"RATE");
    answer[24..32].copy_from_slice(&heard[40..48]);
    answer
}

fn ntp(answer: fn(&[u8]) -> Vec<u8>) -> Example {
    Example::new(named("ntp3"), vec![Step::Takes(48), replies(answer)]).datagram()
}

/// An answer of this code by who knows this secret.
fn radius_with(heard: &[u8], code: u8, secret: &[u8], honest: bool) -> Vec<u8> {
    // Ours proves itself too.
    let mut zeroed = heard.to_vec();
    zeroed[22..38].fill(0);
    assert_eq!(heard[22..38], hmac_md5(b"secret", &zeroed));
    let text = [18, 4, b'n', b'o'];
    let mut answer = [&[code, heard[1], 0, 42], &heard[4..20], &[80, 18], &[0; 16], &text].concat();
    let proof = hmac_md5(secret, &answer);
    answer[22..38].copy_from_slice(&proof);
    answer[37] ^= u8::from(!honest);
    let sum = md5(&[&answer, secret]);
    answer[4..20].copy_from_slice(&sum);
    answer
}

fn radius(answer: fn(&[u8]) -> Vec<u8>) -> Example {
    let length = 20 + 18 + 15 + 18 + 15 + 6;
    let steps = vec![Step::Takes(length), replies(answer)];
    let options = Conversation::Radius(Radius { secret: Some("/etc/s".into()) });
    Example::new(named("radius").with(options), steps).datagram()
}

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;

fn rdate(apart: i64) -> Example {
    let told = (NOW + 2_208_988_800 + apart) as u32;
    let mut example = Example::new(named("rdate"), vec![says(told.to_be_bytes())]);
    example.peer.unix_seconds = Some(NOW);
    example
}

#[test]
fn answers_are_to_our_questions() {
    let not_ours = |heard: &[u8]| {
        let mut answer = dns_with(heard, 0x80);
        answer[0] ^= 1;
        answer
    };
    let old_ntp = |heard: &[u8]| {
        let mut answer = ntp_with(heard, 0x1c, 2);
        answer[31] ^= 1;
        answer
    };
    for (example, wanted) in [
        (dns(|heard| dns_with(heard, 0x80)), "ok"),
        (dns(|heard| dns_with(heard, 5)), "ok"),
        (dns(|heard| dns_with(heard, 2)), "DNS: error 2 (server failure)"),
        (dns(|heard| heard.to_vec()), "DNS: this does not answer our question"),
        (dns(not_ours), "DNS: this does not answer our question"),
        (dns_stream(), "ok"),
        (ntp(|heard| ntp_with(heard, 0x1c, 2)), "ok"),
        (ntp(|heard| ntp_with(heard, 0xdc, 2)), "NTP: the server's clock is not synchronized"),
        (ntp(|heard| ntp_with(heard, 0x1c, 16)), "NTP: the server's clock is not synchronized"),
        (ntp(|heard| ntp_with(heard, 0x1c, 0)), "NTP: the server refuses: RATE"),
        (ntp(|heard| ntp_with(heard, 0x1b, 2)), "NTP: mode 3 is not that of a server"),
        (ntp(|heard| ntp_with(heard, 0x24, 2)), "NTP: version 4 instead of 3"),
        (ntp(old_ntp), "NTP: this does not answer our question"),
        (radius(|heard| radius_with(heard, 3, b"secret", true)), "ok"),
        (radius(|heard| radius_with(heard, 2, b"secret", true)), "ok"),
        (
            radius(|heard| radius_with(heard, 5, b"secret", true)),
            "RADIUS: code 5 is no answer to a login",
        ),
        (
            radius(|heard| radius_with(heard, 3, b"other", true)),
            "RADIUS: the answer is not authentic (another secret?)",
        ),
        (
            radius(|heard| radius_with(heard, 3, b"secret", false)),
            "RADIUS: the message authenticator is wrong",
        ),
        (rdate(0), "ok"),
        (rdate(-3), "ok"),
        (rdate(4), "RDATE: the time is 4 s from ours"),
        (rdate(-86_400), "RDATE: the time is 86400 s from ours"),
    ] {
        assert_eq!(example.verdict(), wanted, "{example:?}");
    }
}

pub(super) fn examples() -> Vec<Example> {
    vec![
        dns(|heard| dns_with(heard, 0x80)[..12].to_vec()),
        dns_stream(),
        ntp(|heard| ntp_with(heard, 0x1c, 2)),
        radius(|heard| radius_with(heard, 3, b"secret", true)),
        rdate(1),
    ]
}
