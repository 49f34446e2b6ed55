//! A bucket: its life, and the way to its contents.
//!
//! A bucket is a slot (see `slot`) that leads to its name, its registry and, from the first put on, its contents. Its
//! handle is the slot's id, a plain number.

pub(crate) mod access;
mod change;
mod contents;
mod item;
mod long;
mod once;
mod payload;
mod reason;
mod slot;
mod time;
mod times;

pub use access::Access;
pub(crate) use access::Right;
#[cfg_attr(all(test, any(loom, shuttle)), allow(unused_imports))] // a model has no timer
pub(crate) use change::Due;
pub(crate) use change::Overwrite;
pub(crate) use contents::Contents;
pub(crate) use item::Item;
pub(crate) use long::Long;
pub use once::{Bounds, Update};
use payload::Number;
pub(crate) use payload::Payload;
pub use reason::Reason;
pub(crate) use slot::{BUCKETS, BucketSlot};
#[cfg_attr(all(test, any(loom, shuttle)), allow(unused_imports))] // as above
pub(crate) use times::NEVER;
pub(crate) use times::{Lease, Life, Time, Times};

use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::fork;
use crate::name::{MAX_LEN, Name, is_short};
use crate::owner::Owner;
use crate::registry::{self, Registry};
use crate::snapshot::{Hold, Snapshot};
use crate::sync::Ordering;
use crate::table::Table;
use crate::tree::Entry;
use crate::value::{Value, ValueRef};
use change::Step;

/// A handle of a bucket: a number like a pid. Copy it freely; there is nothing to free. After the bucket's exit it
/// answers [`Error::Dead`], and no other bucket ever gets it.
///
/// A bucket may have handles that allow less than others (see [`Access`]): they are different numbers, so `==` tells
/// handles apart, and [`Bucket::same`] buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(u64);

impl Bucket {
    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Bucket {
        Bucket(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Puts a value under a key, in place of the one that was there.
    #[inline(always)]
    pub fn put<'a>(self, key: impl AsRef<[u8]>, value: impl Into<ValueRef<'a>>) -> Result<(), Error> {
        let (key, value) = (key.as_ref(), value.into());
        if self.overwrite::<true>(key, value) == Overwrite::Done { Ok(()) } else { self.put_anew(key, value) }
    }

    /// The short way of [`Bucket::put`], for a number over one of its type.
    #[inline(always)]
    pub(crate) fn overwrite<const WAIT: bool>(self, key: &[u8], value: ValueRef<'_>) -> Overwrite {
        match Number::new(value) {
            Some(number) => change::overwrite::<WAIT>(self.0, key, number),
            None => Overwrite::Unusual,
        }
    }

    /// The long way.
    #[inline(never)]
    pub(crate) fn put_anew(self, key: &[u8], value: ValueRef<'_>) -> Result<(), Error> {
        let payload = Payload::new(value)?; // before the pin: it may take long
        change::change(self.0, key, Time::End, |_| Ok((Step::Put(payload), ())))
    }

    /// The value under a key. Takes no lock.
    pub fn get(self, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        self.read(key.as_ref(), Item::value)?.transpose()
    }

    /// The value under a key and the key's revision: that of the bucket at the key's last change. Waits for a thread that
    /// is just overwriting this number.
    pub fn get_with_revision(self, key: impl AsRef<[u8]>) -> Result<Option<(Value, u64)>, Error> {
        self.read(key.as_ref(), Item::value_and_revision)?.transpose()
    }

    /// The number under a key; [`Error::WrongType`] if it is no int.
    #[inline(always)]
    pub fn get_int(self, key: impl AsRef<[u8]>) -> Result<Option<i64>, Error> {
        let key = key.as_ref();
        match self.glimpse(key, Item::int) {
            Some(number) => number.map(Some),
            None => self.read(key, Item::int)?.transpose(),
        }
    }

    /// The number under a key; [`Error::WrongType`] if it is no float.
    #[inline(always)]
    pub fn get_float(self, key: impl AsRef<[u8]>) -> Result<Option<f64>, Error> {
        let key = key.as_ref();
        match self.glimpse(key, Item::float) {
            Some(number) => number.map(Some),
            None => self.read(key, Item::float)?.transpose(),
        }
    }

    /// Gives the text or bytes under a key to `copy`: few of them under the pin, so that no count is touched, and
    /// many after it, so that it stays short.
    #[cfg(feature = "capi")]
    pub(crate) fn read_bytes<R>(self, key: &[u8], copy: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        const FEW: usize = 4096;
        let mut copy = Some(copy);
        let mut copy = |bytes: &[u8]| (copy.take().expect("called once"))(bytes);
        let read = self.read(key, |item| {
            let bytes = item.bytes()?;
            if bytes.len() <= FEW { Ok(Ok(copy(bytes))) } else { item.blob().map(Err) }
        })?;
        Ok(read.transpose()?.map(|read| read.unwrap_or_else(|blob| copy(&blob))))
    }

    /// Deletes a key; tells whether it was there.
    pub fn delete(self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        if self.read_contents(Right::Write, true, |_| false)? {
            return checked(key.as_ref()).and_then(|_| fork::check()).map(|()| false);
        }
        change::change(self.0, key.as_ref(), Time::End, |old| Ok((Step::Delete, old.is_some())))
    }

    /// How many keys it has.
    pub fn count(self) -> Result<u64, Error> {
        self.read_contents(Right::Read, 0, |contents| contents.count())
    }

    /// How many changes it has seen.
    pub fn revision(self) -> Result<u64, Error> {
        self.read_contents(Right::Read, 0, |contents| contents.revision())
    }

    /// The contents as they are now, as a value.
    pub fn snapshot(self) -> Result<Snapshot, Error> {
        Snapshot::of_bucket(self)
    }

    /// All keys and values as they are at one revision, in no particular order.
    pub fn items(self) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        let mut items = Vec::new();
        self.for_each(|key, item| {
            items.push((key.to_vec(), item.value()?));
            Ok(())
        })?;
        Ok(items)
    }

