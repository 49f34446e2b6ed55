//! `kvreg.Worker`.

use super::{RESTARTS, STATES, class, name_of, text};
use crate::api::Status;
use crate::api::supervisor as api;
use crate::registry::handle;
use crate::types::*;
use crate::wait::wait;
use crate::{errors, time};
use pyo3::prelude::*;
use pyo3::types::{PyNotImplemented, PyString};

/// A worker of a supervisor: see `Supervisor.add`. Equality and hash are those of the `id`.
///
/// >>> with kvreg.Supervisor() as supervisor:
/// ...     supervisor.add(lambda worker: worker.wait()).alive
/// True
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct Worker {
    pub(super) id: u64,
}

#[pymethods]
impl Worker {
    /// Make an object for the worker of this id, which came from another language.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     worker = supervisor.add(lambda worker: worker.wait())
    /// ...     kvreg.Worker.from_id(worker.id) == worker
    /// True
    #[staticmethod]
    fn from_id(id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let worker = Worker { id: handle(id)? };
        api::worker_stats(worker.id).map_err(|status| worker.error(id.py(), status))?;
        Ok(worker)
    }

    /// The number that stands for this worker in every language of the process. It is never given to another.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     supervisor.add(lambda worker: worker.wait()).id > 0
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// Its name.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     supervisor.add(lambda worker: worker.wait(), name="till").name
    /// 'till'
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text(py, |buffer| api::worker_name(self.id, buffer)).map_err(|status| self.error(py, status))
    }

    /// Whether its supervisor has it: it runs, or will.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     worker = supervisor.add(lambda worker: worker.wait())
    /// >>> worker.alive
    /// False
    #[getter]
    fn alive(&self, py: Python<'_>) -> PyResult<bool> {
        match api::worker_stats(self.id) {
            Ok(_) => Ok(true),
            Err(Status(KVREG_DEAD)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// For the worker: sleep for `timeout` seconds (None: for ever), but no longer than until it shall stop. Whether it
    /// shall: `while not worker.wait(1.0): ...`.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     worker = supervisor.add(lambda worker: worker.wait())
    /// ...     worker.wait(0)
    /// False
    /// >>> worker.wait()
    /// True
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let timeout = time::milliseconds("timeout", timeout)?;
        match wait(py, timeout, |ms| api::worker_wait(self.id, ms))? {
            Ok(told) => Ok(told.is_some()),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// End it for good: it is told to stop, waited for, and not started again. A TimedOutError says that it has not ended
    /// in `timeout` seconds (None: wait for ever); it stays told, and the call can be made again. From itself it returns
    /// at once.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     worker = supervisor.add(lambda worker: worker.wait())
    /// ...     worker.stop()
    /// ...     supervisor.children()
    /// []
    #[pyo3(signature = (timeout=None))]
    fn stop(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let timeout = time::milliseconds("timeout", timeout)?;
        match wait(py, timeout, |ms| api::worker_stop(self.id, ms))? {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(self.error(py, Status(KVREG_TIMED_OUT))),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Tell how it stands: a `kvreg.WorkerStats`.
    ///
    /// >>> with kvreg.Supervisor() as supervisor:
    /// ...     supervisor.add(lambda worker: worker.wait()).stats()
    /// WorkerStats(state='running', restart='permanent', restarts=0, status=0)
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = api::worker_stats(self.id).map_err(|status| self.error(py, status))?;
        let (state, restart) = (name_of(STATES, info.state), name_of(RESTARTS, info.restart));
        class(py, "WorkerStats")?.call1((state, restart, info.restarts, info.status))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match other.cast_exact::<Worker>() {
            Ok(other) => Ok((self.id == other.get().id).into_pyobject(other.py())?.to_owned().into_any()),
            Err(_) => Ok(PyNotImplemented::get(other.py()).to_owned().into_any()),
        }
    }

    fn __hash__(&self) -> u64 {
        self.id
    }

    fn __repr__(&self) -> String {
        let state = api::worker_stats(self.id).map_or("over", |info| name_of(STATES, info.state));
        format!("<kvreg.Worker #{} {state}>", self.id)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Worker", "Its id is one, within this process."))
    }
}

impl Worker {
    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("worker #{}", self.id))
    }
}
