//! A bucket's slot: what its id leads to.

use super::{Bucket, Contents, Life, Times};
use crate::epoch::Pin;
use crate::error::Error;
use crate::name::Name;
use crate::registry::Registry;
use crate::slot::{Home, Kind, SlotData, Slots};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, global};
use crate::table::Table;
use std::ptr;
use std::time::Duration;

global! {
    /// The slots of all buckets of this process.
    pub(crate) static BUCKETS: Slots<BucketSlot> = Slots::new();
}

/// What a bucket's slot holds.
#[derive(Default)]
pub(crate) struct BucketSlot {
    /// With marks in the bits that no id has.
    registry: AtomicU64,
    pub(super) table: AtomicPtr<Table>,
    /// Freed only when every pin that could have found it here has ended.
    pub(crate) name: AtomicPtr<Name>,
    /// Those of the name, to spare its readers a cache miss; NULL until the first change.
    contents: AtomicPtr<Contents>,
}

/// The registry's turn knows an owner or an heir.
const OWNED: u64 = 1 << 63;
/// The name leads to a sealed handle.
const PRIVATE: u64 = 1 << 62;
/// There are handles whose use is noted.
const TRACKED: u64 = 1 << 61;
const MARKS: u64 = OWNED | PRIVATE | TRACKED;

// SAFETY: a number and NULLs, without a destructor.
unsafe impl SlotData for BucketSlot {
    const KIND: Kind = Kind::Bucket;
}

impl Home for BucketSlot {
    fn slots() -> &'static Slots<BucketSlot> {
        &BUCKETS
    }
}

impl BucketSlot {
    /// Makes the slot that of a new bucket. The caller brings it to life.
    pub(crate) fn fill(&self, registry: u64, table: *const Table, name: *mut Name) {
        // Relaxed: bringing the slot to life publishes them.
        self.registry.store(registry, Ordering::Relaxed);
        self.table.store(table.cast_mut(), Ordering::Relaxed);
        self.name.store(name, Ordering::Relaxed);
        self.contents.store(ptr::null_mut(), Ordering::Relaxed);
    }

    pub(crate) fn registry(&self) -> u64 {
        // Relaxed: the slot was seen to be alive, which publishes it.
        self.registry.load(Ordering::Relaxed) & !MARKS
    }

    fn has(&self, mark: u64) -> bool {
        self.registry.load(Ordering::Relaxed) & mark != 0 // Relaxed: as above
    }

    /// For who has the turn.
    fn mark(&self, mark: u64, whether: bool) {
        let others = self.registry.load(Ordering::Relaxed) & !mark;
        // Relaxed: only who has the turn writes it, and the mark is all there is to it.
        self.registry.store(others | if whether { mark } else { 0 }, Ordering::Relaxed);
    }

    /// Whether the registry's turn knows an owner or an heir. Only who has the turn gets an answer that stays.
    pub(crate) fn is_owned(&self) -> bool {
        self.has(OWNED)
    }

    /// For who has the turn.
    pub(crate) fn set_owned(&self, owned: bool) {
        self.mark(OWNED, owned);
    }

    /// For who makes the bucket.
    pub(crate) fn set_private(&self) {
        self.mark(PRIVATE, true);
    }

    pub(super) fn is_private(&self) -> bool {
        self.has(PRIVATE)
    }

    pub(super) fn is_tracked(&self) -> bool {
        self.has(TRACKED)
    }

    /// Notes that somebody uses the bucket now.
    ///
    /// # Safety
    /// The caller is pinned since before the slot was resolved.
    pub(super) unsafe fn note_use(&self) {
        // SAFETY: as in `contents`.
        let contents = unsafe { self.contents.load(Ordering::Acquire).as_ref() };
        if let Some(times) = contents.and_then(Contents::times) {
            times.note_use();
        }
    }

    /// Begins a life that will end by itself, for who makes the bucket.
    pub(crate) fn begin_life(&self, pin: &Pin, id: u64, life: Life) {
        let contents = self.contents_or_new(pin).expect("a new bucket is open");
        contents.times_or_new(Registry::from_id(self.registry()), Bucket(id)).begin(life);
        self.mark(TRACKED, life.is_tracked());
    }

    /// What ends by itself in it, if anything ever was to.
    pub(crate) fn times<'p>(&self, pin: &'p Pin) -> Option<&'p Times> {
        self.contents(pin)?.times()
    }

    /// How long a change waits for who has the lock of the contents for long; None: for ever.
    #[cold]
    pub(super) fn busy_limit(&self, _pin: &Pin) -> Option<Duration> {
        // SAFETY: alive while the pin under which the slot was resolved is. Relaxed: as in `registry`.
        unsafe { (*self.table.load(Ordering::Relaxed)).busy_limit }
    }

    /// The contents, if anything was ever put in.
    #[inline(always)]
    pub(super) fn contents<'p>(&self, _pin: &'p Pin) -> Option<&'p Contents> {
        // SAFETY: contents that were in the slot under a pin are not freed while the pin lasts. Acquire: see them.
        unsafe { self.contents.load(Ordering::Acquire).as_ref() }
    }

    /// The contents, made if there are none.
    #[inline(always)]
    pub(super) fn contents_or_new<'p>(&self, pin: &'p Pin) -> Result<&'p Contents, Error> {
        match self.contents(pin) {
            Some(contents) => Ok(contents),
            None => self.new_contents(pin),
        }
    }

    #[cold]
    fn new_contents<'p>(&self, _pin: &'p Pin) -> Result<&'p Contents, Error> {
        // SAFETY: the slot's name and table are alive while the pin under which it was resolved is.
        // Relaxed: the slot was seen to be alive, which publishes them.
        let (name, table) =
            unsafe { (&*self.name.load(Ordering::Relaxed), &*self.table.load(Ordering::Relaxed)) };
        let made = Contents::make(table.names.hash(), &raw const table.cuts);
        let contents = match name.set_contents(made) {
            Ok(()) => made,
            Err(others) => {
                // SAFETY: nobody else ever saw ours.
                unsafe { Contents::free(made) };
                others?
            }
        };
        self.contents.store(contents.as_ptr(), Ordering::Release); // Release: publishes them
        // SAFETY: freed with the name, so alive while the pin is.
        Ok(unsafe { contents.as_ref() })
    }
}
