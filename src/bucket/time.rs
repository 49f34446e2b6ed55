//! Times to live, of a bucket and of its keys.
//!
//! The registry's timer ends what has one when that has come; see `times` for where that stands.

use super::change::{Due, Step, change, end_next};
use super::payload::Payload;
use super::times::{Lease, NEVER, Time, Times};
use super::{Bucket, Right, access, checked};
use crate::epoch;
use crate::error::Error;
use crate::fork;
use crate::registry::timer;
use crate::value::ValueRef;
use std::time::Duration;

impl Bucket {
    /// Gives the bucket a time to live from now on, or none (as in all calls, what is longer than 500 years is 500 years):
    /// when it has passed, the bucket exits with
    /// [`Reason::Expired`](super::Reason::Expired), without any call. [`Error::Dead`] if that has come already.
    pub fn expire(self, ttl: Option<Duration>) -> Result<(), Error> {
        let Some(ttl) = ttl else {
            fork::check()?;
            return self.with_times(Right::Write, |times| times.set_end(None))?.unwrap_or(Ok(()));
        };
        let lease = Lease::new(self.begin()?, ttl);
        self.with_times(Right::Write, |times| {
            times.set_end(Some(lease))?;
            times.plan(lease.end);
            Ok(())
        })?
        .unwrap_or(Err(Error::Dead))
    }

    /// The bucket's time to live begins again, if it has one, and so does the time for which it may be unused.
    pub fn touch(self) -> Result<(), Error> {
        fork::check()?;
        let now = timer::now(self.registry()?)?;
        self.with_times(Right::Write, |times| times.renew(now))?.unwrap_or(Ok(()))
    }

    /// How long the bucket will live if nobody uses it; None if no end is set. To ask is no use.
    pub fn remaining(self) -> Result<Option<Duration>, Error> {
        fork::check()?;
        let end = self.with_times(Right::Know, |times| times.end())?.unwrap_or(NEVER);
        self.until(end)
    }

    /// Puts a value under a key, for a time: when it has passed, the key is deleted, without any call, as a change of
    /// its bucket.
    ///
    /// A later put ends the time, and so do [`Bucket::put_new`], [`Bucket::swap`] and everything that deletes the key.
    /// What changes the value in one step keeps it: [`Bucket::add`], [`Bucket::update`], [`Bucket::put_if_revision`]
    /// and [`Bucket::put_if_equal`].
    ///
    /// ```
    /// use kvreg::{Bounds, Registry};
    /// use std::time::Duration;
    ///
    /// let registry = Registry::start()?;
    /// let visits = registry.create("visits")?;
    /// visits.put_for("ada", 0, Duration::from_secs(60))?;
    /// assert_eq!(visits.add("ada", 1, Bounds::default())?, 1);
    /// assert!(visits.remaining_key("ada")?.unwrap() <= Duration::from_secs(60));
    /// registry.stop()?;
    /// # Ok::<(), kvreg::Error>(())
    /// ```
    pub fn put_for<'a>(
        self,
        key: impl AsRef<[u8]>,
        value: impl Into<ValueRef<'a>>,
        ttl: Duration,
    ) -> Result<(), Error> {
        let (key, payload) = (checked(key.as_ref())?, Payload::new(value.into())?);
        let time = Time::Set(Lease::new(self.begin()?, ttl));
        change(self.id(), key, time, |_| Ok((Step::Put(payload), ())))
    }

    /// Gives a key a time to live from now on, or none; tells whether there is such a key. The value stays, and so do the
    /// revisions.
    pub fn expire_key(self, key: impl AsRef<[u8]>, ttl: Option<Duration>) -> Result<bool, Error> {
        let key = checked(key.as_ref())?;
        let time = match ttl {
            Some(ttl) => Time::Set(Lease::new(self.begin()?, ttl)),
            None => Time::End,
        };
        self.set_time(key, time)
    }

    /// The key's time to live begins again, if it has one; tells whether there is such a key.
    pub fn touch_key(self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        let key = checked(key.as_ref())?;
        fork::check()?;
        self.set_time(key, Time::Renew(timer::now(self.registry()?)?))
    }

    fn set_time(self, key: &[u8], time: Time) -> Result<bool, Error> {
        change(self.id(), key, time, |old| Ok((Step::SetTime, old.is_some())))
    }

    /// How long a key will be there; None if no end is set. [`Error::NotFound`] if there is no such key.
    pub fn remaining_key(self, key: impl AsRef<[u8]>) -> Result<Option<Duration>, Error> {
        let key = checked(key.as_ref())?;
        fork::check()?;
        self.read(key, |_| ())?.ok_or(Error::NotFound)?;
        let pin = epoch::pin();
        let contents = access::resolve(self.id(), Right::Read)?.contents(&pin);
        let end = contents.and_then(|contents| Some(contents.times()?.end_of(contents.hash().of(key), key)));
        drop(pin);
        self.until(end.unwrap_or(NEVER))
    }

    fn until(self, end: u64) -> Result<Option<Duration>, Error> {
        if end == NEVER {
            return Ok(None);
        }
        let now = timer::now(self.registry()?)?;
        Ok(Some(Duration::from_nanos(end.saturating_sub(now))))
    }

    /// For who is about to set a time: there is a timer, and a place for what it must know. Tells what moment it is.
    pub(crate) fn begin(self) -> Result<u64, Error> {
        fork::check()?;
        let registry = self.registry()?;
        let now = timer::begin(registry)?;
        let pin = epoch::pin();
        let known = Bucket::from_id(access::full(self.id()));
        access::resolve(self.id(), Right::Write)?.contents_or_new(&pin)?.times_or_new(registry, known);
        Ok(now)
    }

    /// `read` is ours and short. None if no time was ever set here.
    pub(crate) fn with_times<R>(
        self,
        right: Right,
        read: impl FnOnce(&Times) -> R,
    ) -> Result<Option<R>, Error> {
        let pin = epoch::pin();
        Ok(access::resolve(self.id(), right)?.contents(&pin).and_then(|contents| contents.times()).map(read))
    }

    /// Tells the timer what it must know of a bucket that was made with times, if it was.
    pub(crate) fn plan(self) {
        let _ = self.with_times(Right::Know, |times| times.plan(times.next())); // it may have exited
    }

    /// Ends a key whose time has come.
    pub(crate) fn end_next(self, moment: u64) -> Result<Due, Error> {
        end_next(self.id(), moment)
    }
}
