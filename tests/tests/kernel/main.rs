//! The kernel side against the running kernel. Needs root; a kernel that cannot load it fails.

mod cpu;
mod crossings;
mod deaths;
mod events;
mod membership;
mod sight;
mod stage;
mod table;
mod wanted;
