//! The Python module of kvreg: `import kvreg`.
//!
//! It reaches the core only through the core's function table, never through the Rust crate `kvreg`, so that a
//! process has one core however many languages look at it.
//!
//! | file | what |
//! |---|---|
//! | `types` | the table's definition, the same file that the core is made of |
//! | `core` | which core this process uses; the only place that loads libraries |
//! | `api` | the table's functions with Rust types; the only place that calls them |
//! | `convert` | keys, names and values from Python and back |
//! | `turn` | when a change lets go of the GIL |
//! | `time` | times from Python and back |
//! | `shot`, `walk` | snapshots of the core, and iterators over them |
//! | `contents` | whole buckets and tables as the core packs them |
//! | `bulk` | many names, keys or items as the core wants them |
//! | `errors` | statuses as Python exceptions |
//! | `guest` | calls of Python code in threads of the core |
//! | `interpreter` | why there can be only one |
//! | `wait` | waiting without the GIL |
//! | `registry`, `bucket`, `snapshot`, `batch`, `owner`, `entry`, `subscription`, `supervisor` | the classes |
//! | `log` | what the core has to say, for a thread of Python's |
//! | `update` | what `Bucket.update`, `==` and the `|` operators share |

mod api;
mod batch;
mod bucket;
mod bulk;
mod contents;
mod convert;
mod core;
mod entry;
mod errors;
mod guest;
mod interpreter;
mod log;
mod owner;
mod registry;
mod shot;
mod snapshot;
mod subscription;
mod supervisor;
mod time;
mod turn;
mod update;
mod wait;
mod walk;

#[path = "../../../src/capi/types.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared with the core; the module needs a part of it"
)]
mod types;

/// The native part of `kvreg`; use that package, which re-exports all of it.
#[pyo3::pymodule(gil_used = false)]
mod _kvreg {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::bucket::Bucket;
    #[pymodule_export]
    use crate::entry::{Entry, ForeignObject};
    #[pymodule_export]
    use crate::log::PyLog;
    #[pymodule_export]
    use crate::owner::Owner;
    #[pymodule_export]
    use crate::registry::Registry;
    #[pymodule_export]
    use crate::snapshot::{BucketSnapshot, Snapshot};
    #[pymodule_export]
    use crate::subscription::{Monitor, Subscription};
    #[pymodule_export]
    use crate::supervisor::{Supervisor, Worker};
    #[pymodule_export]
    use crate::walk::_walk;

    /// Tell which core this process uses, and how it was found.
    ///
    /// The answer is a `kvreg.CoreInfo`. Two languages whose `instance_id` is the same work on the same registries.
    ///
    /// >>> info = kvreg.core_info()
    /// >>> info.version == kvreg.__version__, info.abi[0]
    /// (True, 0)
    #[pyfunction]
    fn core_info(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        crate::core::info(py)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::interpreter::claim(module.py())?;
        crate::core::resolve(module.py())?;
        crate::bucket::get::install(module.py())?;
        module.add("_C_API", crate::core::capsule(module.py())?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
