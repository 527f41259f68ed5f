//! The kernel programs: they keep the table of watched processes and report what happens to them.
//!
//! Nothing here judges, and nothing here is on a hot path of the scheduler: fork, exec, exit, free
//! of a task, a fatal signal, an OOM kill, every 64th page fault, and one iterator that runs when user
//! space asks.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(internal_features, reason = "atomic_xadd is the only atomic add this target has")]

mod brake;
mod emit;
mod fields;
mod limits;
mod maps;
mod memory;
mod probes;
mod standing;
mod wanted;

/// Some helpers are only for programs that declare a licence compatible with the kernel's.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier proves that nothing gets here: a loop would be refused.
    loop {}
}
