//! Connections: with a server of the situation's own at `{port}`.

use super::situation::Step::{Cycles, Do, Say, Says};
use super::situation::{PLAIN, Situation, Who};

/// Why a pattern that is not found is told otherwise.
const PATTERN: &str = "the pattern that was looked for is named";

/// A service with one rule about a port of its address.
macro_rules! port {
    ($name:literal, $before:literal, $test:literal, [$($step:expr),* $(,)?], $($more:tt)*) => {
        Situation {
            name: $name,
            before: $before,
            monit: concat!("check host web with address 127.0.0.1\n if ", $test, " then alert\n"),
            ours: concat!(
                "  - host: web\n    address: 127.0.0.1\n    rules:\n      ",
                "- { if: '", $test, "', then: alert }\n"
            ),
            play: &[$($step),*],
            $($more)*
            ..PLAIN
        }
    };
}

/// A real Apache.
const APACHE: Situation = Situation {
    before: "cp /usr/sbin/apache2 httpd; mkdir www; echo fine > www/x; chmod 755 www; \
             printf '%s\\n' \"ServerRoot $PWD\" 'ServerName localhost' \
             \"Listen 127.0.0.1:$PORT\" \"PidFile $PWD/pid\" \"ErrorLog $PWD/errors\" \
             \"DefaultRuntimeDir $PWD\" \"DocumentRoot $PWD/www\" \
             'LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so' \
             'LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so' \
             'User www-data' 'Group www-data' 'StartServers 2' > conf",
    monit: "check process apache with pidfile {dir}/pid\n \
            start program = \"{dir}/httpd -f {dir}/conf -k start\" with timeout 5 seconds\n \
            stop program = \"{dir}/httpd -f {dir}/conf -k stop\"\n \
            if failed port {port} protocol http request \"/x\" then alert\n",
    ours: "  - process: apache\n    pidfile: {dir}/pid\n    \
           start: { program: \"{dir}/httpd -f {dir}/conf -k start\", timeout: 5s }\n    \
           stop: {dir}/httpd -f {dir}/conf -k stop\n    \
           rules:\n      - { if: 'failed port {port} protocol http request \"/x\"', then: alert }\n",
    ..PLAIN
};

