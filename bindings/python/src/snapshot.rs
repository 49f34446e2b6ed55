//! `kvreg.Snapshot`.

mod bucket;

use crate::api::{self, Status};
use crate::bucket::Bucket;
use crate::convert;
use crate::errors;
use crate::registry::{Registry, label};
use crate::shot::{Moment, Shot};
use crate::types::KVREG_NOT_FOUND;
use crate::update;
use crate::walk::{Source, View, Walk, view};
pub(crate) use bucket::BucketSnapshot;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMapping, PyNotImplemented, PyString, PyTuple};
use std::sync::Arc;

/// A registry as it was at one moment: its names and the contents of all its buckets. It is a
/// `Mapping[str, BucketSnapshot]`.
///
/// Every change that was done before that moment is in it, none that began after it. It never changes, costs the same
/// for ten names as for ten million, and holds back no writer. While it is open, it keeps memory: close it, or leave
/// its `with`, or drop it. It outlives its registry.
///
/// >>> with registry.snapshot() as snapshot:
/// ...     shopping.clear()
/// ...     snapshot["shopping"]["milk"], snapshot == {"shopping": {"milk": 1, "eggs": 12}}, len(shopping)
/// (1, True, 0)
#[pyclass(frozen, mapping, weakref, module = "kvreg")]
pub(crate) struct Snapshot {
    shot: Arc<Shot>,
    registry: Py<Registry>,
}

impl Snapshot {
    pub(crate) fn take<'py>(registry: &Bound<'py, Registry>) -> PyResult<Bound<'py, Self>> {
        let (py, id) = (registry.py(), registry.get().number());
        let taken = py.detach(|| api::snapshot::take(id));
        Snapshot::adopt(registry, taken.map_err(|status| registry.get().error(py, status))?)
    }

    /// An object for a snapshot that was taken for it.
    pub(crate) fn adopt<'py>(registry: &Bound<'py, Registry>, id: u64) -> PyResult<Bound<'py, Self>> {
        Bound::new(registry.py(), Snapshot { shot: Shot::new(id), registry: registry.clone().unbind() })
    }

    /// Its id, for a call that leaves nothing behind that lies in it.
    pub(crate) fn number(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, Ok)
    }

    /// A bucket as it was; there is one.
    pub(crate) fn bucket<'py>(
        &self,
        py: Python<'py>,
        name: &[u8],
        text: Py<PyString>,
    ) -> PyResult<Bound<'py, BucketSnapshot>> {
        let found = self.shot.id().and_then(|id| api::snapshot::bucket(id, name));
        BucketSnapshot::make(py, found.map_err(|status| self.error(py, status))?, text)
    }

    pub(crate) fn walk<'py>(slf: &Bound<'py, Self>, view: View) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        this.ask(py, Ok)?; // an iteration over what was closed does not even begin
        Walk::make(py, this.shot.clone(), false, view, Source::Snapshots(slf.clone().unbind()))
    }

    fn ask<T>(&self, py: Python<'_>, question: impl FnOnce(u64) -> Result<T, Status>) -> PyResult<T> {
        self.shot.id().and_then(question).map_err(|status| self.error(py, status))
    }

    fn find<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, BucketSnapshot>>> {
        let (py, bytes) = (name.py(), convert::name(name)?);
        match self.shot.id().and_then(|id| api::snapshot::bucket(id, &bytes)) {
            Ok(id) => BucketSnapshot::make(py, id, convert::canonical(name, &bytes)?).map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("snapshot of registry {}", self.label(py)))
    }

    fn label(&self, py: Python<'_>) -> String {
        let registry = self.registry.get();
        label(registry.text(py), registry.number())
    }
}

