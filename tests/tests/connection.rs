//! Connections of the whole daemon: a server that is not there and comes, in Monit's words; what never
//! answers keeps nobody else waiting.

use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::namespace::Namespace;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

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

/// Starts the daemon in namespaces that a shell has prepared, and waits until it answers.
fn start_in(scratch: &Scratch, launcher: &[&str], rules: &str) -> Daemon {
    Daemon::write_rules(scratch, rules);
    let daemon = Daemon::spawn_under(scratch, launcher);
    until(MINUTE, || daemon.try_status()).unwrap_or_else(|| panic!("{}", daemon.said()));
    daemon
}

/// Why the first connection of a service did not come about.
fn why(service: &serde_json::Value) -> &str {
    service["observed"]["connections"][0]["error"].as_str().unwrap_or_default()
}

#[test]
fn what_never_answers_keeps_nobody_waiting() {
    let needed = ["ip", "unshare", "mount"].iter().all(|name| need::program(name).is_some());
    if !(need::root() && needed) {
        return;
    }
    let scratch = Scratch::new();
    let silent = scratch.at("silent.sock");
    // The kernel takes connections for it; nobody ever reads.
    let _silent = UnixListener::bind(&silent).expect("a socket");
    let host = |name: &str, address: &str, sentence: &str| {
        format!(
            "  - host: {name}\n    address: {address}\n    rules:\n      \
             - {{ if: '{sentence}', then: alert }}\n"
        )
    };
    let mut rules = "cycle: 1s\nservices:\n".to_owned();
    rules += &host("ping", "10.9.9.2", "failed ping count 2 timeout 20 s");
    rules += &host("name", "nowhere.example", "failed port 80 timeout 3 s");
    rules += &host("port", "10.9.9.2", "failed port 80 timeout 3 s");
    let sentence = format!("failed unixsocket {} protocol ssh timeout 3 s", silent.display());
    rules += &host("socket", "127.0.0.1", &sentence);
    for n in 1..=200 {
        rules += &host(&format!("good{n}"), &format!("127.0.0.{n}"), "failed ping timeout 50 s");
    }
    // A network of its own: whatever is sent to 10.9.9.2 is never heard of again, and names are asked
    // for there.
    let resolver = scratch.write("resolv.conf", "nameserver 10.9.9.2\n", 0o644);
    // By nobody else: a resolver of the host's own would be asked over a socket, and answer.
    let order = scratch.write("nsswitch.conf", "hosts: files dns\n", 0o644);
    let script = "mount --bind \"$0\" /etc/resolv.conf && order=$1 && shift && \
                  { [ ! -e /etc/nsswitch.conf ] || mount --bind \"$order\" /etc/nsswitch.conf; } && \
                  ip link set lo up && \
                  ip link add wd0 type veth peer name wd1 && ip link set wd0 arp off && \
                  ip address add 10.9.9.1/24 dev wd0 && ip link set wd0 up && \
                  ip link set wd1 up && exec \"$@\"";
    let [resolver, order] = [&resolver, &order].map(|path| path.to_str().expect("a path"));
    let launcher = ["unshare", "--net", "--mount", "sh", "-c", script, resolver, order];
    let daemon = start_in(&scratch, &launcher, &rules);
    // Of two clocks that end at the same time either may be first.
    for (name, words) in [
        ("name", ["the name was not resolved within 3 s"; 2]),
        ("port", ["no connection within 3 s", "Connection timed out"]),
        ("socket", ["no answer within 3 s"; 2]),
        ("ping", ["no reply within 20 s", "no reply to 2 requests"]),
    ] {
        let seen = daemon.wait_for(name, MINUTE, |one| one["status"] == "failing");
        assert!(words.contains(&why(&seen)), "{seen}");
    }
    // Meanwhile all others go on, cycle by cycle.
    let before = daemon.status()["cycles"].as_u64().expect("a number");
    let all_good = || {
        let status = daemon.status();
        let services = status["services"].as_array().expect("services").clone();
        let good = services
            .iter()
            .filter(|one| one["name"].as_str().is_some_and(|name| name.starts_with("good")))
            .filter(|one| one["status"] == "ok")
            .count();
        (good == 200 && status["cycles"].as_u64() >= Some(before + 3)).then_some(())
    };
    assert!(until(MINUTE, all_good).is_some(), "{}", daemon.status());
    assert!(!daemon.log().contains("'good"), "{}", daemon.said());
}

