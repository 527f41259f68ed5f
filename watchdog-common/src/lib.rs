//! The records that the kernel programs write and user space reads: plain data, one layout for both.
//!
//! Not here: maps, programs (`watchdog-ebpf`) and what a record means for a rule (`watchdog`).
#![no_std]
