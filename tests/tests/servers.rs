//! Protocols of the web, of databases and of the network's own servers against real servers of Debian.
//!
//! Not here: protocols of lines (`protocols`); wrong and hostile answers (`watchdog/src/protocol`), where the
//! server is a script.

use ebpf_watchdog::metric::Operator;
use ebpf_watchdog::protocol::{
    ApacheStatus, Checksum, Conversation, Http, Login, Pattern, Pgsql, Protocol, Radius,
    WorkerLimit,
};
use watchdog_tests::apache::free_port;
use watchdog_tests::conversation::{At, answers, answers_to, named, talk, talk_in_clear};
use watchdog_tests::database;
use watchdog_tests::debian::Server;
use watchdog_tests::scratch::Scratch;

/// The user of all servers here; the password is `pass`.
fn ann() -> Option<Login> {
    Some(Login { username: "ann".to_owned(), password: Some("/unread".into()) })
}

/// What is told of a server that must not be taken for alive.
fn told(protocol: &Protocol, at: &At, password: Option<&str>) -> String {
    talk(protocol, at, password).expect_err("taken for alive")
}

#[test]
fn nginx_speaks_http() {
    let (scratch, port) = (Scratch::new(), free_port());
    let dir = scratch.path().display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {dir}/{name};"))
        .concat();
    // `openssl passwd -apr1 pass`, without openssl: nginx takes `{PLAIN}` too.
    scratch.write("users", "ann:{PLAIN}pass\n", 0o644);
    let text = format!(
        "daemon off; master_process off; pid {dir}/pid; error_log stderr; events {{}}\n\
         http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port};\n \
         location / {{ return 200 'hello world'; }}\n \
         location /moved {{ return 302 /; }}\n location /gone {{ return 410; }}\n \
         location /host {{ return 200 'I am $host'; }}\n \
         location /own/ {{ auth_basic own; auth_basic_user_file {dir}/users; alias {dir}/; }} }} }}\n"
    );
    let conf = scratch.write("nginx.conf", &text, 0o644);
    let conf = conf.to_str().unwrap();
    let argv = ["nginx", "-e", "stderr", "-c", conf];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    let at = At::Tcp(port);
    let http = |request: &str| Http { request: request.to_owned(), ..Http::PLAIN };
    answers(&Http::PLAIN.protocol(false), &at);
    answers(&http("/moved").protocol(false), &at);
    let gone = http("/gone");
    assert_eq!(
        told(&gone.clone().protocol(false), &at, None),
        "HTTP error: Server returned status 410"
    );
    answers(&Http { status: Some((Operator::Equal, 410)), ..gone }.protocol(false), &at);
    let pattern = |text: &str| vec![(true, Pattern::new(text).unwrap())];
    let host = Http {
        host: Some("www.example".to_owned()),
        content: pattern("^I am www.example$"),
        ..http("/host")
    };
    answers(&host.protocol(false), &at);
    let sum = Checksum::parse("5eb63bbbe01eeed093cb22bb8f5acdc3");
    answers(&Http { checksum: sum, head: false, ..Http::PLAIN }.protocol(false), &at);
    answers(&Http { head: true, ..Http::PLAIN }.protocol(false), &at);
    let own = Http {
        username: Some("ann".to_owned()),
        password: Some("/unread".into()),
        content: pattern("PLAIN"),
        ..http("/own/users")
    };
    let own = own.protocol(false);
    assert_eq!(talk(&own, &at, Some("pass")), Ok(()));
    assert_eq!(told(&own, &at, Some("wrong")), "HTTP error: Server returned status 401");
}

