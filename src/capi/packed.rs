//! The packed form of names, keys and contents: every part a u32 length and its bytes, numbers little-endian.

use super::types::*;
use crate::error::Error;
use crate::value::{Value, ValueRef};

/// Packs.
#[derive(Default)]
pub(crate) struct Dump {
    bytes: Vec<u8>,
    full: bool,
}

impl Dump {
    /// A name and the id of its bucket.
    pub(crate) fn name(&mut self, name: &[u8], id: u64) {
        self.part(name);
        self.raw(&id.to_le_bytes());
    }

    /// A key, the type of its value, and the value.
    pub(crate) fn item(&mut self, key: &[u8], value: &Value) {
        self.part(key);
        self.value(value);
    }

    /// The type of a value, and the value.
    pub(crate) fn value(&mut self, value: &Value) {
        let kind = |dump: &mut Dump, kind: u32| dump.raw(&[kind as u8]);
        match value {
            Value::Nil => {
                kind(self, KVREG_NIL);
                self.part(&[]);
            }
            Value::Bool(boolean) => {
                kind(self, KVREG_BOOL);
                self.part(&[u8::from(*boolean)]);
            }
            Value::Int(integer) => {
                kind(self, KVREG_INT);
                self.part(&integer.to_le_bytes());
            }
            Value::Float(real) => {
                kind(self, KVREG_FLOAT);
                self.part(&real.to_le_bytes());
            }
            Value::Str(text) => {
                kind(self, KVREG_STR);
                self.part(text.as_bytes());
            }
            Value::Bytes(blob) => {
                kind(self, KVREG_BYTES);
                self.part(blob);
            }
        }
    }

    /// In place of a value that is not there.
    pub(crate) fn none(&mut self) {
        self.raw(&[KVREG_NONE as u8]);
        self.part(&[]);
    }

    /// The whole, or [`Error::OutOfMemory`].
    pub(crate) fn finish(self) -> Result<Vec<u8>, Error> {
        if self.full { Err(Error::OutOfMemory) } else { Ok(self.bytes) }
    }

    fn part(&mut self, bytes: &[u8]) {
        match u32::try_from(bytes.len()) {
            Ok(len) => {
                self.raw(&len.to_le_bytes());
                self.raw(bytes);
            }
            Err(_) => self.full = true,
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        if !self.full && self.bytes.try_reserve(bytes.len()).is_ok() {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.full = true;
        }
    }
}

/// Unpacks what a caller packed. Whatever is not well-formed is refused.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a>(pub(crate) &'a [u8]);

impl<'a> Packed<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// A name or key of legal length.
    pub(crate) fn key(&mut self) -> Result<&'a [u8], Error> {
        crate::bucket::checked(self.part()?)
    }

    /// The type of a value, and the value.
    pub(crate) fn value(&mut self) -> Result<ValueRef<'a>, Error> {
        let kind = u32::from(self.raw(1)?[0]);
        let bytes = self.part()?;
        let eight = || <[u8; 8]>::try_from(bytes).map_err(|_| Error::InvalidArgument);
        match (kind, bytes) {
            (KVREG_NIL, []) => Ok(ValueRef::Nil),
            (KVREG_BOOL, [byte]) => Ok(ValueRef::Bool(*byte != 0)),
            (KVREG_INT, _) => Ok(ValueRef::Int(i64::from_le_bytes(eight()?))),
            (KVREG_FLOAT, _) => Ok(ValueRef::Float(f64::from_le_bytes(eight()?))),
            (KVREG_STR, _) => super::value::text(bytes),
            (KVREG_BYTES, _) => Ok(ValueRef::Bytes(bytes)),
            _ => Err(Error::InvalidArgument),
        }
    }

    /// All names or keys that are left. After an error there is no more.
    pub(crate) fn keys(mut self) -> impl Iterator<Item = Result<&'a [u8], Error>> {
        core::iter::from_fn(move || {
            let key = (!self.is_empty()).then(|| self.key())?;
            if key.is_err() {
                self = Packed(&[]);
            }
            Some(key)
        })
    }

    fn part(&mut self) -> Result<&'a [u8], Error> {
        let len = self.raw(4)?.try_into().expect("four bytes");
        self.raw(u32::from_le_bytes(len) as usize)
    }

    fn raw(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Error::InvalidArgument)?;
        self.0 = rest;
        Ok(taken)
    }
}
