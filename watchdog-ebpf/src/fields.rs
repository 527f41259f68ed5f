//! Typed loads from kernel structures, at offsets that user space resolved from the kernel's BTF.
//!
//! A load through a null or stale pointer gives 0: the kernel's exception table handles it for
//! pointers that it knows by type.

use watchdog_common::fields::Fields;

/// Patched at load. `read_volatile` keeps the compiler from folding today's zeros.
#[unsafe(no_mangle)]
pub static FIELDS: Fields = {
    // SAFETY: plain numbers, for which zero is a value.
    unsafe { core::mem::zeroed() }
};

/// A `task_struct`, `signal_struct`, …: only the verifier knows which.
pub type Kernel = *const u8;

/// The constant of one field.
macro_rules! offset {
    ($field:ident) => {{
        // SAFETY: a plain read of an initialised static.
        unsafe { core::ptr::read_volatile(&raw const $crate::fields::FIELDS.$field) }
    }};
}

/// Loads a member as the given type.
macro_rules! load {
    ($pointer:expr, $field:ident, $type:ty) => {{
        let place = ($pointer as *const u8).wrapping_add($crate::fields::offset!($field) as usize);
        // SAFETY: the verifier checks the address against the kernel's type at load.
        unsafe { *(place as *const $type) }
    }};
}

pub(crate) use {load, offset};