#[pymethods]
impl Snapshot {
    /// The revision of the registry that it shows.
    ///
    /// >>> registry.snapshot().revision == registry.revision
    /// True
    #[getter]
    fn revision(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, api::snapshot::revision)
    }

    /// Whether it was closed.
    ///
    /// >>> registry.snapshot().closed
    /// False
    #[getter]
    fn closed(&self) -> bool {
        self.shot.is_closed()
    }

    /// Give the bucket of this name as it was, or the default.
    ///
    /// >>> snapshot = registry.snapshot()
    /// >>> snapshot.get("shopping").get("eggs"), snapshot.get("nope")
    /// (12, None)
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.find(name)?.map(Bound::into_any).or(default))
    }

    /// Find the bucket that had this name: None if there was none. It may have exited since.
    ///
    /// >>> registry.snapshot().lookup("shopping") == shopping
    /// True
    fn lookup<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Bucket>>> {
        let (py, bytes) = (name.py(), convert::name(name)?);
        match self.shot.id().and_then(|id| api::snapshot::lookup(id, &bytes)) {
            Ok(id) => Bucket::make(self.registry.bind(py), id, convert::canonical(name, &bytes)?).map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Give the names, as a view.
    ///
    /// >>> list(registry.snapshot().keys())
    /// ['shopping']
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Keys)
    }

    /// Give the snapshots of the buckets, as a view.
    ///
    /// >>> [len(bucket) for bucket in registry.snapshot().values()]
    /// [2]
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Values)
    }

    /// Give the pairs of name and snapshot of the bucket, as a view.
    ///
    /// >>> {name: bucket.copy() for name, bucket in registry.snapshot().items()}
    /// {'shopping': {...}}
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Items)
    }

    /// Give a dict of all names and the snapshots of the buckets.
    ///
    /// >>> registry.snapshot().copy()["shopping"]["milk"]
    /// 1
    fn copy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (py, this, dict) = (slf.py(), slf.get(), PyDict::new(slf.py()));
        this.ask(py, Ok)?;
        Moment::Shot(this.shot.clone()).names(py, |name, _| {
            let text = convert::text(py, name)?;
            dict.set_item(&text, this.bucket(py, name, text.clone().unbind())?)?;
            Ok(true)
        })?;
        Ok(dict)
    }

    /// Give back the memory that it keeps; a second time does nothing. Any use from now on is a DeadError.
    ///
    /// What `snapshot[name]` gave is a snapshot of its own, and stays.
    ///
    /// >>> snapshot = registry.snapshot()
    /// >>> snapshot.close()
    /// >>> len(snapshot)
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

    fn __getitem__<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, BucketSnapshot>> {
        self.find(name)?.ok_or_else(|| errors::not_found(name))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (py, bytes) = (name.py(), convert::name(name)?);
        match self.shot.id().and_then(|id| api::snapshot::lookup(id, &bytes)) {
            Ok(_) => Ok(true),
            Err(Status(KVREG_NOT_FOUND)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, api::snapshot::count).map(|count| count as usize)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::walk(slf, View::Keys)
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if slf.is(other) {
            return Ok(PyBool::new(py, true).to_owned().into_any());
        }
        if other.cast::<PyMapping>().is_err() || other.is_instance_of::<Registry>() {
            return Ok(PyNotImplemented::get(py).to_owned().into_any());
        }
        let equal = other.len()? == slf.len()? && Self::copy(slf)?.eq(update::dict(other)?)?;
        Ok(PyBool::new(py, equal).to_owned().into_any())
    }

    /// Equal to a dict, and therefore without a hash, as a dict.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    const __hash__: Option<Py<PyAny>> = None;

    fn __repr__(&self, py: Python<'_>) -> String {
        let count = self.shot.id().and_then(api::snapshot::count);
        let state =
            match count.and_then(|count| Ok((count, self.shot.id().and_then(api::snapshot::revision)?))) {
                Ok((1, revision)) => format!("at revision {revision}, 1 bucket"),
                Ok((count, revision)) => format!("at revision {revision}, {count} buckets"),
                Err(_) => "closed".to_owned(),
            };
        format!("<kvreg.Snapshot of registry {} {state}>", self.label(py))
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Snapshot", "For its contents take copy() of its buckets."))
    }
}