#[test]
fn apache_shows_its_workers() {
    let (scratch, port) = (Scratch::new(), free_port());
    let dir = scratch.path().display();
    let modules: String = ["mpm_event", "authz_core", "status"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let text = format!(
        "{modules}ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {dir}/pid\n\
         DefaultRuntimeDir {dir}\nErrorLog /dev/stderr\nDocumentRoot {dir}\n\
         <Location /server-status>\nSetHandler server-status\n</Location>\n"
    );
    let conf = scratch.write("apache.conf", &text, 0o644);
    let argv = ["apache2", "-DFOREGROUND", "-f", conf.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    let at = At::Tcp(port);
    let limit = |word, operator, percent| {
        let limits = vec![WorkerLimit { word, operator, percent }];
        let status = ApacheStatus { http: Http::PLAIN, limits };
        named("apache-status").with(Conversation::ApacheStatus(status))
    };
    answers(&limit("dnslimit", Operator::Greater, 10), &at);
    // Who answers us replies.
    let told = told(&limit("replylimit", Operator::GreaterOrEqual, 0), &at, None);
    assert!(told.ends_with("of the workers [replylimit >= 0%]"), "{told}");
}

#[test]
fn mariadb_knows_its_users() {
    let (scratch, port) = (Scratch::new(), free_port());
    let Some(_server) = database::mariadb(&scratch, port, "", "") else { return };
    let socket = scratch.at("socket");
    let mysql = named("mysql").with_login(ann());
    for at in [At::Tcp(port), At::Unix(socket)] {
        answers(&named("mysql"), &at);
        assert_eq!(talk_in_clear(&mysql, &at, "pass"), Ok(()));
        let told = told(&mysql, &at, Some("wrong"));
        assert!(
            told.starts_with("MYSQL: error 1045: #28000Access denied for user 'ann'"),
            "{told}"
        );
    }
}

#[test]
fn postgresql_knows_its_users() {
    let (scratch, port) = (Scratch::new(), free_port());
    let rules = "host all ann all scram-sha-256\nhost all all all trust\n";
    let Some(_server) = database::postgresql(&scratch, port, rules, "true", "") else { return };
    let at = At::Tcp(port);
    answers(&named("pgsql"), &at);
    let pgsql = |login, database: &str| {
        let database = Some(database.to_owned());
        named("pgsql").with(Conversation::Pgsql(Pgsql { login, database }))
    };
    let postgres = pgsql(ann(), "postgres");
    assert_eq!(talk_in_clear(&postgres, &at, "pass"), Ok(()));
    assert_eq!(
        told(&postgres, &at, Some("wrong")),
        "PGSQL: error 28P01: password authentication failed for user \"ann\""
    );
    assert_eq!(
        talk_in_clear(&pgsql(ann(), "none"), &at, "pass").unwrap_err(),
        "PGSQL: error 3D000: database \"none\" does not exist"
    );
}

#[test]
fn redis() {
    let scratch = Scratch::new();
    for more in [&[][..], &["--requirepass", "pass"]] {
        let port = free_port();
        let listen = port.to_string();
        let dir = scratch.path().to_str().unwrap();
        let own = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", dir, "--port"];
        let argv = [&own, [listen.as_str()].as_slice(), more].concat();
        let Some(_server) = Server::start(&scratch, &argv) else { return };
        answers(&named("redis"), &At::Tcp(port));
    }
}

#[test]
fn memcached() {
    let (scratch, port) = (Scratch::new(), free_port());
    let listen = port.to_string();
    let argv = ["memcached", "-u", "root", "-l", "127.0.0.1", "-U", "0", "-p", &listen];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("memcache"), &At::Tcp(port));
}

#[test]
fn mosquitto_speaks_mqtt_and_websocket() {
    let (scratch, port, web) = (Scratch::new(), free_port(), free_port());
    let users = scratch.at("users");
    let users = users.display();
    let text = format!(
        "user root\nallow_anonymous false\npassword_file {users}\n\
         listener {port} 127.0.0.1\nlistener {web} 127.0.0.1\nprotocol websockets\n"
    );
    let conf = scratch.write("mosquitto.conf", &text, 0o644);
    let run =
        format!("mosquitto_passwd -b -c {users} ann pass && exec mosquitto -c {}", conf.display());
    let Some(_server) = Server::start(&scratch, &["sh", "-c", &run]) else { return };
    let at = At::Tcp(port);
    let mqtt = named("mqtt").with_login(ann());
    answers(&named("websocket"), &At::Tcp(web));
    assert_eq!(talk(&mqtt, &at, Some("pass")), Ok(()));
    let refused = "MQTT: connection refused: not authorized (5)";
    assert_eq!(told(&mqtt, &at, Some("wrong")), refused);
    assert_eq!(told(&named("mqtt"), &at, None), refused);
}

#[test]
fn slapd_binds_version_3_only() {
    let (scratch, port) = (Scratch::new(), free_port());
    let pid = format!("pidfile {}\n", scratch.at("pid").display());
    let conf = scratch.write("slapd.conf", &pid, 0o644);
    let listen = format!("ldap://127.0.0.1:{port}");
    let argv = ["slapd", "-h", &listen, "-f", conf.to_str().unwrap(), "-d", "0"];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    let at = At::Tcp(port);
    answers(&named("ldap3"), &at);
    let told = told(&named("ldap2"), &at, None);
    assert!(told.starts_with("LDAP: bind refused, result 2: "), "{told}");
}

#[test]
fn dnsmasq_speaks_dns_over_both_carriers() {
    let (scratch, port) = (Scratch::new(), free_port());
    let port_option = format!("--port={port}");
    let argv = [
        ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"],
        [
            &port_option,
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--user=root",
            "--pid-file=",
        ],
    ]
    .concat();
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("dns"), &At::Udp(port));
    answers(&named("dns"), &At::Tcp(port));
}