#[test]
fn a_file_system_that_hangs_makes_others_unknown_at_worst() {
    let needed = ["unshare", "nsenter", "mount"].iter().all(|name| need::program(name).is_some());
    if !(need::root() && needed) {
        return;
    }
    if !std::path::Path::new("/dev/fuse").exists() {
        return need::skip("no /dev/fuse");
    }
    let scratch = Scratch::new();
    let place = scratch.at("dead");
    std::fs::create_dir(&place).expect("a folder");
    let good = scratch.at("good.sock");
    let _good = UnixListener::bind(&good).expect("a socket");
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("its number").port();
    let service = |name: &str, rules: &str| {
        format!("  - host: {name}\n    address: 127.0.0.1\n    rules:\n{rules}")
    };
    let rule = |sentence: String| format!("      - {{ if: '{sentence}', then: alert }}\n");
    let dead = |count: usize| -> String {
        let path = |n: usize| place.join(n.to_string()).display().to_string();
        (0..count).map(|n| rule(format!("failed unixsocket {} timeout 2 s", path(n)))).collect()
    };
    // Long enough for a busy machine: it must not fail.
    let socket = rule(format!("failed unixsocket {} timeout 50 s", good.display()));
    let tcp = rule(format!("failed port {port} timeout 50 s"));
    let rules = |count: usize| {
        "cycle: 1s\nservices:\n".to_owned()
            + &service("dead", &dead(count))
            + &service("socket", &socket)
            + &service("tcp", &tcp)
    };
    // A file system that never answers: nobody reads what the kernel asks.
    let script = "exec 9<>/dev/fuse && \
                  mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 dead \"$0\"";
    let options = ["--mount", "--propagation", "private"];
    let hanging = Namespace::new(&options, script, &[place.as_os_str()]);
    let pid = hanging.pid();
    let launcher = ["nsenter", "--mount", "-t", &pid];
    // However long one path hangs, it takes two threads.
    let daemon = start_in(&scratch, &launcher, &rules(5));
    daemon.wait_for("dead", MINUTE, |one| why(one) == "no connection within 2 s");
    let from = daemon.status()["cycles"].as_u64();
    let later = |more| {
        until(MINUTE, || {
            (daemon.status()["cycles"].as_u64() >= from.map(|from| from + more)).then_some(())
        })
    };
    assert!(later(8).is_some(), "{}", daemon.said());
    for name in ["socket", "tcp"] {
        daemon.wait_for(name, MINUTE, |one| one["status"] == "ok");
    }
    // More paths than threads.
    Daemon::write_rules(&scratch, &rules(40));
    assert!(daemon.command(&["reload"]).status.success());
    let words = "no thread is left: 32 calls about files hang";
    let seen = daemon.wait_for("socket", MINUTE, |one| why(one).starts_with(words));
    assert!(seen["observed"]["connections"][0]["succeeded"].is_null(), "{seen}");
    daemon.wait_for("tcp", MINUTE, |one| one["status"] == "ok");
    assert!(!daemon.log().contains("error    : 'socket'"), "{}", daemon.said());
    // It is gone, and whatever hung comes back.
    drop(hanging);
    daemon.wait_for("socket", MINUTE, |one| one["status"] == "ok");
    daemon.wait_for("dead", MINUTE, |one| why(one).contains("not connected"));
    assert!(!daemon.log().contains("error    : 'socket'"), "{}", daemon.said());
}
