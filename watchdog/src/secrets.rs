//! Where credentials stand in a rule's sentence, so that no log, mail, page or status shows them.
//!
//! Passwords are read from files and do not stand there at all. What may: the values of HTTP headers,
//! a parameter of a request such as `?token=…`, a login that is sent word by word, and a password in a URL,
//! which the grammar refuses but a drawn error would show. Not here: secrets under keys of their own
//! (`config::render`).

mod command;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

pub(crate) use command::command;

/// In place of a secret.
const HIDDEN: &str = "***";

/// The values of `headers [Name: value, …]`, whatever the name: who writes one often has to prove who he is.
/// A bracket or a comma inside of quotation marks ends nothing.
static HEADERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)\bheaders\s*\[((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\]])*)"#).ok()
});
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"[^:,]*:\s*((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,])*)"#).ok()
});
/// What is said to a server and what it is to say: the word, and the text.
static STEP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(send|expect)\b[:\s]*\\?("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\S+)"#).ok()
});
/// Where a login begins in such a text: at its start, behind a blank or the end of a line. What
/// stands behind the word is secret, and so is all that is sent later.
static LOGIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = "[a-z-]*auth[a-z]*|pass[a-z]*|login|identify|[a-z-]*(?:cookie|token|secret|key)";
    Regex::new(&format!(r#"(?i)(?:^|[\s"'^]|\\[rnt])(?:{word})(?:[ :=]+|\\[rn]|$)"#)).ok()
});
/// The rest: each with the secret as its first group.
static OTHERS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r#"(?i)[?&;][^=&\s"'#]*(?:token|key|secret|pass|pwd|auth|sig|session|credential)[^=&\s"'#]*=((?:[^&\s"'#)]|'\b)+)"#,
        r#"://[^/\s@:"']*:([^/\s"']+)@"#,
    ])
});
/// What no sentence has that is right, and a wrong one may: a password as Monit has it, in a URL that
/// is none, without quotation marks, in another bracket.
static WRONG: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r#"(?i)\b(?:password|passwd|pwd|secret|send\s+(?:pass|auth|login))\b[\s:=\\]+("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"',{}()\[*][^\s"',})]*)"#,
        r#":/+[^\s"'@:]*:([^\s"']+)@"#,
        r#"(?i)\bhost\s+"?[^\s"'@:]+:([^\s"']+)@"#,
        r#"(?i)\b(?:headers?\b\s*\(?|header\s*\[)[^:\["]*:\s*([^"]+)"#,
    ])
});

fn patterns(all: &[&str]) -> Vec<Regex> {
    all.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
}

/// Where they stand, in order and apart.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    if let (Some(all), Some(one)) = (HEADERS.as_ref(), HEADER.as_ref()) {
        for list in all.captures_iter(text).filter_map(|found| found.get(1)) {
            for value in one.captures_iter(list.as_str()).filter_map(|found| found.get(1)) {
                let end = value.start() + value.as_str().trim_end().len();
                found.push(list.start() + value.start()..list.start() + end);
            }
        }
    }
    logins(text, &mut found);
    found.extend(captured(text, &OTHERS));
    apart(found)
}

/// As [`ranges`], of a sentence that is wrong or of the line that it stands in.
pub(crate) fn suspects(text: &str) -> Vec<Range<usize>> {
    let wrong = captured(text, &WRONG).filter(|range| text[range.clone()] != *"file");
    apart(ranges(text).into_iter().chain(wrong).collect())
}

fn captured(text: &str, patterns: &[Regex]) -> impl Iterator<Item = Range<usize>> {
    let each = |pattern: &Regex| -> Vec<_> {
        pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.range())).collect()
    };
    patterns.iter().flat_map(each).collect::<Vec<_>>().into_iter()
}

/// Those of `send "…" expect "…"`.
fn logins(text: &str, found: &mut Vec<Range<usize>>) {
    let (Some(steps), Some(login)) = (STEP.as_ref(), LOGIN.as_ref()) else { return };
    let mut begun = false;
    for step in steps.captures_iter(text) {
        let (Some(word), Some(said)) = (step.get(1), step.get(2)) else { continue };
        let mark = ['"', '\''].into_iter().find(|mark| said.as_str().starts_with(*mark));
        let (start, end) = match mark {
            Some(mark) => {
                let closed = said.len() > 1 && said.as_str().ends_with(mark);
                (said.start() + 1, said.end() - usize::from(closed))
            }
            None => (said.start(), said.end()),
        };
        let key = login.find(&text[start..end]).map(|key| start + key.end());
        if word.as_str().eq_ignore_ascii_case("send") {
            found.extend(if begun { Some(start..end) } else { key.map(|from| from..end) });
        }
        begun |= key.is_some();
    }
}

/// What is said of a sentence that is wrong, without what may be a secret in it.
pub(crate) fn unsaid(mut said: String, sentence: &str) -> String {
    for range in suspects(sentence) {
        let secret = sentence[range].trim_matches(['"', '\'']);
        // Shorter ones are found in any word.
        if secret.len() > 2 {
            said = said.replace(secret, HIDDEN);
        }
    }
    said
}

