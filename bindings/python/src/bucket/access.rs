//! What the methods of `kvreg.Bucket` share.

use super::Bucket;
use crate::api::snapshot::Cursor;
use crate::api::{self, Status};
use crate::bulk::Packed;
use crate::convert::{self, Maybe};
use crate::registry::{Registry, label};
use crate::shot::{Moment, Shot};
use crate::types::*;
use crate::walk::{Source, View, Walk};
use crate::{errors, turn, update};
use pyo3::prelude::*;
use pyo3::types::{PyMapping, PyNotImplemented, PyString};

/// A key and its value.
pub(super) type Item<'py> = (Bound<'py, PyString>, Bound<'py, PyAny>);

/// Whose value a key gets that both have.
#[derive(PartialEq, Eq)]
pub(super) enum Wins {
    Own,
    Other,
}

impl Bucket {
    pub(crate) fn make<'py>(
        registry: &Bound<'py, Registry>,
        id: u64,
        name: Py<PyString>,
    ) -> PyResult<Bound<'py, Bucket>> {
        Bound::new(registry.py(), Bucket { id, name, registry: registry.clone().unbind() })
    }

    pub(super) fn error(&self, py: Python<'_>, status: Status) -> PyErr {
        errors::from_status(py, status, format_args!("bucket {}", label(Some(self.name.bind(py)), self.id)))
    }

    /// The value of a key, if there is one. No exception is made for a missing key.
    #[inline]
    pub(super) fn find<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, key) = (key.py(), convert::key(key)?);
        match api::get(self.id, &key, |value| convert::object(py, value)) {
            Ok(object) => object.map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Deletes a key, and tells whether it was there.
    pub(super) fn remove(&self, py: Python<'_>, key: &[u8]) -> PyResult<bool> {
        match turn::change(py, || api::delete(self.id, key)) {
            Ok(()) => Ok(true),
            Err(Status(KVREG_NOT_FOUND)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// The number that the core knows it by.
    pub(crate) fn number(&self) -> u64 {
        self.id
    }

    /// Its contents now.
    pub(super) fn moment(&self, py: Python<'_>) -> PyResult<Moment> {
        Moment::of_bucket(py, self.id).map_err(|status| self.error(py, status))
    }

    /// Iterates over its contents now.
    pub(crate) fn walk<'py>(&self, py: Python<'py>, view: View) -> PyResult<Bound<'py, PyAny>> {
        Walk::over(py, self.moment(py)?, view, Source::Values)
    }

    /// Puts all items of a mapping or of an iterable of pairs: as one change, if no foreign code gives them.
    pub(super) fn put_all(&self, source: &Bound<'_, PyAny>) -> PyResult<()> {
        match update::packed(source)? {
            // One is one change anyway, and a put is cheaper.
            Some(items) if items.count == 1 => {
                update::each_item(source, |key, value| self.put(key, value, None))
            }
            Some(items) => self.put_packed(source.py(), &items),
            None => update::each_item(source, |key, value| self.put(key, value, None)),
        }
    }

    pub(super) fn put_packed(&self, py: Python<'_>, items: &Packed) -> PyResult<()> {
        py.detach(|| api::bulk::put_many(self.id, &items.bytes)).map_err(|status| self.error(py, status))
    }

    /// Deletes any one key, if there is one.
    pub(super) fn take_any<'py>(&self, py: Python<'py>) -> PyResult<Option<Item<'py>>> {
        let error = |status| self.error(py, status);
        loop {
            // Others may take its first keys meanwhile; then the next ones are tried, and then newer ones.
            let shot = Shot::new(py.detach(|| api::snapshot::of_bucket(self.id)).map_err(error)?);
            let (reader, mut cursor, mut empty) = (shot.read().map_err(error)?, Cursor::START, true);
            while let Some((key, _)) = reader.next(&mut cursor, false).map_err(error)? {
                empty = false;
                let taken = turn::change(py, || api::change::take(self.id, key)).map_err(error)?;
                if let Some(held) = taken {
                    return Ok(Some((convert::text(py, key)?, convert::object(py, held.value())?)));
                }
            }
            if empty {
                return Ok(None);
            }
        }
    }

    /// A dict of its items and those of another mapping.
    pub(super) fn merged<'py>(&self, other: &Bound<'py, PyAny>, wins: Wins) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        if other.cast::<PyMapping>().is_err() {
            return Ok(PyNotImplemented::get(py).to_owned().into_any());
        }
        let (own, other) = (self.copy(py)?, update::dict(other)?);
        let (first, second) = if wins == Wins::Other { (own, other) } else { (other, own) };
        first.update(second.as_mapping())?;
        Ok(first.into_any())
    }

    /// Whether it is the same bucket or has the items of another mapping; None if the other is no such thing. One
    /// that exited equals nothing but itself.
    pub(crate) fn equals(&self, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        let py = other.py();
        if let Ok(other) = other.cast_exact::<Bucket>() {
            if self.id == other.get().id || api::owner::same(self.id, other.get().id) == Ok(true) {
                return Ok(Some(true));
            }
            let (mine, theirs) = (self.moment_if_alive(py)?, other.get().moment_if_alive(py)?);
            let both = mine.zip(theirs);
            return both.map_or(Ok(false), |(mine, theirs)| mine.equals(&theirs.dict(py)?)).map(Some);
        }
        // A registry is a mapping too, but its values are buckets, which no bucket holds.
        if other.cast::<PyMapping>().is_err() || other.is_instance_of::<Registry>() {
            return Ok(None);
        }
        let Some(mine) = self.moment_if_alive(py)? else { return Ok(Some(false)) };
        mine.equals(&update::as_dict(other)?).map(Some)
    }

    fn moment_if_alive(&self, py: Python<'_>) -> PyResult<Option<Moment>> {
        match Moment::of_bucket(py, self.id) {
            Ok(moment) => Ok(Some(moment)),
            Err(Status(KVREG_DEAD)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }
}

/// The reasons that a caller may give.
pub(super) fn reason(py: Python<'_>, reason: Maybe<'_>) -> PyResult<kvreg_reason> {
    let Maybe::Given(reason) = reason else { return Ok(KVREG_REASON_NORMAL) };
    let Ok(text) = reason.cast::<PyString>() else {
        return Err(errors::wrong_type(
            py,
            format!("a reason must be str, not {}", errors::type_name(&reason)),
        ));
    };
    match &*text.to_string_lossy() {
        "normal" => Ok(KVREG_REASON_NORMAL),
        "shutdown" => Ok(KVREG_REASON_SHUTDOWN),
        "killed" => Ok(KVREG_REASON_KILLED),
        "crash" => Ok(KVREG_REASON_CRASH),
        _ => Err(errors::invalid(py, "a reason must be 'normal', 'shutdown', 'killed' or 'crash'")),
    }
}
