//! `kvreg.Subscription` and `kvreg.Monitor`, and the events that they tell.

use crate::api::event::Event;
use crate::api::{Status, event as api};
use crate::bucket::Bucket;
use crate::registry::Registry;
use crate::snapshot::Snapshot;
use crate::types::*;
use crate::wait::wait;
use crate::{convert, errors, time};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyBool, PyString, PyTuple};

/// A bounded queue of a registry's events, to be taken in their order by any thread. See `Registry.subscribe`.
///
/// It is an iterator that waits for each event without the GIL, an asynchronous one (`async for`, without a thread), and
/// `fileno()` is for select and its like. It ends with its registry, with `close()`, and with the end of a `with`. Several
/// threads or tasks may take from one: each event goes to one of them. There is no finaliser.
///
/// >>> with registry.subscribe() as subscription:
/// ...     registry.create("ada").crash("no milk")
/// ...     for event in subscription:
/// ...         match event:
/// ...             case kvreg.Created(revision, name):
/// ...                 print("created", name)
/// ...             case kvreg.Exited(name=name, reason=reason, message=message):
/// ...                 print("exited", name, reason, message)
/// ...                 break
/// created ada
/// exited ada crash no milk
#[pyclass(frozen, weakref, module = "kvreg")]
pub(crate) struct Subscription {
    id: u64,
    registry: Py<Registry>,
}

#[pymethods]
impl Subscription {
    /// The number that stands for this subscription in every language of the process. It is never given to another.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     subscription.id > 0
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The registry whose events they are.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     subscription.registry == registry
    /// True
    #[getter]
    fn registry<'py>(&self, py: Python<'py>) -> &Bound<'py, Registry> {
        self.registry.bind(py)
    }

    /// Take the next event; wait for it up to `timeout` seconds (None: for ever). None if there was none.
    ///
    /// StoppedError if there will be none: the registry was stopped, or the subscription was closed meanwhile, or its
    /// queue was full and it was to be disconnected then. Other threads run while it waits, and Ctrl-C ends the wait.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     bucket = registry.create("ada")
    /// ...     subscription.next().name, subscription.next(timeout=0)
    /// ('ada', None)
    #[pyo3(signature = (timeout=None))]
    fn next<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timeout = time::milliseconds("timeout", timeout)?;
        match self.wait(py, timeout)? {
            Ok(None) => Ok(None),
            Ok(Some(event)) => self.told(py, &event).map(Some),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Lend this thread to a function: it is called with each event, until it returns False, or there was none for `timeout`
    /// seconds, or there will be none. Give the number of events.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     buckets = registry.create_many(["ada", "bob"])
    /// ...     subscription.dispatch(lambda event: print(event.name), timeout=0)
    /// ada
    /// bob
    /// 2
    #[pyo3(signature = (callback, *, timeout=None))]
    fn dispatch(&self, callback: &Bound<'_, PyAny>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let (py, mut count) = (callback.py(), 0);
        let timeout = time::milliseconds("timeout", timeout)?;
        loop {
            let event = match self.wait(py, timeout)? {
                Ok(Some(event)) => self.told(py, &event)?,
                Ok(None) | Err(Status(KVREG_STOPPED)) => return Ok(count),
                Err(Status(KVREG_DEAD)) if count != 0 => return Ok(count), // the function has closed it
                Err(status) => return Err(self.error(py, status)),
            };
            count += 1;
            if callback.call1((event,))?.is(PyBool::new(py, false)) {
                return Ok(count);
            }
        }
    }

    /// Give a file descriptor that is readable while `next` would not wait.
    ///
    /// It is the subscription's, and ends with it: do not read from it or close it.
    ///
    /// >>> import select
    /// >>> with registry.subscribe() as subscription:
    /// ...     bucket = registry.create("ada")
    /// ...     select.select([subscription], [], [], 10)[0] == [subscription]
    /// True
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        api::fd(self.id).map_err(|status| self.error(py, status))
    }

    /// Give a snapshot of the registry from which on the subscription goes on: what it shows is not told any more, and
    /// everything later is.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     bucket = registry.create("ada")
    /// ...     with subscription.snapshot() as snapshot:
    /// ...         "ada" in snapshot, len(subscription)
    /// (True, 0)
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Snapshot>> {
        let taken = py.detach(|| api::snapshot(self.id)).map_err(|status| self.error(py, status))?;
        Snapshot::adopt(self.registry.bind(py), taken)
    }

    /// End it: what waits to be taken is dropped, its monitors are over, who waits for an event is told. A second time does
    /// nothing.
    ///
    /// >>> subscription = registry.subscribe()
    /// >>> subscription.close()
    /// >>> subscription.next()
    /// Traceback (most recent call last):
    /// kvreg.DeadError: ...
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match py.detach(|| api::close(self.id)) {
            Ok(()) | Err(Status(KVREG_DEAD)) => Ok(()),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Whether it was closed.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     subscription.closed
    /// False
    #[getter]
    fn closed(&self) -> bool {
        api::count(self.id) == Err(Status(KVREG_DEAD))
    }

    /// Give this object.
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Close it.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        match py.detach(|| api::close(self.id)) {
            // The child of a fork holds a copy of what its parent owns, and leaves it alone.
            Ok(()) | Err(Status(KVREG_DEAD | KVREG_FORKED)) => Ok(()),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Nothing waits in one that was closed: `list` of it is empty, and asks this before.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        match api::count(self.id) {
            Ok(count) => Ok(count as usize),
            Err(Status(KVREG_DEAD)) => Ok(0),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// It is something, also when nothing waits.
    fn __bool__(&self) -> bool {
        true
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.wait(py, -1)? {
            Ok(Some(event)) => self.told(py, &event).map(Some),
            // It ends where no more will come, in whatever moment that is found.
            Ok(None) | Err(Status(KVREG_STOPPED | KVREG_DEAD)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    fn __aiter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static TAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        TAKE.import(slf.py(), "kvreg._events", "take")?.call1((slf,))
    }

    fn __repr__(&self) -> String {
        let state = match api::count(self.id) {
            Ok(1) => "1 event".to_owned(),
            Ok(count) => format!("{count} events"),
            Err(_) => "closed".to_owned(),
        };
        format!("<kvreg.Subscription #{} {state}>", self.id)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Subscription", "Its id is one, within this process."))
    }
}

impl Subscription {
    pub(crate) fn make<'py>(
        registry: &Bound<'py, Registry>,
        wish: &api::Wish<'_>,
    ) -> PyResult<Bound<'py, Self>> {
        let (py, this) = (registry.py(), registry.get());
        let id =
            py.detach(|| api::subscribe(this.number(), wish)).map_err(|status| this.error(py, status))?;
        Bound::new(py, Subscription { id, registry: registry.clone().unbind() })
    }

    /// The next event, in so many milliseconds (-1: for ever). An error of the core is the inner one; the outer one is what
    /// a signal's handler raised.
    fn wait(&self, py: Python<'_>, timeout: i64) -> PyResult<Result<Option<Event>, Status>> {
        // Where there is one, the GIL need not be let go of.
        let now = api::next(self.id, 0);
        if timeout == 0 || !matches!(now, Ok(None)) {
            return Ok(now);
        }
        wait(py, timeout, |ms| api::next(self.id, ms))
    }

    /// An event as an object of its class, in `kvreg/_events.py`.
    fn told<'py>(&self, py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyAny>> {
        let raw = event.raw();
        let class = |name: &str| PyModule::import(py, "kvreg._events")?.getattr(name);
        if raw.kind == KVREG_EVENT_LOST {
            return class("Lost")?.call1((raw.count, raw.revision));
        }
        let name = convert::text(py, event.name())?;
        let bucket = Bucket::make(self.registry.bind(py), raw.bucket, name.clone().unbind())?;
        let message = convert::text(py, event.message())?;
        match raw.kind {
            KVREG_EVENT_CREATE => class("Created")?.call1((raw.revision, name, bucket)),
            KVREG_EVENT_EXIT => {
                class("Exited")?.call1((raw.revision, name, bucket, reason(py, raw.reason), message))
            }
            KVREG_EVENT_DOWN => {
                let monitor = Bound::new(py, Monitor { id: raw.count })?;
                class("Down")?.call1((raw.revision, name, bucket, reason(py, raw.reason), message, monitor))
            }
            KVREG_EVENT_KEY_EXPIRED => class("KeyExpired")?.call1((raw.revision, name, bucket, message)),
            kind => {
                let subject =
                    format!("an event of kind {kind}, which this version of the Python module does not know");
                Err(errors::from_status(py, Status(KVREG_UNSUPPORTED), subject))
            }
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.id
    }

    fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("subscription #{}", self.id))
    }
}

