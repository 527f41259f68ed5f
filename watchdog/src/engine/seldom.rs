//! What few of ten thousand services have: it takes room only where something was put into it.
//!
//! Read, it is as it was made; the first change makes it. Not here: what it is.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

/// A `T` in a box, or the one that all share who have none of their own.
#[derive(Debug, Clone)]
pub(crate) struct Seldom<T>(Option<Box<T>>);

impl<T> Seldom<T> {
    /// Changes what is there; where nothing is, there is nothing to be forgotten.
    pub(crate) fn if_there(&mut self, change: impl FnOnce(&mut T)) {
        if let Some(own) = &mut self.0 {
            change(own);
        }
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Has one value for all that were never changed.
pub(crate) trait Untouched: Default + 'static {
    /// As [`Default`] makes it.
    fn untouched() -> &'static LazyLock<Self>;
}

impl<T: Untouched> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::untouched())
    }
}

impl<T: Untouched> DerefMut for Seldom<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

macro_rules! untouched {
    ($($kind:ty),*) => {$(
        impl Untouched for $kind {
            fn untouched() -> &'static LazyLock<Self> {
                static NONE: LazyLock<$kind> = LazyLock::new(Default::default);
                &NONE
            }
        }
    )*};
}

untouched!(
    crate::engine::crossing::Armed,
    crate::engine::deaths::Deaths,
    crate::engine::levels::Levels,
    crate::engine::measure::Measure,
    crate::engine::programs::Programs
);
