//! `kvreg.Bucket`.

mod access;
mod change;
mod events;
pub(crate) mod get;
mod owner;
mod time;
mod update;

use crate::api::{self, Status};
use crate::convert::{self, Maybe};
use crate::registry::{Registry, handle, label};
use crate::snapshot::BucketSnapshot;
use crate::types::{KVREG_ACCESS_DENIED, KVREG_DEAD};
use crate::walk::{View, view};
use crate::{contents, errors, turn};
use access::Wins;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyNotImplemented, PyString};

/// A named map from key to value, with a life. It is a `MutableMapping[str, Value]`.
///
/// A value is None, bool, int (64 bits), float, str or bytes; it is copied into the core, and out again. Keys are str;
/// bytes are accepted as the same key. Buckets come from `Registry.create` and `Registry.lookup`.
///
/// What any thread of any language puts is seen at once by all, and each method changes a key in one step: no other
/// change comes between. One iteration, `copy()` and `==` show one moment, while others write; but `dict(bucket)` and
/// `**bucket` look up key after key: where others delete, take `copy()` or `snapshot()`. An object is a handle: many may stand for one bucket. They are equal, as are mappings with
/// equal items; therefore buckets have no hash (use `id`). Handles of one bucket that allow different things (see
/// `Registry.create`) have different ids: `same` tells whether two are one bucket's.
///
/// After its exit, all but `alive`, `name`, `id`, `registry`, `==` and `repr` raises `DeadError`.
///
/// >>> shopping == {"milk": 1, "eggs": 12}
/// True
#[pyclass(frozen, mapping, weakref, generic, module = "kvreg")]
pub(crate) struct Bucket {
    id: u64,
    name: Py<PyString>,
    registry: Py<Registry>,
}

