//! A counted reference to something of others.

use std::any::Any;
use std::ffi::c_void;
#[cfg(feature = "capi")]
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// Takes or gives back a reference.
pub(crate) type Count = unsafe extern "C-unwind" fn(pointer: *mut c_void);

/// What an [`Object`] is made of.
#[derive(Clone, Copy)]
pub(crate) struct Raw {
    pub(crate) pointer: *mut c_void,
    /// Both or none: then somebody else sees to it that it lives.
    pub(crate) count: Option<(Count, Count)>,
}

/// A counted reference to an object, which a registry's directory can hold: of Rust ([`Object::new`]), or of another
/// language. A clone is another reference; the drop gives it back.
pub struct Object {
    raw: Raw,
    /// Made by [`Object::new`].
    ours: bool,
}

/// What the pointer of an object of Rust leads to.
type Inner = Arc<dyn Any + Send + Sync>;

// SAFETY: whoever makes one says that it may be counted and used in any thread.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// A reference to something of Rust.
    pub fn new<T: Any + Send + Sync>(object: Arc<T>) -> Object {
        let inner: Arc<Inner> = Arc::new(object);
        let pointer = Arc::into_raw(inner).cast_mut().cast();
        Object { raw: Raw { pointer, count: Some((retain, release)) }, ours: true }
    }

    /// The object, if it is one of Rust and of this type.
    pub fn downcast<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        // SAFETY: an object of ours leads to an Inner, of which this is a count.
        let inner = self.ours.then(|| unsafe { &*self.raw.pointer.cast::<Inner>() })?;
        Arc::clone(inner).downcast().ok()
    }

    /// Where the object is. What lies there is the business of who registered it.
    pub fn pointer(&self) -> *mut c_void {
        self.raw.pointer
    }

    /// Takes over a reference.
    ///
    /// # Safety
    /// The functions may be called in any thread; the pointer is good for them, and what it leads to lives until as many
    /// references were given back as there are, this one included.
    #[cfg(feature = "capi")]
    pub(crate) unsafe fn from_raw(raw: Raw) -> Object {
        Object { raw, ours: false }
    }

    /// The reference, for somebody else to give back.
    #[cfg(feature = "capi")]
    pub(crate) fn into_raw(self) -> Raw {
        ManuallyDrop::new(self).raw
    }
}

impl Clone for Object {
    fn clone(&self) -> Object {
        if let Some((retain, _)) = self.raw.count {
            // SAFETY: this reference is not given back meanwhile.
            unsafe { retain(self.raw.pointer) };
        }
        Object { raw: self.raw, ours: self.ours }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Some((_, release)) = self.raw.count {
            // SAFETY: this reference, once.
            unsafe { release(self.raw.pointer) };
        }
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Object").field(&self.raw.pointer).finish()
    }
}

unsafe extern "C-unwind" fn retain(pointer: *mut c_void) {
    // SAFETY: from `new`, and the caller has a reference.
    unsafe { Arc::increment_strong_count(pointer.cast_const().cast::<Inner>()) };
}

unsafe extern "C-unwind" fn release(pointer: *mut c_void) {
    // SAFETY: from `new`, and the caller gives its reference back.
    unsafe { Arc::decrement_strong_count(pointer.cast_const().cast::<Inner>()) };
}
