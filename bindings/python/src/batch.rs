//! `kvreg.Batch`.

use crate::api::{self, Status};
use crate::bucket::Bucket;
use crate::registry::Registry;
use crate::types::{KVREG_DEAD, KVREG_FORKED};
use crate::{convert, errors, time};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Changes to several buckets of one registry that are made as one.
///
/// A snapshot shows all of a batch or nothing. The end of the `with` commits it; an exception discards it. Nothing is
/// changed before that. `len` tells how many changes it has.
///
/// >>> fridge = registry.create("fridge")
/// >>> with registry.batch() as batch:
/// ...     batch.put(fridge, "milk", shopping["milk"])
/// ...     batch.delete(shopping, "milk")
/// >>> fridge == {"milk": 1}, "milk" in shopping
/// (True, False)
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct Batch {
    id: u64,
    registry: Py<Registry>,
}

impl Batch {
    pub(crate) fn make<'py>(registry: &Bound<'py, Registry>) -> PyResult<Bound<'py, Self>> {
        let (py, this) = (registry.py(), registry.get());
        let id = api::batch::new(this.number()).map_err(|status| this.error(py, status))?;
        Bound::new(py, Batch { id, registry: registry.clone().unbind() })
    }

    /// Does something with it. Another thread that uses it may be waiting for a bucket, so the GIL is let go.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(u64) -> Result<T, Status> + Send,
    ) -> PyResult<T> {
        py.detach(|| work(self.id)).map_err(|status| {
            errors::from_status(
                py,
                status,
                format_args!("batch of registry #{}", self.registry.get().number()),
            )
        })
    }
}

#[pymethods]
impl Batch {
    /// Add a put.
    ///
    /// >>> with registry.batch() as batch:
    /// ...     batch.put(shopping, "milk", 2)
    /// ...     shopping["milk"]  # not yet
    /// 1
    /// >>> shopping["milk"]
    /// 2
    ///
    /// `ttl` is as for `Bucket.put`, and begins with the commit.
    #[pyo3(signature = (bucket, key, value, *, ttl=None))]
    fn put(
        &self,
        bucket: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (py, bucket, ttl) = (bucket.py(), number(bucket)?, time::milliseconds("ttl", ttl)?);
        let (key, value) = (convert::key(key)?, convert::value(value)?);
        self.run(py, |id| api::batch::put(id, bucket, &key, value, ttl))
    }

    /// Add a delete. That there is no such key, then or later, is no error.
    ///
    /// >>> with registry.batch() as batch:
    /// ...     batch.delete(shopping, "milk")
    /// ...     batch.delete(shopping, "tea")
    /// >>> list(shopping)
    /// ['eggs']
    fn delete(&self, bucket: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, bucket, key) = (bucket.py(), number(bucket)?, convert::key(key)?);
        self.run(py, |id| api::batch::delete(id, bucket, &key))
    }

    /// Make all changes as one, in the order in which they were added, and empty the batch.
    ///
    /// After an error nothing is changed, and the batch is as it was. The end of a `with` does this.
    ///
    /// >>> batch = registry.batch()
    /// >>> batch.put(shopping, "tea", 7)
    /// >>> batch.commit()
    /// >>> shopping["tea"], len(batch)
    /// (7, 0)
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, api::batch::commit)
    }

    /// Forget all changes.
    ///
    /// >>> with registry.batch() as batch:
    /// ...     batch.delete(shopping, "milk")
    /// ...     batch.clear()
    /// >>> "milk" in shopping
    /// True
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, api::batch::clear)
    }

    /// End the batch; what was not committed is forgotten. A second time does nothing; any other use is a DeadError.
    ///
    /// >>> batch = registry.batch()
    /// >>> batch.close()
    /// >>> batch.commit()
    /// Traceback (most recent call last):
    /// kvreg.DeadError: ...
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, |id| match api::batch::close(id) {
            Err(Status(KVREG_DEAD | KVREG_FORKED)) => Ok(()),
            done => done,
        })
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.run(py, api::batch::count).map(|count| count as usize)
    }

    /// Give this object.
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Commit, unless there was an exception, and close.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let done = match exception.get_item(0) {
            Ok(kind) if !kind.is_none() => Ok(()),
            _ => self.commit(py),
        };
        let closed = self.close(py);
        done.and(closed)
    }

    fn __repr__(&self) -> String {
        let registry = self.registry.get().number();
        format!("<kvreg.Batch of registry #{registry}>")
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Batch", "Commit it here."))
    }
}

fn number(bucket: &Bound<'_, PyAny>) -> PyResult<u64> {
    bucket.cast_exact::<Bucket>().map(|bucket| bucket.get().number()).map_err(|_| {
        let text = format!("a bucket must be a kvreg.Bucket, not {}", errors::type_name(bucket));
        errors::wrong_type(bucket.py(), text)
    })
}

impl Drop for Batch {
    fn drop(&mut self) {
        let _ = api::batch::close(self.id); // it may have been closed, and there is nobody to tell
    }
}
