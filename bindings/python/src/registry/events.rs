//! How a `kvreg.Registry` is listened to.

use super::Registry;
use crate::api::event as api;
use crate::bucket::Bucket;
use crate::convert::{self, Maybe};
use crate::errors::{invalid, type_name, wrong_type};
use crate::snapshot::Snapshot;
use crate::subscription::Subscription;
use crate::types::*;
use crate::{owner, time};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyString};

#[pymethods]
impl Registry {
    /// Listen: give a `Subscription` to what happens from now on, in the order of the table's revisions.
    ///
    /// `events` says what: "create", "exit" or "key" (a key's time to live ran out; a private bucket's are told only to
    /// who asks for those of that `bucket`, by a handle that reads), or several of them; none at all is for monitors. Of
    /// `name`, `prefix` (of names) and `bucket`, one can say whose. So many events as `capacity` may wait to be taken;
    /// when it is full, `overflow` decides: "drop" the oldest and tell with a `Lost` how many; "block" who makes changes,
    /// for up to `block` seconds each; or "disconnect". With `after`, a revision of the registry or a snapshot, it begins
    /// with what happened since then: OutOfRangeError if not all of that is remembered. It ends with its `owner`.
    ///
    /// >>> with registry.subscribe(events="exit", prefix="user/") as subscription:
    /// ...     registry.create("user/1").stop()
    /// ...     registry.create("other").stop()
    /// ...     [event.name for event in [subscription.next(0), subscription.next(0)] if event]
    /// ['user/1']
    #[pyo3(signature = (*, events=Maybe::Missing, name=None, prefix=None, bucket=None, capacity=Maybe::Missing,
                        overflow=Maybe::Missing, block=Maybe::Missing, after=None, owner=None))]
    #[pyo3(
        text_signature = "($self, *, events=('create', 'exit'), name=None, prefix=None, bucket=None, capacity=1024, overflow='drop', block=1.0, after=None, owner=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "all but the first are options")]
    fn subscribe<'py>(
        slf: &Bound<'py, Self>,
        events: Maybe<'py>,
        name: Option<&Bound<'py, PyAny>>,
        prefix: Option<&Bound<'py, PyAny>>,
        bucket: Option<&Bound<'py, PyAny>>,
        capacity: Maybe<'py>,
        overflow: Maybe<'py>,
        block: Maybe<'py>,
        after: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Subscription>> {
        let py = slf.py();
        let (of, text) = match (name, prefix, bucket) {
            (None, None, None) => (KVREG_OF_ALL, None),
            (Some(name), None, None) => (KVREG_OF_NAME, Some(convert::name(name)?)),
            (None, Some(prefix), None) => (KVREG_OF_PREFIX, Some(convert::name(prefix)?)),
            (None, None, Some(_)) => (KVREG_OF_BUCKET, None),
            _ => return Err(invalid(py, "only one of name, prefix and bucket can say whose events")),
        };
        let (start, revision, snapshot) = beginning(py, after)?;
        let wish = api::Wish {
            events: kinds(events.given())?,
            of,
            name: text.as_deref().unwrap_or_default(),
            bucket: bucket.map_or(Ok(0), bucket_number)?,
            capacity: capacity.given().map_or(Ok(1024), |count| convert::positive("a capacity", count))?,
            overflow: policy(overflow.given())?,
            block: block.given().map_or(Ok(1000), |time| time::milliseconds("block", Some(time)))?,
            start,
            revision,
            snapshot,
            owner: owner::number("an owner", owner)?,
        };
        // For ever is the longest time.
        let block = if wish.block < 0 { i64::MAX } else { wish.block };
        Subscription::make(slf, &api::Wish { block, ..wish })
    }

    /// Call a function with each event from now on, on a thread of Python's: give a `Handler`, whose `remove()` ends that.
    ///
    /// The options are those of `subscribe`, with room for 65,536 events. The calls come one at a time, in order and soon; no
    /// change waits for them, and `sync` does not. (Threads of the core never run Python code.) A function that raises is
    /// reported by `threading.excepthook` and removed, or with `keep=True` called again for the next event.
    ///
    /// >>> import queue
    /// >>> seen = queue.Queue()
    /// >>> with registry.on(seen.put, events="create") as handler:
    /// ...     bucket = registry.create("ada")
    /// ...     print(seen.get(timeout=60).name)
    /// ada
    #[pyo3(signature = (callback, *, keep=false, **options))]
    fn on<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        keep: bool,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static HANDLER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        if !callback.is_callable() {
            return Err(wrong_type(py, format!("a callback must be callable, not {}", type_name(callback))));
        }
        let all = PyDict::new(py);
        all.set_item("capacity", 65_536)?;
        if let Some(options) = options {
            all.update(options.as_mapping())?;
        }
        let subscription = slf.call_method("subscribe", (), Some(&all))?;
        HANDLER.import(py, "kvreg._handler", "Handler")?.call1((subscription, callback, keep))
    }

    /// Wait until everything that happened before is told: it is in the table and in the queues of all subscriptions, and
    /// handlers of C, C++ and Rust have seen it. Up to `timeout` seconds: then a TimedOutError.
    ///
    /// >>> registry.sync()
    #[pyo3(signature = (timeout=None))]
    fn sync(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let timeout = time::milliseconds("timeout", timeout)?;
        py.detach(|| api::sync(self.id, timeout)).map_err(|status| self.error(py, status))
    }
}

