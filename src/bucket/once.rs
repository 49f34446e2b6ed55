//! What a caller can do to a key in one step, besides put and delete.

use super::Long;
use super::change::{Step, change, change_with_revision};
use super::item::Item;
use super::payload::Payload;
use super::times::{Time, Times};
use super::{Bucket, Contents, checked};
use crate::cuts::Dead;
use crate::epoch;
use crate::error::Error;
use crate::fork;
use crate::tree;
use crate::value::{Value, ValueRef};

/// What an update function makes of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update<'a> {
    /// Leaves it as it is.
    Keep,
    /// Puts a value.
    Put(ValueRef<'a>),
    /// Deletes it.
    Delete,
}

/// The limits of a counter, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What a key that is not there counts as.
    pub initial: i64,
    /// The smallest result.
    pub min: i64,
    /// The largest result.
    pub max: i64,
    /// A result beyond the limits becomes the limit; else it is an [`Error::OutOfRange`] and changes nothing.
    pub clamp: bool,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { initial: 0, min: i64::MIN, max: i64::MAX, clamp: false }
    }
}

impl Bounds {
    fn step(self, from: i64, by: i64) -> Result<i64, Error> {
        let wide = i128::from(from) + i128::from(by);
        let limited = wide.clamp(self.min.into(), self.max.into());
        if wide == limited || self.clamp {
            return Ok(limited as i64); // between two i64
        }
        Err(Error::OutOfRange)
    }
}

