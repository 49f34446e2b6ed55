//! A key with its value, as a bucket's tree holds it.
//!
//! The type never changes during an item's life. A number is overwritten in place by one atomic store where no
//! snapshot sees the item; every other change makes a new item. Short text and bytes stand behind the key, long ones
//! are counted and handed out without a copy.

use super::payload::{Number, Payload, Type};
use crate::error::Error;
use crate::fork;
use crate::pool;
use crate::sync::memory;
use crate::sync::{AtomicU8, AtomicU64, Ordering};
use crate::tree::Entry;
use crate::value::{Blob, Text, Value, ValueRef};
use std::ptr::{self, NonNull};

/// The head of an item; its key's bytes follow it in memory, and then those of a short value.
#[repr(C)]
pub(crate) struct Item {
    birth: u64,
    /// See [`Payload`].
    bits: AtomicU64,
    /// The bucket's revision at the key's last change. BUSY is added while a number is overwritten.
    revision: AtomicU64,
    key_len: u16,
    kind: Type,
    /// GONE and TIMED. Looked at by writers only.
    flags: AtomicU8,
    key: [u8; 0],
}

const BUSY: u64 = 1 << 63;

/// It was taken out of the tree.
const GONE: u8 = 1;
/// Its key has a time to live (see `times`).
const TIMED: u8 = 2;

// SAFETY: what changes in an item is atomic; it is reached under a pin, through a cut, or by the one writer.
unsafe impl Send for Item {}
// SAFETY: as above.
unsafe impl Sync for Item {}

impl Item {
    /// Makes an item that its tree owns: [`Entry::release`] ends it. The key has at most 65,535 bytes.
    pub(crate) fn new(
        key: &[u8],
        birth: u64,
        revision: u64,
        payload: Payload<'_>,
    ) -> Result<NonNull<Item>, Error> {
        let key_len = u16::try_from(key.len()).map_err(|_| Error::InvalidArgument)?;
        let item = pool::take_entry(Item::size(key.len(), payload.short.len()))
            .ok_or(Error::OutOfMemory)?
            .cast::<Item>();
        let payload = std::mem::ManuallyDrop::new(payload); // its hold is the item's from now on
        let head = Item {
            birth,
            bits: AtomicU64::new(payload.bits),
            revision: AtomicU64::new(revision),
            key_len,
            kind: payload.kind,
            flags: AtomicU8::new(0),
            key: [],
        };
        // SAFETY: freshly allocated for one head, the key and a short value after it, and nobody else knows it.
        unsafe {
            item.write(head);
            let tail = (&raw mut (*item.as_ptr()).key).cast::<u8>();
            ptr::copy_nonoverlapping(key.as_ptr(), tail, key.len());
            ptr::copy_nonoverlapping(payload.short.as_ptr(), tail.add(key.len()), payload.short.len());
        }
        Ok(item)
    }

    /// Asks the memory for the right to write the item's line, so that whoever has the lock need not wait for it: another
    /// core may have written it last.
    #[inline(always)]
    pub(crate) fn prefetch_to_write(&self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint, which reads and writes nothing; processors without it take it for a no-op.
        unsafe {
            core::arch::asm!("prefetchw [{}]", in(reg) self, options(nostack, preserves_flags, readonly));
        }
    }

    /// Whether a number can be overwritten by this one in place: it is of the same type, and no cut up to `held` sees
    /// this item.
    #[inline(always)]
    pub(crate) fn takes(&self, held: u64, number: Number) -> bool {
        self.birth > held && self.kind == number.kind
    }

    /// Overwrites a number by one of the same type. Only for the one writer, after [`Item::takes`].
    #[inline(always)]
    pub(crate) fn overwrite(&self, number: Number, revision: u64) {
        // Who wants both words finds the revision busy or changed. Release: the mark comes before the number, and
        // whoever reads the new number or revision sees what its writer did before.
        self.revision.store(revision | BUSY, Ordering::Relaxed);
        self.bits.store(number.bits, Ordering::Release);
        self.revision.store(revision, Ordering::Release);
    }

    /// The value, with a hold of its own on text and bytes; [`Error::OutOfMemory`] if there is no room for them.
    #[inline(always)]
    pub(crate) fn value(&self) -> Result<Value, Error> {
        let bits = self.bits();
        Ok(match self.kind {
            Type::Nil => Value::Nil,
            Type::Bool => Value::Bool(bits != 0),
            Type::Int => Value::Int(bits as i64),
            Type::Float => Value::Float(f64::from_bits(bits)),
            // SAFETY: it was UTF-8 when it came in.
            Type::ShortStr | Type::LongStr => Value::Str(unsafe { Text::from_blob_unchecked(self.blob()?) }),
            Type::ShortBytes | Type::LongBytes => Value::Bytes(self.blob()?),
        })
    }

    /// The value and the revision that it has had since its last change: never the one without the other.
    pub(crate) fn value_and_revision(&self) -> Result<(Value, u64), Error> {
        let mut patience = crate::epoch::Patience::new();
        loop {
            let before = self.revision.load(Ordering::Acquire); // Acquire: see the number of this revision
            let value = self.value()?;
            // The number was read with Acquire: if it came from a later change, the revision shows it, because the mark
            // was stored before the number.
            // In the child of a fork the writer that was busy is gone, and either number may be taken for the last.
            if fork::check().is_err() {
                return Ok((value, before & !BUSY));
            }
            if before & BUSY == 0 && self.revision.load(Ordering::Relaxed) == before {
                return Ok((value, before));
            }
            patience.lose();
        }
    }

