//! `kvreg.Registry`.

mod create;
mod directory;
mod events;
mod load;
mod many;
mod stats;

use crate::api::{self, Status};
use crate::bucket::Bucket;
use crate::shot::Moment;
use crate::types::*;
use crate::walk::{Source, View, Walk, view};
use crate::{contents, convert, errors, time};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyNotImplemented, PyString, PyTuple};
use std::borrow::Cow;

/// A table of names, each of which leads to a bucket. It is a `Mapping[str, Bucket]`.
///
/// `Registry()` starts a registry without a name. `Registry("name")` starts one that every language in this process
/// finds under that name; if it is running already, the new object joins it.
///
/// A registry runs until somebody stops it. In a `with` statement it is stopped at the end, but only by the object
/// that started it: one that joined leaves it running. There is no finaliser. Equality and hash are those of the `id`.
///
/// `history` says how many events are remembered for subscriptions that begin in the past (`subscribe(after=...)`): by
/// default 1,024, but only from the first subscription on. If the registry runs already, its own options count.
///
/// Should one of its threads die, of a defect inside kvreg, it is started anew, but not more often than `max_restarts` in
/// `restart_window` seconds (3 in 5 s): then the registry makes no more changes to its table, and reads go on.
///
/// `busy_timeout` says for how many seconds a change to a bucket waits while an update function or a commit in another
/// thread has that bucket: then it raises TimedOutError, and has changed nothing. None: for ever.
///
/// >>> with kvreg.Registry("sessions") as mine, kvreg.Registry("sessions") as joined:
/// ...     bucket = mine.create("ada")
/// ...     joined == mine, joined["ada"] == bucket, list(joined)
/// (True, True, ['ada'])
#[pyclass(frozen, mapping, weakref, module = "kvreg")]
pub(crate) struct Registry {
    id: u64,
    name: Option<Py<PyString>>,
    /// By this object, which therefore is the one that stops it.
    started: bool,
}

#[pymethods]
impl Registry {
    #[new]
    #[pyo3(signature = (name=None, *, history=None, max_restarts=3, restart_window=None, busy_timeout=None))]
    fn new(
        py: Python<'_>,
        name: Option<&Bound<'_, PyAny>>,
        history: Option<&Bound<'_, PyAny>>,
        max_restarts: u32,
        restart_window: Option<&Bound<'_, PyAny>>,
        busy_timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let window = match restart_window {
            None => 5000,
            window => time::milliseconds("restart_window", window)?.cast_unsigned(),
        };
        let busy = time::milliseconds("busy_timeout", busy_timeout)?;
        let history = history.map_or(Ok(0), |count| convert::positive("a history", count))?;
        let bytes = name.map(convert::name).transpose()?;
        let known =
            name.zip(bytes.as_ref()).map(|(name, bytes)| convert::canonical(name, bytes)).transpose()?;
        let (id, started) = py
            .detach(|| api::start(bytes.as_deref(), history, max_restarts, window, busy))
            .map_err(|status| errors::from_status(py, status, "a new registry"))?;
        Ok(Registry { id, name: known, started })
    }

    /// Make an object for the registry of this id, which came from another language.
    ///
    /// It does not stop the registry at the end of a `with`.
    ///
    /// >>> kvreg.Registry.from_id(registry.id) == registry
    /// True
    #[staticmethod]
    fn from_id(id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let registry = Registry { id: handle(id)?, name: None, started: false };
        registry.ask(id.py(), api::registry_count).map(|_| registry)
    }

    /// Find the registry that runs under this process-wide name: None if there is none. Starts nothing, and stops nothing at
    /// the end of a `with`.
    ///
    /// >>> with kvreg.Registry("sessions") as mine:
    /// ...     kvreg.Registry.find("sessions") == mine, kvreg.Registry.find("nope")
    /// (True, None)
    #[staticmethod]
    fn find(name: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let (py, bytes) = (name.py(), convert::name(name)?);
        match py.detach(|| api::find(&bytes)) {
            Ok(id) => {
                Ok(Some(Registry { id, name: Some(convert::canonical(name, &bytes)?), started: false }))
            }
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(errors::from_status(py, status, "a registry that has a name")),
        }
    }