impl Bucket {
    /// Puts a value under a key that is not there; [`Error::Exists`] if it is.
    pub fn put_new<'a>(self, key: impl AsRef<[u8]>, value: impl Into<ValueRef<'a>>) -> Result<(), Error> {
        let payload = Payload::new(value.into())?;
        change(self.id(), key.as_ref(), Time::End, |old| match old {
            Some(_) => Err(Error::Exists),
            None => Ok((Step::Put(payload), ())),
        })
    }

    /// Deletes a key and gives what it had.
    pub fn take(self, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        change(self.id(), key.as_ref(), Time::End, |old| {
            Ok((Step::Delete, old.map(Item::value).transpose()?))
        })
    }

    /// Puts a value under a key and gives what was there.
    pub fn swap<'a>(
        self,
        key: impl AsRef<[u8]>,
        value: impl Into<ValueRef<'a>>,
    ) -> Result<Option<Value>, Error> {
        let payload = Payload::new(value.into())?;
        change(self.id(), key.as_ref(), Time::End, |old| {
            Ok((Step::Put(payload), old.map(Item::value).transpose()?))
        })
    }

    /// Puts a value if the key's revision is this one (0: if the key is not there), and gives its new revision;
    /// [`Error::Conflict`] if not.
    pub fn put_if_revision<'a>(
        self,
        key: impl AsRef<[u8]>,
        revision: u64,
        value: impl Into<ValueRef<'a>>,
    ) -> Result<u64, Error> {
        let payload = Payload::new(value.into())?;
        change_with_revision(self.id(), key.as_ref(), Time::Keep, |old, next| {
            if old.map_or(0, Item::revision) == revision {
                Ok((Step::Put(payload), next))
            } else {
                Err(Error::Conflict)
            }
        })
    }

    /// Deletes a key if its revision is this one; [`Error::Conflict`] if not.
    pub fn delete_if_revision(self, key: impl AsRef<[u8]>, revision: u64) -> Result<(), Error> {
        change(self.id(), key.as_ref(), Time::Keep, |old| match old {
            Some(old) if old.revision() == revision => Ok((Step::Delete, ())),
            _ => Err(Error::Conflict),
        })
    }

    /// Puts a value if the key has the one that is expected: the same type and equal (of floats, the same bits);
    /// [`Error::Conflict`] if it has another or none.
    pub fn put_if_equal<'a, 'b>(
        self,
        key: impl AsRef<[u8]>,
        expected: impl Into<ValueRef<'b>>,
        value: impl Into<ValueRef<'a>>,
    ) -> Result<(), Error> {
        /// Longer ones are compared where nobody but this bucket's writers waits.
        const QUICK: usize = 4096;
        let (expected, payload) = (expected.into(), Payload::new(value.into())?);
        if expected.len() > QUICK {
            let key = checked(key.as_ref())?;
            let compare = |old: Option<Value>| {
                let equal = old.as_ref().is_some_and(|old| ValueRef::from(old) == expected);
                if equal { Ok((Step::Put(payload), ())) } else { Err(Error::Conflict) }
            };
            let look = |old: Option<&Item>| old.map(Item::value).transpose();
            return Long::take(self.id())?.change(self.id(), key, look, compare);
        }
        change(self.id(), key.as_ref(), Time::Keep, |old| {
            if old.is_some_and(|old| old.is(expected)) {
                Ok((Step::Put(payload), ()))
            } else {
                Err(Error::Conflict)
            }
        })
    }

    /// Adds to an int, and gives the result. A key that is not there counts as [`Bounds::initial`].
    pub fn add(self, key: impl AsRef<[u8]>, by: i64, bounds: Bounds) -> Result<i64, Error> {
        if bounds.min > bounds.max {
            return Err(Error::InvalidArgument);
        }
        change(self.id(), key.as_ref(), Time::Keep, |old| {
            let from = old.map_or(Ok(bounds.initial), Item::int)?;
            let sum = bounds.step(from, by)?;
            Ok((Step::Put(Payload::new(ValueRef::Int(sum))?), sum))
        })
    }

    /// Lets a function make something of a key, in this thread and with this bucket's right to change: other changes
    /// to this bucket wait until it has returned, readers and other buckets never do. The function may read
    /// everything and change other buckets; a change that might wait for itself gives [`Error::Deadlock`]. If it
    /// panics, nothing is changed.
    pub fn update<'a>(
        self,
        key: impl AsRef<[u8]>,
        function: impl FnOnce(Option<Value>) -> Update<'a>,
    ) -> Result<(), Error> {
        self.try_update(key.as_ref(), |old| Ok(function(old)))
    }

    /// As [`Bucket::update`], with a function that may fail: then nothing is changed.
    pub(crate) fn try_update<'a>(
        self,
        key: &[u8],
        function: impl FnOnce(Option<Value>) -> Result<Update<'a>, Error>,
    ) -> Result<(), Error> {
        let key = checked(key)?;
        Long::take(self.id())?.change(
            self.id(),
            key,
            |old| old.map(Item::value).transpose(),
            |old| {
                let step = match function(old)? {
                    Update::Keep => Step::Keep,
                    Update::Put(value) => Step::Put(Payload::new(value)?),
                    Update::Delete => Step::Delete,
                };
                Ok((step, ()))
            },
        )
    }

    /// Deletes all keys, as one change, and tells how many there were. What they held is freed in the background.
    pub fn clear(self) -> Result<u64, Error> {
        /// Up to so many are freed along the way.
        const FEW: u64 = 64;
        fork::check()?;
        let long = Long::take(self.id())?;
        let pin = epoch::pin();
        let registry = self.registry_of(&pin)?; // it may have exited while we waited
        let contents: &Contents = long.contents();
        let count = contents.count();
        if count == 0 {
            return Ok(0);
        }
        let writing = pin.announce();
        let now = contents.cuts().now(&writing);
        contents.touch(now)?;
        let root = contents.show_nothing();
        let ended = contents.times().map(Times::clear);
        drop(writing);
        let walk = move |visit: &mut dyn FnMut(Dead)| {
            drop(ended);
            // SAFETY: nobody changes what was replaced; cuts and pins are what its memory waits for.
            unsafe { tree::visit_all::<Item>(root, visit) }
        };
        if count <= FEW {
            walk(&mut |dead| contents.cuts().keep(now, dead).into_iter().for_each(epoch::retire));
        } else {
            contents.cuts().leave_tree(now, walk);
            crate::registry::tidy_soon(registry);
        }
        Ok(count)
    }
}
