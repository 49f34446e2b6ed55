//! A snapshot of the core, and the contents of a bucket or table at one moment.

use crate::api::snapshot::{self, Cursor};
use crate::api::{Held, Status, Value};
use crate::contents::{self, Dump};
use crate::types::{KVREG_DEAD, KVREG_FORKED};
use crate::{convert, errors};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// In a walk through many items, other threads get a chance after so many.
pub(crate) const BREATH: u32 = 1024;

/// A snapshot of the core. It is closed by `close` or with its last owner; but not before its readers are through,
/// for they hold keys that lie in it.
pub(crate) struct Shot {
    id: u64,
    /// `CLOSED`, and `READER` for each reader.
    state: AtomicUsize,
}

const CLOSED: usize = 1;
const READER: usize = 2;

impl Shot {
    pub(crate) fn new(id: u64) -> Arc<Self> {
        Arc::new(Shot { id, state: AtomicUsize::new(0) })
    }

    /// Its id, for calls that leave nothing behind that lies in it. What was closed stays so, also if a reader is late.
    #[inline]
    pub(crate) fn id(&self) -> Result<u64, Status> {
        if self.is_closed() { Err(Status(KVREG_DEAD)) } else { Ok(self.id) }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Keeps it open until the reader is dropped.
    #[inline]
    pub(crate) fn read(&self) -> Result<Reader<'_>, Status> {
        let enter = |state| (state & CLOSED == 0).then_some(state + READER);
        // Acquire and release: what the readers did comes before the close.
        match self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter) {
            Ok(_) => Ok(Reader(self)),
            Err(_) => Err(Status(KVREG_DEAD)),
        }
    }

    /// Closes it, now or with its last reader. The child of a fork leaves its parent's snapshots alone.
    pub(crate) fn close(&self) -> Result<(), Status> {
        if self.state.fetch_or(CLOSED, Ordering::AcqRel) != 0 {
            return Ok(()); // it was closed before, or a reader will do it
        }
        match snapshot::close(self.id) {
            Err(Status(KVREG_FORKED)) => Ok(()),
            done => done,
        }
    }
}

impl Drop for Shot {
    fn drop(&mut self) {
        let _ = self.close(); // there is nobody to tell
    }
}

/// Somebody who holds keys that lie in a snapshot.
pub(crate) struct Reader<'a>(&'a Shot);

impl Reader<'_> {
    #[inline]
    pub(crate) fn next(
        &self,
        cursor: &mut Cursor,
        want_value: bool,
    ) -> Result<Option<(&[u8], Held)>, Status> {
        // SAFETY: the snapshot is open until this reader is dropped.
        unsafe { snapshot::next(self.0.id, cursor, want_value) }
    }

    pub(crate) fn next_name(&self, cursor: &mut Cursor) -> Result<Option<(&[u8], u64)>, Status> {
        // SAFETY: as above.
        unsafe { snapshot::next_name(self.0.id, cursor) }
    }
}

impl Drop for Reader<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.0.state.fetch_sub(READER, Ordering::AcqRel) == READER | CLOSED {
            let _ = snapshot::close(self.0.id); // there is nobody to tell
        }
    }
}

/// The contents of a bucket or table at one moment.
pub(crate) enum Moment {
    Shot(Arc<Shot>),
    /// In the child of a fork no snapshot can be made.
    Dump(Dump),
}

impl Moment {
    /// Of a bucket, now. Taking it may wait for others, so they are let run.
    pub(crate) fn of_bucket(py: Python<'_>, id: u64) -> Result<Self, Status> {
        py.detach(|| Self::take(id, snapshot::of_bucket, contents::bucket))
    }

    /// Of a registry's names, now.
    pub(crate) fn of_registry(py: Python<'_>, id: u64) -> Result<Self, Status> {
        py.detach(|| Self::take(id, snapshot::take, contents::registry))
    }

    fn take(
        id: u64,
        shot: fn(u64) -> Result<u64, Status>,
        dump: fn(u64) -> Result<Dump, Status>,
    ) -> Result<Self, Status> {
        match shot(id) {
            Ok(shot) => Ok(Moment::Shot(Shot::new(shot))),
            Err(Status(KVREG_FORKED)) => dump(id).map(Moment::Dump),
            Err(status) => Err(status),
        }
    }

    /// Calls `each` with every key and value, until it answers false.
    pub(crate) fn items(
        &self,
        py: Python<'_>,
        mut each: impl FnMut(&[u8], Value<'_>) -> PyResult<bool>,
    ) -> PyResult<()> {
        match self {
            Moment::Dump(dump) => dump.items(each),
            Moment::Shot(shot) => visit(py, shot, |reader, cursor| match reader.next(cursor, true) {
                Ok(Some((key, held))) => each(key, held.value()),
                Ok(None) => Ok(false),
                Err(status) => Err(error(py, status)),
            }),
        }
    }

    /// Calls `each` with every name and bucket id, until it answers false.
    pub(crate) fn names(
        &self,
        py: Python<'_>,
        mut each: impl FnMut(&[u8], u64) -> PyResult<bool>,
    ) -> PyResult<()> {
        match self {
            Moment::Dump(dump) => dump.names(each),
            Moment::Shot(shot) => visit(py, shot, |reader, cursor| match reader.next_name(cursor) {
                Ok(Some((name, id))) => each(name, id),
                Ok(None) => Ok(false),
                Err(status) => Err(error(py, status)),
            }),
        }
    }

    /// A bucket's contents as a new dict.
    pub(crate) fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        self.items(py, |key, value| {
            dict.set_item(convert::text(py, key)?, convert::object(py, value)?)?;
            Ok(true)
        })?;
        Ok(dict)
    }

    /// Whether a bucket's contents are those of a dict.
    pub(crate) fn equals(&self, other: &Bound<'_, PyDict>) -> PyResult<bool> {
        let (py, mut seen, mut equal) = (other.py(), 0, true);
        if let Moment::Shot(shot) = self {
            let count = shot.id().and_then(snapshot::count).map_err(|status| error(py, status))?;
            equal = count == other.len() as u64; // in most cases there is no need to look at the items
        }
        if equal {
            self.items(py, |key, value| {
                seen += 1;
                equal = match other.get_item(convert::text(py, key)?)? {
                    Some(theirs) => theirs.eq(convert::object(py, value)?)?,
                    None => false,
                };
                Ok(equal)
            })?;
        }
        Ok(equal && seen == other.len())
    }
}

/// Calls `step` until it answers false.
fn visit(
    py: Python<'_>,
    shot: &Shot,
    mut step: impl FnMut(&Reader<'_>, &mut Cursor) -> PyResult<bool>,
) -> PyResult<()> {
    let (reader, mut cursor, mut count) =
        (shot.read().map_err(|status| error(py, status))?, Cursor::START, 0u32);
    while step(&reader, &mut cursor)? {
        count = count.wrapping_add(1);
        if count.is_multiple_of(BREATH) {
            py.detach(|| ());
        }
    }
    Ok(())
}

#[cold]
pub(crate) fn error(py: Python<'_>, status: Status) -> PyErr {
    errors::from_status(py, status, "a snapshot")
}