    /// The number that stands for this registry in every language of the process. It is never given to another.
    ///
    /// >>> registry.id == kvreg.Registry.from_id(registry.id).id
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The process-wide name, or None.
    ///
    /// >>> print(registry.name)
    /// None
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        if let Some(known) = self.text(py) {
            return Ok(Some(known.clone()));
        }
        match py.detach(|| contents::registry_name(self.id)) {
            Ok(name) => convert::text(py, &name).map(Some),
            // It has none, or cannot say any more: only who joined it by its name knew it.
            Err(Status(KVREG_NOT_FOUND | KVREG_STOPPED | KVREG_FORKED)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Whether this object started the registry, and so is the one that stops it at the end of a `with`. False if it
    /// joined one that ran under its name.
    ///
    /// >>> with kvreg.Registry("sessions") as mine, kvreg.Registry("sessions") as joined:
    /// ...     mine.started, joined.started
    /// (True, False)
    #[getter]
    fn started(&self) -> bool {
        self.started
    }

    /// The number of changes (creates and exits) that the table has seen.
    ///
    /// >>> before = registry.revision
    /// >>> bucket = registry.create("another")
    /// >>> registry.revision - before
    /// 1
    #[getter]
    fn revision(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, api::registry_revision)
    }

    /// Find the bucket of this name: None if there is none. Waits for nobody.
    ///
    /// >>> registry.lookup("shopping").name, registry.lookup("nope")
    /// ('shopping', None)
    fn lookup<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Bucket>>> {
        let (this, bytes) = (slf.get(), convert::name(name)?);
        match api::lookup(this.id, &bytes) {
            Ok(id) => Bucket::make(slf, id, convert::canonical(name, &bytes)?).map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(this.error(slf.py(), status)),
        }
    }

    /// As `lookup`, with a default.
    ///
    /// >>> registry.get("nope", "nothing")
    /// 'nothing'
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(Self::lookup(slf, name)?.map(Bound::into_any).or(default))
    }

