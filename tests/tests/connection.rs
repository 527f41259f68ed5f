//! Connections of the whole daemon: a server that is not there and comes, in Monit's words.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_port_fails_and_recovers_in_monits_words() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    // Taken from the beginning, so that nobody else gets it; listened to later.
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let own = SocketAddr::try_from(getsockname(&socket).expect("its name")).expect("an address");
    let port = own.port();
    let rules = format!(
        "cycle: 1s\nservices:\n  - host: localweb\n    address: 127.0.0.1\n    rules:\n      \
         - {{ if: 'failed port {port} timeout 30 seconds', then: alert }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    let at = format!("[127.0.0.1]:{port} [TCP/IP]");
    let words = format!("failed protocol test [DEFAULT] at {at} -- Connection refused");
    daemon.wait_log(&format!("error    : 'localweb' {words}"), MINUTE);
    daemon.wait_for("localweb", MINUTE, |one| one["status"] == "failing");
    listen(&socket, 128).expect("a listener");
    daemon.wait_log(&format!("info     : 'localweb' connection succeeded to {at}"), MINUTE);
    daemon.wait_for("localweb", MINUTE, |one| one["status"] == "ok");
    let shown = daemon.service("localweb");
    assert!(shown.to_string().contains(&at), "{shown}");
}
