//! TLS: certificates that are good, of nobody known, for another name, expired, or not there at all;
//! versions, and certificates of ours.

use super::*;

mod authority;

use authority::{Authority, Shown, V12, V13};

#[test]
fn certificates_are_looked_at() {
    let authority = Authority::new();
    let (good, sum) = authority.serve("127.0.0.1", 2090);
    let (other, _) = authority.serve("www.example.org", 2090);
    let (expired, _) = authority.serve("127.0.0.1", 2020);
    let plain = server("SSH-2.0-x\r\n");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("its number").port();
    let with = format!("tls with options {{ ca_file: {} }}", authority.file());
    let named =
        format!("tls with options {{ ca_file: {}, name: www.example.org }}", authority.file());
    let any = "tls with options { verify: false }";
    let made = outcomes(&[
        format!("failed port {good} {with} protocol ssh"),
        format!("failed port {good} {with} certificate checksum {sum}"),
        format!("failed port {other} {named} protocol ssh"),
        format!("failed port {expired} {any} protocol ssh"),
        format!("failed port {good} {any}"),
        // Nobody on this host knows the authority.
        format!("failed port {good} tls with options {{ ca_file: {}.missing }}", authority.file()),
        format!("failed port {other} {with}"),
        format!("failed port {expired} {with} certificate valid > 30 days"),
        format!("failed port {good} {any} certificate checksum {}", "0".repeat(32)),
        format!("failed port {plain} {any}"),
        format!("failed port {silent_port} {any} timeout 300 ms"),
        // Of /dev/zero there would be no end.
        format!("failed port {good} tls with options {{ ca_file: /dev/null }}"),
    ]);
    for conversation in &made[..5] {
        assert_eq!(conversation.outcome, Outcome::Succeeded, "{conversation:?}");
    }
    assert_eq!(made[0].at, format!("[127.0.0.1]:{good} [TCP/IP TLS]"));
    let days = |place: usize| made[place].certificate.expect("a certificate").days();
    assert!(days(0) > 365 && days(3) < -365, "{made:?}");
    assert!(matches!(&made[5].outcome, Outcome::Unknown(why) if why.contains(".missing")));
    assert!(
        failed(&made[6]).starts_with("TLS certificate is not for [127.0.0.1], only for DnsName"),
        "{:?}",
        made[6]
    );
    assert!(failed(&made[7]).starts_with("TLS certificate expired "), "{:?}", made[7]);
    assert!(days(7) < -365);
    assert!(failed(&made[8]).starts_with(&format!("TLS certificate checksum is {sum}")));
    assert!(
        failed(&made[9]).starts_with("TLS connection error: the server does not speak TLS"),
        "{:?}",
        made[9]
    );
    assert_eq!(failed(&made[10]), "no TLS within 0.3 s");
    assert!(
        matches!(&made[11].outcome, Outcome::Unknown(why) if why.contains("not a regular file")),
        "{:?}",
        made[11]
    );
}

#[test]
fn an_authority_that_nobody_knows_is_none() {
    let (one, another) = (Authority::new(), Authority::new());
    let (good, _) = one.serve("127.0.0.1", 2090);
    let file = another.file();
    let made = outcomes(&[format!("failed port {good} tls with options {{ ca_file: {file} }}")]);
    assert!(failed(&made[0]).starts_with("TLS certificate is of no authority"), "{:?}", made[0]);
    assert!(made[0].certificate.is_some());
}

#[test]
fn a_certificate_that_signed_itself_is_good_where_it_is_known_or_such_are_allowed() {
    let (authority, another) = (Authority::new(), Authority::new());
    let own = Shown { itself: true, ..Shown::named("127.0.0.1") };
    let (port, _) = authority.serve_as(&own);
    let (other, _) = authority.serve_as(&Shown { name: "www.example.org", ..own });
    let (old, _) = authority.serve_as(&Shown { until: 2020, ..own });
    let (signed, _) = authority.serve("127.0.0.1", 2090);
    let allow = format!("tls with options {{ ca_file: {}, selfsigned: allow }}", another.file());
    let unknown = format!("tls with options {{ ca_file: {} }}", another.file());
    let known = format!("tls with options {{ ca_file: {} }}", authority.file_of(port));
    let made = outcomes(&[
        format!("failed port {port} {allow} protocol ssh"),
        format!("failed port {port} {known} protocol ssh"),
        format!("failed port {port} {unknown}"),
        format!("failed port {other} {allow}"),
        format!("failed port {old} {allow}"),
        // Somebody has signed it, whom nobody knows.
        format!("failed port {signed} {allow}"),
    ]);
    assert_eq!(made[0].outcome, Outcome::Succeeded, "{made:?}");
    assert_eq!(made[1].outcome, Outcome::Succeeded, "{made:?}");
    assert_eq!(failed(&made[2]), "TLS certificate is of no authority that is known");
    assert!(failed(&made[3]).starts_with("TLS certificate is not for [127.0.0.1]"), "{made:?}");
    assert!(failed(&made[4]).starts_with("TLS certificate expired "), "{made:?}");
    assert_eq!(failed(&made[5]), "TLS certificate is of no authority that is known");
}

