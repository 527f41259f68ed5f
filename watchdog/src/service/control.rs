//! How a service stands to others and to us: on what it depends.
//!
//! Plain data. Not here: keeping to it (`engine::order`).

/// What every kind of service may say about how it is treated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Control {
    /// `depends_on:`: names of other services, as those write them; without loops.
    pub depends_on: Vec<String>,
}
