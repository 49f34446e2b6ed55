//! A key with its value, as a bucket's tree holds it.
//!
//! The type never changes during an item's life. A number is overwritten in place by one atomic store where no
//! snapshot sees the item; every other change makes a new item.

use crate::error::Error;
use crate::sync::{AtomicU64, Ordering};
use crate::tree::Entry;
use crate::value::{Blob, Text, Value, ValueRef};
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Type {
    Nil,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
}

/// A value in the form in which an item holds it: a number's bits, or the pointer of a [`Blob`].
pub(super) struct Payload {
    pub(super) kind: Type,
    pub(super) bits: u64,
}

impl Payload {
    /// Copies text and bytes; [`Error::OutOfMemory`] if there is no room for them.
    #[inline]
    pub(super) fn new(value: ValueRef<'_>) -> Result<Payload, Error> {
        let (kind, bits) = match value {
            ValueRef::Nil => (Type::Nil, 0),
            ValueRef::Bool(boolean) => (Type::Bool, u64::from(boolean)),
            ValueRef::Int(integer) => (Type::Int, integer as u64),
            ValueRef::Float(real) => (Type::Float, real.to_bits()),
            ValueRef::Str(text) => (Type::Str, keep(Blob::new(text.as_bytes())?)),
            ValueRef::Bytes(bytes) => (Type::Bytes, keep(Blob::new(bytes)?)),
        };
        Ok(Payload { kind, bits })
    }

    /// The length of a blob that is held.
    fn len(bits: u64) -> usize {
        // SAFETY: whoever asks has an item or payload that holds the blob.
        unsafe { Blob::bytes_of(ptr::with_exposed_provenance(bits as usize)) }.len()
    }

    fn is_blob(kind: Type) -> bool {
        matches!(kind, Type::Str | Type::Bytes)
    }
}

fn keep(blob: Blob) -> u64 {
    Blob::into_raw(blob).expose_provenance() as u64
}

impl Drop for Payload {
    fn drop(&mut self) {
        if Payload::is_blob(self.kind) {
            // SAFETY: a payload of this type has the hold that `keep` gave it, and nobody took it out.
            drop(unsafe { Blob::from_raw(ptr::with_exposed_provenance(self.bits as usize)) });
        }
    }
}

/// The head of an item; its key's bytes follow it in memory.
#[repr(C)]
pub(super) struct Item {
    birth: u64,
    hash: u64,
    /// See [`Payload`].
    bits: AtomicU64,
    key_len: u16,
    kind: Type,
    key: [u8; 0],
}

impl Item {
    /// Makes an item that its tree owns: [`Entry::release`] ends it. The key has at most 65,535 bytes.
    pub(super) fn new(key: &[u8], hash: u64, birth: u64, payload: Payload) -> Result<NonNull<Item>, Error> {
        let key_len = u16::try_from(key.len()).map_err(|_| Error::InvalidArgument)?;
        // SAFETY: the layout has a size, that of the head at least.
        let item = NonNull::new(unsafe { alloc(Item::layout(key.len())) }.cast::<Item>())
            .ok_or(Error::OutOfMemory)?;
        let payload = std::mem::ManuallyDrop::new(payload); // its hold is the item's from now on
        // SAFETY: freshly allocated for one head and the key after it, and nobody else knows it.
        unsafe {
            let bits = AtomicU64::new(payload.bits);
            item.write(Item { birth, hash, bits, key_len, kind: payload.kind, key: [] });
            ptr::copy_nonoverlapping(key.as_ptr(), (&raw mut (*item.as_ptr()).key).cast(), key.len());
        }
        Ok(item)
    }

    /// The memory that it keeps, in bytes.
    pub(super) fn weight(&self) -> usize {
        let blob = if Payload::is_blob(self.kind) { Payload::len(self.bits()) } else { 0 };
        Item::layout(usize::from(self.key_len)).size() + blob
    }

