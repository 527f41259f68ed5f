//! Protocols of lines against real servers of Debian: mail, files, scanners, policies, telephony.
//!
//! Not here: the web, databases and the network's own servers (`servers`); wrong and hostile answers (`watchdog/src/protocol`), where the server is a script.

use std::process::Command;

use ebpf_watchdog::protocol::{Conversation, Login, Sip};
use watchdog_tests::apache::free_port;
use watchdog_tests::conversation::{At, answers, named, talk};
use watchdog_tests::debian::Server;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

#[test]
fn clamav() {
    let (scratch, port) = (Scratch::new(), free_port());
    scratch.write("one.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Test\n", 0o644);
    let dir = scratch.path().display();
    let text =
        format!("DatabaseDirectory {dir}\nTCPSocket {port}\nTCPAddr 127.0.0.1\nForeground yes\n");
    let conf = scratch.write("clamd.conf", &text, 0o644);
    let Some(_server) = Server::start(&scratch, &["clamd", "-c", conf.to_str().unwrap()]) else {
        return;
    };
    answers(&named("clamav"), &At::Tcp(port));
}

#[test]
fn dovecot_speaks_imap_pop_lmtp_and_sieve() {
    let scratch = Scratch::new();
    let [imap, pop, lmtp, sieve] = [(); 4].map(|()| free_port());
    let dir = scratch.path().display();
    let text = format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = /dev/stderr\n\
         protocols = imap pop3 lmtp sieve\nssl = no\nlisten = 127.0.0.1\n\
         mail_location = maildir:{dir}/mail\n\
         passdb {{\n driver = static\n args = nopassword=y\n}}\n\
         userdb {{\n driver = static\n args = uid=65534 gid=65534 home={dir}/mail\n}}\n\
         service imap-login {{\n inet_listener imap {{\n port = {imap}\n }}\n \
         inet_listener imaps {{\n port = 0\n }}\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {pop}\n }}\n \
         inet_listener pop3s {{\n port = 0\n }}\n}}\n\
         service managesieve-login {{\n inet_listener sieve {{\n port = {sieve}\n }}\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n port = {lmtp}\n }}\n}}\n"
    );
    let conf = scratch.write("dovecot.conf", &text, 0o644);
    let Some(_server) = Server::start(&scratch, &["dovecot", "-F", "-c", conf.to_str().unwrap()])
    else {
        return;
    };
    let served = [
        (named("imap"), imap),
        (named("pop"), pop),
        (named("lmtp"), lmtp),
        (named("sieve"), sieve),
    ];
    for (protocol, port) in &served {
        answers(protocol, &At::Tcp(*port));
    }
    // Each is told from the others.
    for (protocol, own) in &served {
        for (_, port) in served.iter().filter(|(_, port)| port != own) {
            let told = talk(protocol, &At::Tcp(*port), None);
            assert!(told.as_ref().is_err_and(|e| e.starts_with("the server answers")), "{told:?}");
        }
    }
}

#[test]
fn exim_speaks_smtp_and_takes_logins() {
    let (scratch, port) = (Scratch::new(), free_port());
    let spool = scratch.at("spool");
    std::fs::create_dir(&spool).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&spool, open).unwrap();
    let text = format!(
        "primary_hostname = mail.example\nspool_directory = {spool}\n\
         log_file_path = {spool}/log.%s\npid_file_path = {spool}/pid\n\
         local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\ntls_advertise_hosts =\n\
         begin authenticators\nplain:\n driver = plaintext\n public_name = PLAIN\n \
         server_condition = ${{if eq{{$auth2:$auth3}}{{bob:pass}}}}\n server_set_id = $auth2\n",
        spool = spool.display()
    );
    let conf = scratch.write("exim.conf", &text, 0o644);
    let argv = ["exim4", "-C", conf.to_str().unwrap(), "-bdf"];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("smtp"), &At::Tcp(port));
    let login = Login { username: "bob".to_owned(), password: Some("/unread".into()) };
    let smtp = named("smtp").with_login(Some(login));
    assert_eq!(talk(&smtp, &At::Tcp(port), Some("pass")), Ok(()));
    let told = talk(&smtp, &At::Tcp(port), Some("wrong")).unwrap_err();
    assert!(told.starts_with("the server answers `535"), "{told}");
}

#[test]
fn fail2ban() {
    let scratch = Scratch::new();
    let Some(root) = watchdog_tests::debian::unpacked() else { return };
    let conf = scratch.at("conf");
    std::fs::create_dir(&conf).unwrap();
    for name in ["action.d", "filter.d", "paths-common.conf"] {
        std::os::unix::fs::symlink(root.join("etc/fail2ban").join(name), conf.join(name)).unwrap();
    }
    scratch.write("conf/fail2ban.conf", "[Definition]\ndbfile = None\nallowipv6 = no\n", 0o644);
    scratch.write("conf/jail.conf", "[DEFAULT]\n", 0o644);
    let (socket, pid) = (scratch.at("socket"), scratch.at("pid"));
    let argv = ["fail2ban-server", "-f", "--logtarget", "STDOUT"];
    let rest = ["-c", conf.to_str().unwrap(), "-s", socket.to_str().unwrap()];
    let last = ["-p", pid.to_str().unwrap(), "start"];
    let argv: Vec<&str> = argv.into_iter().chain(rest).chain(last).collect();
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("fail2ban"), &At::Unix(socket));
}

