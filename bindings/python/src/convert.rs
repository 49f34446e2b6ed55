//! Keys, names and values from Python and back.
//!
//! Exact types are tried first, by comparing one pointer; only then subclasses, which are stored as what they
//! derive from. No Python code runs in here.

use crate::api::{Status, Value};
use crate::errors::{invalid, out_of_range, type_name, wrong_type};
use crate::types::{KVREG_NAME_MAX, KVREG_UNSUPPORTED};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};
use std::borrow::Cow;

/// An argument that may be left out; unlike an `Option`, it takes None for a value.
pub(crate) enum Maybe<'py> {
    Missing,
    Given(Bound<'py, PyAny>),
}

impl<'py> Maybe<'py> {
    pub(crate) fn given(&self) -> Option<&Bound<'py, PyAny>> {
        match self {
            Maybe::Missing => None,
            Maybe::Given(object) => Some(object),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Maybe<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Maybe::Given(object.to_owned()))
    }
}

/// A key as the core wants it.
#[inline]
pub(crate) fn key<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    bytes("key", object)
}

/// A name as the core wants it.
#[inline]
pub(crate) fn name<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    bytes("name", object)
}

/// What is said of a crash, as the core wants it.
pub(crate) fn message<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    bytes("message", object)
}

#[inline(always)]
fn bytes<'a>(noun: &str, object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    let bytes = match object.cast_exact::<PyString>() {
        Ok(text) => encoded(noun, text)?,
        Err(_) => bytes_of_any(noun, object)?,
    };
    if bytes.len() > KVREG_NAME_MAX as usize {
        Err(too_long(noun, object.py(), bytes.len()))
    } else {
        Ok(bytes)
    }
}

#[inline]
fn encoded<'a>(noun: &str, text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    // The text keeps its UTF-8 form, so only its first use has a cost.
    text.to_str().map_or_else(|_| escaped(noun, text), |text| Ok(Cow::Borrowed(text.as_bytes())))
}

#[inline(never)]
fn bytes_of_any<'a>(noun: &str, object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        Ok(Cow::Borrowed(bytes.as_bytes()))
    } else if let Ok(text) = object.cast::<PyString>() {
        encoded(noun, text)
    } else {
        Err(not_text(noun, object))
    }
}

/// Text with lone surrogates: those of surrogateescape stand for single bytes, others for nothing.
#[cold]
fn escaped<'a>(noun: &str, text: &Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    match text.call_method1("encode", ("utf-8", "surrogateescape")) {
        Ok(bytes) => Ok(Cow::Owned(bytes.cast::<PyBytes>()?.as_bytes().to_vec())),
        Err(cause) => Err(not_utf8(text.py(), noun, cause)),
    }
}

#[cold]
fn not_text(noun: &str, object: &Bound<'_, PyAny>) -> PyErr {
    wrong_type(object.py(), format!("a {noun} must be str or bytes, not {}", type_name(object)))
}

#[cold]
fn too_long(noun: &str, py: Python<'_>, len: usize) -> PyErr {
    invalid(py, format!("a {noun} must have at most {KVREG_NAME_MAX} bytes, not {len}"))
}

#[cold]
fn not_utf8(py: Python<'_>, noun: &str, cause: PyErr) -> PyErr {
    let error = invalid(py, format!("a {noun} must be text that UTF-8 can encode, or bytes"));
    error.set_cause(py, Some(cause));
    error
}

/// A key or name from the core: any byte that is not UTF-8 becomes a surrogate, so none is lost.
#[inline]
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    let (data, len) = (bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t);
    // SAFETY: `len` bytes are readable; the answer is NULL with an exception set, or a new reference to a str.
    unsafe {
        let text = ffi::PyUnicode_DecodeUTF8(data, len, c"surrogateescape".as_ptr());
        Bound::from_owned_ptr_or_err(py, text).map(|text| text.cast_into_unchecked())
    }
}

