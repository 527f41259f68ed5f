//! The only unsafe code: system calls that no safe crate offers, one small file each.

#![expect(unsafe_code, reason = "this module is the one place for it")]

pub mod account;
pub mod bpf;
pub mod limits;
pub mod memory;
pub mod peer;
pub mod pidfd;
pub mod readable;
pub mod scheduling;
pub mod signals;
pub mod spawn;
