//! One file per hook.

mod exec;
mod exit;
mod faults;
mod fork;
mod free;
mod oom;
mod sample;
mod signal;
