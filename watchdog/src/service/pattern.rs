//! A regular expression that is looked for in the arguments of every process of the host.
//!
//! A host may have thousands of them, and each made ready takes tens of kilobytes: kept are its text
//! and what any match contains literally. It is made ready for the processes that have that, which
//! are few. Not here: the walk over the processes (`finder`).

use std::cell::OnceCell;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};

/// Bytes that one may take when it is made ready.
const MAX_BYTES: usize = 1 << 20;
/// Literals that are looked for at most,
const LITERALS: usize = 8;
/// none shorter than this: such are in everything.
const SHORTEST: usize = 3;

/// The pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// Whatever matches contains one of these; none: nothing is known.
    literals: Vec<String>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// A pattern in the syntax of the `regex` crate.
    ///
    /// # Errors
    /// Where it is none, or would take more than a megabyte.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        ready(text)?;
        Ok(Self { text: text.to_owned(), literals: literals(text) })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Made ready for many texts.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher { pattern: self, regex: OnceCell::new() }
    }
}

/// A pattern for as long as texts are compared with it.
#[derive(Debug)]
pub struct Matcher<'a> {
    pattern: &'a Pattern,
    regex: OnceCell<Option<Regex>>,
}

impl Matcher<'_> {
    /// Whether the pattern matches somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        let literals = &self.pattern.literals;
        if !literals.is_empty() && !literals.iter().any(|literal| text.contains(literal)) {
            return false;
        }
        // It was made ready once, so it can be.
        let regex = self.regex.get_or_init(|| ready(&self.pattern.text).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

fn ready(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(MAX_BYTES).build()
}

/// What every match begins or ends with, whichever tells more.
fn literals(text: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(text) else { return Vec::new() };
    // What stands before a class of characters is enough: with each of them it would be too many.
    let extractor = |kind| Extractor::new().kind(kind).limit_class(2).limit_total(LITERALS).clone();
    let of = |kind: ExtractKind| strings(&extractor(kind).extract(&hir));
    let both = [of(ExtractKind::Prefix), of(ExtractKind::Suffix)];
    let shortest = |all: &Vec<String>| all.iter().map(String::len).min().unwrap_or(0);
    both.into_iter().flatten().max_by_key(shortest).unwrap_or_default()
}

/// None where there are too many or too short ones, or where any text may stand.
fn strings(seq: &Seq) -> Option<Vec<String>> {
    let literals = seq.literals().filter(|all| !all.is_empty() && all.len() <= LITERALS)?;
    let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    literals
        .iter()
        .map(|literal| string(literal.as_bytes()).filter(|text| text.len() >= SHORTEST))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_every_match_contains() {
        for (pattern, expected) in [
            ("member-14$", &["member-14"][..]),
            ("^/usr/bin/python3? /srv/", &["/usr/bin/python"]),
            (".*--config=/etc/a\\.conf", &["--config=/etc/a.conf"]),
            ("worker-12[0-9]*$", &["worker-12"]),
            ("apache|nginx", &["apache", "nginx"]),
            (".*", &[]),
            ("a+", &[]),
            ("(?i)postgres", &[]),
        ] {
            let mut found = literals(pattern);
            found.sort();
            let fits =
                found == expected || found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
            assert!(fits && found.is_empty() == expected.is_empty(), "{pattern}: {found:?}");
        }
        assert!(Pattern::new("(").is_err());
    }

    proptest! {
        /// The literals never hide what the pattern alone would find.
        #[test]
        fn as_the_regular_expression_itself(
            pattern in "[(]?[ab]{3,4}([.][*]|[|]|[+]|[?]|[$]|\\[ab\\]|c)[ab]{0,4}[)]?",
            texts in prop::collection::vec("[abc]{0,12}", 1..40),
        ) {
            let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
            let own = Pattern::new(&pattern).expect("it is one");
            let matcher = own.matcher();
            for text in texts {
                prop_assert_eq!(matcher.is_match(&text), regex.is_match(&text), "{} in {}", pattern, text);
            }
        }
    }
}
