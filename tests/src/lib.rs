//! What the tests share: a scratch directory, a daemon on it, real services to watch.

pub mod apache;
pub mod authority;
pub mod conversation;
pub mod daemon;
pub mod database;
pub mod debian;
pub mod mounted;
pub mod namespace;
pub mod need;
pub mod process;
pub mod scratch;
pub mod smtp;
pub mod until;
pub mod web;
