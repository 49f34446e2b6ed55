//! What a registry says of itself.

use crate::api::{Status, supervisor as api};
use crate::supervisor::{STATES, class, name_of, text};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// How a registry stands: a `kvreg.RegistryStats`.
pub(super) fn stats(py: Python<'_>, registry: u64) -> PyResult<Result<Bound<'_, PyAny>, Status>> {
    let stats = match py.detach(|| api::registry_stats(registry)) {
        Ok(stats) => stats,
        Err(status) => return Ok(Err(status)),
    };
    let fields = PyDict::new(py);
    fields.set_item("state", name_of(STATES, stats.state))?;
    fields.set_item("untidy", stats.untidy != 0)?;
    fields.set_item("slowest_handler", stats.slowest_handler_ns as f64 / 1e9)?;
    for (name, number) in [
        ("names", stats.names),
        ("revision", stats.revision),
        ("snapshots", stats.snapshots),
        ("backlog", stats.backlog),
        ("mailbox", stats.mailbox),
        ("keeper_restarts", stats.keeper_restarts),
        ("timer_restarts", stats.timer_restarts),
        ("timed_buckets", stats.timed_buckets),
        ("subscriptions", stats.subscriptions),
        ("handlers", stats.handlers),
        ("queued", stats.queued),
        ("longest_queue", stats.longest_queue),
        ("handler_failures", stats.handler_failures),
        ("node_bytes", stats.node_bytes),
        ("handler_restarts", stats.handler_restarts),
    ] {
        fields.set_item(name, number)?;
    }
    class(py, "RegistryStats")?.call((), Some(&fields)).map(Ok)
}

/// The same as text.
pub(super) fn describe(py: Python<'_>, registry: u64) -> Result<Bound<'_, PyString>, Status> {
    text(py, |buffer| api::registry_describe(registry, buffer))
}