pub(super) const SITUATIONS: &[Situation] = &[
    port!(
        "host: a port closed, open, closed",
        "true",
        "failed port {port}",
        [
            Say("error    'web' failed protocol test [DEFAULT] at [127.0.0.1]:P [TCP/IP]"),
            Do("./actor begin server serve $PORT"),
            Say("info     'web' connection succeeded to [127.0.0.1]:P [TCP/IP]"),
            Do("./actor signal server KILL"),
            Say("error    'web' failed protocol test [DEFAULT] at [127.0.0.1]:P [TCP/IP]"),
        ],
    ),
    port!(
        "host: a port that is open is told",
        "true",
        "succeeded port {port}",
        [
            Cycles(2),
            Do("./actor begin server serve $PORT"),
            Say("error    'web' connection succeeded to [127.0.0.1]:P [TCP/IP]"),
            Do("./actor signal server KILL"),
            Say("info     'web' failed protocol test [DEFAULT] at [127.0.0.1]:P [TCP/IP]"),
        ],
    ),
    port!(
        "host: HTTP, another status, well, closed",
        "printf 'HTTP/1.1 500 Broken\\r\\nContent-Length: 2\\r\\n\\r\\nno' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} protocol http request \"/x\"",
        [
            Say("at [127.0.0.1]:P/x [TCP/IP] -- HTTP error: Server returned status 500"),
            Do(
                "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nfine' > new; mv new says"
            ),
            Say("info     'web' connection succeeded to [127.0.0.1]:P/x [TCP/IP]"),
            Do("./actor signal server KILL"),
            Say("at [127.0.0.1]:P/x [TCP/IP] -- Connection refused"),
        ],
    ),
    port!(
        "host: HTTP, the status that is asked for",
        "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nno' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} protocol http status = 403",
        [
            Say("error    'web' failed protocol test [HTTP] at [127.0.0.1]:P"),
            Do(
                "printf 'HTTP/1.1 403 No\\r\\nContent-Length: 4\\r\\n\\r\\nfine' > new; mv new says"
            ),
            Say("info     'web' connection succeeded to [127.0.0.1]:P"),
            Cycles(2),
        ],
    ),
    port!(
        "host: HTTP, content",
        "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nbad' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} protocol http content = \"fine\"",
        [
            Say("error    'web' failed protocol test [HTTP] at [127.0.0.1]:P"),
            Do(
                "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nfine' > new; mv new says"
            ),
            Say("info     'web' connection succeeded to [127.0.0.1]:P"),
            Cycles(2),
        ],
        better: Some(PATTERN),
    ),
    port!(
        "host: a URL and its content",
        "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nbad' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed url http://127.0.0.1:{port}/path?query and content == \"fine\"",
        [
            Say("error    'web' failed protocol test [HTTP] at [127.0.0.1]:P/path?query [TCP/IP]"),
            Do(
                "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nfine' > new; mv new says"
            ),
            Say("info     'web' connection succeeded to [127.0.0.1]:P/path?query [TCP/IP]"),
            Cycles(2),
        ],
        better: Some(PATTERN),
    ),
    port!(
        "host: HTTP, what answers speaks something else",
        "echo 'I am no web server' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} protocol http",
        [Say("error    'web' failed protocol test [HTTP] at [127.0.0.1]:P"), Cycles(2)],
        better: Some("the reason is told; what a server says that speaks another protocol is anybody's text"),
    ),
    port!(
        "host: HTTP, no answer",
        "./actor begin server answer $PORT nothing; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} protocol http with timeout 1 second",
        [Say("error    'web' failed protocol test [HTTP] at [127.0.0.1]:P"), Cycles(2)],
        better: Some("what it means is said: within which time nothing came; the system's own words for that mislead"),
    ),
    port!(
        "host: SMTP, refused, well",
        "printf '554 go away\\r\\n' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} protocol smtp",
        [
            Say("error    'web' failed protocol test [SMTP] at [127.0.0.1]:P [TCP/IP] --"),
            Do("printf '220 here\\r\\n250 fine\\r\\n221 bye\\r\\n' > new; mv new says"),
            Say("info     'web' connection succeeded to [127.0.0.1]:P [TCP/IP]"),
            Cycles(2),
        ],
        better: Some("what a server answers is told in the same words for all protocols"),
    ),
    port!(
        "host: what is sent, and what is expected",
        "echo 'no' > says; ./actor begin server answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} send \"ask\\r\\n\" expect \"fine\"",
        [
            Say("error    'web' failed protocol test [generic] at [127.0.0.1]:P [TCP/IP]"),
            Do("echo fine > new; mv new says"),
            Say("info     'web' connection succeeded to [127.0.0.1]:P [TCP/IP]"),
            Cycles(2),
        ],
        better: Some(PATTERN),
    ),
    port!(
        "host: the time of an answer",
        "./actor begin server serve $PORT; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done",
        "failed port {port} responsetime > 10 seconds",
        [Say("error    'web' response time"), Cycles(2)],
        tolerance: 1.0,
    ),
    port!(
        "host: UDP, closed and silent",
        "true",
        "failed port {port} type udp",
        [
            Say("error    'web' failed protocol test [DEFAULT] at [127.0.0.1]:P [UDP/IP]"),
            Do("./actor begin server datagrams $PORT"),
            Say("info     'web' connection succeeded to [127.0.0.1]:P [UDP/IP]"),
            Cycles(2),
        ],
    ),
    Situation {
        name: "host: a name that nobody knows",
        monit: "check host web with address nobody.invalid\n if failed port 80 then alert\n",
        ours: "  - host: web\n    address: nobody.invalid\n    rules:\n      \
               - { if: \"failed port 80\", then: alert }\n",
        play: &[Say("error    'web'"), Cycles(2)],
        better: Some(
            "the resolver's reason is told: no such name is another matter than no answer",
        ),
        ..PLAIN
    },
    Situation {
        name: "process: a port",
        before: "./actor begin parent nurse pid ./actor answer $PORT says; until ./actor reach $PORT 2>/dev/null; do sleep 0.05; done; echo fine > says",
        monit: "check process svc with pidfile {dir}/pid\n \
                if failed port {port} send \"a\" expect \"fine\" then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    rules:\n      \
               - { if: 'failed port {port} send \"a\" expect \"fine\"', then: alert }\n",
        play: &[
            Cycles(3),
            Do("echo no > new; mv new says"),
            Say("error    'svc' failed protocol test [generic] at [localhost]:P [TCP/IP]"),
            Do("echo fine > new; mv new says"),
            Say("info     'svc' connection succeeded to [localhost]:P [TCP/IP]"),
            Cycles(2),
        ],
        better: Some(PATTERN),
        ..PLAIN
    },
    Situation {
        name: "process: a Unix socket",
        before: "./actor begin pid serve \"$PWD/socket\"; until test -S socket; do sleep 0.1; done",
        monit: "check process svc with pidfile {dir}/pid\n \
                if failed unixsocket {dir}/socket then alert\n",
        ours: "  - process: svc\n    pidfile: {dir}/pid\n    rules:\n      \
               - { if: \"failed unixsocket {dir}/socket\", then: alert }\n",
        play: &[
            Cycles(3),
            Do("mv socket away"),
            Say("failed protocol test [DEFAULT] at D/socket"),
            Do("mv away socket"),
            Say("connection succeeded to D/socket"),
            Cycles(2),
        ],
        better: Some("the reason is the system's own; Monit says that it cannot create a socket"),
        ..PLAIN
    },
    Situation {
        name: "apache: an answer, a missing page",
        play: &[
            Say("'apache' process is not running"),
            Say("'apache' process is running with pid"),
            Cycles(7),
            Do("mv www/x www/y"),
            Say("error    'apache' failed protocol test [HTTP] at [localhost]:P/x [TCP/IP]"),
            Do("mv www/y www/x"),
            Say("info     'apache' connection succeeded to [localhost]:P/x [TCP/IP]"),
            Cycles(2),
        ],
        ..APACHE
    },
    Situation {
        name: "apache: its main process killed, its workers left behind",
        play: &[
            Say("'apache' process is running with pid"),
            Cycles(3),
            Do("kill -KILL $(cat pid)"),
            Says(Who::Monit, "'apache' failed to start"),
            Says(Who::Ours, "'apache' process is running with pid"),
        ],
        better: Some(
            "workers that outlive their main process hold its port: they are ended before it is \
             started; Monit's start fails until they are gone",
        ),
        ..APACHE
    },
];
