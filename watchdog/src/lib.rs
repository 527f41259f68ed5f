//! The library behind the one binary `ebpf-watchdog`. `ARCHITECTURE.md` is the map.

pub mod clock;
pub mod event;
pub mod identity;
pub mod metric;
pub mod service;
pub mod source;
