//! What `kvreg.Registry` does with many buckets at once.

use super::Registry;
use crate::api;
use crate::batch::Batch;
use crate::bucket::Bucket;
use crate::bulk::{self, Packed};
use crate::convert;
use crate::snapshot::Snapshot;
use pyo3::prelude::*;

#[pymethods]
impl Registry {
    /// Give the buckets of many names, as `create` does for each, at less cost.
    ///
    /// >>> [bucket.name for bucket in registry.create_many(["shopping", "fridge"])]
    /// ['shopping', 'fridge']
    fn create_many<'py>(
        slf: &Bound<'py, Self>,
        names: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, Bucket>>> {
        let (py, this, mut packed, mut texts) = (slf.py(), slf.get(), Packed::default(), Vec::new());
        for name in bulk::each_text("names", names)? {
            let name = name?;
            let bytes = convert::name(&name)?;
            packed.key(&bytes);
            texts.push(convert::canonical(&name, &bytes)?);
        }
        let created = py.detach(|| api::bulk::create_many(this.id, &packed.bytes, packed.count));
        let ids = created.map_err(|status| this.error(py, status))?;
        ids.into_iter().zip(texts).map(|(id, name)| Bucket::make(slf, id, name)).collect()
    }

    /// Take a snapshot: all names and the contents of all buckets, as they are at one moment. A `kvreg.Snapshot`.
    ///
    /// >>> with registry.snapshot() as snapshot:
    /// ...     shopping.clear()
    /// ...     len(snapshot["shopping"]), len(shopping)
    /// (2, 0)
    fn snapshot<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Snapshot>> {
        Snapshot::take(slf)
    }

    /// Make a batch: changes to several buckets that are made as one. A `kvreg.Batch`.
    ///
    /// >>> with registry.batch() as batch:
    /// ...     batch.delete(shopping, "milk")
    /// ...     batch.put(registry.create("fridge"), "milk", 1)
    /// >>> "milk" in shopping, registry["fridge"]["milk"]
    /// (False, 1)
    fn batch<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Batch>> {
        Batch::make(slf)
    }
}
