//! `kvreg.Owner`.

use crate::api::{Status, owner as api};
use crate::errors;
use crate::registry::handle;
use crate::types::{KVREG_DEAD, KVREG_FORKED};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyNotImplemented, PyTuple};

/// A lifetime that buckets, entries and subscriptions are tied to: when it is closed, its buckets exit, its entries are
/// unregistered, and its subscriptions and handlers end.
///
/// The end of a `with` closes it. `Owner.of(object)` is closed when an object of yours is gone, `Owner.of_thread()`
/// when the thread ends. There is no finaliser: an owner that nobody closes lives on. Equality and hash are those of the
/// `id`.
///
/// >>> with kvreg.Owner() as session:
/// ...     cart = registry.create("cart", owner=session)
/// ...     cart.alive
/// True
/// >>> cart.alive, "cart" in registry
/// (False, False)
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct Owner {
    id: u64,
}

#[pymethods]
impl Owner {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let id = py.detach(api::open).map_err(|status| errors::from_status(py, status, "a new owner"))?;
        Ok(Owner { id })
    }

    /// Give the owner of a Python object: it is closed when the object is gone, and is the same at every call.
    ///
    /// The object must be one that weak references can be made to. It must not be reachable from what is registered for
    /// its owner, or it would keep itself alive.
    ///
    /// >>> class Session: pass
    /// >>> session = Session()
    /// >>> cart = registry.create("cart", owner=kvreg.Owner.of(session))
    /// >>> cart.alive
    /// True
    /// >>> del session
    /// >>> cart.alive
    /// False
    #[staticmethod]
    fn of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        static OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        OF.import(object.py(), "kvreg._owner", "of")?.call1((object,))
    }

    /// Give the calling thread's own owner, which is closed when the thread ends.
    ///
    /// >>> kvreg.Owner.of_thread() == kvreg.Owner.of_thread()
    /// True
    #[staticmethod]
    fn of_thread(py: Python<'_>) -> PyResult<Self> {
        let id = api::of_thread().map_err(|status| errors::from_status(py, status, "this thread's owner"))?;
        Ok(Owner { id })
    }

    /// Make an object for the owner of this id, which came from another language.
    ///
    /// >>> with kvreg.Owner() as owner:
    /// ...     kvreg.Owner.from_id(owner.id) == owner
    /// True
    #[staticmethod]
    fn from_id(id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, owner) = (id.py(), Owner { id: handle(id)? });
        api::check(owner.id).map_err(|status| owner.error(py, status))?;
        Ok(owner)
    }

    /// The number that stands for this owner in every language of the process. It is never given to another.
    ///
    /// >>> with kvreg.Owner() as owner:
    /// ...     owner.id > 0
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// Whether it lives.
    ///
    /// >>> with kvreg.Owner() as owner:
    /// ...     owner.alive
    /// True
    /// >>> owner.alive
    /// False
    #[getter]
    fn alive(&self, py: Python<'_>) -> PyResult<bool> {
        match api::check(self.id) {
            Ok(()) => Ok(true),
            Err(Status(KVREG_DEAD)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// The number of things that are tied to it.
    ///
    /// >>> with kvreg.Owner() as owner:
    /// ...     cart = registry.create("cart", owner=owner)
    /// ...     owner.count
    /// 1
    #[getter]
    fn count(&self, py: Python<'_>) -> PyResult<u64> {
        api::count(self.id).map_err(|status| self.error(py, status))
    }

    /// End it: when the call returns, all that was tied to it has ended, or passed to an heir. A second time does nothing.
    ///
    /// Other threads run meanwhile.
    ///
    /// >>> owner = kvreg.Owner()
    /// >>> owner.close()
    /// >>> registry.create("cart", owner=owner)
    /// Traceback (most recent call last):
    /// kvreg.DeadError: ...
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match py.detach(|| api::close(self.id)) {
            Ok(()) | Err(Status(KVREG_DEAD)) => Ok(()),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Give this object.
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Close it.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        match py.detach(|| api::close(self.id)) {
            // The child of a fork holds a copy of what its parent owns, and leaves it alone.
            Ok(()) | Err(Status(KVREG_DEAD | KVREG_FORKED)) => Ok(()),
            Err(status) => Err(self.error(py, status)),
        }
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match other.cast_exact::<Owner>() {
            Ok(other) => Ok((self.id == other.get().id).into_pyobject(other.py())?.to_owned().into_any()),
            Err(_) => Ok(PyNotImplemented::get(other.py()).to_owned().into_any()),
        }
    }

    fn __hash__(&self) -> u64 {
        self.id
    }

    fn __repr__(&self) -> String {
        let state = if api::check(self.id).is_ok() { "alive" } else { "closed" };
        format!("<kvreg.Owner #{} {state}>", self.id)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Owner", "Its id is one, within this process."))
    }
}

impl Owner {
    /// An object for an owner that lives or lived; 0 is nobody.
    pub(crate) fn known(id: u64) -> Option<Self> {
        (id != 0).then_some(Owner { id })
    }

    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("owner #{}", self.id))
    }
}

/// An owner or None, as the core's number.
pub(crate) fn number(noun: &str, owner: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
    let Some(owner) = owner else { return Ok(0) };
    owner.cast_exact::<Owner>().map(|owner| owner.get().id).map_err(|_| {
        let text = format!("{noun} must be a kvreg.Owner or None, not {}", errors::type_name(owner));
        errors::wrong_type(owner.py(), text)
    })
}
