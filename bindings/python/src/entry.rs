//! `kvreg.Entry` and `kvreg.ForeignObject`.

use crate::api::Status;
use crate::api::entry::{self as api, Object};
use crate::errors;
use crate::registry::handle;
use crate::types::{KVREG_DEAD, kvreg_object};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyNotImplemented;
use std::ffi::c_void;

/// Something that is registered in a registry's directory: the handle of an entry.
///
/// Dropping it ends nothing. Equality and hash are those of the `id`.
///
/// >>> entry = registry.register(("worker", "7"), {"busy": False})
/// >>> entry.object["busy"]
/// False
/// >>> entry.unregister()
/// >>> print(registry.whereis(("worker", "7")))
/// None
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct Entry {
    id: u64,
}

#[pymethods]
impl Entry {
    /// Make an object for the entry of this id, which came from another language.
    ///
    /// >>> entry = registry.register(("worker", "7"), object())
    /// >>> kvreg.Entry.from_id(entry.id) == entry
    /// True
    #[staticmethod]
    fn from_id(id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, entry) = (id.py(), Entry { id: handle(id)? });
        api::check(entry.id).map_err(|status| entry.error(py, status))?;
        Ok(entry)
    }

    /// The number that stands for this entry in every language of the process. It is never given to another.
    ///
    /// >>> registry.register(("worker", "7"), object()).id > 0
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// Whether it is registered.
    ///
    /// >>> registry.register(("worker", "7"), object()).alive
    /// True
    #[getter]
    fn alive(&self, py: Python<'_>) -> PyResult<bool> {
        match api::check(self.id) {
            Ok(()) => Ok(true),
            Err(Status(KVREG_DEAD)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// The object that it holds: a `kvreg.ForeignObject` if another language registered it.
    ///
    /// >>> registry.register(("worker", "7"), "any object").object
    /// 'any object'
    #[getter]
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        give(py, py.detach(|| api::object(self.id)).map_err(|status| self.error(py, status))?)
    }

    /// Take it out: when the call returns, nobody finds it. Other threads run meanwhile.
    ///
    /// >>> entry = registry.register(("worker", "7"), object())
    /// >>> entry.unregister()
    /// >>> entry.alive
    /// False
    fn unregister(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| api::unregister(self.id)).map_err(|status| self.error(py, status))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match other.cast_exact::<Entry>() {
            Ok(other) => Ok((self.id == other.get().id).into_pyobject(other.py())?.to_owned().into_any()),
            Err(_) => Ok(PyNotImplemented::get(other.py()).to_owned().into_any()),
        }
    }

    fn __hash__(&self) -> u64 {
        self.id
    }

    fn __repr__(&self) -> String {
        let state = if api::check(self.id).is_ok() { "registered" } else { "dead" };
        format!("<kvreg.Entry #{} {state}>", self.id)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Entry", "Its id is one, within this process."))
    }
}

impl Entry {
    pub(crate) fn known(id: u64) -> Self {
        Entry { id }
    }

    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("entry #{}", self.id))
    }
}

/// An object that another language registered. It is kept while this lives.
///
/// >>> issubclass(kvreg.ForeignObject, object)
/// True
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct ForeignObject {
    object: Option<Object>,
}

#[pymethods]
impl ForeignObject {
    /// Where it is, as a number: what lies there is known to who registered it.
    ///
    /// >>> "pointer" in dir(kvreg.ForeignObject)
    /// True
    #[getter]
    fn pointer(&self) -> usize {
        self.object.as_ref().map_or(0, |object| object.raw().pointer.addr())
    }

    fn __repr__(&self) -> String {
        format!("<kvreg.ForeignObject at {:#x}>", self.pointer())
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "ForeignObject", "It is another language's."))
    }
}

impl Drop for ForeignObject {
    fn drop(&mut self) {
        let object = self.object.take();
        // Its end is foreign code, which may wait for a thread that wants the GIL.
        let _ = Python::try_attach(|py| py.detach(|| drop(object)));
    }
}

/// A reference to a Python object, for the core to take over: else it must come back through [`take`].
pub(crate) fn counted(object: &Bound<'_, PyAny>) -> kvreg_object {
    let pointer = object.clone().unbind().into_ptr().cast();
    kvreg_object { pointer, retain: Some(retain), release: Some(release) }
}

/// Takes a reference back that the core did not want.
pub(crate) fn take(py: Python<'_>, object: kvreg_object) {
    // SAFETY: a reference of ours, from `counted`.
    drop(unsafe { Bound::from_owned_ptr(py, object.pointer.cast()) });
}

/// What Python sees of an object.
pub(crate) fn give(py: Python<'_>, object: Object) -> PyResult<Bound<'_, PyAny>> {
    // One function of this module has one address, as long as no other has the same code: `release` is like no other.
    if object.raw().release.is_some_and(|function| function as usize == release as *const () as usize) {
        // SAFETY: ours, so its pointer is a Python object's, which `object` keeps.
        return Ok(unsafe { Bound::from_borrowed_ptr(py, object.raw().pointer.cast()) });
    }
    Ok(Bound::new(py, ForeignObject { object: Some(object) })?.into_any())
}

// An interpreter that is ending lets no thread in any more: then all its objects end unreleased.

unsafe extern "C-unwind" fn retain(pointer: *mut c_void) {
    // SAFETY: the caller has a reference, and this thread is attached.
    Python::try_attach(|_| unsafe { ffi::Py_IncRef(pointer.cast()) });
}

unsafe extern "C-unwind" fn release(pointer: *mut c_void) {
    // SAFETY: the caller gives its reference back, and this thread is attached.
    Python::try_attach(|_| unsafe { ffi::Py_DecRef(pointer.cast()) });
}
