//! `kvreg.Supervisor`.

mod worker;

use crate::api::Status;
use crate::api::supervisor::{self as api, How, Options, Work};
use crate::errors::{self, invalid, type_name, wrong_type};
use crate::registry::handle;
use crate::types::*;
use crate::wait::wait;
use crate::{contents, guest, time};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyNotImplemented, PyString, PyTuple};
pub(crate) use worker::Worker;

const STRATEGIES: &[(&str, u32)] = &[
    ("one_for_one", KVREG_STRATEGY_ONE_FOR_ONE),
    ("one_for_all", KVREG_STRATEGY_ONE_FOR_ALL),
    ("rest_for_one", KVREG_STRATEGY_REST_FOR_ONE),
];
const RESTARTS: &[(&str, u32)] = &[
    ("permanent", KVREG_RESTART_PERMANENT),
    ("transient", KVREG_RESTART_TRANSIENT),
    ("temporary", KVREG_RESTART_TEMPORARY),
];
pub(crate) const STATES: &[(&str, u32)] = &[
    ("running", KVREG_STATE_RUNNING),
    ("ending", KVREG_STATE_ENDING),
    ("stopped", KVREG_STATE_STOPPED),
    ("failed", KVREG_STATE_FAILED),
];

/// A supervisor: it runs workers, Python functions on threads of kvreg's, and restarts those that fail.
///
/// As on the BEAM: its children have an order; `strategy` says which of them a failure concerns; beyond `max_restarts` in
/// `window` seconds it gives up, ends its children, and is a failure for its `parent`. The end of a `with`, and the end of
/// the process, stop it: its children are told to stop, the last first. There is no finaliser.
///
/// >>> import queue
/// >>> runs = queue.Queue()
/// >>> def till(worker):
/// ...     runs.put("begins")
/// ...     if worker.stats().restarts == 0:
/// ...         return 1                # or an exception: a failure, so that it is started again
/// ...     worker.wait()               # sleeps until it is told to stop
/// >>> with kvreg.Supervisor() as supervisor:
/// ...     worker = supervisor.add(till)
/// ...     runs.get(), runs.get()
/// ('begins', 'begins')
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct Supervisor {
    id: u64,
    /// Its end is this object's, or its parent's.
    root: bool,
}

