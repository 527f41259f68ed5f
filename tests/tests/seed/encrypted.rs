//! The seed's Apache is asked over TLS, and restarted when nobody answers: by one that is OpenSSL's server.

use std::process::{Command, Stdio};

use watchdog_tests::apache::free_port;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

use super::LONG;
use super::httpd::{BUSY, Httpd};

#[test]
fn an_apache_that_is_deaf_to_tls_is_restarted() {
    if !need::root() || need::program("openssl").is_none() {
        return;
    }
    let (scratch, port) = (Scratch::new(), free_port());
    // It vouches for itself: the only authority that knows it is its own file.
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(scratch.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl").success());
    scratch.write("port", &port.to_string(), 0o644);
    let authority = scratch.at("cert.pem");
    let theirs = "port 443 type tcpssl";
    let ours =
        format!("port {port} type tcpssl with options {{ ca_file: {} }}", authority.display());
    let httpd = Httpd::new(&scratch);
    let rules = httpd.rules(&scratch, "200ms", &[(theirs, &ours), BUSY]);
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("'apache' process is running with pid", LONG);
    httpd.is("tls");
    let at = format!("[localhost]:{port} [TCP/IP TLS]");
    daemon.wait_log(&format!("error    : 'apache' failed protocol test [HTTP] at {at} -- "), LONG);
    daemon.wait_log("info     : 'apache' trying to restart", LONG);
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    daemon.wait_log(&format!("info     : 'apache' connection succeeded to {at}"), LONG);
    daemon.wait_for("apache", LONG, |status| status["status"] == "ok");
}
