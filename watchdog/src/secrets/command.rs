//! A command line for the log, without the credentials that usually stand in one.
//!
//! The processes of the host show their arguments to every user anyway (`/proc/<pid>/cmdline`); the log goes
//! further and stays longer. Not here: what programs write.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{apart, ranges, without};
use crate::service::Program;

const NAME: &str = r"(?:pass|pwd|secret|token|credential|api-?_?key|access-?_?key|private-?_?key)";
const VALUE: &str = r#"("(?:[^"\\]|\\.)*"|'[^']*'|[^\s'"]+)"#;

/// Each with the secret as its last group.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    super::patterns(&[
        // `--password x`, `--db-password=x`, `PGPASSWORD=x`; of `--password-file /x` a path.
        &format!(r#"(?i)(?:^|[\s'"])(--?[\w-]*{NAME}[\w-]*)(?:=|\s+){VALUE}"#),
        &format!(r"(?i)(?:^|[\W])([a-z_]*{NAME}[a-z0-9_]*)={VALUE}"),
        r#"(?i)[a-z-]*(?:authorization|auth|token|key|cookie):\s*([^'"]+)"#,
        // `curl -u name:x`, `mysql -px`.
        r#"\s(?:-u|--user)[\s=]+['"]?[^\s:'"]+:([^\s'"]+)"#,
        r#"(?:mysql|mariadb)[a-z]*'?\s(?:[^|;&]*\s)?-p([^\s'"]+)"#,
    ])
});

/// The command in one line.
pub(crate) fn command(program: &Program) -> String {
    hidden(&program.line())
}

fn hidden(line: &str) -> String {
    let mut found: Vec<Range<usize>> = ranges(line);
    for pattern in PATTERNS.iter() {
        for one in pattern.captures_iter(line) {
            let name = one.get(1).map_or("", |name| name.as_str()).to_ascii_lowercase();
            if one.len() > 2 && (name.ends_with("file") || name.ends_with("path")) {
                continue;
            }
            found.extend(one.get(one.len() - 1).map(|secret| secret.range()));
        }
    }
    without(line, apart(found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_hidden_and_nothing_else_is() {
        for (line, shown) in [
            ("/bin/x --password hunter2 -v", "/bin/x --password *** -v"),
            ("/bin/x --db-password='a b' y", "/bin/x --db-password=*** y"),
            ("/bin/x token=abc y", "/bin/x token=*** y"),
            ("/bin/sh -c 'PGPASSWORD=x psql -c 1'", "/bin/sh -c 'PGPASSWORD=*** psql -c 1'"),
            ("/usr/bin/curl -u ann:x https://h/", "/usr/bin/curl -u ann:*** https://h/"),
            (
                "/usr/bin/curl 'https://ann:x@h/?token=y'",
                "/usr/bin/curl 'https://ann:***@h/?token=***'",
            ),
            ("/usr/bin/curl -H 'X-Api-Key: x' h", "/usr/bin/curl -H 'X-Api-Key: ***' h"),
            ("/usr/bin/mysqladmin -u root -px ping", "/usr/bin/mysqladmin -u root -p*** ping"),
        ] {
            assert_eq!(hidden(line), shown);
        }
        for plain in [
            "/bin/sleep 1000",
            "/bin/x --password-file /etc/x --user ann",
            "/usr/bin/mysqladmin -u root ping",
            "/bin/sh -c 'echo hello; exit 3'",
            "/usr/bin/ssh -p 22 host",
        ] {
            assert_eq!(hidden(plain), plain);
        }
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in ".*", name in "(-p|--password|token=|-u a:)[ =]?.*") {
            let _ = (hidden(&line), hidden(&name));
        }
    }
}
