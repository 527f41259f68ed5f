//! What the kernel programs and user space share: plain data, one layout for both.
//!
//! Not here: maps, programs (`watchdog-ebpf`) and what a record means for a rule (`watchdog`).
#![no_std]

pub mod fields;
pub mod record;
pub mod table;
