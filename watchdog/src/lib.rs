//! The library behind the one binary `ebpf-watchdog`. `ARCHITECTURE.md` is the map.

pub mod action;
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
pub mod notify;
pub mod pressure;
pub mod runner;
pub mod service;
pub mod source;
pub mod state;
pub mod status;
pub mod survey;
pub mod sys;
pub mod web;