fn reason(py: Python<'_>, reason: u32) -> Bound<'_, PyString> {
    PyString::intern(
        py,
        match reason {
            KVREG_REASON_NORMAL => "normal",
            KVREG_REASON_SHUTDOWN => "shutdown",
            KVREG_REASON_KILLED => "killed",
            KVREG_REASON_CRASH => "crash",
            KVREG_REASON_OWNER_CLOSED => "owner_closed",
            KVREG_REASON_EXPIRED => "expired",
            KVREG_REASON_GONE => "gone",
            _ => "unknown", // of a core that is newer than this module
        },
    )
}

/// The exit of one bucket, to be told once: see `Bucket.monitor`. Equality and hash are those of the `id`.
///
/// It is over when its event was taken, when it was cancelled, and with its subscription.
///
/// >>> with registry.subscribe(events=()) as subscription:
/// ...     monitor = shopping.monitor(subscription)
/// ...     shopping.stop("killed")
/// ...     down = subscription.next()
/// ...     down.monitor == monitor, down.reason
/// (True, 'killed')
#[pyclass(frozen, eq, hash, weakref, module = "kvreg")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Monitor {
    id: u64,
}

#[pymethods]
impl Monitor {
    /// The number that stands for this monitor in every language of the process. It is never given to another.
    ///
    /// >>> with registry.subscribe() as subscription:
    /// ...     shopping.monitor(subscription).id > 0
    /// True
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// End it: when the call returns True, nobody was told and nobody will be. False if it was over.
    ///
    /// >>> with registry.subscribe(events=()) as subscription:
    /// ...     monitor = shopping.monitor(subscription)
    /// ...     shopping.stop()
    /// ...     monitor.cancel(), monitor.cancel(), len(subscription)
    /// (True, False, 0)
    fn cancel(&self, py: Python<'_>) -> PyResult<bool> {
        match py.detach(|| api::cancel(self.id)) {
            Ok(()) => Ok(true),
            Err(Status(KVREG_DEAD)) => Ok(false),
            Err(status) => Err(errors::from_status(py, status, format_args!("monitor #{}", self.id))),
        }
    }

    fn __repr__(&self) -> String {
        format!("<kvreg.Monitor #{}>", self.id)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(errors::not_a_value(py, "Monitor", "Its id is one, within this process."))
    }
}

impl Monitor {
    pub(crate) fn set(bucket: u64, subscription: u64) -> Result<Monitor, Status> {
        Ok(Monitor { id: api::monitor(bucket, subscription)? })
    }
}
