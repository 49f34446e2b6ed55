//! Typed values: nil, bool, int, float, text, bytes.
//!
//! Text and bytes are counted ([`Blob`]): a get hands them out without a copy, and they live as long as anybody holds
//! them, whatever happens to the bucket.

use crate::error::Error;
use crate::sync::{AtomicUsize, Ordering, fence_acquire};
use core::ffi::c_void;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc};

/// A value, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, as a value.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A signed number of 64 bits.
    Int(i64),
    /// A double; every bit pattern is kept.
    Float(f64),
    /// UTF-8 text.
    Str(Text),
    /// Bytes of any kind.
    Bytes(Blob),
}

/// A value as a caller passes it in: borrowed for the call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// Nothing, as a value.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A signed number of 64 bits.
    Int(i64),
    /// A double.
    Float(f64),
    /// UTF-8 text.
    Str(&'a str),
    /// Bytes of any kind.
    Bytes(&'a [u8]),
}

macro_rules! from {
    ($($type:ty => |$x:ident| $value:expr;)*) => {
        $(impl<'a> From<$type> for ValueRef<'a> { fn from($x: $type) -> ValueRef<'a> { $value } })*
    };
}
from! {
    () => |_unit| ValueRef::Nil;
    bool => |x| ValueRef::Bool(x);
    i64 => |x| ValueRef::Int(x);
    i32 => |x| ValueRef::Int(x.into());
    u32 => |x| ValueRef::Int(x.into());
    f64 => |x| ValueRef::Float(x);
    &'a str => |x| ValueRef::Str(x);
    &'a String => |x| ValueRef::Str(x);
    &'a [u8] => |x| ValueRef::Bytes(x);
    &'a Value => |x| match x {
        Value::Nil => ValueRef::Nil,
        Value::Bool(x) => ValueRef::Bool(*x),
        Value::Int(x) => ValueRef::Int(*x),
        Value::Float(x) => ValueRef::Float(*x),
        Value::Str(x) => ValueRef::Str(x),
        Value::Bytes(x) => ValueRef::Bytes(x),
    };
}

impl ValueRef<'_> {
    /// The bytes of text and bytes, 0 for others.
    pub(crate) fn len(self) -> usize {
        match self {
            ValueRef::Str(text) => text.len(),
            ValueRef::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// A copy; [`Error::OutOfMemory`] if there is no room for it.
    pub fn to_value(self) -> Result<Value, Error> {
        Ok(match self {
            ValueRef::Nil => Value::Nil,
            ValueRef::Bool(x) => Value::Bool(x),
            ValueRef::Int(x) => Value::Int(x),
            ValueRef::Float(x) => Value::Float(x),
            ValueRef::Str(x) => Value::Str(Text(Blob::new(x.as_bytes())?)),
            ValueRef::Bytes(x) => Value::Bytes(Blob::new(x)?),
        })
    }
}

#[repr(C)]
struct Head {
    count: AtomicUsize,
    len: usize,
}

/// Counted, immutable bytes. A clone is a count, not a copy.
pub struct Blob(NonNull<Head>);

// SAFETY: the bytes are never changed after they were made, and the count is atomic.
unsafe impl Send for Blob {}
// SAFETY: as above.
unsafe impl Sync for Blob {}

impl Blob {
    /// Copies bytes; [`Error::OutOfMemory`] if there is no room for them.
    pub fn new(bytes: &[u8]) -> Result<Blob, Error> {
        let layout = Blob::layout(bytes.len()).ok_or(Error::OutOfMemory)?;
        // SAFETY: the layout has a size, that of the head at least.
        let head = NonNull::new(unsafe { alloc(layout) }.cast::<Head>()).ok_or(Error::OutOfMemory)?;
        // SAFETY: freshly allocated for one head and `len` bytes after it, and nobody else knows it.
        unsafe {
            head.write(Head { count: AtomicUsize::new(1), len: bytes.len() });
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), head.add(1).cast().as_ptr(), bytes.len());
        }
        Ok(Blob(head))
    }

    /// Gives the hold on the bytes away as a pointer, to come back through [`Blob::from_raw`].
    pub(crate) fn into_raw(self) -> *const c_void {
        core::mem::ManuallyDrop::new(self).0.as_ptr().cast_const().cast()
    }

    /// # Safety
    /// `raw` came from [`Blob::into_raw`], and each such hold is taken back once.
    pub(crate) unsafe fn from_raw(raw: *const c_void) -> Blob {
        // SAFETY: `into_raw` gives out no NULL.
        Blob(unsafe { NonNull::new_unchecked(raw.cast_mut().cast()) })
    }

    /// Another hold on bytes that somebody else holds.
    ///
    /// # Safety
    /// `raw` came from [`Blob::into_raw`], and its holder keeps it during this call.
    pub(crate) unsafe fn clone_raw(raw: *const c_void) -> Blob {
        // SAFETY: this function's contract; the hold of the other is given back to it by `forget`.
        let held = core::mem::ManuallyDrop::new(unsafe { Blob::from_raw(raw) });
        Blob::clone(&held)
    }

    /// The bytes that somebody else holds.
    ///
    /// # Safety
    /// `raw` came from [`Blob::into_raw`], and its holder keeps it during `'a`.
    pub(crate) unsafe fn bytes_of<'a>(raw: *const c_void) -> &'a [u8] {
        let head = raw.cast::<Head>();
        // SAFETY: this function's contract; `len` bytes were written after the head.
        unsafe { core::slice::from_raw_parts(head.add(1).cast(), (*head).len) }
    }

    fn layout(len: usize) -> Option<Layout> {
        let size = size_of::<Head>().checked_add(len)?;
        Layout::from_size_align(size, align_of::<Head>()).ok()
    }
}

impl std::ops::Deref for Blob {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the head is alive while this hold is, and `len` bytes were written after it.
        unsafe { core::slice::from_raw_parts(self.0.add(1).cast().as_ptr(), self.0.as_ref().len) }
    }
}

impl Clone for Blob {
    fn clone(&self) -> Blob {
        // SAFETY: the head is alive while this hold is. Relaxed: a new hold is made from one that exists, which
        // orders it; only the last release must see everything (as in std's Arc).
        unsafe { self.0.as_ref() }.count.fetch_add(1, Ordering::Relaxed);
        Blob(self.0)
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: the head is alive while this hold is.
        let count = unsafe { &self.0.as_ref().count };
        // Release: our reads of the bytes come before the free.
        if count.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence_acquire(count); // the reads of all other holders come before the free
        // SAFETY: the last hold is gone; the layout is the one it was made with, which was valid then.
        unsafe {
            let layout = Blob::layout(self.0.as_ref().len).unwrap_unchecked();
            dealloc(self.0.as_ptr().cast(), layout);
        }
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Blob) -> bool {
        **self == **other
    }
}

impl Eq for Blob {}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// Counted, immutable UTF-8 text.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Blob);

impl Text {
    /// # Safety
    /// The bytes are UTF-8.
    pub(crate) unsafe fn from_blob_unchecked(blob: Blob) -> Text {
        Text(blob)
    }

    /// The same bytes, no longer known to be text.
    pub fn into_blob(text: Text) -> Blob {
        text.0
    }
}

impl std::ops::Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        // SAFETY: a Text is made of UTF-8 only, by the contract of its constructor.
        unsafe { core::str::from_utf8_unchecked(&self.0) }
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