    /// Give the names, as a view: a set that follows the changes. One iteration shows one moment.
    ///
    /// >>> "shopping" in registry.keys()
    /// True
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Keys)
    }

    /// Give the buckets, as a view. One iteration shows one moment.
    ///
    /// >>> [bucket.name for bucket in registry.values()]
    /// ['shopping']
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Values)
    }

    /// Give the pairs of name and bucket, as a view. One iteration shows one moment.
    ///
    /// >>> [(name, len(bucket)) for name, bucket in registry.items()]
    /// [('shopping', 2)]
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view(slf.as_any(), View::Items)
    }

    /// Give a dict of all names and buckets, as they are at one moment.
    ///
    /// >>> sorted(registry.copy())
    /// ['shopping']
    fn copy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (py, dict) = (slf.py(), PyDict::new(slf.py()));
        slf.get().moment(py)?.names(py, |name, id| {
            let name = convert::text(py, name)?;
            dict.set_item(&name, Bucket::make(slf, id, name.clone().unbind())?).map(|()| true)
        })?;
        Ok(dict)
    }

    /// Stop the registry: every bucket exits. From then on it raises `StoppedError`, and its buckets `DeadError`.
    ///
    /// Other threads run while it waits for the registry's thread to end.
    ///
    /// >>> registry.stop()
    /// >>> registry.create("shopping")
    /// Traceback (most recent call last):
    /// kvreg.StoppedError: ...
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| api::stop(self.id)).map_err(|status| self.error(py, status))
    }

    /// Tell how it stands: a `kvreg.RegistryStats`.
    ///
    /// >>> registry.stats().state, registry.stats().names
    /// ('running', 1)
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        stats::stats(py, self.id)?.map_err(|status| self.error(py, status))
    }

    /// Tell the same as text: a line `name value` for each figure, in an order that stays, then one about each handler of
    /// another language and each subscription, by their ids.
    ///
    /// >>> registry.describe().splitlines()[:2]
    /// ['state running', 'names 1']
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        stats::describe(py, self.id).map_err(|status| self.error(py, status))
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Bucket>> {
        Self::lookup(slf, name)?.ok_or_else(|| errors::not_found(name))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        match api::lookup(self.id, &convert::name(name)?) {
            Ok(_) => Ok(true),
            Err(Status(KVREG_NOT_FOUND)) => Ok(false),
            Err(status) => Err(self.error(name.py(), status)),
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, api::registry_count).map(|count| count as usize)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::walk(slf, View::Keys)
    }

    /// Give this object.
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Stop the registry if this object started it and it runs.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        if !self.started {
            return Ok(());
        }
        match py.detach(|| api::stop(self.id)) {
            // The child of a fork holds a copy of what its parent owns, and leaves it alone.
            Ok(()) | Err(Status(KVREG_STOPPED | KVREG_FORKED)) => Ok(()),
            Err(status) => Err(self.error(py, status)),
        }
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match other.cast_exact::<Registry>() {
            Ok(other) => Ok((self.id == other.get().id).into_pyobject(other.py())?.to_owned().into_any()),
            Err(_) => Ok(PyNotImplemented::get(other.py()).to_owned().into_any()),
        }
    }

    fn __hash__(&self) -> u64 {
        self.id
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let state = match api::registry_count(self.id) {
            Ok(1) => "running, 1 bucket".to_owned(),
            Ok(count) => format!("running, {count} buckets"),
            Err(_) => "stopped".to_owned(),
        };
        Ok(format!("<kvreg.Registry {} {state}>", self.label(py)))
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(
            py,
            "Registry",
            "Give it a name, and open it with kvreg.Registry(name) over there.",
        ))
    }
}

impl Registry {
    /// An object for a registry that runs or ran, made without asking.
    pub(crate) fn known(py: Python<'_>, id: u64) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, Registry { id, name: None, started: false })
    }

    pub(crate) fn number(&self) -> u64 {
        self.id
    }

    /// Its process-wide name.
    pub(crate) fn text<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyString>> {
        self.name.as_ref().map(|name| name.bind(py))
    }

    /// Iterates over names and buckets as they are now.
    pub(crate) fn walk<'py>(slf: &Bound<'py, Self>, view: View) -> PyResult<Bound<'py, PyAny>> {
        let moment = slf.get().moment(slf.py())?;
        Walk::over(slf.py(), moment, view, Source::Buckets(slf.clone().unbind()))
    }

    fn moment(&self, py: Python<'_>) -> PyResult<Moment> {
        Moment::of_registry(py, self.id).map_err(|status| self.error(py, status))
    }

    pub(crate) fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("registry {}", self.label(py)))
    }

    fn ask(&self, py: Python<'_>, question: fn(u64) -> Result<u64, Status>) -> PyResult<u64> {
        question(self.id).map_err(|status| self.error(py, status))
    }

    fn label(&self, py: Python<'_>) -> String {
        label(self.text(py), self.id)
    }
}

/// How a message names a registry or bucket: `'shopping' #7`.
pub(crate) fn label(name: Option<&Bound<'_, PyString>>, id: u64) -> String {
    let quoted = name.and_then(|name| name.repr().ok());
    let quoted = quoted.as_ref().map_or(Cow::Borrowed(""), |text| text.to_string_lossy());
    format!("{quoted}{}#{id}", if quoted.is_empty() { "" } else { " " })
}

/// An id from Python. A number that can be none is the core's to judge, and 0 never is one.
pub(crate) fn handle(id: &Bound<'_, PyAny>) -> PyResult<u64> {
    match id.cast::<pyo3::types::PyInt>() {
        Ok(number) => Ok(number.extract().unwrap_or(0)),
        Err(_) => {
            Err(errors::wrong_type(id.py(), format!("an id must be int, not {}", errors::type_name(id))))
        }
    }
}
