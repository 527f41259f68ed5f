//! TLS with real servers of Debian, by the whole daemon: good certificates, those for another name, those
//! that have ended, and servers that want one of ours.
//!
//! Not here: what is said inside (`protocols`, `servers`), and everything that a server of Debian would not do
//! (`watchdog/src/observe/connection`).

use std::time::Duration;

use watchdog_tests::apache::free_port;
use watchdog_tests::authority::Authority;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::database;
use watchdog_tests::debian::Server;
use watchdog_tests::scratch::Scratch;

/// Some servers make a database first, which takes a busy machine its time.
const LONG: Duration = Duration::from_secs(180);

/// What a service's connection comes to.
enum Becomes {
    Good,
    /// It fails with these words.
    Bad(&'static str),
}
use Becomes::{Bad, Good};

/// Watches services of one sentence each by a daemon, until each has come to what it shall.
fn watch(scratch: &Scratch, services: &[(&str, String, Becomes)]) {
    let mut rules = "cycle: 1s\nservices:\n".to_owned();
    for (name, sentence, _) in services {
        rules += &format!(
            "  - host: {name}\n    address: 127.0.0.1\n    rules:\n      \
             - {{ if: '{sentence} timeout 50 s', then: alert }}\n"
        );
    }
    let daemon = Daemon::start(scratch, &rules);
    for (name, _, becomes) in services {
        match becomes {
            Good => {
                // The server may not listen yet when it is asked first.
                let seen = daemon.wait_for(name, LONG, |one| {
                    one["observed"]["connections"][0]["succeeded"] == true
                });
                let left = &seen["observed"]["connections"][0]["certificate_valid_seconds"];
                assert!(left.as_i64().is_some_and(|left| left > 0), "{seen}");
                daemon.wait_for(name, LONG, |one| one["status"] == "ok");
            }
            Bad(words) => {
                daemon.wait_for(name, LONG, |one| {
                    let why = &one["observed"]["connections"][0]["error"];
                    why.as_str().is_some_and(|why| why.contains(words))
                });
            }
        }
    }
}

const NOT_FOR_IT: Becomes = Bad("TLS certificate is not for [127.0.0.1], only for DnsName");
const ENDED: Becomes = Bad("TLS certificate expired 3 days ago");

/// `tls with options` for a server that is called `new.example`, or as given.
fn tls(authority: &Authority<'_>, more: &str) -> String {
    format!("tls with options {{ ca_file: {}{more} }}", authority.file().display())
}

#[test]
fn dovecot_speaks_imaps_and_pops() {
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch);
    let (new, old) = (authority.issue("new.example", 90), authority.issue("old.example", -3));
    let (imap, pop) = (free_port(), free_port());
    let dir = scratch.path().display();
    let text = format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = /dev/stderr\n\
         protocols = imap pop3\nlisten = 127.0.0.1\nssl = required\n\
         ssl_cert = <{}\nssl_key = <{}\n\
         local_name old.example {{\n ssl_cert = <{}\n ssl_key = <{}\n}}\n\
         mail_location = maildir:{dir}/mail\n\
         passdb {{\n driver = static\n args = nopassword=y\n}}\n\
         userdb {{\n driver = static\n args = uid=65534 gid=65534 home={dir}/mail\n}}\n\
         service imap-login {{\n inet_listener imap {{\n port = 0\n }}\n \
         inet_listener imaps {{\n port = {imap}\n ssl = yes\n }}\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = 0\n }}\n \
         inet_listener pop3s {{\n port = {pop}\n ssl = yes\n }}\n}}\n",
        new.certificate.display(),
        new.key.display(),
        old.certificate.display(),
        old.key.display(),
    );
    let conf = scratch.write("dovecot.conf", &text, 0o644);
    let argv = ["dovecot", "-F", "-c", conf.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    let [named, bare, late] =
        [", name: new.example", "", ", name: old.example"].map(|more| tls(&authority, more));
    watch(
        &scratch,
        &[
            ("imaps", format!("failed port {imap} {named} protocol imaps"), Good),
            ("pops", format!("failed port {pop} {named} protocol pops"), Good),
            ("name", format!("failed port {imap} {bare} protocol imaps"), NOT_FOR_IT),
            ("ended", format!("failed port {pop} {late} protocol pops"), ENDED),
            (
                "other",
                format!("failed port {imap} {named} protocol pops"),
                Bad("the server answers"),
            ),
        ],
    );
}

