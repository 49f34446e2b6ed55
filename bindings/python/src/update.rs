//! What `Bucket.update`, `put_many`, `==` and the `|` operators share: anything that a dict can be made of.

use crate::bucket::Bucket;
use crate::bulk::Packed;
use crate::errors::{invalid, type_name, wrong_type};
use crate::snapshot::BucketSnapshot;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A new dict of what a mapping holds.
pub(crate) fn dict<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    if let Some(copy) = copy(mapping) {
        return copy;
    }
    let dict = PyDict::new(mapping.py());
    each_item(mapping, |key, value| dict.set_item(key, value))?;
    Ok(dict)
}

/// The mapping itself, if it is a dict, or else a new one, to be read only.
pub(crate) fn as_dict<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    mapping.cast::<PyDict>().map_or_else(|_| dict(mapping), |dict| Ok(dict.clone()))
}

/// A dict of one moment, if it is a mapping of this module's that holds values.
fn copy<'py>(mapping: &Bound<'py, PyAny>) -> Option<PyResult<Bound<'py, PyDict>>> {
    let py = mapping.py();
    match mapping.cast_exact::<Bucket>() {
        Ok(bucket) => Some(bucket.get().copy(py)),
        Err(_) => mapping.cast_exact::<BucketSnapshot>().ok().map(|snapshot| snapshot.get().copy(py)),
    }
}

/// All items, packed; None if the source has to be asked for one after the other, which may run any code meanwhile.
pub(crate) fn packed(source: &Bound<'_, PyAny>) -> PyResult<Option<Packed>> {
    let items = match (source.cast_exact::<PyDict>(), copy(source)) {
        (Ok(dict), _) => dict.items(),
        (_, Some(dict)) => dict?.items(),
        _ => return Ok(None),
    };
    let mut packed = Packed::default();
    each_pair(items.as_any(), |key, value| packed.item(key, value))?;
    Ok(Some(packed))
}

/// Calls `put` with every key and value of a mapping, or of an iterable of pairs.
pub(crate) fn each_item<'py>(
    source: &Bound<'py, PyAny>,
    mut put: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    if let Some(copy) = copy(source) {
        return each_pair(copy?.items().as_any(), put);
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

/// Iterates, or says what is wrong with an object that has no elements.
pub(crate) fn iterate<'py>(
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
