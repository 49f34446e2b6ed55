//! What `Bucket.update` and the `|` operators share: anything that a dict can be made of.

use crate::bucket::Bucket;
use crate::errors::{invalid, type_name, wrong_type};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A new dict of what a mapping holds.
pub(crate) fn dict<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    if let Ok(bucket) = mapping.cast_exact::<Bucket>() {
        return bucket.get().copy(mapping.py());
    }
    let dict = PyDict::new(mapping.py());
    each_item(mapping, |key, value| dict.set_item(key, value))?;
    Ok(dict)
}

/// Calls `put` with every key and value of a mapping, or of an iterable of pairs.
pub(crate) fn each_item<'py>(
    source: &Bound<'py, PyAny>,
    mut put: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    if let Ok(bucket) = source.cast_exact::<Bucket>() {
        // Through a copy: of one moment, and good for `bucket.update(bucket)` as well.
        return each_pair(bucket.get().copy(source.py())?.items().as_any(), put);
    }
    if let Ok(dict) = source.cast_exact::<PyDict>() {
        return each_pair(dict.items().as_any(), put);
    }
    match source.getattr_opt("keys")? {
        Some(keys) => {
            for key in keys.call0()?.try_iter()? {
                let key = key?;
                put(&key, &source.get_item(&key)?)?;
            }
            Ok(())
        }
        None => each_pair(source, put),
    }
}

fn each_pair<'py>(
    pairs: &Bound<'py, PyAny>,
    mut put: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let needed = "update needs a mapping or pairs of key and value";
    for (index, pair) in iterate(pairs, || format!("{needed}, not {}", type_name(pairs)))?.enumerate() {
        let pair = pair?;
        let pair = match pair.cast_exact::<PyTuple>() {
            Ok(pair) => pair.clone(),
            Err(_) => {
                let items = iterate(&pair, || format!("{needed}; element {index} is {}", type_name(&pair)))?;
                PyTuple::new(pairs.py(), items.collect::<PyResult<Vec<_>>>()?)?
            }
        };
        if pair.len() != 2 {
            return Err(invalid(pairs.py(), format!("{needed}; element {index} has {} parts", pair.len())));
        }
        put(&pair.get_item(0)?, &pair.get_item(1)?)?;
    }
    Ok(())
}

fn iterate<'py>(
    object: &Bound<'py, PyAny>,
    message: impl FnOnce() -> String,
) -> PyResult<Bound<'py, pyo3::types::PyIterator>> {
    object.try_iter().map_err(|error| {
        let py = object.py();
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        let wrong = wrong_type(py, message());
        wrong.set_cause(py, Some(error));
        wrong
    })
}
