//! Values on their way into an item.

use crate::error::Error;
use crate::value::{Blob, ValueRef};
use std::ptr;

/// Text and bytes up to this length are stored with their key.
const SHORT: usize = 22;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Type {
    Nil,
    Bool,
    Int,
    Float,
    ShortStr,
    ShortBytes,
    LongStr,
    LongBytes,
}

impl Type {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Type::Nil | Type::Bool | Type::Int | Type::Float)
    }

    pub(super) fn is_short(self) -> bool {
        matches!(self, Type::ShortStr | Type::ShortBytes)
    }

    pub(super) fn is_long(self) -> bool {
        matches!(self, Type::LongStr | Type::LongBytes)
    }
}

/// A number in the form in which an item holds it.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(super) kind: Type,
    pub(super) bits: u64,
}

impl Number {
    /// None for text and bytes.
    #[inline(always)]
    pub(crate) fn new(value: ValueRef<'_>) -> Option<Number> {
        let (kind, bits) = match value {
            ValueRef::Nil => (Type::Nil, 0),
            ValueRef::Bool(boolean) => (Type::Bool, u64::from(boolean)),
            ValueRef::Int(integer) => (Type::Int, integer as u64),
            ValueRef::Float(real) => (Type::Float, real.to_bits()),
            ValueRef::Str(_) | ValueRef::Bytes(_) => return None,
        };
        Some(Number { kind, bits })
    }
}

/// A value on its way into an item: long text and bytes were copied, short ones are still the caller's.
pub(crate) struct Payload<'a> {
    pub(super) kind: Type,
    /// A number's bits; the length of what is short; the pointer of a [`Blob`].
    pub(super) bits: u64,
    pub(super) short: &'a [u8],
}

impl<'a> Payload<'a> {
    /// [`Error::OutOfMemory`] if there is no room for a long one.
    #[inline(always)]
    pub(crate) fn new(value: ValueRef<'a>) -> Result<Payload<'a>, Error> {
        if let Some(Number { kind, bits }) = Number::new(value) {
            return Ok(Payload { kind, bits, short: &[] });
        }
        match value {
            ValueRef::Str(text) => Payload::of_bytes(text.as_bytes(), Type::ShortStr, Type::LongStr),
            ValueRef::Bytes(bytes) => Payload::of_bytes(bytes, Type::ShortBytes, Type::LongBytes),
            _ => unreachable!("the others are numbers"),
        }
    }

    /// The number that it is, if it is one.
    pub(crate) fn number(&self) -> Option<Number> {
        self.kind.is_number().then_some(Number { kind: self.kind, bits: self.bits })
    }

    fn of_bytes(bytes: &'a [u8], short: Type, long: Type) -> Result<Payload<'a>, Error> {
        if bytes.len() <= SHORT {
            return Ok(Payload { kind: short, bits: bytes.len() as u64, short: bytes });
        }
        let raw = Blob::into_raw(Blob::new(bytes)?);
        Ok(Payload { kind: long, bits: raw.expose_provenance() as u64, short: &[] })
    }
}

impl Drop for Payload<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.kind.is_long() {
            // SAFETY: a long payload has the hold that `of_bytes` gave it, and nobody took it out.
            drop(unsafe { Blob::from_raw(ptr::with_exposed_provenance(self.bits as usize)) });
        }
    }
}
