//! The log in Python: records wait in a queue of the module's until a thread of Python's takes them. So no thread of the
//! core ever waits for the GIL to say something, and the function may do what it likes.

use crate::api::supervisor::{self as api, Log};
use crate::errors;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// So many records wait at most; then the oldest are dropped, and the next one says how many.
const CAPACITY: usize = 1024;

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    records: VecDeque<(u32, String)>,
    dropped: u64,
    closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a record; None if there will be none.
    fn next(&self) -> Option<(u32, String)> {
        let mut state = self.state();
        loop {
            let dropped = std::mem::take(&mut state.dropped);
            if dropped != 0 {
                return Some((2, format!("{dropped} records of the log were dropped")));
            }
            match state.records.pop_front() {
                None if state.closed => return None,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                record => return record,
            }
        }
    }
}

/// What the core has.
struct Sink(Arc<Queue>);

impl Log for Sink {
    fn write(&self, level: u32, text: &[u8]) {
        let mut state = self.0.state();
        if state.closed {
            return;
        }
        if state.records.len() == CAPACITY {
            state.records.pop_front();
            state.dropped += 1;
        }
        state.records.push_back((level, String::from_utf8_lossy(text).into_owned()));
        drop(state);
        self.0.changed.notify_one();
    }
}

const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// The process' log, for `kvreg/_log.py`.
#[pyclass(frozen, name = "_Log", module = "kvreg._kvreg")]
pub(crate) struct PyLog(Arc<Queue>);

#[pymethods]
impl PyLog {
    /// From now on all records from this level on go into its queue.
    #[new]
    fn new(py: Python<'_>, level: &str) -> PyResult<Self> {
        let number = LEVELS
            .iter()
            .position(|&name| name == level)
            .ok_or_else(|| errors::invalid(py, "level must be 'debug', 'info', 'warn' or 'error'"))?;
        let queue = Arc::new(Queue::default());
        let sink = Box::new(Sink(Arc::clone(&queue)));
        py.detach(|| api::log_set(number as u32, sink))
            .map_err(|status| errors::from_status(py, status, "the log"))?;
        Ok(PyLog(queue))
    }

    /// Nothing is written any more; what waits can still be taken.
    fn close(&self) {
        self.0.state().closed = true;
        self.0.changed.notify_all();
    }

    /// Calls a function with each record, until it is closed and empty. For a thread of Python's.
    fn deliver(&self, py: Python<'_>, function: &Bound<'_, PyAny>) {
        while let Some((level, text)) = py.detach(|| self.0.next()) {
            let level = LEVELS.get(level as usize).copied().unwrap_or("error");
            if let Err(error) = function.call1((level, PyString::new(py, &text))) {
                error.write_unraisable(py, Some(function));
            }
        }
    }

    /// Silence in the core.
    #[staticmethod]
    fn clear(py: Python<'_>) -> PyResult<()> {
        py.detach(api::log_clear).map_err(|status| errors::from_status(py, status, "the log"))
    }
}