    /// The same in the packed form of `kvreg_bucket_dump`.
    #[cfg(feature = "capi")]
    pub(crate) fn dump(self) -> Result<Vec<u8>, Error> {
        let mut dump = crate::capi::packed::Dump::default();
        self.for_each(|key, item| {
            dump.item(key, &item.value()?);
            Ok(())
        })?;
        dump.finish()
    }

    /// Ends the bucket: when this returns, no lookup in any thread gives it, and every call on it gives
    /// [`Error::Dead`].
    pub fn stop(self, reason: Reason) -> Result<(), Error> {
        self.allows(Right::Write)?;
        registry::stop_bucket(self.registry()?, self, reason, &[])
    }

    /// As [`Bucket::stop`], for [`Reason::Crash`]: says what happened, in 65,535 bytes at most. Those who watch get it
    /// with the event.
    pub fn crash(self, message: impl AsRef<[u8]>) -> Result<(), Error> {
        self.allows(Right::Write)?;
        registry::stop_bucket(self.registry()?, self, Reason::Crash, checked(message.as_ref())?)
    }

    /// Gives the bucket to another owner, or to nobody; [`Error::Dead`] if the owner was closed.
    pub fn give(self, owner: Option<Owner>) -> Result<(), Error> {
        self.allows(Right::Write)?;
        registry::give_bucket(self.registry()?, self, owner)
    }

    /// Says who gets the bucket when its owner ends, in place of its exit: for once, and only if the heir lives then.
    /// [`Error::Dead`] if the heir was closed.
    pub fn set_heir(self, heir: Option<Owner>) -> Result<(), Error> {
        self.allows(Right::Write)?;
        registry::set_heir_of_bucket(self.registry()?, self, heir)
    }

    /// Its owner, if it has one.
    pub fn owner(self) -> Result<Option<Owner>, Error> {
        registry::owner_of_bucket(self.registry()?, self)
    }

