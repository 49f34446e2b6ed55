//! Iterators and views. An iteration comes from one snapshot, item by item, whatever is changed meanwhile.

use crate::api::Status;
use crate::api::snapshot::Cursor;
use crate::bucket::Bucket;
use crate::registry::Registry;
use crate::shot::{BREATH, Moment, Reader, Shot, error};
use crate::snapshot::{BucketSnapshot, Snapshot};
use crate::{convert, errors};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyString, PyType};
use std::sync::{Arc, Mutex, PoisonError};

/// The three views of a mapping, in `kvreg/_views.py`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Keys,
    Values,
    Items,
}

pub(crate) fn view<'py>(mapping: &Bound<'py, PyAny>, kind: View) -> PyResult<Bound<'py, PyAny>> {
    static CLASSES: [PyOnceLock<Py<PyType>>; 3] = [const { PyOnceLock::new() }; 3];
    let class = &CLASSES[kind as usize];
    class.import(mapping.py(), "kvreg._views", ["Keys", "Values", "Items"][kind as usize])?.call1((mapping,))
}

/// What the values of an iteration are.
pub(crate) enum Source {
    /// The values of a bucket.
    Values,
    /// Buckets of a registry.
    Buckets(Py<Registry>),
    /// Buckets as they were.
    Snapshots(Py<Snapshot>),
}

/// An iterator.
#[pyclass(frozen, module = "kvreg")]
pub(crate) struct Walk {
    view: View,
    source: Source,
    shot: Arc<Shot>,
    /// Nobody else has the snapshot, so it is closed after its last item.
    own: bool,
    /// Held for the moment of a step only; neither Python code nor a wait comes between.
    place: Mutex<Place>,
}

struct Place {
    cursor: Cursor,
    count: u32,
    ended: bool,
}

impl Walk {
    pub(crate) fn make<'py>(
        py: Python<'py>,
        shot: Arc<Shot>,
        own: bool,
        view: View,
        source: Source,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = Mutex::new(Place { cursor: Cursor::START, count: 0, ended: false });
        Bound::new(py, Walk { view, source, shot, own, place }).map(Bound::into_any)
    }

    /// An iterator over a moment that nobody else has.
    pub(crate) fn over(
        py: Python<'_>,
        moment: Moment,
        view: View,
        source: Source,
    ) -> PyResult<Bound<'_, PyAny>> {
        let dump = match moment {
            Moment::Shot(shot) => return Walk::make(py, shot, true, view, source),
            dump => dump,
        };
        let list = PyList::empty(py);
        match &source {
            Source::Values => dump.items(py, |key, value| {
                let value = || convert::object(py, value);
                list.append(entry(py, view, key, value)?).map(|()| true)
            })?,
            source => dump.names(py, |name, id| {
                list.append(entry(py, view, name, || source.bucket(py, name, id))?).map(|()| true)
            })?,
        }
        list.try_iter().map(Bound::into_any)
    }

    /// The next place, read by a reader that keeps it readable.
    fn step<'a, T>(
        &'a self,
        py: Python<'_>,
        reader: &'a Reader<'a>,
        next: impl FnOnce(&'a Reader<'a>, &mut Cursor) -> Result<Option<T>, Status>,
    ) -> PyResult<Option<T>> {
        let (step, count) = {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            if place.ended {
                return Ok(None);
            }
            let step = next(reader, &mut place.cursor);
            place.count = place.count.wrapping_add(1);
            place.ended = matches!(step, Ok(None));
            (step, place.count)
        };
        if matches!(step, Ok(None)) && self.own {
            self.shot.close().map_err(|status| error(py, status))?;
        }
        if count.is_multiple_of(BREATH) {
            py.detach(|| ()); // `list(bucket)` would hold up all other threads until its end
        }
        step.map_err(|status| error(py, status))
    }

    fn ended(&self) -> bool {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).ended
    }
}

#[pymethods]
impl Walk {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let reader = match self.shot.read() {
            Ok(reader) => reader,
            Err(_) if self.ended() => return Ok(None),
            Err(status) => return Err(error(py, status)),
        };
        match &self.source {
            Source::Values => {
                let want = self.view != View::Keys;
                let Some((key, held)) = self.step(py, &reader, |reader, at| reader.next(at, want))? else {
                    return Ok(None);
                };
                entry(py, self.view, key, || convert::object(py, held.value())).map(Some)
            }
            source => {
                let Some((name, id)) = self.step(py, &reader, |reader, at| reader.next_name(at))? else {
                    return Ok(None);
                };
                entry(py, self.view, name, || source.bucket(py, name, id)).map(Some)
            }
        }
    }
}

impl Source {
    /// The bucket of a name.
    fn bucket<'py>(&self, py: Python<'py>, name: &[u8], id: u64) -> PyResult<Bound<'py, PyAny>> {
        let text = || convert::text(py, name).map(Bound::unbind);
        match self {
            Source::Buckets(registry) => Bucket::make(registry.bind(py), id, text()?).map(Bound::into_any),
            Source::Snapshots(snapshot) => snapshot.get().bucket(py, name, text()?).map(Bound::into_any),
            Source::Values => unreachable!("a bucket holds no buckets"),
        }
    }
}

#[inline]
fn entry<'py>(
    py: Python<'py>,
    view: View,
    key: &[u8],
    value: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match view {
        View::Keys => convert::text(py, key).map(Bound::into_any),
        View::Values => value(),
        View::Items => {
            let pair: (Bound<'py, PyString>, _) = (convert::text(py, key)?, value()?);
            pair.into_pyobject(py).map(Bound::into_any)
        }
    }
}

/// Iterate over the values or items of a mapping of this module. For `kvreg/_views.py`.
#[pyfunction]
pub(crate) fn _walk<'py>(mapping: &Bound<'py, PyAny>, items: bool) -> PyResult<Bound<'py, PyAny>> {
    let view = if items { View::Items } else { View::Values };
    if let Ok(bucket) = mapping.cast_exact::<Bucket>() {
        bucket.get().walk(mapping.py(), view)
    } else if let Ok(snapshot) = mapping.cast_exact::<BucketSnapshot>() {
        snapshot.get().walk(mapping.py(), view)
    } else if let Ok(registry) = mapping.cast_exact::<Registry>() {
        Registry::walk(registry, view)
    } else if let Ok(snapshot) = mapping.cast_exact::<Snapshot>() {
        Snapshot::walk(snapshot, view)
    } else {
        Err(errors::wrong_type(mapping.py(), "a view needs a mapping of kvreg"))
    }
}
