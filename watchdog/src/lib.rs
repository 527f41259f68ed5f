//! The library behind the one binary `ebpf-watchdog`. `ARCHITECTURE.md` is the map.

// A daemon of root does not panic on what it is given.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

pub mod action;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod descriptors;
pub mod engine;
pub mod escape;
pub mod event;
pub mod finder;
pub mod host;
pub mod identity;
pub mod inbox;
pub mod logfile;
pub mod message;
pub mod metric;
mod mounts;
pub mod notify;
mod observe;
mod places;
pub mod pressure;
pub mod process;
pub mod protocol;
pub mod runner;
mod secrets;
pub mod sensor;
pub mod service;
pub mod source;
pub mod state;
pub mod status;
pub mod survey;
pub mod sys;
mod systemd;
pub mod trust;
pub mod web;