    /// The key's revision, for the one writer.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed) // Relaxed: only the writer writes
    }

    /// Whether the value is this one: same type, and equal (of floats, the same bits).
    pub(crate) fn is(&self, value: ValueRef<'_>) -> bool {
        let bits = self.bits();
        match value {
            ValueRef::Nil => self.kind == Type::Nil,
            ValueRef::Bool(boolean) => self.kind == Type::Bool && bits == u64::from(boolean),
            ValueRef::Int(integer) => self.kind == Type::Int && bits == integer as u64,
            ValueRef::Float(real) => self.kind == Type::Float && bits == real.to_bits(),
            ValueRef::Str(text) => {
                matches!(self.kind, Type::ShortStr | Type::LongStr) && self.bytes() == Ok(text.as_bytes())
            }
            ValueRef::Bytes(bytes) => {
                matches!(self.kind, Type::ShortBytes | Type::LongBytes) && self.bytes() == Ok(bytes)
            }
        }
    }

    #[inline(always)]
    pub(crate) fn int(&self) -> Result<i64, Error> {
        if self.kind == Type::Int { Ok(self.bits() as i64) } else { Err(Error::WrongType) }
    }

    #[inline(always)]
    pub(crate) fn float(&self) -> Result<f64, Error> {
        if self.kind == Type::Float { Ok(f64::from_bits(self.bits())) } else { Err(Error::WrongType) }
    }

    /// Text or bytes, for as long as the item is alive.
    pub(crate) fn bytes(&self) -> Result<&[u8], Error> {
        match self.kind {
            // SAFETY: a short value's bytes follow the key; see `new`. A tree exposed the address of the whole.
            kind if kind.is_short() => unsafe {
                let tail =
                    ptr::from_ref(self).addr() + std::mem::offset_of!(Item, key) + usize::from(self.key_len);
                Ok(std::slice::from_raw_parts(ptr::with_exposed_provenance(tail), self.bits() as usize))
            },
            // SAFETY: the item holds the blob, and a blob's bytes never change.
            kind if kind.is_long() => unsafe {
                Ok(Blob::bytes_of(ptr::with_exposed_provenance(self.bits() as usize)))
            },
            _ => Err(Error::WrongType),
        }
    }

    /// A hold on text or bytes: only for items that have them.
    pub(crate) fn blob(&self) -> Result<Blob, Error> {
        if self.kind.is_short() {
            return Blob::new(self.bytes()?);
        }
        debug_assert!(self.kind.is_long());
        // SAFETY: the item holds the blob, and is alive.
        Ok(unsafe { Blob::clone_raw(ptr::with_exposed_provenance(self.bits() as usize)) })
    }

    #[inline(always)]
    fn bits(&self) -> u64 {
        memory::used(self);
        self.bits.load(Ordering::Acquire) // Acquire: pairs with `overwrite`
    }

    #[inline(always)]
    fn flags(&self) -> u8 {
        self.flags.load(Ordering::Relaxed) // Relaxed: read and written by those who take turns
    }

    /// Whether it is still its key's, and a plain put does nothing but replace the value.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.flags() == 0
    }

    #[inline(always)]
    pub(crate) fn is_gone(&self) -> bool {
        self.flags() & GONE != 0
    }

    pub(crate) fn set_gone(&self) {
        self.flags.store(GONE, Ordering::Relaxed); // as above
    }

    /// Whether its key has a time to live.
    #[inline(always)]
    pub(crate) fn is_timed(&self) -> bool {
        self.flags() & TIMED != 0
    }

    /// For one that is not gone.
    pub(crate) fn set_timed(&self, timed: bool) {
        self.flags.store(if timed { TIMED } else { 0 }, Ordering::Relaxed); // as above
    }

    /// The item with what follows its head, which a reference to the head alone does not reach.
    pub(crate) fn whole(&self) -> *const Item {
        ptr::with_exposed_provenance(ptr::from_ref(self).addr()) // a tree exposed the address of the whole
    }

    /// In bytes.
    fn size(key_len: usize, short_len: usize) -> usize {
        // At least the whole head with its padding, which short keys then fill.
        size_of::<Item>().max(std::mem::offset_of!(Item, key) + key_len + short_len)
    }

    fn own_size(&self) -> usize {
        let short = if self.kind.is_short() { self.bits() as usize } else { 0 };
        Item::size(usize::from(self.key_len), short)
    }
}

// SAFETY: key and birth are constant.
unsafe impl Entry for Item {
    /// For the whole of what came from [`Item::new`]: a reference to the head alone does not reach the key after it.
    #[inline(always)]
    unsafe fn key<'a>(this: *const Item) -> &'a [u8] {
        memory::used(this);
        // SAFETY: `key_len` bytes were written after the head; see `new`.
        unsafe { std::slice::from_raw_parts((&raw const (*this).key).cast(), usize::from((*this).key_len)) }
    }

    unsafe fn birth(this: *const Item) -> u64 {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).birth }
    }

    unsafe fn weight(this: *const Item) -> usize {
        // SAFETY: alive by this function's contract.
        let item = unsafe { &*this };
        item.own_size() + if item.kind.is_long() { item.bytes().map_or(0, <[u8]>::len) } else { 0 }
    }

    unsafe fn release(this: *const Item) {
        // SAFETY: alive by this function's contract, and nobody uses it any more; a long value goes with it.
        unsafe {
            let item = &*this;
            drop(Payload { kind: item.kind, bits: item.bits(), short: &[] });
            pool::give_entry(item.own_size(), NonNull::new_unchecked(this.cast_mut().cast()));
        }
    }
}