#[pymethods]
impl Supervisor {
    #[new]
    #[pyo3(signature = (
        name="supervisor", *, strategy="one_for_one", max_restarts=3, window=None, parent=None, restart="permanent"
    ))]
    fn new(
        py: Python<'_>,
        name: &str,
        strategy: &str,
        max_restarts: u32,
        window: Option<&Bound<'_, PyAny>>,
        parent: Option<&Bound<'_, Supervisor>>,
        restart: &str,
    ) -> PyResult<Self> {
        let window = match window {
            None => 5000,
            window => time::milliseconds("window", window)?.cast_unsigned(), // for ever is a long time, too
        };
        let options = Options {
            name: name.as_bytes(),
            strategy: one_of(py, "strategy", STRATEGIES, strategy)?,
            max_restarts,
            window,
            parent: parent.map_or(0, |parent| parent.get().id),
            restart: one_of(py, "restart", RESTARTS, restart)?,
        };
        let id = py
            .detach(|| api::start(&options))
            .map_err(|status| errors::from_status(py, status, "a new supervisor"))?;
        let root = parent.is_none();
        if root {
            at_exit(py)?.call_method1("started", (id,))?;
        }
        Ok(Supervisor { id, root })
    }

    /// Make an object for the supervisor of this id, which came from another language.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     kvreg.Supervisor.from_id(supervisor.id) == supervisor
    /// True
    #[staticmethod]
    fn from_id(id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let supervisor = Supervisor { id: handle(id)?, root: false };
        api::stats(supervisor.id).map_err(|status| supervisor.error(id.py(), status))?;
        Ok(supervisor)
    }

    /// The number that stands for this supervisor in every language of the process. It is never given to another.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     supervisor.id > 0
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// Add a worker behind the children that there are, and start it: `function(worker)` is called once for each start, on
    /// a thread of its own.
    ///
    /// An exception, or an int that is not 0, is a failure; whatever else it returns is its normal end. Exceptions go to
    /// `sys.unraisablehook`.
    /// "permanent" workers are restarted whenever they end, "transient" ones when they fail, "temporary" ones never. The
    /// function shall return soon after `worker.wait()` says so: after `timeout` seconds (None: never) the worker is left
    /// behind, since a thread cannot be killed.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     worker = supervisor.add(lambda worker: worker.wait(), name="sleeper", restart="transient")
    /// ...     worker.name, supervisor.children() == [worker]
    /// ('sleeper', True)
    #[pyo3(signature = (function, *, name="worker", restart="permanent", timeout=Time::Default))]
    fn add(
        &self,
        py: Python<'_>,
        function: &Bound<'_, PyAny>,
        name: &str,
        restart: &str,
        timeout: Time<'_>,
    ) -> PyResult<Worker> {
        if !function.is_callable() {
            return Err(wrong_type(
                py,
                format!("a worker needs something callable, not {}", type_name(function)),
            ));
        }
        let timeout = match timeout {
            Time::Default => 5000,
            Time::Given(time) => time::milliseconds("timeout", time.as_ref())?,
        };
        let how = How { name: name.as_bytes(), restart: one_of(py, "restart", RESTARTS, restart)?, timeout };
        let job = Box::new(Job(Some(function.clone().unbind())));
        let id = py.detach(|| api::add(self.id, &how, job)).map_err(|status| self.error(py, status))?;
        Ok(Worker { id })
    }

    /// Its children, in their order: workers and supervisors.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     below = kvreg.Supervisor(parent=supervisor)
    /// ...     supervisor.children() == [below]
    /// True
    fn children<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for id in api::children(self.id).map_err(|status| self.error(py, status))? {
            match api::worker_stats(id) {
                Err(Status(KVREG_BAD_HANDLE)) => list.append(Supervisor { id, root: false })?,
                _ => list.append(Worker { id })?,
            }
        }
        Ok(list)
    }

    /// Tell how it stands: a `kvreg.SupervisorStats`.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     supervisor.stats().state
    /// 'running'
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = api::stats(self.id).map_err(|status| self.error(py, status))?;
        class(py, "SupervisorStats")?.call1((
            name_of(STATES, info.state),
            name_of(STRATEGIES, info.strategy),
            info.children,
            info.running,
            info.left_behind,
            info.restarts,
        ))
    }

    /// Show the tree below it, for people.
    ///
    /// >>> with kvreg.Supervisor("shop") as supervisor:
    /// ...     print(supervisor.describe(), end="")
    /// supervisor shop: running, one_for_one, 0 of 0 run, restarts 0
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text(py, |buffer| api::describe(self.id, buffer)).map_err(|status| self.error(py, status))
    }

    /// Wait until it has ended for good: "stopped", or "failed" if it gave up (`describe()` says why). What its parent
    /// restarts has not.
    ///
    /// `timeout` is in seconds; None waits for ever, after which is a TimedOutError. From one of its workers that is a
    /// DeadlockError.
    ///
    /// >>> supervisor = kvreg.Supervisor(max_restarts=0)
    /// >>> worker = supervisor.add(lambda worker: 1)
    /// >>> supervisor.wait()
    /// 'failed'
    /// >>> supervisor.stop()
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<&'static str> {
        let timeout = time::milliseconds("timeout", timeout)?;
        match wait(py, timeout, |ms| api::wait(self.id, ms))? {
            Ok(Some(state)) => Ok(name_of(STATES, state)),
            Ok(None) => Err(self.error(py, Status(KVREG_TIMED_OUT))),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// End it: its children are told to stop, the last first, and each is waited for. A TimedOutError says that workers
    /// were left behind; the supervisor has ended nevertheless.
    ///
    /// >>> supervisor = kvreg.Supervisor()
    /// >>> supervisor.stop()
    /// >>> supervisor.stats()
    /// Traceback (most recent call last):
    /// kvreg.StoppedError: ...
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        let stopped = py.detach(|| api::stop(self.id));
        if self.root && !matches!(stopped, Err(Status(KVREG_DEADLOCK | KVREG_FORKED))) {
            at_exit(py)?.call_method1("stopped", (self.id,))?;
        }
        stopped.map_err(|status| self.error(py, status))
    }

    /// Give this object.
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Stop it, if it was not stopped before.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        match api::stats(self.id) {
            // The child of a fork holds a copy of what its parent owns, and leaves it alone.
            Err(Status(KVREG_STOPPED | KVREG_FORKED)) => Ok(()),
            _ => self.stop(py),
        }
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match other.cast_exact::<Supervisor>() {
            Ok(other) => Ok((self.id == other.get().id).into_pyobject(other.py())?.to_owned().into_any()),
            Err(_) => Ok(PyNotImplemented::get(other.py()).to_owned().into_any()),
        }
    }

    fn __hash__(&self) -> u64 {
        self.id
    }

    fn __repr__(&self) -> String {
        let state = api::stats(self.id).map_or("stopped", |info| name_of(STATES, info.state));
        format!("<kvreg.Supervisor #{} {state}>", self.id)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Supervisor", "Its id is one, within this process."))
    }
}