#[pymethods]
impl Bucket {
    /// Make an object for the bucket of this id, which came from another language.
    ///
    /// >>> kvreg.Bucket.from_id(shopping.id)["eggs"]
    /// 12
    #[staticmethod]
    fn from_id<'py>(id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let (py, id) = (id.py(), handle(id)?);
        let error = |status| errors::from_status(py, status, format_args!("bucket #{id}"));
        let name = contents::bucket_name(id).map_err(error)?;
        let registry = Registry::known(py, api::registry_of(id).map_err(error)?)?;
        Bucket::make(&registry, id, convert::text(py, &name)?.unbind())
    }

    /// The number that stands for this bucket in every language of the process. It is never given to another.
    ///
    /// >>> shopping.id == registry["shopping"].id
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The name that it was created with.
    ///
    /// >>> shopping.name
    /// 'shopping'
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        self.name.bind(py)
    }

    /// The registry that it belongs to.
    ///
    /// >>> shopping.registry == registry
    /// True
    #[getter]
    fn registry<'py>(&self, py: Python<'py>) -> &Bound<'py, Registry> {
        self.registry.bind(py)
    }

    /// Whether it lives. A bucket that exited never comes back; its name may lead to another one.
    ///
    /// >>> shopping.alive
    /// True
    #[getter]
    fn alive(&self, py: Python<'_>) -> PyResult<bool> {
        match api::check(self.id) {
            Ok(()) => Ok(true),
            Err(Status(KVREG_DEAD)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// The number of changes that it has seen. A `clear`, a batch and a `put_many` are one change each.
    ///
    /// >>> before = shopping.revision
    /// >>> shopping.put("milk", 2)
    /// >>> shopping.revision - before
    /// 1
    #[getter]
    fn revision(&self, py: Python<'_>) -> PyResult<u64> {
        api::revision(self.id).map_err(|status| self.error(py, status))
    }

    /// Put a value under a key; the same as `bucket[key] = value`.
    ///
    /// With `ttl`, seconds or a timedelta, for a time: when it has passed, the key is deleted, without any call. See
    /// `expire_key` for what ends that time and what keeps it.
    ///
    /// It may wait for another change of this bucket. Other Python threads run meanwhile if that can last.
    ///
    /// >>> shopping.put("milk", 1)
    /// >>> shopping.put("offer", "two for one", ttl=3600)
    #[pyo3(signature = (key, value, *, ttl=None))]
    fn put(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        if ttl.is_some() {
            return self.put_for(key, value, ttl);
        }
        let (py, key, value) = (key.py(), convert::key(key)?, convert::value(value)?);
        turn::change(py, || api::put(self.id, &key, value)).map_err(|status| self.error(py, status))
    }

    /// Give the value of a key, or the default. Waits for nobody.
    ///
    /// >>> shopping.get("milk"), shopping.get("tea"), shopping.get("tea", 0)
    /// (1, None, 0)
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.find(key)?.or(default))
    }

    /// Give the keys, as a view: a set that follows the changes. One iteration shows one moment.
    ///
    /// >>> shopping.keys() & {"eggs", "tea"}
    /// {'eggs'}
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Keys)
    }

    /// Give the values, as a view. One iteration shows one moment.
    ///
    /// >>> sum(shopping.values())
    /// 13
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Values)
    }

    /// Give the pairs of key and value, as a view. One iteration shows one moment.
    ///
    /// >>> sorted(shopping.items())
    /// [('eggs', 12), ('milk', 1)]
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Items)
    }

    /// Give a dict of all keys and values, as they are at one moment.
    ///
    /// >>> shopping.copy()["eggs"]
    /// 12
    pub(crate) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.moment(py)?.dict(py)
    }

    /// Take a snapshot: all keys and values, as they are at one moment. A `kvreg.BucketSnapshot`.
    ///
    /// >>> with shopping.snapshot() as before:
    /// ...     shopping["milk"] = 7
    /// ...     before["milk"], shopping["milk"]
    /// (1, 7)
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, BucketSnapshot>> {
        let taken = py.detach(|| api::snapshot::of_bucket(self.id));
        let id = taken.map_err(|status| self.error(py, status))?;
        BucketSnapshot::make(py, id, self.name.clone_ref(py))
    }

    /// End the bucket. The reason is "normal", "shutdown", "killed" or "crash".
    ///
    /// When the call returns, no lookup in any thread gives it. Other threads run while it waits for its turn.
    ///
    /// >>> shopping.stop("killed")
    /// >>> "shopping" in registry, shopping.alive
    /// (False, False)
    #[pyo3(signature = (reason=Maybe::Missing), text_signature = "($self, reason='normal')")]
    fn stop(&self, py: Python<'_>, reason: Maybe<'_>) -> PyResult<()> {
        let reason = access::reason(py, reason)?;
        py.detach(|| api::bucket_stop(self.id, reason)).map_err(|status| self.error(py, status))
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.find(key)?.ok_or_else(|| errors::not_found(key))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.put(key, value, None)
    }

    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.remove(key.py(), &convert::key(key)?)? { Ok(()) } else { Err(errors::not_found(key)) }
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        api::contains(self.id, &convert::key(key)?).map_err(|status| self.error(key.py(), status))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        api::count(self.id).map(|count| count as usize).map_err(|status| self.error(py, status))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.walk(py, View::Keys)
    }

    fn __or__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.merged(other, Wins::Other)
    }

    fn __ror__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.merged(other, Wins::Own)
    }

    fn __ior__(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        self.put_all(other)
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        let equal = self.equals(other)?.map(|equal| PyBool::new(py, equal).to_owned().into_any());
        Ok(equal.unwrap_or_else(|| PyNotImplemented::get(py).to_owned().into_any()))
    }

    /// Buckets with equal items are equal, and items change.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    const __hash__: Option<Py<PyAny>> = None;

    fn __repr__(&self, py: Python<'_>) -> String {
        let state = match api::count(self.id) {
            Err(Status(KVREG_ACCESS_DENIED)) => "alive, private".to_owned(),
            Ok(1) => "alive, 1 key".to_owned(),
            Ok(count) => format!("alive, {count} keys"),
            Err(_) => "dead".to_owned(),
        };
        format!("<kvreg.Bucket {} {state}>", label(Some(self.name.bind(py)), self.id))
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        let instead =
            "For its contents take bucket.copy(); for the bucket itself, its name in a named registry.";
        Err(errors::not_a_value(py, "Bucket", instead))
    }
}