fn apart(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.retain(|range| !range.is_empty());
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// The text for people: each secret is `***`.
pub(crate) fn hidden(text: &str) -> String {
    without(text, ranges(text))
}

/// The text with `***` in place of these ranges, which stand in order and apart.
fn without(text: &str, secrets: Vec<Range<usize>>) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in secrets {
        shown.push_str(text.get(from..range.start).unwrap_or_default());
        shown.push_str(HIDDEN);
        from = range.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_hidden_and_nothing_else_is() {
        for (text, shown) in [
            (
                "failed port 80 protocol http headers [Authorization: Basic dTpw, X-Key: \"a, b\"] status 200",
                "failed port 80 protocol http headers [Authorization: ***, X-Key: ***] status 200",
            ),
            (
                "failed port 80 protocol http with HTTP Headers [Host: a:1,Cookie:x=y] for 2 cycles",
                "failed port 80 protocol http with HTTP Headers [Host: ***,Cookie:***] for 2 cycles",
            ),
            ("failed port 80 headers [A: never closed", "failed port 80 headers [A: ***"),
            (
                "failed url https://h/x?full=1&api_token=abc&y=2 and content = \"fine\"",
                "failed url https://h/x?full=1&api_token=***&y=2 and content = \"fine\"",
            ),
            (
                "failed port 80 protocol http request \"/x?PASSWORD=p\"",
                "failed port 80 protocol http request \"/x?PASSWORD=***\"",
            ),
            ("failed url http://ann:hunter2@h:1/x", "failed url http://ann:***@h:1/x"),
            (
                "failed port 1 send \"AUTH s\\\"ecret\\r\\n\" expect \"OK\"",
                "failed port 1 send \"AUTH ***\" expect \"OK\"",
            ),
            (
                r#"failed port 80 protocol http headers [A: "b]c", D: 'e, f', G: i'j, K: l] status 200"#,
                "failed port 80 protocol http headers [A: ***, D: ***, G: ***, K: ***] status 200",
            ),
            (
                r#"failed port 80 protocol http request "/x;token=a'b&c=1""#,
                r#"failed port 80 protocol http request "/x;token=***&c=1""#,
            ),
            (
                "failed port 143 send 'a LOGIN ann x' expect OK",
                "failed port 143 send 'a LOGIN ***' expect OK",
            ),
            (
                r#"failed port 80 send "GET / HTTP/1.0\r\nAuthorization: Basic x\r\n\r\n" expect "200""#,
                r#"failed port 80 send "GET / HTTP/1.0\r\nAuthorization: ***" expect "200""#,
            ),
            (
                r#"failed port 80 send "GET /login.html\r\nX-Auth-Token: x\r\n" expect "200""#,
                r#"failed port 80 send "GET /login.html\r\nX-Auth-Token: ***" expect "200""#,
            ),
            (
                r#"failed port 25 send "USER a\r\nPASS x\r\n" expect "^2" send "QUIT\r\n""#,
                r#"failed port 25 send "USER a\r\nPASS ***" expect "^2" send "***""#,
            ),
            (
                r#"failed port 25 send "AUTH LOGIN\r\n" expect "^334" send "aHVudGVyMg==\r\n""#,
                r#"failed port 25 send "AUTH ***" expect "^334" send "***""#,
            ),
            (
                r#"failed port 23 expect "Password:" send "x\r\n" expect "\\$ ""#,
                r#"failed port 23 expect "Password:" send "***" expect "\\$ ""#,
            ),
        ] {
            assert_eq!(hidden(text), shown);
            assert_eq!(hidden(shown), shown, "a second pass changes nothing");
        }
        for plain in [
            "failed url http://ann@h:1/x?full=1",
            "failed port 4711 expect \"^220\" send \"QUIT\\r\\n\" expect \"^221\"",
            "failed port 80 protocol http username ann password file /etc/probe",
            "totalmem > 1800 MB for 5 cycles",
            "",
        ] {
            assert_eq!(hidden(plain), plain);
        }
    }

    #[test]
    fn what_is_said_of_a_wrong_sentence_holds_no_credentials() {
        for sentence in [
            "failed port 3306 protocol mysql username u password hunter2",
            "failed port 3306 protocol mysql username u using password \"hunter2 and more\"",
            "failed port 3306 protocol mysql password: 'hunter2'",
            "failed port 1812 protocol radius secret hunter2",
            "failed port 143 send PASS hunter2 expect OK",
            "failed port 143 send: \"PASS hunter2\" expect OK",
            "failed host u:hunter2@h port 80",
            "failed url http:/u:hunter2@h/",
            "failed url http://u:a/hunter2@h/",
            "failed url http://u:a@hunter2@h/",
            "failed port 80 protocol http header [Authorization: hunter2]",
            "failed port 80 protocol http headers (Authorization: hunter2)",
            "failed port 80 protocol http headers Authorization: hunter2",
        ] {
            let shown = unsaid(format!("found `{sentence}`"), sentence);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        for plain in [
            "failed port 3306 protocol mysql username u password file /etc/x",
            "cpu > 5% fro 2 cycles",
        ] {
            assert_eq!(unsaid(plain.to_owned(), plain), plain);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".*", inner in "[a-z:,\" \\\\é]*") {
            let _ = hidden(&text);
            let _ = hidden(&format!("headers [{inner}"));
            let _ = unsaid(text.clone(), &format!("send \"PASS {inner} {text}"));
        }
    }
}
