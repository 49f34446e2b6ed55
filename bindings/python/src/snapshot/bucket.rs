//! `kvreg.BucketSnapshot`.

use crate::api::{self, Status, Value};
use crate::bucket::Bucket;
use crate::registry::Registry;
use crate::shot::{Moment, Shot};
use crate::types::KVREG_NOT_FOUND;
use crate::walk::{Source, View, Walk, view};
use crate::{bulk, convert, errors, update};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMapping, PyNotImplemented, PyString, PyTuple};
use std::sync::Arc;

/// A bucket as it was at one moment. It is a `Mapping[str, Value]`.
///
/// It never changes, costs the same for ten keys as for ten million, and holds back no writer. While it is open, it
/// keeps memory: close it, or leave its `with`, or drop it. It outlives its bucket.
///
/// >>> with shopping.snapshot() as before:
/// ...     shopping["milk"] = 7
/// ...     before["milk"], before == {"milk": 1, "eggs": 12}
/// (1, True)
#[pyclass(frozen, mapping, weakref, generic, module = "kvreg")]
pub(crate) struct BucketSnapshot {
    shot: Arc<Shot>,
    name: Py<PyString>,
}

impl BucketSnapshot {
    /// The object that closes a snapshot of the core.
    pub(crate) fn make(py: Python<'_>, id: u64, name: Py<PyString>) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, BucketSnapshot { shot: Shot::new(id), name })
    }

    pub(crate) fn walk<'py>(&self, py: Python<'py>, view: View) -> PyResult<Bound<'py, PyAny>> {
        self.ask(py, Ok)?; // an iteration over what was closed does not even begin
        Walk::make(py, self.shot.clone(), false, view, Source::Values)
    }

    fn ask<T>(&self, py: Python<'_>, question: impl FnOnce(u64) -> Result<T, Status>) -> PyResult<T> {
        self.shot.id().and_then(question).map_err(|status| self.error(py, status))
    }

    fn find<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, bytes) = (key.py(), convert::key(key)?);
        let show = |value: Value<'_>| convert::object(py, value);
        match self.shot.id().and_then(|id| api::snapshot::get(id, &bytes, show)) {
            Ok(object) => object.map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("snapshot of bucket {}", self.label(py)))
    }

    fn label(&self, py: Python<'_>) -> String {
        self.name.bind(py).repr().map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
    }
}

#[pymethods]
impl BucketSnapshot {
    /// The name of the bucket.
    ///
    /// >>> shopping.snapshot().name
    /// 'shopping'
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        self.name.bind(py)
    }

    /// The revision of the bucket that it shows.
    ///
    /// >>> shopping.snapshot().revision == shopping.revision
    /// True
    #[getter]
    fn revision(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, api::snapshot::revision)
    }

    /// Whether it was closed.
    ///
    /// >>> shopping.snapshot().closed
    /// False
    #[getter]
    fn closed(&self) -> bool {
        self.shot.is_closed()
    }

    /// Give the value that a key had, or the default.
    ///
    /// >>> shopping.snapshot().get("tea", 0)
    /// 0
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.find(key)?.or(default))
    }

    /// Give the value that a key had and its revision then; the default and 0 if there was no such key.
    ///
    /// >>> value, revision = shopping.snapshot().get_with_revision("milk")
    /// >>> shopping.put_if_revision("milk", revision, value + 1) > revision  # nobody has changed it since
    /// True
    #[pyo3(signature = (key, default=None))]
    fn get_with_revision<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Option<Bound<'py, PyAny>>, u64)> {
        let (py, bytes) = (key.py(), convert::key(key)?);
        match self.ask(py, |id| api::snapshot::get_revision(id, &bytes))? {
            Some((held, revision)) => Ok((Some(convert::object(py, held.value())?), revision)),
            None => Ok((default, 0)),
        }
    }

    /// Give a dict of those of many keys that were there, and their values.
    ///
    /// >>> shopping.snapshot().get_many(["milk", "tea"])
    /// {'milk': 1}
    fn get_many<'py>(&self, keys: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let get = |keys: &[u8], buffer: &mut [_]| api::snapshot::get_many(self.shot.id()?, keys, buffer);
        bulk::get_many(keys, get, |status| self.error(keys.py(), status))
    }

    /// Give the keys, as a view.
    ///
    /// >>> sorted(shopping.snapshot().keys())
    /// ['eggs', 'milk']
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Keys)
    }

    /// Give the values, as a view.
    ///
    /// >>> sum(shopping.snapshot().values())
    /// 13
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Values)
    }

    /// Give the pairs of key and value, as a view.
    ///
    /// >>> sorted(shopping.snapshot().items())
    /// [('eggs', 12), ('milk', 1)]
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Items)
    }

    /// Give a dict of all keys and values.
    ///
    /// >>> shopping.snapshot().copy()["eggs"]
    /// 12
    pub(crate) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.ask(py, Ok)?;
        Moment::Shot(self.shot.clone()).dict(py)
    }

    /// Give back the memory that it keeps; a second time does nothing. Any use from now on is a DeadError.
    ///
    /// >>> before = shopping.snapshot()
    /// >>> before.close()
    /// >>> before["milk"]
    /// Traceback (most recent call last):
    /// kvreg.DeadError: ...
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.shot.close()).map_err(|status| self.error(py, status))
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        self.close(py)
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.find(key)?.ok_or_else(|| errors::not_found(key))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let bytes = convert::key(key)?;
        self.ask(key.py(), |id| api::snapshot::get_revision(id, &bytes)).map(|found| found.is_some())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, api::snapshot::count).map(|count| count as usize)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.walk(py, View::Keys)
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let equal = if slf.is(other) {
            true
        } else if other.cast::<PyMapping>().is_err() || other.is_instance_of::<Registry>() {
            return Ok(PyNotImplemented::get(py).to_owned().into_any());
        } else if let Ok(bucket) = other.cast_exact::<Bucket>() {
            bucket.get().equals(slf.as_any())?.unwrap_or(false)
        } else {
            this.ask(py, Ok)?;
            Moment::Shot(this.shot.clone()).equals(&update::as_dict(other)?)?
        };
        Ok(PyBool::new(py, equal).to_owned().into_any())
    }

    /// Equal to a dict, and therefore without a hash, as a dict.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    const __hash__: Option<Py<PyAny>> = None;

    fn __repr__(&self, py: Python<'_>) -> String {
        let facts = |id| Ok((api::snapshot::count(id)?, api::snapshot::revision(id)?));
        let state = match self.shot.id().and_then(facts) {
            Ok((1, revision)) => format!("at revision {revision}, 1 key"),
            Ok((count, revision)) => format!("at revision {revision}, {count} keys"),
            Err(_) => "closed".to_owned(),
        };
        format!("<kvreg.BucketSnapshot {} {state}>", self.label(py))
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "BucketSnapshot", "For its contents take snapshot.copy()."))
    }
}
