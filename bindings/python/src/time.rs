//! Times from Python and back: seconds as int or float, or a `datetime.timedelta`.

use crate::errors::{invalid, type_name, wrong_type};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyType};

/// A time in milliseconds, rounded up; -1 for None, which stands for ever, as does `math.inf`.
pub(crate) fn milliseconds(noun: &str, time: Option<&Bound<'_, PyAny>>) -> PyResult<i64> {
    let Some(time) = time else { return Ok(-1) };
    let seconds = seconds(noun, time)?;
    if seconds == f64::INFINITY {
        return Ok(-1);
    }
    if seconds.is_nan() || seconds < 0.0 {
        return Err(invalid(time.py(), format!("{noun} must not be negative, nor not a number")));
    }
    // A thousandth part of a microsecond is the float's error, not a time. Too much becomes the longest time.
    Ok((seconds * 1000.0 - 1e-6).ceil().max(0.0) as i64)
}

fn seconds(noun: &str, time: &Bound<'_, PyAny>) -> PyResult<f64> {
    static TIMEDELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = time.py();
    let is_number = time.is_instance_of::<PyFloat>() || time.is_instance_of::<PyInt>();
    if is_number && !time.is_instance_of::<PyBool>() {
        // An int may be beyond all floats.
        return time.extract().or_else(|_| Ok(if time.lt(0)? { f64::MIN } else { f64::MAX }));
    }
    if time.is_instance(TIMEDELTA.import(py, "datetime", "timedelta")?)? {
        return time.call_method0("total_seconds")?.extract();
    }
    let message =
        format!("{noun} must be seconds (int or float), a timedelta or None, not {}", type_name(time));
    Err(wrong_type(py, message))
}

/// Seconds; None for ever.
pub(crate) fn left(milliseconds: i64) -> Option<f64> {
    (milliseconds >= 0).then_some(milliseconds as f64 / 1000.0)
}
