//! Which services the words of a command mean: names, patterns of names, a group, or all.
//!
//! A word is a service's name, whatever its case; else, with `*`, `?` or `[…]` in it, a pattern of names;
//! else `all` stands for all of them, as in Monit. Not here: what is done with them.

use glob::{MatchOptions, Pattern};

use super::{Exit, Failure};
use crate::status::view::ServiceDocument;

/// Names and patterns are compared as the rule file compares names.
const ANY_CASE: MatchOptions = MatchOptions {
    case_sensitive: false,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// The names meant, each once, in the order of the words and then of the rule file. No words mean all.
///
/// # Errors
/// A word or a group that means nothing here.
pub fn chosen(
    services: &[ServiceDocument],
    words: &[String],
    group: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let unknown = |text| Failure { exit: Exit::NotAllowed, text };
    let inside = |service: &&ServiceDocument| {
        group.is_none_or(|group| service.group.iter().any(|own| own == group))
    };
    let all: Vec<&ServiceDocument> = services.iter().filter(inside).collect();
    if let Some(group) = group.filter(|_| all.is_empty()) {
        return Err(unknown(format!("there is no service in a group '{group}'")));
    }
    let mut chosen: Vec<String> = Vec::new();
    let mut take = |found: &[&ServiceDocument]| {
        for service in found {
            if !chosen.contains(&service.name) {
                chosen.push(service.name.clone());
            }
        }
    };
    if words.is_empty() {
        take(&all);
    }
    for word in words {
        let same = |service: &&&ServiceDocument| service.name.to_lowercase() == word.to_lowercase();
        if let Some(service) = all.iter().find(same) {
            take(&[service]);
            continue;
        }
        let pattern = Pattern::new(word).ok().filter(|_| word.contains(['*', '?', '[']));
        let found: Vec<&ServiceDocument> = match pattern {
            Some(pattern) => {
                let fits =
                    |service: &&&ServiceDocument| pattern.matches_with(&service.name, ANY_CASE);
                all.iter().filter(fits).copied().collect()
            }
            None if word == "all" => all.clone(),
            None => Vec::new(),
        };
        if found.is_empty() {
            return Err(unknown(format!("there is no service '{word}'")));
        }
        take(&found);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Vec<ServiceDocument> {
        let one = |name: &str, group: &str| -> ServiceDocument {
            serde_json::from_value(serde_json::json!({
                "name": name, "kind": "process", "status": "ok", "monitored": true,
                "group": [group], "pid": null, "uptime_seconds": null, "restarts": 0,
                "metrics": {}, "rules": [],
            }))
            .expect("a service")
        };
        vec![one("Web one", "web"), one("web[2]", "web"), one("db", "data")]
    }

    #[test]
    fn words_mean_names_before_patterns_and_patterns_before_all() {
        for (words, group, expect) in [
            (&[][..], None, Ok(&["Web one", "web[2]", "db"][..])),
            (&["DB"], None, Ok(&["db"])),
            (&["web[2]"], None, Ok(&["web[2]"])),
            (&["web*"], None, Ok(&["Web one", "web[2]"])),
            (&["db", "*"], None, Ok(&["db", "Web one", "web[2]"])),
            (&["all"], None, Ok(&["Web one", "web[2]", "db"])),
            (&["all"], Some("web"), Ok(&["Web one", "web[2]"])),
            (&[], Some("data"), Ok(&["db"])),
            (&["db"], Some("web"), Err(())),
            (&["x*"], None, Err(())),
            (&["["], None, Err(())),
            (&[], Some("none"), Err(())),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let found = chosen(&services(), &words, group).map_err(|_| ());
            assert_eq!(
                found,
                expect.map(|all| all.iter().map(|n| (*n).to_owned()).collect()),
                "{words:?}"
            );
        }
    }
}
