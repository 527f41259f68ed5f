//! Where credentials stand in a rule's sentence, so that no log, mail, page or status shows them.
//!
//! Passwords are read from files and do not stand there at all. What may: the values of HTTP headers,
//! a parameter of a request such as `?token=…`, a login that is sent word by word, and a password in a URL,
//! which the grammar refuses but a drawn error would show. Not here: secrets under keys of their own
//! (`render`).

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// In place of a secret.
const HIDDEN: &str = "***";

/// The values of `headers [Name: value, …]`, whatever the name: who writes one often has to prove who he is.
static HEADERS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\bheaders\s*\[([^\]]*)").ok());
static HEADER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[^:,]*:\s*("(?:[^"\\]|\\.)*"?|[^,]*[^,\s]|)"#).ok());
/// The rest: each with the secret as its first group.
static OTHERS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"(?i)[?&][^=&\s"'#]*(?:token|key|secret|pass|pwd|auth|sig|session|credential)[^=&\s"'#]*=([^&\s"'#)]+)"#,
        r#"://[^/\s@:"']*:([^/\s@"']+)@"#,
        r#"(?i)\bsend\s*[("]+\s*(?:auth|pass|login)\b[ :]*((?:[^"\\]|\\.)+)"#,
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// Where they stand, in order and apart.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    if let (Some(all), Some(one)) = (HEADERS.as_ref(), HEADER.as_ref()) {
        for list in all.captures_iter(text).filter_map(|found| found.get(1)) {
            for value in one.captures_iter(list.as_str()).filter_map(|found| found.get(1)) {
                found.push(list.start() + value.start()..list.start() + value.end());
            }
        }
    }
    for pattern in OTHERS.iter() {
        found.extend(pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.range())));
    }
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
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges(text) {
        shown.push_str(&text[from..range.start]);
        shown.push_str(HIDDEN);
        from = range.end;
    }
    shown.push_str(&text[from..]);
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

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".*", inner in "[a-z:,\" \\\\é]*") {
            let _ = hidden(&text);
            let _ = hidden(&format!("headers [{inner}"));
        }
    }
}
