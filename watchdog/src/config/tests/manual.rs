//! Connections in every form that Monit's manual writes them in, as conditions of ours: without `if` and `then`,
//! and with a password's file in place of the password.
//!
//! Not here: what each comes to (`connections`, and the protocols' own tests).

use crate::config::grammar::{Subject, parse, print};

const FORMS: &[&str] = &[
    "failed port 8080",
    "failed port 8080 for 2 cycles",
    "failed port 53 type udp protocol dns",
    "failed port 53 use type udp protocol dns",
    "succeeded host db.example port 3306 type tcp protocol mysql",
    "failed host a.example port 80 protocol http",
    "failed unixsocket /run/a",
    "failed unix /run/a",
    "failed unixsocket /run/a type udp send \"x\" expect \"y\" timeout 3 seconds retry 2",
    "failed port 80 address 192.0.2.1 ipv4 type tcp responsetime < 500 milliseconds",
    "failed port 443 type tcp ssl with options {verify: enable} protocol http",
    "failed port 443 protocol https and certificate checksum = \"1ED948A6F4258ACAB964227EF4EB19FCC453B0F8\"",
    "failed port 443 protocol https and certificate checksum md5 8f7f419955cefa0b33a2ba316cba3659",
    "failed port 443 protocol https with certificate valid for 30 days",
    "failed port 443 protocol https and certificate valid > 30 days",
    "failed port 443 protocol https with timeout 15 seconds and retry 3",
    "failed port 443 protocol https with ssl options {selfsigned: allow}",
    "failed\n port 443\n protocol https\n and certificate valid > 30 days\n",
    // Word by word.
    "failed port 27960 type udp send \"\\0xFF\\0xFF\\0xFF\\0xFFgetinfo\" expect \"name|map\"",
    "failed port 9 expect \"^[\\\\]0.*\"",
    "failed port 25 and expect \"^220.*\" send \"HELO a.example\\r\\n\" expect \"^250.*\" send \"QUIT\\r\\n\"",
    "failed host a.example port 80 and send \"GET / HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n\" expect \"HTTP/[0-9\\.]{3} 200.*\"",
    // The web.
    "failed port 80 protocol http request \"/a/b?c=d&e=f\"",
    "failed port 80 protocol http request \"/none.php\" status = 404",
    "failed port 80 protocol http request \"/page.html\" checksum 8f7f419955cefa0b33a2ba316cba3659",
    "failed port 80 protocol http and request \"/a.tar.gz\" with checksum f9d26b8393736b5dfad837bb13780786",
    "failed port 80 protocol http content = \"foo [0-9.]+\"",
    "failed port 80 protocol http with method HEAD and status < 400",
    "failed port 80 protocol http username \"ann\" password file /etc/p request /own",
    "failed port 80 protocol http with http headers [Host: a.example, Cache-Control: no-cache, Cookie: t=nj1bI3] and request /a/ with content = \"Version [0-9.]+\"",
    "failed port 443 protocol https with http headers [Host: \"a.example:443\"]",
    "failed port 80 proto http",
    "failed url http://ann@a.example:8080/b?c=d username ann password file /etc/p and content == 'fine'",
    "failed url https://a.example/ and content != \"error\" with timeout 10 seconds for 2 cycles",
    "failed port 80 protocol apache-status loglimit > 10% or dnslimit > 50% or waitlimit < 20%",
    "failed port 80 protocol apache-status path /status username ann password file /etc/p replylimit > 50%",
    "failed port 80 protocol websocket host \"a.example\" request \"/\" origin 'http://b.example' version 13",
    // Logins.
    "failed port 1883 protocol mqtt",
    "failed port 1883 protocol mqtt username \"ann\" password file /etc/p",
    "failed port 3306 protocol mysql username \"ann\" password file /etc/p",
    "failed unixsocket /run/mysql.sock protocol mysql username \"ann\" password file /etc/p",
    "failed port 3306 protocol mysqls username \"ann\" password file /etc/p",
    "failed port 5432 protocol pgsql username \"ann\" password file /etc/p database \"shop\"",
    "failed host 127.0.0.1 port 1812 type udp protocol radius secret file /etc/s",
    "failed port 25 protocol smtp",
    "failed port 465 protocol smtps username \"ann\" password file /etc/p",
    // Telephony.
    "failed port 5060 type udp protocol sip with target \"a.example:5060\" and maxforward 6",
    "failed port 5060 type udp protocol SIP target ann@a.example and maxforward 10",
    "failed port 5060 type udp protocol SIP and target ann@a.example maxforward 10",
    "failed port 9001 protocol tns for 5 cycles",
];

/// Of hosts alone.
const PINGS: &[&str] = &[
    "failed ping",
    "failed ping4",
    "failed ping6",
    "succeeded ping",
    "failed ping count 5 size 128 with timeout 10 seconds",
    "failed icmp type echo count 3 with timeout 3 seconds",
];

/// All names that Monit's manual lists.
const PROTOCOLS: &[&str] = &[
    "APACHE-STATUS",
    "CLAMAV",
    "DEFAULT",
    "DNS",
    "DWP",
    "FAIL2BAN",
    "FTP",
    "GPS",
    "HTTP",
    "HTTPS",
    "IMAP",
    "IMAPS",
    "LDAP2",
    "LDAP3",
    "LMTP",
    "MEMCACHE",
    "MONGODB",
    "MQTT",
    "MYSQL",
    "MYSQLS",
    "NNTP",
    "NTP3",
    "PGSQL",
    "POP",
    "POPS",
    "POSTFIX-POLICY",
    "RADIUS",
    "RDATE",
    "REDIS",
    "RSYNC",
    "SIEVE",
    "SIP",
    "SMTP",
    "SMTPS",
    "SPAMASSASSIN",
    "SSH",
    "TNS",
    "WEBSOCKET",
];

/// It is read, and what is printed of it is read as the same.
fn reads(text: &str, subject: Subject) {
    let read = |text: &str| match parse(text, subject) {
        Ok(sentence) => {
            assert!(sentence.doubts.is_empty(), "{text}: {:?}", sentence.doubts);
            print(&sentence.condition, sentence.qualifier)
        }
        Err(error) => panic!("{text}: {error:?}"),
    };
    let printed = read(text);
    assert_eq!(read(&printed), printed, "{text}");
}

#[test]
fn all_forms_of_the_manual_are_read() {
    for form in FORMS {
        for subject in [Subject::Host, Subject::Process] {
            reads(form, subject);
        }
    }
    for form in PINGS {
        reads(form, Subject::Host);
    }
}

#[test]
fn all_protocols_of_the_manual_are_there() {
    for name in PROTOCOLS {
        reads(&format!("failed port 4000 protocol {name} timeout 9 seconds"), Subject::Process);
    }
    assert_eq!(PROTOCOLS.len(), 38, "none is forgotten here");
}
