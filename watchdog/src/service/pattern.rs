//! A regular expression that is looked for in the arguments of every process of the host.
//!
//! A host may have thousands of them, and each made ready takes tens of kilobytes: kept are its text
//! and what any match contains literally. It is made ready for the processes that have that, which
//! are few; a pattern that is a plain text never is. Not here: the walk over the processes (`finder`).

use std::cell::OnceCell;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

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
    plain: Option<Plain>,
}

/// The whole of a pattern that is nothing but a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plain {
    /// It stands at the beginning,
    first: bool,
    text: String,
    /// at the end.
    last: bool,
}

impl Plain {
    fn of(hir: &Hir) -> Option<Self> {
        let mut parts = match hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(hir),
        };
        let is = |part: &Hir, look| matches!(part.kind(), HirKind::Look(here) if *here == look);
        let (mut first, mut last) = (false, false);
        if let Some((part, rest)) = parts.split_first()
            && is(part, Look::Start)
        {
            (first, parts) = (true, rest);
        }
        if let Some((part, rest)) = parts.split_last()
            && is(part, Look::End)
        {
            (last, parts) = (true, rest);
        }
        let [part] = parts else { return None };
        let HirKind::Literal(literal) = part.kind() else { return None };
        let text = String::from_utf8(literal.0.to_vec()).ok()?;
        Some(Self { first, text, last })
    }

    fn is_match(&self, text: &str) -> bool {
        let own = self.text.as_str();
        match (self.first, self.last) {
            (true, true) => text == own,
            (true, false) => text.starts_with(own),
            (false, true) => text.ends_with(own),
            (false, false) => text.contains(own),
        }
    }
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
        let hir = regex_syntax::parse(text).ok();
        let plain = hir.as_ref().and_then(Plain::of);
        // To make thousands ready only to see that it can be done takes long.
        if hir.as_ref().is_none_or(|hir| most_bytes(hir) > MAX_BYTES / 4) {
            ready(text)?;
        }
        let literals = match plain {
            Some(_) => Vec::new(),
            None => hir.as_ref().map(literals).unwrap_or_default(),
        };
        Ok(Self { text: text.to_owned(), literals, plain })
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
    /// Any text that matches contains one of these; none: nothing is known.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let plain = self.pattern.plain.iter().map(|plain| plain.text.as_str());
        plain.chain(self.pattern.literals.iter().map(String::as_str))
    }

    /// Whether the pattern matches somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        if let Some(plain) = &self.pattern.plain {
            return plain.is_match(text);
        }
        let literals = &self.pattern.literals;
        if !literals.is_empty() && !literals.iter().any(|literal| text.contains(literal)) {
            return false;
        }
        // That it can be was seen when it was read.
        let regex = self.regex.get_or_init(|| ready(&self.pattern.text).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

fn ready(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(MAX_BYTES).build()
}

/// What it takes at most when it is made ready, by a wide margin: 64 bytes for a state, 16 states for each
/// range of characters.
fn most_bytes(hir: &Hir) -> usize {
    let all = |parts: &[Hir]| parts.iter().map(most_bytes).fold(0, usize::saturating_add);
    let states = |count: usize| count.saturating_mul(64);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => states(2),
        HirKind::Literal(literal) => states(2 + literal.0.len()),
        HirKind::Class(Class::Unicode(class)) => {
            states(class.ranges().len().saturating_mul(16) + 2)
        }
        HirKind::Class(Class::Bytes(class)) => states(class.ranges().len() + 2),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(0).max(repetition.min).saturating_add(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            most_bytes(&repetition.sub).saturating_add(states(2)).saturating_mul(times)
        }
        HirKind::Capture(capture) => most_bytes(&capture.sub).saturating_add(states(2)),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            all(parts).saturating_add(states(2 + parts.len()))
        }
    }
}

/// What every match begins or ends with, whichever tells more.
fn literals(hir: &Hir) -> Vec<String> {
    // What stands before a class of characters is enough: with each of them it would be too many.
    let extractor = |kind| Extractor::new().kind(kind).limit_class(2).limit_total(LITERALS).clone();
    let of = |kind: ExtractKind| strings(&extractor(kind).extract(hir));
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
            let mut found = literals(&regex_syntax::parse(pattern).unwrap());
            found.sort();
            let fits =
                found == expected || found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
            assert!(fits && found.is_empty() == expected.is_empty(), "{pattern}: {found:?}");
        }
        assert!(Pattern::new("(").is_err());
    }

    #[test]
    fn a_plain_text_is_never_made_ready() {
        for (pattern, first, text, last) in [
            ("nginx: master", false, "nginx: master", false),
            ("^/usr/sbin/sshd", true, "/usr/sbin/sshd", false),
            ("member-14$", false, "member-14", true),
            (r"^/opt/a\.b$", true, "/opt/a.b", true),
        ] {
            let plain = Some(Plain { first, text: text.to_owned(), last });
            assert_eq!(Pattern::new(pattern).unwrap().plain, plain, "{pattern}");
        }
        for pattern in ["a.b", "(?i)ab", "(?m)^ab$", "a|b", "(ab)", "", "^$", "ab$c", r"\bab"] {
            assert_eq!(Pattern::new(pattern).unwrap().plain, None, "{pattern}");
        }
    }

    #[test]
    fn what_would_take_more_than_a_megabyte_is_refused() {
        for pattern in ["a{40}", r"\w", "[0-9]*$", "(a|b)+.*", r"(\d{1,3}\.){3}\d{1,3}", r"\pL+ x"]
        {
            Pattern::new(pattern).unwrap();
            ready(pattern).unwrap();
        }
        for pattern in [r"\w{2000}", "(a{1000}){1000}", "((.{20}){20}){20}"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        /// The literals never hide what the pattern alone would find.
        #[test]
        fn as_the_regular_expression_itself(
            pattern in "\\^?[(]?[ab]{3,4}([.][*]|[|]|[+]|[?]|[$]|\\[ab\\]|c)[ab]{0,4}[)]?",
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
