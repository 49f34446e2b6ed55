//! Whose a `kvreg.Bucket` is, and what its handle allows.

use super::Bucket;
use crate::api::owner as api;
use crate::errors;
use crate::owner::{self, Owner};
use pyo3::prelude::*;

#[pymethods]
impl Bucket {
    /// Whose it is: a `kvreg.Owner`, or None.
    ///
    /// >>> print(shopping.owner)
    /// None
    #[getter]
    fn owner(&self, py: Python<'_>) -> PyResult<Option<Owner>> {
        py.detach(|| api::owner_of(self.id)).map(Owner::known).map_err(|status| self.error(py, status))
    }

    /// Give the bucket to another owner, or to nobody (None).
    ///
    /// >>> with kvreg.Owner() as session:
    /// ...     shopping.give(session)
    /// ...     shopping.owner == session
    /// True
    /// >>> shopping.alive
    /// False
    #[pyo3(signature = (owner))]
    fn give(&self, py: Python<'_>, owner: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let owner = owner::number("an owner", owner)?;
        py.detach(|| api::give(self.id, owner)).map_err(|status| self.error(py, status))
    }

    /// Say who gets the bucket when its owner ends, in place of its exit: once, and if the heir lives then.
    ///
    /// >>> with kvreg.Owner() as parent:
    /// ...     with kvreg.Owner() as session:
    /// ...         shopping.give(session)
    /// ...         shopping.set_heir(parent)
    /// ...     shopping.owner == parent
    /// True
    #[pyo3(signature = (heir))]
    fn set_heir(&self, py: Python<'_>, heir: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let heir = owner::number("an heir", heir)?;
        py.detach(|| api::set_heir(self.id, heir)).map_err(|status| self.error(py, status))
    }

    /// Give a handle of the same bucket that reads and does not change it.
    ///
    /// >>> reader = shopping.reader()
    /// >>> reader["milk"], reader == shopping, reader.same(shopping)
    /// (1, True, True)
    /// >>> reader["milk"] = 2
    /// Traceback (most recent call last):
    /// kvreg.AccessDeniedError: ...
    fn reader<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Bucket>> {
        let id = api::reader(self.id).map_err(|status| self.error(py, status))?;
        Bucket::make(self.registry.bind(py), id, self.name.clone_ref(py))
    }

    /// Whether both are handles of one bucket, whatever they allow and hold. Also of one that exited.
    ///
    /// >>> shopping.same(registry["shopping"]), shopping.same(registry.create("fridge"))
    /// (True, False)
    fn same(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = other.py();
        let other = other.cast_exact::<Bucket>().map_err(|_| {
            let text = format!("a bucket must be a kvreg.Bucket, not {}", errors::type_name(other));
            errors::wrong_type(py, text)
        })?;
        api::same(self.id, other.get().id).map_err(|status| self.error(py, status))
    }
}