#[test]
fn authorities_stand_in_a_folder_too() {
    let authority = Authority::new();
    let (port, _) = authority.serve("127.0.0.1", 2090);
    let folder = tempfile::tempdir().expect("a folder");
    let empty = tempfile::tempdir().expect("a folder");
    // As `openssl rehash` names it.
    std::fs::copy(authority.file(), folder.path().join("0a1b2c3d.0")).expect("copied");
    let with = |path: &std::path::Path| {
        format!("failed port {port} tls with options {{ ca_path: {} }}", path.display())
    };
    let made = outcomes(&[with(folder.path()), with(empty.path())]);
    assert_eq!(made[0].outcome, Outcome::Succeeded, "{made:?}");
    assert!(matches!(&made[1].outcome, Outcome::Unknown(why) if why.contains("openssl rehash")));
}

#[test]
fn a_version_may_be_asked_for() {
    let authority = Authority::new();
    let shown = Shown::named("127.0.0.1");
    let (old, _) = authority.serve_as(&Shown { versions: V12, ..shown });
    let (new, _) = authority.serve_as(&Shown { versions: V13, ..shown });
    let with = |port: u16, version: &str| {
        let file = authority.file();
        format!(
            "failed port {port} tls with options {{ ca_file: {file}, version: {version} }} protocol ssh"
        )
    };
    let made = outcomes(&[
        with(old, "tlsv12"),
        with(new, "tlsv13"),
        with(old, "auto"),
        with(new, "auto"),
        with(old, "tlsv13"),
        with(new, "tlsv12"),
    ]);
    for conversation in &made[..4] {
        assert_eq!(conversation.outcome, Outcome::Succeeded, "{conversation:?}");
    }
    for conversation in &made[4..] {
        let why = failed(conversation);
        assert!(why.starts_with("no version or cipher of TLS in common"), "{why}");
    }
}

#[test]
fn the_server_is_asked_for_the_name() {
    let authority = Authority::new();
    // It has no certificate for whoever names nobody or somebody else.
    let (port, _) = authority.serve_as(&Shown { by_name: true, ..Shown::named("www.example.org") });
    let with = |name: &str| {
        let file = authority.file();
        format!("failed port {port} tls with options {{ ca_file: {file}{name} }} protocol ssh")
    };
    let made =
        outcomes(&[with(", name: www.example.org"), with(""), with(", name: mail.example.org")]);
    assert_eq!(made[0].outcome, Outcome::Succeeded, "{made:?}");
    for conversation in &made[1..] {
        let why = failed(conversation);
        assert!(why.starts_with("TLS connection error: received fatal alert"), "{why}");
    }
}

#[test]
fn a_server_may_want_a_certificate_of_ours() {
    let (authority, another) = (Authority::new(), Authority::new());
    let Some(own) = authority.client() else { return };
    let foreign = another.client().expect("the same folder");
    let wanted = Shown { clients: true, ..Shown::named("127.0.0.1") };
    let (new, _) = authority.serve_as(&Shown { versions: V13, ..wanted });
    let (old, _) = authority.serve_as(&Shown { versions: V12, ..wanted });
    let with = |port: u16, more: &str| {
        let file = authority.file();
        format!("failed port {port} tls with options {{ ca_file: {file}{more} }} protocol ssh")
    };
    let at =
        |client: &tempfile::TempDir, name: &str| client.path().join(name).display().to_string();
    let both = format!(", clientpemfile: {}", at(&own, "both.pem"));
    let two =
        format!(", client_cert: {}, client_key: {}", at(&own, "own.pem"), at(&own, "own.key"));
    let unknown = format!(", client_cert: {}", at(&foreign, "both.pem"));
    let open = format!(", client_cert: {}", at(&own, "open.pem"));
    let keyless = format!(", client_cert: {}", at(&own, "secret.pem"));
    let missing = format!(", client_cert: {}", at(&own, "missing.pem"));
    let mixed =
        format!(", client_cert: {}, client_key: {}", at(&own, "own.pem"), at(&foreign, "own.key"));
    let made = outcomes(&[
        with(new, &both),
        with(old, &both),
        with(new, &two),
        with(old, &two),
        with(new, ""),
        with(old, ""),
        with(new, &unknown),
        with(old, &unknown),
        with(new, &open),
        with(new, &keyless),
        with(new, &missing),
        with(new, &mixed),
    ]);
    for conversation in &made[..4] {
        assert_eq!(conversation.outcome, Outcome::Succeeded, "{conversation:?}");
    }
    for conversation in &made[4..6] {
        let why = failed(conversation);
        assert!(why.contains("wants a certificate of ours") || why.contains("CertificateRequired"));
    }
    for conversation in &made[6..8] {
        assert!(failed(conversation).contains("received fatal alert: "), "{conversation:?}");
    }
    let words =
        ["open.pem may be read by others", "secret.pem: ", "missing.pem does not exist", "own"];
    for (conversation, words) in made[8..].iter().zip(words) {
        let Outcome::Unknown(why) = &conversation.outcome else { panic!("{conversation:?}") };
        assert!(why.contains(words), "{why}");
    }
}
