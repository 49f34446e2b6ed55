//! Calls of Python code in threads that are not Python's. The interpreter may end meanwhile: before 3.14 it then ends every
//! thread that wants to go on in it, wherever that is, with `pthread_exit`, which must not unwind the frames of Rust and of
//! the core that are below. Such a thread stands still instead, as it does since 3.14, while the process ends.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::hint::black_box;

// As in `pyo3::ffi`, but for what they may do. Called by pointers of which the compiler knows nothing else: a function that
// is declared in both ways does not unwind for it.
unsafe extern "C-unwind" {
    fn PyObject_CallObject(callable: *mut ffi::PyObject, args: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyErr_WriteUnraisable(object: *mut ffi::PyObject);
    fn Py_DecRef(object: *mut ffi::PyObject);
}

type Call = unsafe extern "C-unwind" fn(*mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;
type Take = unsafe extern "C-unwind" fn(*mut ffi::PyObject);

/// Dropped only by what ends the thread.
struct Stand;

impl Drop for Stand {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

fn still<R>(call: impl FnOnce() -> R) -> R {
    let stand = Stand;
    let result = call();
    std::mem::forget(stand);
    result
}

/// Calls a function.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached, as the objects show, and both live. The answer is a new reference, or NULL with an
    // exception set.
    unsafe {
        let result = still(|| black_box(PyObject_CallObject as Call)(function.as_ptr(), args.as_ptr()));
        Bound::from_owned_ptr_or_err(function.py(), result)
    }
}

/// Tells `sys.unraisablehook` of an error.
pub(crate) fn report(error: PyErr, function: &Bound<'_, PyAny>) {
    error.restore(function.py());
    // SAFETY: the thread is attached, and an exception is set.
    still(|| unsafe { black_box(PyErr_WriteUnraisable as Take)(function.as_ptr()) });
}

/// Lets go of an object, whose end may be Python code.
pub(crate) fn release(object: Bound<'_, PyAny>) {
    // SAFETY: the thread is attached, and the reference is given up with this.
    still(|| unsafe { black_box(Py_DecRef as Take)(object.into_ptr()) });
}
