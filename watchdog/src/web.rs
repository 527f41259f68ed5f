//! The web front.
pub mod front;
