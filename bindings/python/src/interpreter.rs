//! One interpreter per process.
//!
//! A process may hold several interpreters, but the module's classes and what it has imported are one set per
//! process: in a second interpreter, `except kvreg.DeadError` would name another class than the one that is raised.

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicI64, Ordering};

/// No interpreter has this number.
const NONE: i64 = -1;

static FIRST: AtomicI64 = AtomicI64::new(NONE);

/// Refuses every interpreter but the first that comes.
pub(crate) fn claim(_py: Python<'_>) -> PyResult<()> {
    // SAFETY: this thread is attached, as `_py` shows, so there is a current interpreter.
    let current = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    match FIRST.compare_exchange(NONE, current, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != current => Err(PyImportError::new_err(
            "kvreg works in one interpreter of a process, and another one has imported it already",
        )),
        _ => Ok(()),
    }
}
