//! The one place that decides: stamped inputs in, decisions out.
//!
//! Pure: no clock, no files, no tasks, no log. It cannot fail; what is not known is a value.

/// The engine.
#[derive(Debug)]
pub struct Engine {}