fn bucket_number(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    object.cast_exact::<Bucket>().map(|bucket| bucket.get().number()).map_err(|_| {
        wrong_type(object.py(), format!("a bucket must be a kvreg.Bucket, not {}", type_name(object)))
    })
}

/// Where a subscription begins.
fn beginning(py: Python<'_>, after: Option<&Bound<'_, PyAny>>) -> PyResult<(u32, u64, u64)> {
    let Some(after) = after else { return Ok((KVREG_START_NOW, 0, 0)) };
    if let Ok(snapshot) = after.cast_exact::<Snapshot>() {
        return Ok((KVREG_START_SNAPSHOT, 0, snapshot.get().number(py)?));
    }
    if !after.is_instance_of::<PyInt>() {
        let text =
            format!("after must be a revision (int), a kvreg.Snapshot or None, not {}", type_name(after));
        return Err(wrong_type(py, text));
    }
    Ok((KVREG_START_REVISION, convert::revision(after)?, 0))
}

/// Names of kinds of events: one, or several.
fn kinds(events: Option<&Bound<'_, PyAny>>) -> PyResult<u32> {
    let Some(events) = events else { return Ok(KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT) };
    if events.is_instance_of::<PyString>() {
        return kind(events);
    }
    let items = events.try_iter().map_err(|_| not_kinds(events))?;
    items.map(|item| kind(&item?)).try_fold(0, |all, kind| Ok(all | kind?))
}

fn kind(event: &Bound<'_, PyAny>) -> PyResult<u32> {
    let text = event.cast::<PyString>().map_err(|_| not_kinds(event))?;
    match &*text.to_string_lossy() {
        "create" => Ok(KVREG_EVENTS_CREATE),
        "exit" => Ok(KVREG_EVENTS_EXIT),
        "key" => Ok(KVREG_EVENTS_KEYS),
        _ => Err(invalid(event.py(), "an event must be 'create', 'exit' or 'key'")),
    }
}

fn not_kinds(object: &Bound<'_, PyAny>) -> PyErr {
    wrong_type(object.py(), format!("events must be str, or several of them, not {}", type_name(object)))
}

fn policy(overflow: Option<&Bound<'_, PyAny>>) -> PyResult<u32> {
    let Some(overflow) = overflow else { return Ok(KVREG_OVERFLOW_DROP) };
    let py = overflow.py();
    let Ok(text) = overflow.cast::<PyString>() else {
        return Err(wrong_type(py, format!("an overflow must be str, not {}", type_name(overflow))));
    };
    match &*text.to_string_lossy() {
        "drop" => Ok(KVREG_OVERFLOW_DROP),
        "block" => Ok(KVREG_OVERFLOW_BLOCK),
        "disconnect" => Ok(KVREG_OVERFLOW_DISCONNECT),
        _ => Err(invalid(py, "an overflow must be 'drop', 'block' or 'disconnect'")),
    }
}
