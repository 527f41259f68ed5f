//! YAML text to a tree of scalars, lists and mappings, each with its place in the file.
//!
//! The only place that knows the YAML crate: should it ever be replaced, this file is. Nothing is
//! meant yet: `true`, `5` and `5m` are all scalars here; which keys exist is `vocabulary`'s.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::diagnostic::Diagnostic;
use super::source::{Place, Source};
use super::syntax::syntax_error;

/// No file of ours comes near; an alias bomb does.
pub(super) const MAX_NODES: usize = 1_000_000;
/// Deeper than any sensible file, far from the end of the stack.
pub(super) const MAX_DEPTH: usize = 32;
/// Values behind anchors, and values repeated by aliases: what bounds the time an alias bomb takes.
const MAX_ANCHORED: usize = 20_000;
const MAX_REPEATED: usize = 500_000;

/// A value of the file and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What stands there.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// One word, number or text, as written; quotes and escapes undone.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the file's order.
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What it is, for "expected …, found …".
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Parses one file. An empty file is an empty mapping.
///
/// # Errors
/// The first error of syntax: the parser cannot go on behind it.
pub(super) fn parse(file: u32, source: &Source) -> Result<Node, Box<Diagnostic>> {
    if let Some(at) = source.text.find('\0') {
        let text = "the file holds a NUL byte: it is not a text file";
        let error = Diagnostic::error(Place::new(file, at, at + 1), text);
        let help = (at < 2).then(|| "if it is UTF-16, save it as UTF-8".to_owned());
        return Err(Box::new(error.maybe_help(help)));
    }
    let budget = serde_saphyr::budget! {
        max_nodes: MAX_NODES,
        max_events: 3 * MAX_NODES,
        max_depth: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
        max_recorded_anchor_events: MAX_ANCHORED,
        // Ten thousand services may share one list of rules.
        enforce_alias_anchor_ratio: false,
    };
    let alias_limits = serde_saphyr::alias_limits! {
        max_total_replayed_events: MAX_REPEATED,
        max_alias_expansions_per_anchor: MAX_REPEATED,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        alias_limits: alias_limits,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Option<Raw>>(&source.text, options) {
        Ok(Some(raw)) => Ok(raw.into_node(file, source, 0)),
        Ok(None) => Ok(Node { place: Place::new(file, 0, 0), value: Value::Map(Vec::new()) }),
        Err(error) => Err(Box::new(syntax_error(file, source, &error))),
    }
}

/// The tree as the YAML crate gives it.
struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    /// A string, quoted or not.
    Text(String),
    /// Something the crate takes for a number or truth value; we want it as written.
    Plain(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a mapping")
    }
    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Plain(value.to_string()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Plain(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(RawValue::Plain(value.to_string()))
    }
    fn visit_i128<E>(self, value: i128) -> Result<RawValue, E> {
        Ok(RawValue::Plain(value.to_string()))
    }
    fn visit_u128<E>(self, value: u128) -> Result<RawValue, E> {
        Ok(RawValue::Plain(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Plain(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(RawValue::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(RawValue::Map(entries))
    }
}

impl Raw {
    /// `near` is where the surrounding value starts, for values without a place of their own.
    fn into_node(self, file: u32, source: &Source, near: usize) -> Node {
        // Behind an alias the text itself stands at the anchor: that is what can be underlined.
        let place =
            place_of(file, source, self.0.defined).unwrap_or_else(|| Place::new(file, near, near));
        let start = place.start as usize;
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Text(text) => Value::Scalar(text),
            RawValue::Plain(text) => {
                let written = source.text.get(place.range()).map(str::trim);
                Value::Scalar(match written {
                    Some(written) if !written.is_empty() => written.to_owned(),
                    _ => text,
                })
            }
            RawValue::List(items) => Value::List(
                items.into_iter().map(|item| item.into_node(file, source, start)).collect(),
            ),
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key = key.into_node(file, source, start);
                        let at = key.place.start as usize;
                        (key, value.into_node(file, source, at))
                    })
                    .collect(),
            ),
        };
        Node { place, value }
    }
}

/// The bytes of a location; `None` where the parser knows none.
pub(super) fn place_of(file: u32, source: &Source, location: Location) -> Option<Place> {
    let span = location.span();
    let (start, length) = match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(length)) => {
            (usize::try_from(start).ok()?, usize::try_from(length).ok()?)
        }
        _ if location.line() == 0 => return None,
        _ => {
            let line = usize::try_from(location.line()).ok()?;
            let column = usize::try_from(location.column()).ok()?;
            (source.offset(line, column), 1)
        }
    };
    let start = source.floor(start);
    let end = source.floor(start.saturating_add(length));
    // A block's span may run on to the next item: never underline the blank end.
    let text = source.text.get(start..end)?.trim_end();
    Some(Place::new(file, start, start + text.len()))
}