    /// Overwrites a number by one of the same type, if no version up to `frozen` sees this item.
    #[inline(always)]
    pub(super) fn overwrite(&self, frozen: u64, payload: &Payload) -> bool {
        let fits = self.birth > frozen && self.kind == payload.kind && !Payload::is_blob(self.kind);
        if fits {
            // Release: whoever reads the new number sees what its writer did before.
            self.bits.store(payload.bits, Ordering::Release);
        }
        fits
    }

    /// The value, with a hold of its own on text and bytes.
    pub(super) fn value(&self) -> Value {
        let bits = self.bits();
        match self.kind {
            Type::Nil => Value::Nil,
            Type::Bool => Value::Bool(bits != 0),
            Type::Int => Value::Int(bits as i64),
            Type::Float => Value::Float(f64::from_bits(bits)),
            // SAFETY: it was UTF-8 when it came in.
            Type::Str => Value::Str(unsafe { Text::from_blob_unchecked(self.blob()) }),
            Type::Bytes => Value::Bytes(self.blob()),
        }
    }

    #[inline(always)]
    pub(super) fn int(&self) -> Result<i64, Error> {
        if self.kind == Type::Int { Ok(self.bits() as i64) } else { Err(Error::WrongType) }
    }

    #[inline(always)]
    pub(super) fn float(&self) -> Result<f64, Error> {
        if self.kind == Type::Float { Ok(f64::from_bits(self.bits())) } else { Err(Error::WrongType) }
    }

    /// Text or bytes, for as long as the item is alive.
    #[cfg(feature = "capi")]
    pub(super) fn bytes(&self) -> Result<&[u8], Error> {
        if !Payload::is_blob(self.kind) {
            return Err(Error::WrongType);
        }
        // SAFETY: the item holds the blob, and a blob's bytes never change.
        Ok(unsafe { Blob::bytes_of(ptr::with_exposed_provenance(self.bits() as usize)) })
    }

    /// A hold on text or bytes: only for items that have them.
    pub(super) fn blob(&self) -> Blob {
        debug_assert!(Payload::is_blob(self.kind));
        // SAFETY: the item holds the blob, and is alive.
        unsafe { Blob::clone_raw(ptr::with_exposed_provenance(self.bits() as usize)) }
    }

    #[inline(always)]
    fn bits(&self) -> u64 {
        self.bits.load(Ordering::Acquire) // Acquire: pairs with `overwrite`
    }

    /// # Safety
    /// `item` came from [`Item::new`]: a reference to the head alone does not reach the key after it.
    #[inline(always)]
    pub(super) unsafe fn key<'a>(item: *const Item) -> &'a [u8] {
        // SAFETY: `key_len` bytes were written after the head; see `new`.
        unsafe { std::slice::from_raw_parts((&raw const (*item).key).cast(), usize::from((*item).key_len)) }
    }

    fn layout(key_len: usize) -> Layout {
        // At least the whole head with its padding, which short keys then fill.
        let size = size_of::<Item>().max(std::mem::offset_of!(Item, key) + key_len);
        Layout::from_size_align(size, align_of::<Item>()).expect("65,535 bytes and a head are no overflow")
    }
}

// SAFETY: `birth` and `hash` are constant, and `matches` is equality of the bytes.
unsafe impl Entry for Item {
    #[inline(always)]
    unsafe fn matches(this: *const Item, hash: u64, key: &[u8]) -> bool {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).hash == hash && Item::key(this) == key }
    }

    unsafe fn hash(this: *const Item) -> u64 {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).hash }
    }

    unsafe fn birth(this: *const Item) -> u64 {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).birth }
    }

    unsafe fn release(this: *const Item) {
        // SAFETY: alive by this function's contract, and nobody uses it any more; the payload goes with it.
        unsafe {
            let item = &*this;
            drop(Payload { kind: item.kind, bits: item.bits.load(Ordering::Relaxed) }); // Relaxed: nobody writes
            dealloc(this.cast_mut().cast(), Item::layout(usize::from(item.key_len)));
        }
    }
}
