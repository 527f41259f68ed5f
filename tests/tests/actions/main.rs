//! Starting, stopping and finding real processes, with start programs as they must not be.
//!
//! The sensor is replaced by one that knows a service's processes by a mark in their environment,
//! so these tests need root but no eBPF. Times are bounds, not measures.

mod bed;
mod exec;
mod lanes;
mod start;
mod stop;
mod stranger;
