//! What a handle of a bucket allows, and whether its use is noted.
//!
//! A right is part of the id's kind: several kinds stand for one slot. The handle with all rights has the kind of
//! buckets, so that resolving it costs nothing more; weaker ones have kinds of their own and go the cold way. A
//! protected or private bucket's name leads to a weaker handle, so that only who made the bucket has the full one.
//! A bucket that exits when nobody has used it for a while has handles whose use is noted, in the same cold way.

use super::{BUCKETS, Bucket, BucketSlot};
use crate::epoch;
use crate::error::Error;
use crate::slot::{Kind, kind_of, with_kind};

/// What others may do with a bucket, as in ETS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Access {
    /// Everybody reads and writes.
    #[default]
    Public = 0,
    /// Everybody reads; the handle that its making gave also writes.
    Protected = 1,
    /// Only the handle that its making gave reads and writes.
    Private = 2,
}

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// To know that it is there: name, registry, life.
    Know,
    Read,
    /// To change the contents, or to decide about the life.
    Write,
}

/// The kinds of handles that are not the plain one have this bit, and say in those below what they lack.
const WEAKER: u64 = 16;
/// No changes.
const READ_ONLY: u64 = 1;
/// Neither reads nor changes.
const SEALED: u64 = 2;
/// Each use is noted.
const TRACKED: u64 = 4;

impl Access {
    /// The access with this number in C.
    #[cfg(feature = "capi")]
    pub(crate) fn from_number(number: u32) -> Result<Access, Error> {
        [Access::Public, Access::Protected, Access::Private]
            .into_iter()
            .find(|&access| access as u32 == number)
            .ok_or(Error::InvalidArgument)
    }

    /// The handle that the bucket's name leads to.
    pub(crate) fn shown(self, full: u64) -> u64 {
        match self {
            Access::Public => full,
            Access::Protected => weaker(full, READ_ONLY),
            Access::Private => weaker(full, SEALED),
        }
    }
}

/// A handle of the same bucket with one more of the marks.
fn weaker(handle: u64, mark: u64) -> u64 {
    with_kind(handle, WEAKER | marks(handle) | mark)
}

/// The same handle, whose use is noted.
pub(crate) fn tracked(handle: u64) -> u64 {
    weaker(handle, TRACKED)
}

/// The slot of a living bucket, if the handle has this right: else [`Error::AccessDenied`]. Its data stay its bucket's
/// while the caller is pinned, which it is unless it asks for no more than [`Right::Know`].
#[inline(always)]
pub(crate) fn resolve(handle: u64, right: Right) -> Result<&'static BucketSlot, Error> {
    match BUCKETS.resolve(handle) {
        Err(Error::BadHandle) => resolve_weaker(handle, right),
        found => found,
    }
}

#[cold]
#[inline(never)]
fn resolve_weaker(handle: u64, right: Right) -> Result<&'static BucketSlot, Error> {
    let (slot, marks) = (BUCKETS.resolve(full(handle))?, marks(handle));
    let nobodys = (marks & SEALED != 0 && !slot.is_private()) || (marks & TRACKED != 0 && !slot.is_tracked());
    if nobodys {
        return Err(Error::BadHandle); // nobody ever got this one
    }
    let denied = match marks & !TRACKED {
        0 => false,
        READ_ONLY => right == Right::Write,
        _ => right != Right::Know,
    };
    if denied {
        return Err(Error::AccessDenied);
    }
    if marks & TRACKED != 0 && right != Right::Know {
        // SAFETY: the caller is pinned.
        unsafe { slot.note_use() };
    }
    Ok(slot)
}

/// The marks of a handle that is not the plain one, or 0 for any other number.
fn marks(handle: u64) -> u64 {
    match kind_of(handle) ^ WEAKER {
        marks @ (READ_ONLY | SEALED | TRACKED) => marks,
        marks if marks == TRACKED | READ_ONLY || marks == TRACKED | SEALED => marks,
        _ => 0,
    }
}

/// The handle with all rights of the same bucket: what a bucket is known by inside. A number that is no handle of a
/// bucket stays what it is.
pub(crate) fn full(handle: u64) -> u64 {
    if marks(handle) == 0 { handle } else { with_kind(handle, Kind::Bucket as u64) }
}

/// Whether a snapshot may show the contents of the bucket that this handle leads to.
pub(crate) fn may_read(shown: u64) -> Result<(), Error> {
    if marks(shown) & SEALED != 0 { Err(Error::AccessDenied) } else { Ok(()) }
}

impl Bucket {
    /// Whether it lives and this handle has this right.
    pub(crate) fn allows(self, right: Right) -> Result<(), Error> {
        let _pin = (right != Right::Know).then(epoch::pin);
        resolve(self.id(), right).map(|_| ())
    }

    /// A handle of the same bucket that reads and does not change: to give away. [`Error::AccessDenied`] if this one
    /// does not read.
    pub fn reader(self) -> Result<Bucket, Error> {
        self.allows(Right::Read)?;
        Ok(Bucket(weaker(self.id(), READ_ONLY)))
    }

    /// Whether two handles are one bucket's. Also of those that exited: [`Error::BadHandle`] is the only error.
    pub fn same(self, other: Bucket) -> Result<bool, Error> {
        for bucket in [self, other] {
            match bucket.check() {
                Ok(()) | Err(Error::Dead) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(full(self.id()) == full(other.id()))
    }
}
