//! `kvreg.Bucket`.

mod access;

use crate::api::{self, Status};
use crate::convert::{self, Maybe};
use crate::registry::{Registry, View, handle, label, view};
use crate::types::KVREG_DEAD;
use crate::{contents, errors, update};
use access::{Item, Wins};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyIterator, PyList, PyNotImplemented, PyString};

/// A named map from key to value, with a life. It is a `MutableMapping[str, Value]`.
///
/// A value is None, bool, int (64 bits), float, str or bytes; it is copied into the core, and out again. Keys are str;
/// bytes are accepted as the same key. Buckets come from `Registry.create` and `Registry.lookup`.
///
/// What any thread of any language puts is seen at once by all. One iteration, `copy()` and `==` show one moment,
/// while others write. An object is a handle: many may stand for one bucket. They are equal, as are mappings with
/// equal items; therefore buckets have no hash (use `id`).
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

    /// The number of changes (puts and deletes) that it has seen.
    ///
    /// >>> shopping.put("milk", 2)
    /// >>> shopping.revision
    /// 3
    #[getter]
    fn revision(&self, py: Python<'_>) -> PyResult<u64> {
        api::revision(self.id).map_err(|status| self.error(py, status))
    }

    /// Put a value under a key; the same as `bucket[key] = value`.
    ///
    /// It does not let other Python threads run: it waits for a writer of this bucket at most, never for Python.
    ///
    /// >>> shopping.put("milk", 1)
    fn put(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let done = api::put(self.id, &convert::key(key)?, convert::value(value)?);
        done.map_err(|status| self.error(key.py(), status))
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

    /// Give the value of a key; if there is none, put the default and give that.
    ///
    /// No other Python thread comes between (unless the interpreter runs without a GIL); other languages may.
    ///
    /// >>> shopping.setdefault("milk", 7), shopping.setdefault("tea", 7)
    /// (1, 7)
    #[pyo3(signature = (key, default=None))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(value) = self.find(key)? {
            return Ok(value);
        }
        let default = default.unwrap_or_else(|| key.py().None().into_bound(key.py()));
        self.put(key, &default)?;
        Ok(default)
    }

    /// Delete a key and give its value; if there is none, give the default or raise KeyError.
    ///
    /// Of several callers only one gets the key. For what may come between, see `setdefault`.
    ///
    /// >>> shopping.pop("milk"), shopping.pop("milk", None)
    /// (1, None)
    #[pyo3(signature = (key, default=Maybe::Missing))]
    fn pop<'py>(&self, key: &Bound<'py, PyAny>, default: Maybe<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(value) = self.find(key)?
            && self.remove(key.py(), &convert::key(key)?)?
        {
            return Ok(value);
        }
        match default {
            Maybe::Given(default) => Ok(default),
            Maybe::Missing => Err(errors::not_found(key)),
        }
    }

    /// Delete any one key, and give it with its value; KeyError if there is none. Costs a look at all keys.
    ///
    /// >>> key, value = shopping.popitem()
    /// >>> key in shopping
    /// False
    fn popitem<'py>(&self, py: Python<'py>) -> PyResult<Item<'py>> {
        self.take_any(py)?
            .ok_or_else(|| errors::not_found(&PyString::new(py, "popitem(): the bucket is empty")))
    }

    /// Put all items of a mapping or of an iterable of pairs, then those given by keyword; one after the other.
    ///
    /// >>> shopping.update({"milk": 2}, bread=1)
    /// >>> sorted(shopping.items())
    /// [('bread', 1), ('eggs', 12), ('milk', 2)]
    #[pyo3(signature = (other=Maybe::Missing, /, **items))]
    fn update<'py>(&self, other: Maybe<'py>, items: Option<&Bound<'py, PyDict>>) -> PyResult<()> {
        if let Maybe::Given(other) = other {
            update::each_item(&other, |key, value| self.put(key, value))?;
        }
        items.map_or(Ok(()), |items| update::each_item(items, |key, value| self.put(key, value)))
    }

    /// Delete all keys that are there now, one after the other.
    ///
    /// >>> shopping.clear(); len(shopping)
    /// 0
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.dump(py)?.items(|key, _| self.remove(py, key).map(|_| true))
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
        contents::dict(py, &self.dump(py)?)
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
        self.put(key, value)
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

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let keys = PyList::empty(py);
        self.dump(py)?.items(|key, _| keys.append(convert::text(py, key)?).map(|()| true))?;
        keys.try_iter()
    }

    fn __or__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.merged(other, Wins::Other)
    }

    fn __ror__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.merged(other, Wins::Own)
    }

    fn __ior__(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        update::each_item(other, |key, value| self.put(key, value))
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
