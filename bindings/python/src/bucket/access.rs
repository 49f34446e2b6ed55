//! What the methods of `kvreg.Bucket` share.

use super::Bucket;
use crate::api::{self, Status};
use crate::convert::{self, Maybe};
use crate::registry::{Registry, label};
use crate::types::*;
use crate::{contents, errors, update};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyNotImplemented, PyString};

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
        self.find_bytes(key.py(), &convert::key(key)?)
    }

    #[inline]
    pub(super) fn find_bytes<'py>(&self, py: Python<'py>, key: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        match api::get(self.id, key) {
            Ok(held) => convert::object(py, held.value()).map(Some),
            Err(Status(KVREG_NOT_FOUND)) => Ok(None),
            Err(status) => Err(self.error(py, status)),
        }
    }

    /// Deletes a key, and tells whether it was there.
    pub(super) fn remove(&self, py: Python<'_>, key: &[u8]) -> PyResult<bool> {
        match api::delete(self.id, key) {
            Ok(()) => Ok(true),
            Err(Status(KVREG_NOT_FOUND)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }

    pub(super) fn dump(&self, py: Python<'_>) -> PyResult<contents::Dump> {
        contents::bucket(self.id).map_err(|status| self.error(py, status))
    }

    /// Deletes any one key, if there is one.
    pub(super) fn take_any<'py>(&self, py: Python<'py>) -> PyResult<Option<Item<'py>>> {
        let mut taken = None;
        self.dump(py)?.items(|key, _| {
            // Not the value of the dump: a change that came after it would be lost.
            if let Some(value) = self.find_bytes(py, key)?
                && self.remove(py, key)?
            {
                taken = Some((convert::text(py, key)?, value));
            }
            Ok(taken.is_none())
        })?;
        Ok(taken)
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
    pub(super) fn equals(&self, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        let py = other.py();
        if let Ok(other) = other.cast_exact::<Bucket>() {
            if self.id == other.get().id {
                return Ok(Some(true));
            }
            let (mine, theirs) = (self.items_if_alive(py)?, other.get().items_if_alive(py)?);
            return mine.zip(theirs).map_or(Ok(false), |(mine, theirs)| mine.eq(theirs)).map(Some);
        }
        // A registry is a mapping too, but its values are buckets, which no bucket holds.
        if other.cast::<PyMapping>().is_err() || other.is_instance_of::<Registry>() {
            return Ok(None);
        }
        let Some(mine) = self.items_if_alive(py)? else { return Ok(Some(false)) };
        mine.eq(update::dict(other)?).map(Some)
    }

    fn items_if_alive<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        match contents::bucket(self.id) {
            Ok(dump) => contents::dict(py, &dump).map(Some),
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
