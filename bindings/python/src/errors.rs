//! Statuses as Python exceptions. The classes are in `kvreg/_errors.py`.

use crate::api::{self, Status};
use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyType};
use std::fmt::Display;

/// The error that stands for a status that the core gave; `subject` says what was asked.
#[cold]
pub(crate) fn from_status(py: Python<'_>, status: Status, subject: impl Display) -> PyErr {
    let text = format!("{subject}: {}", api::message(status));
    let find = || -> PyResult<PyErr> {
        let module = module(py)?;
        let classes = module.getattr("BY_STATUS")?.cast_into::<PyDict>()?;
        let class = match classes.get_item(status.0)? {
            Some(class) => class,
            None => module.getattr("Error")?, // of a core that is newer than this module
        };
        Ok(PyErr::from_type(class.cast_into::<PyType>()?, (text,)))
    };
    find().unwrap_or_else(|error| error)
}

/// `kvreg.NotFoundError`; like `KeyError`, it carries the key.
#[cold]
pub(crate) fn not_found(key: &Bound<'_, PyAny>) -> PyErr {
    new(key.py(), "NotFoundError", key.clone())
}

/// `kvreg.WrongTypeError`, a `TypeError`.
#[cold]
pub(crate) fn wrong_type(py: Python<'_>, message: impl Into<String>) -> PyErr {
    new(py, "WrongTypeError", message.into())
}

/// `kvreg.InvalidArgumentError`, a `ValueError`.
#[cold]
pub(crate) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    new(py, "InvalidArgumentError", message.into())
}

/// `kvreg.OutOfRangeError`, an `OverflowError`.
#[cold]
pub(crate) fn out_of_range(py: Python<'_>, message: impl Into<String>) -> PyErr {
    new(py, "OutOfRangeError", message.into())
}

/// What `pickle` and `copy` get to hear.
#[cold]
pub(crate) fn not_a_value(py: Python<'_>, class: &str, instead: &str) -> PyErr {
    let text = format!(
        "a kvreg.{class} is a handle of this process, not a value: it cannot be pickled or copied. {instead}"
    );
    wrong_type(py, text)
}

/// The type of an object, for a message.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string())
}

fn new<'py>(py: Python<'py>, class: &str, argument: impl IntoPyObject<'py>) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let class = module(py)?.getattr(class)?.cast_into::<PyType>()?;
        let argument = argument.into_pyobject(py).map_err(Into::into)?.into_any().unbind();
        Ok(PyErr::from_type(class, (argument,)))
    };
    make().unwrap_or_else(|error| error)
}

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    MODULE
        .get_or_try_init(py, || Ok(PyModule::import(py, "kvreg._errors")?.unbind()))
        .map(|module| module.bind(py))
}