/// The str that a name is known by: the caller's own object, if that is what the core will give back.
pub(crate) fn canonical(object: &Bound<'_, PyAny>, bytes: &[u8]) -> PyResult<Py<PyString>> {
    match object.cast_exact::<PyString>() {
        Ok(text) if text.to_str().is_ok() => Ok(text.clone().unbind()),
        _ => text(object.py(), bytes).map(Bound::unbind),
    }
}

/// A value as the core wants it.
#[inline]
pub(crate) fn value<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Value<'a>> {
    if let Ok(number) = object.cast_exact::<PyInt>() {
        integer(number)
    } else if let Ok(text) = object.cast_exact::<PyString>() {
        utf8(text)
    } else if let Ok(number) = object.cast_exact::<PyFloat>() {
        Ok(Value::Float(number.value()))
    } else if let Ok(truth) = object.cast_exact::<PyBool>() {
        Ok(Value::Bool(truth.is_true()))
    } else if object.is_none() {
        Ok(Value::Nil)
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        Ok(Value::Bytes(bytes.as_bytes()))
    } else if let Ok(number) = object.cast::<PyInt>() {
        integer(number)
    } else if let Ok(text) = object.cast::<PyString>() {
        utf8(text)
    } else if let Ok(number) = object.cast::<PyFloat>() {
        Ok(Value::Float(number.value()))
    } else {
        Err(not_a_value(object))
    }
}

#[inline]
fn integer<'a>(number: &Bound<'_, PyInt>) -> PyResult<Value<'a>> {
    // Of an int and its subclasses nothing else can fail.
    number.extract().map(Value::Int).map_err(|_| {
        out_of_range(
            number.py(),
            "an int must fit into 64 bits (-2**63 to 2**63 - 1); store its text or bytes",
        )
    })
}

#[inline]
fn utf8<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Value<'a>> {
    match text.to_str() {
        Ok(text) => Ok(Value::Str(text.as_bytes())),
        Err(cause) => Err(not_utf8(text.py(), "str value", cause)),
    }
}

/// A number that is an argument.
pub(crate) fn number(noun: &str, object: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = object.py();
    match object.cast::<PyInt>() {
        Ok(number) => number
            .extract()
            .map_err(|_| out_of_range(py, format!("{noun} must fit into 64 bits (-2**63 to 2**63 - 1)"))),
        Err(_) => Err(wrong_type(py, format!("{noun} must be int, not {}", type_name(object)))),
    }
}

/// A revision. They count from 0, and so far up nobody comes.
pub(crate) fn revision(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    let number = number("a revision", object)?;
    u64::try_from(number).map_err(|_| invalid(object.py(), "a revision must not be negative"))
}

/// A number of things, 1 at least; the noun comes with its article.
pub(crate) fn positive(noun: &str, object: &Bound<'_, PyAny>) -> PyResult<u64> {
    let wrong = || invalid(object.py(), format!("{noun} must be 1 at least, and fit into 64 bits"));
    if !object.is_instance_of::<PyInt>() {
        return Err(wrong_type(object.py(), format!("{noun} must be int, not {}", type_name(object))));
    }
    object.extract().ok().filter(|&count| count != 0).ok_or_else(wrong)
}

#[cold]
fn not_a_value(object: &Bound<'_, PyAny>) -> PyErr {
    let message = format!("a value must be None, bool, int, float, str or bytes, not {}", type_name(object));
    wrong_type(object.py(), message)
}

/// A value from the core.
#[inline]
pub(crate) fn object<'py>(py: Python<'py>, value: Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Int(number) => PyInt::new(py, number).into_any(),
        Value::Str(bytes) => text(py, bytes)?.into_any(),
        Value::Float(number) => PyFloat::new(py, number).into_any(),
        Value::Bool(truth) => PyBool::new(py, truth).to_owned().into_any(),
        Value::Nil => py.None().into_bound(py),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Unknown(kind) => return Err(unknown(py, kind)),
    })
}

#[cold]
fn unknown(py: Python<'_>, kind: u32) -> PyErr {
    let subject = format!("a value of type {kind}, which this version of the Python module does not know");
    crate::errors::from_status(py, Status(KVREG_UNSUPPORTED), subject)
}