#[test]
fn exim_speaks_smtps_and_takes_logins() {
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch);
    let (new, old) = (authority.issue("new.example", 90), authority.issue("old.example", -3));
    let port = free_port();
    let spool = scratch.at("spool");
    std::fs::create_dir(&spool).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&spool, open).unwrap();
    let either = |new: &std::path::Path, old: &std::path::Path| {
        format!(
            "${{if eq{{$tls_in_sni}}{{old.example}}{{{}}}{{{}}}}}",
            old.display(),
            new.display()
        )
    };
    let text = format!(
        "primary_hostname = mail.example\nspool_directory = {spool}\n\
         log_file_path = {spool}/log.%s\npid_file_path = {spool}/pid\n\
         local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\n\
         tls_on_connect_ports = {port}\ntls_advertise_hosts = *\n\
         tls_certificate = {}\ntls_privatekey = {}\n\
         begin authenticators\nplain:\n driver = plaintext\n public_name = PLAIN\n \
         server_condition = ${{if eq{{$auth2:$auth3}}{{bob:pass}}}}\n server_set_id = $auth2\n",
        either(&new.certificate, &old.certificate),
        either(&new.key, &old.key),
        spool = spool.display()
    );
    let conf = scratch.write("exim.conf", &text, 0o644);
    let argv = ["exim4", "-C", conf.to_str().unwrap(), "-bdf"];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    let right = scratch.write("right", "pass\n", 0o600);
    let wrong = scratch.write("wrong", "word\n", 0o600);
    let [named, bare, late] =
        [", name: new.example", "", ", name: old.example"].map(|more| tls(&authority, more));
    let login = |file: &std::path::Path| format!("username bob password file {}", file.display());
    watch(
        &scratch,
        &[
            ("smtps", format!("failed port {port} {named} protocol smtps"), Good),
            ("login", format!("failed port {port} {named} protocol smtps {}", login(&right)), Good),
            (
                "refused",
                format!("failed port {port} {named} protocol smtps {}", login(&wrong)),
                Bad("the server answers `535"),
            ),
            ("name", format!("failed port {port} {bare} protocol smtps"), NOT_FOR_IT),
            ("ended", format!("failed port {port} {late} protocol smtps"), ENDED),
        ],
    );
}

#[test]
fn mariadb_speaks_mysqls() {
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch);
    let new = authority.issue("new.example", 90);
    let port = free_port();
    let (certificate, key) = (new.certificate.display(), new.key.display());
    let options = format!("--ssl-cert={certificate} --ssl-key={key}");
    let server = database::mariadb(&scratch, port, " REQUIRE SSL", &options);
    let Some(_server) = server else { return };
    let password = scratch.write("password", "pass\n", 0o600);
    let login = format!("username ann password file {}", password.display());
    let (named, bare) = (tls(&authority, ", name: new.example"), tls(&authority, ""));
    watch(
        &scratch,
        &[
            ("mysqls", format!("failed port {port} {named} protocol mysqls"), Good),
            ("login", format!("failed port {port} {named} protocol mysqls {login}"), Good),
            // The server itself wants TLS of this user.
            ("clear", format!("failed port {port} protocol mysql {login}"), Bad("Access denied")),
            ("name", format!("failed port {port} {bare} protocol mysqls"), NOT_FOR_IT),
        ],
    );
}

#[test]
fn postgresql_wants_a_certificate_of_ours() {
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch);
    let (new, client) = (authority.issue("new.example", 90), authority.issue("client", 90));
    let port = free_port();
    let rules = "hostssl all ann all scram-sha-256 clientcert=verify-ca\nhost all all all reject\n";
    // It wants the key to be its own.
    let key = format!("install -o postgres -m 600 {} $data/own.key", new.key.display());
    let options = format!(
        "-c ssl=on -c ssl_cert_file={} -c ssl_key_file=$data/own.key -c ssl_ca_file={}",
        new.certificate.display(),
        authority.file().display(),
    );
    let Some(_server) = database::postgresql(&scratch, port, rules, &key, &options) else { return };
    let password = scratch.write("password", "pass\n", 0o600);
    let login = format!("username ann password file {} database postgres", password.display());
    let own = format!(", client_cert: {}", client.both.display());
    let [named, bare] =
        [", name: new.example", ""].map(|name| tls(&authority, &(own.clone() + name)));
    let without = tls(&authority, ", name: new.example");
    watch(
        &scratch,
        &[
            ("pgsql", format!("failed port {port} {named} protocol pgsql {login}"), Good),
            (
                "without",
                format!("failed port {port} {without} protocol pgsql {login}"),
                Bad("requires a valid client certificate"),
            ),
            ("name", format!("failed port {port} {bare} protocol pgsql {login}"), NOT_FOR_IT),
        ],
    );
}

