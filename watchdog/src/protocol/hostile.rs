//! Every protocol against a server that says anything: no panic, no endless conversation.

use proptest::prelude::*;

use super::scripted::{answered, named};
use super::{Carrier, Peer, Protocol};

/// What lets a conversation go on, so that what comes behind it is heard too.
const STEPS: &[&str] = &[
    "220 hi\r\n",
    "250-hi\r\n",
    "250 AUTH PLAIN LOGIN\r\n",
    "334 \r\n",
    "200 hi\r\n",
    "+OK hi\r\n",
    "* OK hi\r\n",
    "a1 OK\r\n",
    "\"IMPLEMENTATION\" \"x\"\r\n",
    "OK\r\n",
    "@RSYNCD: 31.0\n",
    "SIP/2.0 100 Trying\r\nl: 18446744073709551615\r\n\r\n",
    "SIP/2.0 180 Ringing\r\nl: 3\r\n\r\n",
    "action=",
    "<F2B_END_COMMAND>",
    "SSH-2.0-",
    "\r\n",
];

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let step = prop_oneof![
        proptest::sample::select(STEPS).prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(step, 0..8).prop_map(|steps| steps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_answer_is_survived(answer in answer()) {
        for carrier in [Carrier::Stream, Carrier::Datagram] {
            let mut peer = Peer::new("server.example", 1, carrier);
            (peer.private, peer.password) = (true, Some("secret"));
            for definition in Protocol::all() {
                let _ = answered(&Protocol::plain(definition), &peer, &answer);
            }
            let login = super::Login { username: "bob".into(), password: Some("/x".into()) };
            let _ = answered(&named("smtp").with_login(Some(login)), &peer, &answer);
        }
    }
}

#[test]
fn names_are_in_order_and_say_what_they_mean() {
    // In order, and none twice: the first of two would hide the second.
    assert!(Protocol::all().is_sorted_by(|one, next| one.name < next.name));
    for definition in Protocol::all() {
        assert_eq!(named(definition.name).to_string(), definition.name, "nothing is said of it");
    }
}