    /// Whether it lives: [`Error::Dead`] or [`Error::BadHandle`] if not.
    pub fn check(self) -> Result<(), Error> {
        self.allows(Right::Know)
    }

    /// Its name.
    pub fn name(self) -> Result<Vec<u8>, Error> {
        self.read_name(<[u8]>::to_vec)
    }

    /// The registry that it belongs to.
    pub fn registry(self) -> Result<Registry, Error> {
        self.registry_of(&epoch::pin())
    }

    fn registry_of(self, _pin: &Pin) -> Result<Registry, Error> {
        Ok(Registry::from_id(access::resolve(self.0, Right::Know)?.registry()))
    }

    /// `read` is ours, short, and runs under a pin.
    pub(crate) fn read_name<R>(self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let _pin = epoch::pin();
        // Relaxed: the slot was seen to be alive, which publishes it.
        let name = access::resolve(self.0, Right::Know)?.name.load(Ordering::Relaxed);
        // SAFETY: a name is freed only after every pin that could have found it in a living slot has ended.
        Ok(read(unsafe { Name::key(name) }))
    }

    /// For tests: as a writer that takes its time.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn with_writer_held<R>(self, work: impl FnOnce() -> R) -> Result<R, Error> {
        let _long = Long::take(self.0)?;
        Ok(work())
    }

    #[inline(always)]
    pub(crate) fn read<R>(self, key: &[u8], read: impl FnOnce(&Item) -> R) -> Result<Option<R>, Error> {
        let key = checked(key)?;
        let pin = epoch::pin();
        let Some(contents) = access::resolve(self.0, Right::Read)?.contents(&pin) else { return Ok(None) };
        Ok(contents.find(&pin, key).map(read))
    }

    /// As [`Bucket::read`], but None too where it is not simple; calls nothing (see [`crate::tree::glimpse`]).
    #[inline(always)]
    pub(crate) fn glimpse<R>(self, key: &[u8], read: impl FnOnce(&Item) -> R) -> Option<R> {
        if !is_short(key.len()) {
            return None;
        }
        let pin = epoch::pin_again()?;
        let contents = BUCKETS.resolve(self.0).ok()?.contents(&pin)?;
        contents.glimpse(&pin, key).map(read)
    }

    fn read_contents<R>(self, right: Right, empty: R, read: impl FnOnce(&Contents) -> R) -> Result<R, Error> {
        let pin = epoch::pin();
        Ok(access::resolve(self.0, right)?.contents(&pin).map_or(empty, read))
    }

    /// Visits all keys as they are at one revision.
    fn for_each(self, mut visit: impl FnMut(&[u8], &Item) -> Result<(), Error>) -> Result<(), Error> {
        if fork::check().is_ok() {
            return Hold::of_bucket(self)?.for_each_item(visit);
        }
        let pin = epoch::pin();
        let Some(contents) = access::resolve(self.0, Right::Read)?.contents(&pin) else { return Ok(()) };
        let mut result = Ok(());
        contents.for_each_unfinished(&pin, &mut |item| {
            // SAFETY: alive while the pin is.
            result = result.and_then(|()| unsafe { visit(Item::key(item), &*item) });
        });
        result
    }

    /// The table that it is in and its name there, alive while the pin is: for who may read it.
    pub(crate) fn place(self, _pin: &Pin) -> Result<(&Table, &Name), Error> {
        let slot = access::resolve(self.0, Right::Read)?;
        // SAFETY: both are freed only after every pin that could have found them in a living slot has ended.
        // Relaxed: the slot was seen to be alive, which publishes them.
        Ok(unsafe { (&*slot.table.load(Ordering::Relaxed), &*slot.name.load(Ordering::Relaxed)) })
    }
}

/// A key or name of legal length.
#[inline(always)]
pub(crate) fn checked(name: &[u8]) -> Result<&[u8], Error> {
    if name.len() > MAX_LEN { Err(Error::InvalidArgument) } else { Ok(name) }
}
