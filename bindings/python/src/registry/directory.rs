//! What `kvreg.Registry` does with objects that are no buckets.

use super::Registry;
use crate::api::Status;
use crate::api::entry::{self as api, Key};
use crate::entry::{self, Entry};
use crate::types::{KVREG_DEAD, KVREG_NOT_FOUND};
use crate::{convert, errors, owner};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

#[pymethods]
impl Registry {
    /// Register an object under a kind and a key, to be found from any thread. Gives a `kvreg.Entry`.
    ///
    /// The registry keeps the object until it is unregistered, its owner is closed, or the registry is stopped. It lets
    /// go of it in the thread that does that, with the GIL. If the key is taken, that is an ExistsError; duplicates may
    /// share a key.
    ///
    /// >>> entry = registry.register(("worker", "7"), {"busy": False})
    /// >>> registry.whereis(("worker", "7"))
    /// {'busy': False}
    /// >>> registry.register(("worker", "7"), "another")
    /// Traceback (most recent call last):
    /// kvreg.ExistsError: ...
    #[pyo3(signature = (key, object, *, owner=None, duplicate=false))]
    fn register(
        &self,
        key: &Bound<'_, PyAny>,
        object: &Bound<'_, PyAny>,
        owner: Option<&Bound<'_, PyAny>>,
        duplicate: bool,
    ) -> PyResult<Entry> {
        let (py, owner) = (key.py(), owner::number("an owner", owner)?);
        let key = pair(key)?;
        with_key(&key, |at| {
            let counted = entry::counted(object);
            // With the GIL in hand: the call waits for nobody who wants it.
            let registered = api::register(self.id, at, &counted, owner, duplicate);
            registered.map(Entry::known).map_err(|status| {
                entry::take(py, counted);
                self.error(py, status)
            })
        })
    }

    /// Give the object that is registered under a kind and a key, of duplicates the oldest, or the default.
    ///
    /// What another language registered is a `kvreg.ForeignObject`.
    ///
    /// >>> registry.whereis(("worker", "nobody"), "nothing")
    /// 'nothing'
    #[pyo3(signature = (key, default=None))]
    fn whereis<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, key) = (key.py(), pair(key)?);
        match with_key(&key, |at| Ok(py.detach(|| api::whereis(self.id, at))))? {
            Ok(object) => entry::give(py, object).map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(default),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Give the entries of a kind and a key, in the order in which they were registered.
    ///
    /// >>> for number in range(3):
    /// ...     entry = registry.register(("listener", "news"), number, duplicate=True)
    /// >>> [entry.object for entry in registry.entries(("listener", "news"))]
    /// [0, 1, 2]
    fn entries(&self, key: &Bound<'_, PyAny>) -> PyResult<Vec<Entry>> {
        Ok(self.list(key)?.into_iter().map(Entry::known).collect())
    }

    /// Call a function with the object of every entry of a kind and a key, and give how many there were.
    ///
    /// Entries that are unregistered meanwhile are left out, and so are those that are registered meanwhile. The function
    /// may do anything; if it raises, the rest is left out.
    ///
    /// >>> for name in ("ada", "bob"):
    /// ...     entry = registry.register(("listener", "news"), name, duplicate=True)
    /// >>> registry.dispatch(("listener", "news"), print)
    /// ada
    /// bob
    /// 2
    fn dispatch(&self, key: &Bound<'_, PyAny>, function: &Bound<'_, PyAny>) -> PyResult<usize> {
        let (py, mut count) = (key.py(), 0);
        for entry in self.list(key)? {
            match py.detach(|| api::object(entry)) {
                Ok(object) => function.call1((entry::give(py, object)?,))?,
                Err(Status(KVREG_DEAD)) => continue,
                Err(status) => return Err(self.error(py, status)),
            };
            count += 1;
        }
        Ok(count)
    }
}

impl Registry {
    fn list(&self, key: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let (py, key) = (key.py(), pair(key)?);
        with_key(&key, |at| py.detach(|| api::list(self.id, at)).map_err(|status| self.error(py, status)))
    }
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn pair<'py>(key: &Bound<'py, PyAny>) -> PyResult<Pair<'py>> {
    match key.cast::<PyTuple>() {
        Ok(pair) if pair.len() == 2 => Ok((pair.get_item(0)?, pair.get_item(1)?)),
        _ => {
            let text = format!("a key must be a tuple of a kind and a key, not {}", errors::type_name(key));
            Err(errors::wrong_type(key.py(), text))
        }
    }
}

fn with_key<R>((kind, key): &Pair<'_>, work: impl FnOnce(Key<'_>) -> PyResult<R>) -> PyResult<R> {
    let (kind, key) = (convert::name(kind)?, convert::key(key)?);
    work(Key { kind: &kind, key: &key })
}
