//! Batches behind numbers, for languages that cannot hold one themselves. Threads that use one batch take turns.

use super::Batch;
use crate::epoch::{self, Garbage};
use crate::error::Error;
use crate::fork;
use crate::lock;
use crate::registry::Registry;
use crate::slot::{Kind, SlotData, Slots, index_of};
use crate::sync::{Arc, AtomicPtr, Mutex, Ordering, global};

global! {
    static BATCHES: Slots<BatchSlot> = Slots::new();
}

#[derive(Default)]
struct BatchSlot {
    /// From an Arc, whose count the slot holds until every pin has ended that resolved its id.
    batch: AtomicPtr<Mutex<Batch>>,
}

// SAFETY: a NULL, without a destructor.
unsafe impl SlotData for BatchSlot {
    const KIND: Kind = Kind::Batch;
}

#[derive(Clone, Copy)]
pub(crate) struct BatchHandle(u64);

impl BatchHandle {
    /// A new batch for the buckets of a registry.
    pub(crate) fn open(registry: Registry) -> Result<BatchHandle, Error> {
        fork::check()?;
        registry.with_table(|_, _| ())?;
        let (index, slot) = BATCHES.take()?;
        let batch = Arc::new(Mutex::new(Batch::new(registry)));
        // Relaxed: bringing the slot to life publishes it.
        slot.batch.store(Arc::into_raw(batch).cast_mut(), Ordering::Relaxed);
        let id = BATCHES.next_id(index);
        BATCHES.bring_to_life(index);
        Ok(BatchHandle(id))
    }

    pub(crate) fn from_id(id: u64) -> BatchHandle {
        BatchHandle(id)
    }

    pub(crate) fn id(self) -> u64 {
        self.0
    }

    /// Shows the batch to `work` when it is this thread's turn. Within an update function that is now or never
    /// ([`Error::Deadlock`]): who has the turn may be waiting for that function's bucket.
    pub(crate) fn with<R>(self, work: impl FnOnce(&mut Batch) -> Result<R, Error>) -> Result<R, Error> {
        fork::check()?;
        let batch = self.batch()?;
        let mut turn = match batch.try_lock() {
            Some(turn) => turn,
            None if lock::is_held_long() => return Err(Error::Deadlock),
            None => batch.lock(),
        };
        BATCHES.resolve(self.0)?; // it may have been closed while we waited
        work(&mut turn)
    }

    /// Ends the batch. A commit under way goes on.
    pub(crate) fn close(self) -> Result<(), Error> {
        fork::check()?;
        let batch = self.batch()?;
        if !BATCHES.kill_once(self.0) {
            return Err(Error::Dead); // another thread was first
        }
        // SAFETY: dead; the slot is emptied and given to the next batch when no pin leads to it any more.
        epoch::retire(unsafe { Garbage::new(self.0 as usize, empty_slot, size_of::<Mutex<Batch>>()) });
        if let Some(mut batch) = batch.try_lock() {
            batch.changes = Vec::new(); // at once, since it may be much
        }
        Ok(())
    }

    /// The batch, held for longer than a pin may last.
    fn batch(self) -> Result<Arc<Mutex<Batch>>, Error> {
        let _pin = epoch::pin();
        // Relaxed: the slot was seen to be alive, which publishes it.
        let batch = BATCHES.resolve(self.0)?.batch.load(Ordering::Relaxed).cast_const();
        // SAFETY: from an Arc, of which the slot holds a count at least until our pin ends.
        unsafe {
            Arc::increment_strong_count(batch);
            Ok(Arc::from_raw(batch))
        }
    }
}

/// # Safety
/// The batch is dead, no pin is left that resolved its id, and this is done once.
unsafe fn empty_slot(id: usize) {
    let id = id as u64;
    let slot = BATCHES.slot(id);
    // SAFETY: the slot's own count.
    drop(unsafe { Arc::from_raw(slot.batch.load(Ordering::Relaxed).cast_const()) });
    BATCHES.give(index_of(id) as u32);
}