impl Supervisor {
    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("supervisor #{}", self.id))
    }
}

/// What a caller may leave out, where None means something.
pub(crate) enum Time<'py> {
    Default,
    Given(Option<Bound<'py, PyAny>>),
}

impl<'py> FromPyObject<'_, 'py> for Time<'py> {
    type Error = PyErr;
    fn extract(time: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Time::Given((!time.is_none()).then(|| time.to_owned())))
    }
}

/// A worker's function. None when it was given back.
struct Job(Option<Py<PyAny>>);

impl Work for Job {
    fn run(&self, worker: u64) -> i32 {
        // An interpreter that is ending lets no thread in any more: then there is nothing to do.
        Python::try_attach(|py| self.call(py, worker)).unwrap_or(0)
    }
}

impl Job {
    fn call(&self, py: Python<'_>, worker: u64) -> i32 {
        let Some(function) = &self.0 else { return 0 };
        let function = function.bind(py);
        let result = Bound::new(py, Worker { id: worker })
            .and_then(|worker| PyTuple::new(py, [worker]))
            .and_then(|args| guest::call(function, &args));
        match result {
            Ok(result) => {
                let status = status(&result);
                guest::release(result);
                status
            }
            Err(error) => {
                guest::report(error, function);
                KVREG_FAILED
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let Some(function) = self.0.take() else { return };
        let function = std::mem::ManuallyDrop::new(function);
        // With an interpreter that is ending, it stays.
        let _ = Python::try_attach(|py| {
            guest::release(std::mem::ManuallyDrop::into_inner(function).into_bound(py));
        });
    }
}

/// What a worker's function gave, as a status: only a number says that it failed.
fn status(result: &Bound<'_, PyAny>) -> i32 {
    if result.is_instance_of::<PyBool>() || !result.is_instance_of::<PyInt>() {
        return 0;
    }
    result.extract().unwrap_or(KVREG_FAILED) // one that is too large is no zero, either
}

fn at_exit(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    PyModule::import(py, "kvreg._supervisor")
}

pub(crate) fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    PyModule::import(py, "kvreg._stats")?.getattr(name)
}

fn one_of(py: Python<'_>, noun: &str, names: &[(&str, u32)], given: &str) -> PyResult<u32> {
    names.iter().find(|(name, _)| *name == given).map(|&(_, number)| number).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(name, _)| format!("'{name}'")).collect();
        invalid(py, format!("{noun} must be one of {}", names.join(", ")))
    })
}

pub(crate) fn name_of(names: &[(&'static str, u32)], number: u32) -> &'static str {
    names.iter().find(|(_, other)| *other == number).map_or("unknown", |(name, _)| name)
}

/// Text that the core writes.
pub(crate) fn text<'py>(
    py: Python<'py>,
    ask: impl Fn(&mut [std::mem::MaybeUninit<u8>]) -> Result<u64, Status> + Send + Sync,
) -> Result<Bound<'py, PyString>, Status> {
    let bytes = py.detach(|| contents::fill(1000, ask))?;
    Ok(PyString::new(py, &String::from_utf8_lossy(&bytes)))
}
