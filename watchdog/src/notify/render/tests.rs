//! Golden mails, and hostile letters that must not change a header.

use proptest::prelude::*;

use super::*;

fn letter() -> Letter {
    Letter {
        id: "<1.2.3@invhost>".to_owned(),
        wall_ms: 1_795_326_048_000,
        to: "ops@example.test".to_owned(),
        service: "apache".to_owned(),
        title: "Resource limit matched".to_owned(),
        action: "restart".to_owned(),
        description: "total mem amount of 1981.4 MB matches resource limit \
                      [total mem amount > 1800 MB]"
            .to_owned(),
        detail: vec!["pid 812 apache2: 900.1 MB".to_owned()],
        format: None,
    }
}

fn mail() -> Mail {
    Mail {
        servers: Vec::new(),
        from: "watchdog@invhost".to_owned(),
        reply_to: None,
        subject: None,
        message: None,
        hostname: None,
        timeout: Duration::from_secs(30),
    }
}

fn written(mail: &Mail, letters: &[Letter]) -> String {
    let letters: Vec<_> = letters.iter().cloned().map(std::sync::Arc::new).collect();
    let writer = Writer { mail, host: "invhost", zone: &TimeZone::UTC };
    let message = writer.write(&letters).expect("a mail");
    String::from_utf8(message.formatted()).expect("text")
}

#[test]
fn golden_mail() {
    let golden = "Message-ID: <1.2.3@invhost>\r\n\
        Date: Sun, 22 Nov 2026 05:40:48 +0000\r\n\
        From: watchdog@invhost\r\n\
        To: ops@example.test\r\n\
        Subject: ebpf-watchdog alert -- Resource limit matched apache\r\n\
        Auto-Submitted: auto-generated\r\n\
        X-Auto-Response-Suppress: All\r\n\
        Precedence: bulk\r\n\
        X-Mailer: ebpf-watchdog\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        \r\n\
        Resource limit matched Service apache\r\n\
        \r\n\
        \tDate:        Sun, 22 Nov 2026 05:40:48 +0000\r\n\
        \tAction:      restart\r\n\
        \tHost:        invhost\r\n\
        \tDescription: total mem amount of 1981.4 MB matches resource limit \
        [total mem amount > 1800 MB]\r\n\
        \r\n\
        What did it:\r\n\
        \r\n\
        \tpid 812 apache2: 900.1 MB\r\n\
        \r\n\
        -- \r\n\
        ebpf-watchdog on invhost\r\n";
    assert_eq!(written(&mail(), &[letter()]), golden);
}

#[test]
fn macros_are_filled_in_one_pass() {
    let mail = Mail {
        subject: Some("$SERVICE on $HOST: $EVENT ($ACTION) $OTHER $".to_owned()),
        message: Some("$DATE\n$DESCRIPTION".to_owned()),
        reply_to: Some("ops@example.test".to_owned()),
        ..mail()
    };
    let letter = Letter { description: "costs $HOST\nx".to_owned(), ..letter() };
    let text = written(&mail, &[letter]);
    assert!(
        text.contains(
            "\r\nSubject: apache on invhost: Resource limit matched (restart) $OTHER $\r\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("\r\nSun, 22 Nov 2026 05:40:48 +0000\r\ncosts $HOST\\x0ax\r\n"),
        "{text}"
    );
    assert!(text.contains("\r\nReply-To: ops@example.test\r\n"), "{text}");
}

#[test]
fn a_group_lists_every_letter_in_one_mail() {
    let letters: Vec<_> =
        (0..43).map(|n| Letter { service: format!("s{n}"), ..letter() }).collect();
    let text = written(&mail(), &letters);
    let unfolded = text.replace("\r\n ", " ");
    assert!(unfolded.contains("-- 43 alerts, the first: Resource limit matched s0\r\n"), "{text}");
    for n in 0..43 {
        assert!(text.contains(&format!("'s{n}' Resource limit matched, action restart")), "{n}");
    }
}

fn header_names(text: &str) -> Vec<String> {
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    head.split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap_or_default().to_owned())
        .collect()
}

fn hostile_keeps_headers(payload: &str) {
    let hostile = Letter {
        service: payload.to_owned(),
        title: payload.to_owned(),
        action: payload.to_owned(),
        description: payload.to_owned(),
        detail: vec![payload.to_owned()],
        ..letter()
    };
    let benign = header_names(&written(&mail(), &[letter()]));
    for letters in [vec![hostile.clone()], vec![hostile.clone(), hostile]] {
        let text = written(&mail(), &letters);
        assert_eq!(header_names(&text), benign, "{payload:?}");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{payload:?}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "{payload:?}");
    }
}

#[test]
fn known_attacks_add_no_header() {
    let starts = ["", "a", "a\0", "=?utf-8?q?", "\u{2028}", "ünï"];
    let breaks = ["\r\n", "\n", "\r", "\r\n ", "\n\n", "\u{85}"];
    let ends = ["Bcc: x@example.test", ".", ".\r\nMAIL FROM:<x>"];
    for start in starts {
        for line_break in breaks {
            for end in ends {
                hostile_keeps_headers(&format!("{start}{line_break}{end}"));
            }
        }
    }
    hostile_keeps_headers(&"long ".repeat(500));
    hostile_keeps_headers(&"日本".repeat(500));
}

proptest! {
    #[test]
    fn no_letter_adds_a_header(payload in ".{0,300}") {
        hostile_keeps_headers(&payload);
    }
}

#[test]
fn a_bad_address_is_an_error_and_a_mad_clock_is_none() {
    let mail = mail();
    let writer = Writer { mail: &mail, host: "invhost", zone: &TimeZone::UTC };
    let bad = std::sync::Arc::new(Letter { to: "nobody".to_owned(), ..letter() });
    assert!(writer.write(&[bad]).is_err());
    for wall_ms in [i64::MIN, -1, i64::MAX] {
        let mad = std::sync::Arc::new(Letter { wall_ms, ..letter() });
        assert!(writer.write(&[mad]).is_ok());
    }
}

#[test]
fn a_receivers_own_look_goes_before_that_of_all_field_by_field() {
    let all = Mail {
        reply_to: Some("all@example.test".to_owned()),
        subject: Some("all $SERVICE".to_owned()),
        message: Some("all".to_owned()),
        ..mail()
    };
    let own = MailFormat {
        from: Some("own@example.test".to_owned()),
        subject: Some("own $EVENT".to_owned()),
        ..MailFormat::default()
    };
    let letter = Letter { format: Some(own.into()), ..letter() };
    let one = written(&all, std::slice::from_ref(&letter));
    for part in [
        "From: own@example.test\r\n",
        "Reply-To: all@example.test\r\n",
        "Subject: own Resource limit matched\r\n",
        "\r\n\r\nall\r\n",
    ] {
        assert!(one.contains(part), "{part:?} in {one}");
    }
    let many = written(&all, &[letter.clone(), letter]);
    for part in ["From: own@example.test\r\n", "Subject: ebpf-watchdog alert -- 2 alerts"] {
        assert!(many.contains(part), "{part:?} in {many}");
    }
}