#[test]
fn nginx_and_slapd_speak_tls() {
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch);
    let (new, client) = (authority.issue("new.example", 90), authority.issue("client", 90));
    let (web, ldap) = (free_port(), free_port());
    let dir = scratch.path().display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {dir}/{name};"))
        .concat();
    let (certificate, key) = (new.certificate.display(), new.key.display());
    let text = format!(
        "daemon off; master_process off; pid {dir}/pid; error_log stderr; events {{}}\n\
         http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{web} ssl;\n \
         ssl_certificate {certificate}; ssl_certificate_key {key};\n \
         ssl_client_certificate {}; ssl_verify_client on;\n \
         location / {{ return 200 'I know $ssl_client_s_dn'; }} }} }}\n",
        authority.file().display()
    );
    let conf = scratch.write("nginx.conf", &text, 0o644);
    let argv = ["nginx", "-e", "stderr", "-c", conf.to_str().unwrap()];
    let Some(_web) = Server::start(&scratch, &argv) else { return };
    let text = format!(
        "pidfile {dir}/slapd.pid\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n"
    );
    let conf = scratch.write("slapd.conf", &text, 0o644);
    let listen = format!("ldaps://127.0.0.1:{ldap}");
    let argv = ["slapd", "-h", &listen, "-f", conf.to_str().unwrap(), "-d", "0"];
    let Some(_ldap) = Server::start(&scratch, &argv) else { return };
    let own = format!(", client_cert: {}, client_key: {}", client.certificate.display(), {
        let key = std::fs::read_to_string(&client.key).unwrap();
        scratch.write("client.secret", &key, 0o600).display().to_string()
    });
    let named = tls(&authority, ", name: new.example");
    let both = tls(&authority, &(own + ", name: new.example"));
    watch(
        &scratch,
        &[
            (
                "https",
                format!("failed port {web} {both} protocol https content = \"^I know CN=client$\""),
                Good,
            ),
            ("nobody", format!("failed port {web} {named} protocol https"), Bad("status 400")),
            ("ldaps", format!("failed port {ldap} {named} protocol ldap3"), Good),
            ("soon", format!("failed port {ldap} {named} certificate valid > 30 days"), Good),
        ],
    );
}

#[test]
fn a_certificate_that_ends_soon_is_told() {
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch);
    let soon = authority.issue("new.example", 10);
    let port = free_port();
    let text = format!(
        "pidfile {}/pid\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n",
        scratch.path().display(),
        soon.certificate.display(),
        soon.key.display()
    );
    let conf = scratch.write("slapd.conf", &text, 0o644);
    let listen = format!("ldaps://127.0.0.1:{port}");
    let argv = ["slapd", "-h", &listen, "-f", conf.to_str().unwrap(), "-d", "0"];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    let named = tls(&authority, ", name: new.example");
    let rules = format!(
        "cycle: 1s\nservices:\n  - host: soon\n    address: 127.0.0.1\n    rules:\n      \
         - {{ if: 'failed port {port} {named} certificate valid > 30 days timeout 50 s', then: alert }}\n      \
         - {{ if: 'failed port {port} {named} certificate valid > 5 days timeout 50 s', then: alert }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    let seen = daemon.wait_for("soon", LONG, |one| {
        one["rules"][0]["state"] == "failing" && one["rules"][1]["state"] == "ok"
    });
    let left = seen["observed"]["connections"][0]["certificate_valid_seconds"].as_i64();
    assert!(left.is_some_and(|left| left / 86_400 == 10), "{seen}");
    daemon.wait_log(
        "'soon' certificate expiry in 10 days matches check limit [valid > 30 days]",
        LONG,
    );
}