#[test]
fn chrony_speaks_ntp() {
    let (scratch, port) = (Scratch::new(), free_port());
    let dir = scratch.path().display();
    let text = format!(
        "port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 8\ncmdport 0\n\
         bindcmdaddress /\npidfile {dir}/pid\n"
    );
    let conf = scratch.write("chrony.conf", &text, 0o644);
    // It leaves the clock alone.
    let argv = ["chronyd", "-d", "-x", "-u", "root", "-f", conf.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("ntp3"), &At::Udp(port));
}

#[test]
fn freeradius_knows_the_secret() {
    let (scratch, port) = (Scratch::new(), free_port());
    let dir = scratch.path().display();
    let text = format!(
        "run_dir = {dir}\npidfile = {dir}/pid\nlibdir = /usr/lib/freeradius\n\
         security {{ reject_delay = 0 }}\nlog {{ destination = stdout }}\n\
         client local {{ ipaddr = 127.0.0.1\n secret = pass\n }}\nmodules {{ }}\n\
         server default {{ listen {{ type = auth\n ipaddr = 127.0.0.1\n port = {port}\n }}\n \
         authorize {{ }}\n authenticate {{ }}\n }}\n"
    );
    scratch.write("radiusd.conf", &text, 0o644);
    let dir = scratch.path().to_str().unwrap();
    let Some(_server) = Server::start(&scratch, &["freeradius", "-X", "-d", dir]) else { return };
    let radius = Conversation::Radius(Radius { secret: Some("/unread".into()) });
    answers_to(&named("radius").with(radius), &At::Udp(port), Some("pass"));
}

#[test]
fn gpsd() {
    let (scratch, port) = (Scratch::new(), free_port().to_string());
    let socket = scratch.at("control");
    let argv = ["gpsd", "-N", "-n", "-S", &port, "-F", socket.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("gps"), &At::Tcp(port.parse().unwrap()));
}

#[test]
fn xinetd_tells_the_time() {
    let (scratch, port) = (Scratch::new(), free_port());
    let service = |kind: &str, protocol: &str, wait: &str| {
        format!(
            "service time\n{{\n type = INTERNAL UNLISTED\n id = time-{kind}\n port = {port}\n \
             socket_type = {kind}\n protocol = {protocol}\n wait = {wait}\n user = root\n \
             bind = 127.0.0.1\n}}\n"
        )
    };
    let text = service("stream", "tcp", "no") + &service("dgram", "udp", "yes");
    let conf = scratch.write("xinetd.conf", &text, 0o644);
    let pid = scratch.at("pid");
    let argv =
        ["xinetd", "-dontfork", "-f", conf.to_str().unwrap(), "-pidfile", pid.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("rdate"), &At::Tcp(port));
    answers(&named("rdate"), &At::Udp(port));
}