#[test]
fn sn_speaks_nntp() {
    let (scratch, port) = (Scratch::new(), free_port());
    let spool = scratch.at("spool");
    std::fs::create_dir(&spool).unwrap();
    // It talks to whoever is at its standard input.
    let text = format!(
        "service news\n{{\n type = UNLISTED\n port = {port}\n socket_type = stream\n \
         protocol = tcp\n wait = no\n user = root\n bind = 127.0.0.1\n \
         server = /usr/sbin/snntpd.bin\n server_args = /usr/bin/cat\n \
         env = SNROOT={} TCPREMOTEIP=127.0.0.1\n}}\n",
        spool.display()
    );
    let conf = scratch.write("xinetd.conf", &text, 0o644);
    let pid = scratch.at("pid");
    let argv =
        ["xinetd", "-dontfork", "-f", conf.to_str().unwrap(), "-pidfile", pid.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("nntp"), &At::Tcp(port));
}

#[test]
fn kamailio_speaks_sip_over_both_carriers() {
    let (scratch, port) = (Scratch::new(), free_port());
    let text = format!(
        "#!KAMAILIO\nlog_stderror=yes\nchildren=1\nlisten=udp:127.0.0.1:{port}\n\
         listen=tcp:127.0.0.1:{port}\nmpath=\"/usr/lib/x86_64-linux-gnu/kamailio/modules/\"\n\
         loadmodule \"sl.so\"\nrequest_route {{\n \
         if (uri =~ \"^sip:nobody@\") {{ sl_send_reply(\"404\", \"Not Found\"); }}\n \
         else {{ sl_send_reply(\"200\", \"OK\"); }}\n}}\n"
    );
    let conf = scratch.write("kamailio.cfg", &text, 0o644);
    let dir = scratch.path().to_str().unwrap();
    let argv =
        ["kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-Y", dir, "-f", conf.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    for at in [At::Tcp(port), At::Udp(port)] {
        answers(&named("sip"), &at);
        let target = Some("nobody@127.0.0.1".to_owned());
        let told =
            talk(&named("sip").with(Conversation::Sip(Sip { target, max_forward: 6 })), &at, None);
        assert_eq!(told, Err("the server answers `SIP/2.0 404 Not Found`".to_owned()));
    }
}

#[test]
fn openssh() {
    let (scratch, port) = (Scratch::new(), free_port());
    let Some(keygen) = need::program("ssh-keygen") else { return };
    let key = scratch.at("key");
    let made =
        Command::new(keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\n",
        key.display()
    );
    let conf = scratch.write("sshd.conf", &text, 0o644);
    // It must be called by its full path.
    let argv = ["/usr/sbin/sshd", "-D", "-e", "-f", conf.to_str().unwrap()];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("ssh"), &At::Tcp(port));
}

#[test]
fn postgrey_decides_as_postfix_wants() {
    let (scratch, port) = (Scratch::new(), free_port());
    let (inet, dir) = (format!("--inet=127.0.0.1:{port}"), scratch.path().display());
    let (db, nobody) = (format!("--dbdir={dir}"), scratch.write("none", "", 0o644));
    let clients = format!("--whitelist-clients={}", nobody.display());
    let recipients = format!("--whitelist-recipients={}", nobody.display());
    let argv = ["postgrey", &inet, &db, "--user=root", "--group=root", &clients, &recipients];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("postfix-policy"), &At::Tcp(port));
}

#[test]
fn rsync() {
    let (scratch, port) = (Scratch::new(), free_port());
    let dir = scratch.path().display();
    let text = format!("use chroot = no\nlog file = {dir}/log\n[data]\npath = {dir}\n");
    let conf = format!("--config={}", scratch.write("rsyncd.conf", &text, 0o644).display());
    let port_option = format!("--port={port}");
    let argv = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", &port_option, &conf];
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("rsync"), &At::Tcp(port));
}

#[test]
fn spamassassin() {
    let (scratch, port) = (Scratch::new(), free_port().to_string());
    scratch.write("one.pre", "loadplugin Mail::SpamAssassin::Plugin::Check\n", 0o644);
    scratch.write("one.cf", "header A From =~ /x/\n", 0o644);
    let dir = scratch.path().to_str().unwrap();
    let (site, pid) = (format!("--siteconfigpath={dir}"), scratch.at("pid"));
    let argv = [
        ["spamd", "-i", "127.0.0.1", "-p", &port, "-m", "1"],
        ["-x", "-L", "-s", "stderr", "-u", "nobody", "-C"],
        [
            dir,
            &site,
            "-r",
            pid.to_str().unwrap(),
            "--min-children=1",
            "--max-spare=1",
            "--min-spare=1",
        ],
    ]
    .concat();
    let Some(_server) = Server::start(&scratch, &argv) else { return };
    answers(&named("spamassassin"), &At::Tcp(port.parse().unwrap()));
}

#[test]
fn vsftpd() {
    let (scratch, port) = (Scratch::new(), free_port());
    let empty = scratch.at("empty");
    std::fs::create_dir(&empty).unwrap();
    let text = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=NO\nlocal_enable=YES\nxferlog_enable=NO\nnopriv_user=nobody\n\
         secure_chroot_dir={}\n",
        empty.display()
    );
    let conf = scratch.write("vsftpd.conf", &text, 0o644);
    let Some(_server) = Server::start(&scratch, &["vsftpd", conf.to_str().unwrap()]) else {
        return;
    };
    answers(&named("ftp"), &At::Tcp(port));
}
