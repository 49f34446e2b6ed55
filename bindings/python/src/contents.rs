//! Whole buckets and tables, each at one moment, from the core's packed form (kvreg.h, `kvreg_bucket_dump`).
//!
//! Snapshots need less memory, but cannot be made in the child of a fork.

use crate::api::{self, Status, Value};
use crate::types::*;
use pyo3::prelude::*;
use std::mem::MaybeUninit;

/// The names of a table and the ids of their buckets.
pub(crate) fn registry(id: u64) -> Result<Dump, Status> {
    // Most names are shorter than this; if not, the second try fits.
    let guess = api::registry_count(id)?.saturating_mul(40);
    fill(guess, |buffer| api::registry_dump(id, buffer)).map(Dump)
}

/// The keys and values of a bucket.
pub(crate) fn bucket(id: u64) -> Result<Dump, Status> {
    let guess = api::count(id)?.saturating_mul(48);
    fill(guess, |buffer| api::dump(id, buffer)).map(Dump)
}

/// The name of a bucket.
pub(crate) fn bucket_name(id: u64) -> Result<Vec<u8>, Status> {
    fill(64, |buffer| api::name(id, buffer))
}

/// The process-wide name of a registry.
pub(crate) fn registry_name(id: u64) -> Result<Vec<u8>, Status> {
    fill(64, |buffer| api::registry_name(id, buffer))
}

/// Packed entries.
pub(crate) struct Dump(Vec<u8>);

impl Dump {
    /// Calls `each` with every name and bucket id, until it answers false.
    pub(crate) fn names(&self, mut each: impl FnMut(&[u8], u64) -> PyResult<bool>) -> PyResult<()> {
        let mut rest = Reader(&self.0);
        while !rest.0.is_empty() {
            let (name, id) = rest.name().ok_or_else(damaged)?;
            if !each(name, id)? {
                break;
            }
        }
        Ok(())
    }

    /// Calls `each` with every key and value, until it answers false.
    pub(crate) fn items(&self, mut each: impl FnMut(&[u8], Value<'_>) -> PyResult<bool>) -> PyResult<()> {
        let mut rest = Reader(&self.0);
        while !rest.0.is_empty() {
            let (key, value) = rest.item().ok_or_else(damaged)?;
            if !each(key, value)? {
                break;
            }
        }
        Ok(())
    }
}

/// Asks until the answer fits: between two calls it may grow.
pub(crate) fn fill(
    guess: u64,
    mut ask: impl FnMut(&mut [MaybeUninit<u8>]) -> Result<u64, Status>,
) -> Result<Vec<u8>, Status> {
    let no_memory = Status(KVREG_OUT_OF_MEMORY);
    let mut room = usize::try_from(guess).map_err(|_| no_memory)?;
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        buffer.try_reserve_exact(room).map_err(|_| no_memory)?;
        let len = usize::try_from(ask(buffer.spare_capacity_mut())?).map_err(|_| no_memory)?;
        if len <= buffer.capacity() {
            // SAFETY: the vector is empty until here, and the core has written `len` bytes into its spare memory.
            unsafe { buffer.set_len(len) };
            return Ok(buffer);
        }
        room = len.saturating_add(len / 8);
    }
}

/// What is left of a packed list.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn name(&mut self) -> Option<(&'a [u8], u64)> {
        Some((self.run()?, u64::from_le_bytes(self.array()?)))
    }

    fn item(&mut self) -> Option<(&'a [u8], Value<'a>)> {
        Some((self.run()?, self.value_if_any()??))
    }

    /// A value; None in its place says that there is no such key.
    pub(crate) fn value_if_any(&mut self) -> Option<Option<Value<'a>>> {
        let [kind] = self.array()?;
        let data = self.run()?;
        let value = match u32::from(kind) {
            KVREG_NONE => return Some(None),
            KVREG_NIL => Value::Nil,
            KVREG_BOOL => Value::Bool(*data.first()? != 0),
            KVREG_INT => Value::Int(i64::from_le_bytes(data.try_into().ok()?)),
            KVREG_FLOAT => Value::Float(f64::from_le_bytes(data.try_into().ok()?)),
            KVREG_STR => Value::Str(data),
            KVREG_BYTES => Value::Bytes(data),
            other => Value::Unknown(other),
        };
        Some(Some(value))
    }

    /// A length and as many bytes.
    fn run(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_le_bytes(self.array()?);
        let (run, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(run)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}

#[cold]
pub(crate) fn damaged() -> PyErr {
    Python::attach(|py| crate::errors::from_status(py, Status(KVREG_CORRUPT), "contents from the core"))
}
