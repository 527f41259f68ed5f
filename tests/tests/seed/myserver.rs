//! The seed's `myserver`, in a network of the test's own that has its address: reached and not, with a MariaDB
//! and the page that it is asked for.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use watchdog_tests::debian::{self, Server};
use watchdog_tests::namespace::Namespace;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

use super::site::Site;
use super::{LONG, item, start_under};

const ADDRESS: &str = "192.168.1.1";

/// A network with one machine, and its names.
struct Network(Namespace);

impl Network {
    fn new(scratch: &Scratch) -> Self {
        let names = format!("127.0.0.1 localhost\n{ADDRESS} www.foo.bar\n");
        let script = "mount --bind \"$0\" /etc/hosts && ip link set lo up && \
                      ip address add \"$1/32\" dev lo";
        let hosts = scratch.write("hosts", &names, 0o644);
        let words = [hosts.as_os_str(), OsStr::new(ADDRESS)];
        Self(Namespace::new(&["--net", "--mount"], script, &words))
    }

    fn pid(&self) -> String {
        self.0.pid()
    }

    /// This thread, and what it starts from now on.
    fn enter(&self) {
        let space = File::open(format!("/proc/{}/ns/net", self.pid())).expect("its network");
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(space.as_fd(), network).expect("its network");
    }
}

/// From inside the network.
fn ip(words: &[&str]) {
    assert!(Command::new("ip").args(words).status().expect("ip").success(), "{words:?}");
}

#[test]
fn myserver_is_reached_and_answers() {
    let needed = ["unshare", "nsenter", "ip"].iter().all(|name| need::program(name).is_some());
    if !need::root() || !needed || debian::unpacked().is_none() {
        return;
    }
    // A thread enters the network, and other tests may follow on this one.
    if let Err(panic) = std::thread::spawn(play).join() {
        std::panic::resume_unwind(panic);
    }
}

fn play() {
    let scratch = Scratch::new();
    let network = Network::new(&scratch);
    network.enter();
    let rules = format!("cycle: 200ms\nservices:\n{}", item("host: myserver", &[]));
    let launcher = ["nsenter", "--net", "--mount", "-t", &network.pid()];
    let daemon = start_under(&scratch, &launcher, &rules);

    let mysql = format!("[{ADDRESS}]:3306 [TCP/IP]");
    let told = format!("error    : 'myserver' failed protocol test [MYSQL] at {mysql} -- ");
    daemon.wait_log(&told, LONG);
    let data = scratch.at("data");
    let data = data.to_str().expect("a path");
    // From a host that no user may come from it says that, and no more.
    let users = scratch.write("users.sql", "CREATE USER ann@'%' IDENTIFIED BY 'pass';\n", 0o644);
    let run = format!(
        "mkdir -p {data}/mysql && cd /usr/share/mysql && \
         {{ echo 'use mysql;'; cat mysql_system_tables.sql mysql_system_tables_data.sql; }} | \
         mariadbd --no-defaults --user=root --datadir={data} --bootstrap && \
         exec mariadbd --no-defaults --user=root --datadir={data} --socket={data}/socket \
         --bind-address={ADDRESS} --port=3306 --skip-name-resolve --log-warnings=0 \
         --init-file={}",
        users.display()
    );
    let server = Server::start(&scratch, &["sh", "-c", &run]).expect("it is unpacked");
    daemon.wait_log(&format!("info     : 'myserver' connection succeeded to {mysql}"), LONG);

    let page = "[www.foo.bar]:8080/?querystring [TCP/IP]";
    let told = format!("error    : 'myserver' failed protocol test [HTTP] at {page} -- ");
    daemon.wait_log(&told, LONG);
    let site = Site::new((ADDRESS, 8080));
    // It answers, but not with what is looked for.
    daemon.wait_for("myserver", LONG, |status| {
        let made = status["observed"]["connections"].as_array();
        made.is_some_and(|made| {
            made.iter().any(|one| {
                one["error"]
                    .as_str()
                    .is_some_and(|why| why.contains("Regular expression doesn't match"))
            })
        })
    });
    site.answers(200, "<form method=\"post\" action=\"j_security_check\">");
    daemon.wait_log(&format!("info     : 'myserver' connection succeeded to {page}"), LONG);
    daemon.wait_for("myserver", LONG, |status| status["status"] == "ok");

    ip(&["link", "set", "lo", "down"]);
    daemon.wait_log("error    : 'myserver' ping test failed", LONG);
    ip(&["link", "set", "lo", "up"]);
    daemon.wait_log("info     : 'myserver' ping test succeeded", LONG);
    daemon.wait_for("myserver", LONG, |status| status["status"] == "ok");
    drop(server);
}
