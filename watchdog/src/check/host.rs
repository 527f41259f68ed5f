//! Hosts by name or address. Their tests are those of connections (`connection`).

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name or address; resolved at each observation.
    pub address: String,
}
