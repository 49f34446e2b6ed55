//! A bucket: its life, and the way to its contents.
//!
//! A bucket is a slot (see `slot`) that leads to its name, its registry and, from the first put on, its contents. Its
//! handle is the slot's id, a plain number.

mod contents;
mod item;

pub(crate) use contents::{COLLECT_AT_WEIGHT, Contents};

use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::fork;
use crate::name::{MAX_LEN, Name};
use crate::registry::{self, Registry};
use crate::slot::{Kind, SlotData, Slots};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};
use crate::value::{Value, ValueRef};
use item::{Item, Payload};
use std::ptr;

/// The slots of all buckets of this process.
pub(crate) static BUCKETS: Slots<BucketSlot> = Slots::new();

/// What a bucket's slot holds.
pub(crate) struct BucketSlot {
    pub(crate) registry: AtomicU64,
    /// Freed only when every pin that could have found it here has ended.
    pub(crate) name: AtomicPtr<Name>,
    /// NULL until the first put; CLOSED from the exit on.
    contents: AtomicPtr<Contents>,
}

// SAFETY: a number and NULLs, without a destructor.
unsafe impl SlotData for BucketSlot {
    const KIND: Kind = Kind::Bucket;
}

/// Stands for the contents of a bucket that exited.
const CLOSED: *mut Contents = ptr::without_provenance_mut(align_of::<Contents>());

impl BucketSlot {
    /// Makes the slot that of a new bucket. The caller brings it to life.
    pub(crate) fn fill(&self, registry: u64, name: *mut Name) {
        // Relaxed: bringing the slot to life publishes them.
        self.registry.store(registry, Ordering::Relaxed);
        self.name.store(name, Ordering::Relaxed);
        self.contents.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Ends the contents of a bucket that exits, and gives them to the caller, or NULL, with the bytes that there are
    /// to free: pinned readers may still be in them.
    pub(crate) fn close(&self) -> (*mut Contents, usize) {
        // AcqRel: see the contents that somebody made; whoever finds CLOSED finds the slot dead.
        let contents = self.contents.swap(CLOSED, Ordering::AcqRel);
        // SAFETY: contents are freed by whoever closed them, which is done once and by us.
        let weight = unsafe { contents.as_ref() }.map_or(0, Contents::close);
        (contents, weight)
    }

    /// The contents, if anything was ever put in.
    #[inline(always)]
    fn contents<'p>(&self, _pin: &'p Pin) -> Result<Option<&'p Contents>, Error> {
        let contents = self.contents.load(Ordering::Acquire); // Acquire: see the contents that were published
        if contents == CLOSED {
            return Err(Error::Dead);
        }
        // SAFETY: contents that were in the slot under a pin are not freed while the pin lasts.
        Ok(unsafe { contents.as_ref() })
    }

    /// The contents, made if there are none.
    #[inline(always)]
    fn contents_or_new<'p>(&self, pin: &'p Pin) -> Result<&'p Contents, Error> {
        match self.contents(pin)? {
            Some(contents) => Ok(contents),
            None => self.new_contents(pin),
        }
    }

    #[cold]
    fn new_contents<'p>(&self, pin: &'p Pin) -> Result<&'p Contents, Error> {
        let made = Box::into_raw(Box::new(Contents::new()));
        // Release: publishes the contents. Relaxed failure: what another thread made is read again with Acquire.
        if self
            .contents
            .compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: nobody else ever saw it.
            drop(unsafe { Box::from_raw(made) });
        }
        self.contents(pin)?.ok_or(Error::Dead)
    }
}

/// Why a bucket exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum Reason {
    /// It was done.
    Normal = 0,
    /// It was told to, as part of an ordered end.
    Shutdown = 1,
    /// It was ended by force.
    Killed = 2,
    /// It failed.
    Crash = 3,
    /// Its owner ended.
    OwnerClosed = 4,
    /// Its time to live ran out.
    Expired = 5,
}

impl Reason {
    /// A reason that a caller may give: the last two are kvreg's own.
    pub(crate) fn from_caller(number: u32) -> Result<Reason, Error> {
        [Reason::Normal, Reason::Shutdown, Reason::Killed, Reason::Crash]
            .into_iter()
            .find(|&reason| reason as u32 == number)
            .ok_or(Error::InvalidArgument)
    }
}

