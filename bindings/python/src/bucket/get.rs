//! `Bucket.get` by a shorter way.
//!
//! pyo3's way into a method serves every signature. For the most frequent call of all, with one or two plain arguments,
//! it takes as long as the core does. Whatever is not that plain goes on to the method that pyo3 made.

use super::Bucket;
use crate::api::{self, Status};
use crate::convert;
use crate::types::{KVREG_NAME_MAX, KVREG_NOT_FOUND};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};
use std::ffi::CString;

/// The method that pyo3 made.
static GENERAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Puts the short way into the class, with the signature and the text of the general one.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<Bucket>();
    let general = GENERAL.get_or_try_init(py, || class.getattr("get").map(Bound::unbind))?.bind(py);
    let text = format!(
        "get{}\n--\n\n{}",
        general.getattr("__text_signature__")?.extract::<String>()?,
        general.getattr("__doc__")?.extract::<String>()?
    );
    // The class lives as long as the process, and so must these.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: c"get".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: short },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: CString::new(text)?.into_raw(),
    }));
    // SAFETY: the definition is never freed; the answer is NULL with an exception set, or a new reference.
    let method =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(class.as_type_ptr(), definition))? };
    class.setattr("get", method)
}

/// # Safety
/// Called by the interpreter, with what it promises for METH_FASTCALL | METH_KEYWORDS; `this` is a bucket.
unsafe extern "C" fn short(
    this: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    if names.is_null() && (count == 1 || count == 2) {
        // SAFETY: the interpreter calls with the thread attached, with `count` arguments and a bucket, all of which
        // live during the call.
        let (py, bucket, key, default) = unsafe {
            let py = Python::assume_attached();
            let default = if count == 2 { *arguments.add(1) } else { ffi::Py_None() };
            let bucket = Borrowed::from_ptr(py, this).cast_unchecked::<Bucket>();
            (py, bucket, Borrowed::from_ptr(py, *arguments), Borrowed::from_ptr(py, default))
        };
        if let Ok(text) = key.cast_exact::<PyString>()
            && let Ok(key) = text.to_str()
            && key.len() <= KVREG_NAME_MAX as usize
        {
            match api::get(bucket.get().id, key.as_bytes(), |value| convert::object(py, value)) {
                Ok(Ok(object)) => return object.into_ptr(),
                Err(Status(KVREG_NOT_FOUND)) => return default.to_owned().into_ptr(),
                _ => {} // the general way comes to the same error
            }
        }
    }
    // SAFETY: by this function's own contract.
    unsafe { general(this, arguments, count, names) }
}

/// # Safety
/// That of `short`.
#[cold]
unsafe fn general(
    this: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    Python::attach(|py| {
        // SAFETY: by this function's own contract: the arguments, then as many as there are names.
        let object = |at| unsafe { Borrowed::from_ptr(py, *arguments.add(at)) };
        let call = || -> PyResult<Bound<'_, PyAny>> {
            let count = count as usize;
            // SAFETY: by this function's own contract.
            let this = unsafe { Borrowed::from_ptr(py, this) };
            let plain =
                PyTuple::new(py, std::iter::once(this).chain((0..count).map(object)).collect::<Vec<_>>())?;
            let named = PyDict::new(py);
            // SAFETY: by this function's own contract: NULL or a tuple.
            if let Some(names) = unsafe { Bound::from_borrowed_ptr_or_opt(py, names) } {
                for (at, name) in names.try_iter()?.enumerate() {
                    named.set_item(name?, object(count + at))?;
                }
            }
            GENERAL.get(py).expect("the module was imported").bind(py).call(plain, Some(&named))
        };
        call().map_or_else(
            |error| {
                error.restore(py);
                std::ptr::null_mut()
            },
            Bound::into_ptr,
        )
    })
}
