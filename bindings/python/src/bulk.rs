//! Many at once, as the core's packed lists (kvreg.h, "Packed lists").

use crate::api::{Status, Value};
use crate::contents::{self, Reader};
use crate::types::*;
use crate::{convert, errors, update};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyString};
use std::mem::MaybeUninit;

/// A list that grows.
#[derive(Default)]
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: usize,
}

impl Packed {
    /// Adds a name or key.
    pub(crate) fn key(&mut self, key: &[u8]) {
        self.part(key).expect("a key is short");
        self.count += 1;
    }

    /// Adds a key and its value.
    pub(crate) fn item(&mut self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, key, value) = (key.py(), convert::key(key)?, convert::value(value)?);
        self.key(&key);
        self.value(value).ok_or_else(|| errors::invalid(py, "a value among many must be shorter than 4 GiB"))
    }

    fn value(&mut self, value: Value<'_>) -> Option<()> {
        let number: [u8; 8];
        let (kind, part) = match value {
            Value::Nil => (KVREG_NIL, &[][..]),
            Value::Bool(truth) => (KVREG_BOOL, if truth { &[1][..] } else { &[0][..] }),
            Value::Int(integer) => {
                number = integer.to_le_bytes();
                (KVREG_INT, &number[..])
            }
            Value::Float(real) => {
                number = real.to_le_bytes();
                (KVREG_FLOAT, &number[..])
            }
            Value::Str(text) => (KVREG_STR, text),
            Value::Bytes(bytes) => (KVREG_BYTES, bytes),
            Value::Unknown(_) => return None, // none comes from Python
        };
        self.bytes.push(kind as u8);
        self.part(part)
    }

    /// Adds a length and as many bytes.
    fn part(&mut self, part: &[u8]) -> Option<()> {
        self.bytes.extend_from_slice(&u32::try_from(part.len()).ok()?.to_le_bytes());
        self.bytes.extend_from_slice(part);
        Some(())
    }
}

/// Iterates over many keys or names. A single text is a mistake: it would pass for its letters.
pub(crate) fn each_text<'py>(noun: &str, many: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    if many.is_instance_of::<PyString>() || many.is_instance_of::<PyBytes>() {
        let text = format!("{noun} must be an iterable of str or bytes, not {}", errors::type_name(many));
        return Err(errors::wrong_type(many.py(), text));
    }
    update::iterate(many, || format!("{noun} must be iterable, not {}", errors::type_name(many)))
}

/// A dict of those of many keys that are there, and their values. A key stays the object that was asked with.
pub(crate) fn get_many<'py>(
    keys: &Bound<'py, PyAny>,
    get: impl Fn(&[u8], &mut [MaybeUninit<u8>]) -> Result<u64, Status> + Sync,
    error: impl FnOnce(Status) -> PyErr,
) -> PyResult<Bound<'py, PyDict>> {
    let (py, dict, mut packed, mut objects) =
        (keys.py(), PyDict::new(keys.py()), Packed::default(), Vec::new());
    for key in each_text("keys", keys)? {
        let key = key?;
        packed.key(&convert::key(&key)?);
        objects.push(key);
    }
    // Most values are shorter than this; if not, the second try fits.
    let guess = packed.count as u64 * 24;
    let answer = py.detach(|| contents::fill(guess, |buffer| get(&packed.bytes, buffer))).map_err(error)?;
    let mut answer = Reader(&answer);
    for key in objects {
        if let Some(value) = answer.value_if_any().ok_or_else(contents::damaged)? {
            dict.set_item(key, convert::object(py, value)?)?;
        }
    }
    Ok(dict)
}