/// A handle of a bucket: a number like a pid. Copy it freely; there is nothing to free. After the bucket's exit it
/// answers [`Error::Dead`], and no other bucket ever gets it.
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
    pub fn put<'a>(self, key: impl AsRef<[u8]>, value: impl Into<ValueRef<'a>>) -> Result<(), Error> {
        let key = checked(key.as_ref())?;
        fork::check()?;
        let payload = Payload::new(value.into())?; // before the pin: it may take long
        let pin = epoch::pin();
        let contents: *const Contents = BUCKETS.resolve(self.0)?.contents_or_new(&pin)?;
        // SAFETY: alive while the pin is, which goes with the call.
        unsafe { (*contents).put(pin, key, payload) }
    }

    /// The value under a key. Takes no lock.
    pub fn get(self, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        self.read(key.as_ref(), Item::value)
    }

    /// The number under a key; [`Error::WrongType`] if it is no int.
    #[inline(always)]
    pub fn get_int(self, key: impl AsRef<[u8]>) -> Result<Option<i64>, Error> {
        self.read(key.as_ref(), Item::int)?.transpose()
    }

    /// The number under a key; [`Error::WrongType`] if it is no float.
    #[inline(always)]
    pub fn get_float(self, key: impl AsRef<[u8]>) -> Result<Option<f64>, Error> {
        self.read(key.as_ref(), Item::float)?.transpose()
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
            Ok(if bytes.len() <= FEW { Ok(copy(bytes)) } else { Err(item.blob()) })
        })?;
        Ok(read.transpose()?.map(|read| read.unwrap_or_else(|blob| copy(&blob))))
    }

    /// Deletes a key; tells whether it was there.
    pub fn delete(self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        let key = checked(key.as_ref())?;
        fork::check()?;
        let pin = epoch::pin();
        let Some(contents) = BUCKETS.resolve(self.0)?.contents(&pin)? else { return Ok(false) };
        let contents: *const Contents = contents;
        // SAFETY: alive while the pin is, which goes with the call.
        unsafe { (*contents).delete(pin, key) }
    }

    /// How many keys it has.
    pub fn count(self) -> Result<u64, Error> {
        self.read_contents(0, Contents::count)
    }

    /// How many changes it has seen.
    pub fn revision(self) -> Result<u64, Error> {
        self.read_contents(0, Contents::revision)
    }

    /// All keys and values as they are at one revision, in no particular order.
    pub fn items(self) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        let mut items = Vec::new();
        self.for_each(|key, item| items.push((key.to_vec(), item.value())))?;
        Ok(items)
    }

    /// The same in the packed form of `kvreg_bucket_dump`.
    #[cfg(feature = "capi")]
    pub(crate) fn dump(self) -> Result<Vec<u8>, Error> {
        let mut dump = crate::value::Dump::default();
        self.for_each(|key, item| dump.item(key, &item.value()))?;
        dump.finish()
    }

    /// Ends the bucket: when this returns, no lookup in any thread gives it, and every call on it gives
    /// [`Error::Dead`].
    pub fn stop(self, reason: Reason) -> Result<(), Error> {
        let registry = self.registry()?;
        registry::stop_bucket(registry, self, reason)
    }

    /// Whether it lives: [`Error::Dead`] or [`Error::BadHandle`] if not.
    pub fn check(self) -> Result<(), Error> {
        BUCKETS.resolve(self.0).map(|_| ())
    }

    /// Its name.
    pub fn name(self) -> Result<Vec<u8>, Error> {
        self.read_name(<[u8]>::to_vec)
    }

    /// The registry that it belongs to.
    pub fn registry(self) -> Result<Registry, Error> {
        let _pin = epoch::pin();
        // Relaxed: the slot was seen to be alive, which publishes it.
        Ok(Registry::from_id(BUCKETS.resolve(self.0)?.registry.load(Ordering::Relaxed)))
    }

    /// `read` is ours, short, and runs under a pin.
    pub(crate) fn read_name<R>(self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let _pin = epoch::pin();
        let name = BUCKETS.resolve(self.0)?.name.load(Ordering::Relaxed); // Relaxed: as above
        // SAFETY: a name is freed only after every pin that could have found it in a living slot has ended.
        Ok(read(unsafe { Name::bytes(name) }))
    }

    /// For tests: as a writer that takes its time.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn with_writer_held<R>(self, work: impl FnOnce() -> R) -> Result<R, Error> {
        let pin = epoch::pin();
        let contents: *const Contents = BUCKETS.resolve(self.0)?.contents_or_new(&pin)?;
        // SAFETY: alive while the pin is, which goes with the call.
        unsafe { (*contents).with_writer_held(pin, work) }
    }

    #[inline(always)]
    fn read<R>(self, key: &[u8], read: impl FnOnce(&Item) -> R) -> Result<Option<R>, Error> {
        let key = checked(key)?;
        let pin = epoch::pin();
        let Some(contents) = BUCKETS.resolve(self.0)?.contents(&pin)? else { return Ok(None) };
        Ok(contents.find(&pin, key).map(read))
    }

    fn read_contents<R>(self, empty: R, read: impl FnOnce(&Contents) -> R) -> Result<R, Error> {
        let pin = epoch::pin();
        Ok(BUCKETS.resolve(self.0)?.contents(&pin)?.map_or(empty, read))
    }

    fn for_each(self, visit: impl FnMut(&[u8], &Item)) -> Result<(), Error> {
        let pin = epoch::pin();
        let Some(contents) = BUCKETS.resolve(self.0)?.contents(&pin)? else { return Ok(()) };
        let contents: *const Contents = contents;
        // SAFETY: alive while the pin is, which goes with the call.
        unsafe { (*contents).for_each(pin, visit) }
    }
}

/// A key or name of legal length.
#[inline(always)]
pub(crate) fn checked(name: &[u8]) -> Result<&[u8], Error> {
    if name.len() > MAX_LEN { Err(Error::InvalidArgument) } else { Ok(name) }
}
