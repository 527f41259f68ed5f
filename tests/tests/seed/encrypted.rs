//! The seed's Apache is asked over TLS: a server of OpenSSL's that goes and comes back.

use std::process::{Child, Command, Stdio};

use watchdog_tests::apache::free_port;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

use super::{LONG, TLS};

struct Server(Child);

impl Server {
    fn start(scratch: &Scratch, port: u16) -> Self {
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")])
            .args(["-cert", "cert.pem", "-key", "key.pem"])
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("openssl"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_port_with_tls_is_asked_for_a_page() {
    if !need::root() || need::program("openssl").is_none() {
        return;
    }
    let (scratch, port) = (Scratch::new(), free_port());
    // It vouches for itself: the only authority that knows it is its own file.
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(scratch.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl").success());
    let authority = scratch.at("cert.pem");
    let rule = TLS
        .replace(
            "port 443 type tcpssl",
            &format!("port {port} type tcpssl with options {{ ca_file: {} }}", authority.display()),
        )
        .replace("then: restart", "then: alert");
    let rules = format!(
        "cycle: 200ms\nservices:\n  - host: apache\n    address: 127.0.0.1\n    rules:\n{rule}"
    );
    let daemon = Daemon::start(&scratch, &rules);
    let at = format!("[127.0.0.1]:{port} [TCP/IP TLS]");
    daemon.wait_log(&format!("error    : 'apache' failed protocol test [HTTP] at {at} -- "), LONG);
    let _server = Server::start(&scratch, port);
    daemon.wait_log(&format!("info     : 'apache' connection succeeded to {at}"), LONG);
}
