//! `kvreg.Registry.get_or_create`: Python code that fills a bucket before anybody can look it up.

use super::Registry;
use crate::api::{self, Status};
use crate::bucket::Bucket;
use crate::types::{KVREG_FAILED, KVREG_NOT_FOUND, KVREG_OK};
use crate::{convert, time};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[pymethods]
impl Registry {
    /// Give the bucket of this name; if there is none, let a function fill it first.
    ///
    /// `loader` gets the new bucket, which nobody can look up before it has returned; what it returns does not count.
    /// However many threads of whatever language ask for one name, one loader runs; the others wait, up to `timeout`
    /// seconds for what another thread loads, and get the same bucket.
    ///
    /// If it raises, the bucket dies unseen, and the error comes out of here, in the threads that waited too: there as the
    /// cause of a FailedError. It is not kept: the next caller's loader runs again. A loader may load other names; one that
    /// would wait for itself, through whatever others, gets a DeadlockError.
    ///
    /// >>> registry.get_or_create("profile", lambda bucket: bucket.put("city", "Bern"))["city"]
    /// 'Bern'
    /// >>> registry.get_or_create("profile", lambda bucket: 1 / 0) == registry["profile"]
    /// True
    #[pyo3(signature = (name, loader, *, timeout=None))]
    fn get_or_create<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        loader: &Bound<'py, PyAny>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Bucket>> {
        let (py, this, bytes) = (slf.py(), slf.get(), convert::name(name)?);
        let timeout = time::milliseconds("timeout", timeout)?;
        let name = convert::canonical(name, &bytes)?;
        match api::lookup(this.id, &bytes) {
            Err(Status(KVREG_NOT_FOUND)) => {}
            found => {
                return Bucket::make(slf, found.map_err(|status| this.error(py, status))?, name);
            }
        }
        let flight = Flight::board(this.id, &bytes);
        let mut load = Load {
            registry: slf.clone().unbind(),
            name: name.clone_ref(py),
            loader: loader.clone().unbind(),
            flight: &flight,
            outcome: None,
        };
        let done = py.detach(|| api::load::get_or_create(this.id, &bytes, timeout, &mut load));
        match (load.outcome.take(), done) {
            // What the loader did comes first: the core only hands on that it failed.
            (Some(Outcome::Panicked(panic)), _) => resume_unwind(panic),
            (Some(Outcome::Raised(error)), _) => Err(error),
            (_, Ok(id)) => Bucket::make(slf, id, name),
            (_, Err(status)) => {
                let error = this.error(py, status);
                error.set_cause(py, flight.error(py).filter(|_| status == Status(KVREG_FAILED)));
                Err(error)
            }
        }
    }
}

/// A call of the loader, and what came of it, if that was bad.
struct Load<'f> {
    registry: Py<Registry>,
    name: Py<PyString>,
    loader: Py<PyAny>,
    flight: &'f Flight,
    outcome: Option<Outcome>,
}

enum Outcome {
    Raised(PyErr),
    Panicked(Box<dyn Any + Send>),
}

impl api::load::Loader for Load<'_> {
    fn load(&mut self, bucket: u64) -> i32 {
        // An interpreter that is ending lets no thread in any more.
        let called = catch_unwind(AssertUnwindSafe(|| Python::try_attach(|py| self.call(py, bucket))));
        self.outcome = match called {
            Ok(Some(Ok(()))) => return KVREG_OK,
            Ok(Some(Err(error))) => Some(Outcome::Raised(error)),
            Ok(None) => Some(Outcome::Raised(PyRuntimeError::new_err("the interpreter is ending"))),
            Err(panic) => Some(Outcome::Panicked(panic)),
        };
        KVREG_FAILED
    }
}

impl Load<'_> {
    fn call(&self, py: Python<'_>, bucket: u64) -> PyResult<()> {
        self.flight.set_error(None);
        let bucket = Bucket::make(self.registry.bind(py), bucket, self.name.clone_ref(py))?;
        let called = self.loader.bind(py).call1((bucket,));
        called.map(drop).inspect_err(|error| self.flight.set_error(Some(error.clone_ref(py))))
    }
}

/// All calls of this module for one name, as long as there is one: a place for the error of the one that loads, which
/// those that wait hand on.
struct Flight {
    key: Key,
}

type Key = (u64, Vec<u8>);

#[derive(Default)]
struct State {
    calls: usize,
    error: Option<PyErr>,
}

/// Locked with the GIL in hand (where there is one), for moments, and never while Python code runs: what is taken out
/// is dropped afterwards.
static FLIGHTS: Mutex<BTreeMap<Key, State>> = Mutex::new(BTreeMap::new());

fn flights() -> MutexGuard<'static, BTreeMap<Key, State>> {
    FLIGHTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    fn board(registry: u64, name: &[u8]) -> Flight {
        let key = (registry, name.to_vec());
        flights().entry(key.clone()).or_default().calls += 1;
        Flight { key }
    }

    fn error(&self, py: Python<'_>) -> Option<PyErr> {
        flights().get(&self.key)?.error.as_ref().map(|error| error.clone_ref(py))
    }

    fn set_error(&self, error: Option<PyErr>) {
        let before = flights().get_mut(&self.key).map(|state| std::mem::replace(&mut state.error, error));
        drop(before);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flights = flights();
        let Some(state) = flights.get_mut(&self.key) else { return };
        state.calls -= 1;
        let ended = if state.calls == 0 { flights.remove(&self.key) } else { None };
        drop(flights);
        drop(ended);
    }
}
