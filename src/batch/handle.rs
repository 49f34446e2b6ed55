//! Batches behind numbers, for languages that cannot hold one themselves. Threads that use one batch take turns.

use super::Batch;
use crate::error::Error;
use crate::fork;
use crate::handle::{self, Object, ObjectSlot};
use crate::lock;
use crate::registry::Registry;
use crate::slot::{Kind, Slots};
use crate::sync::{Arc, Mutex, global};

global! {
    static BATCHES: Slots<ObjectSlot<Mutex<Batch>>> = Slots::new();
}

impl Object for Mutex<Batch> {
    const KIND: Kind = Kind::Batch;
    fn slots() -> &'static Slots<ObjectSlot<Mutex<Batch>>> {
        &BATCHES
    }
}

#[derive(Clone, Copy)]
pub(crate) struct BatchHandle(u64);

impl BatchHandle {
    /// A new batch for the buckets of a registry.
    pub(crate) fn open(registry: Registry) -> Result<BatchHandle, Error> {
        fork::check()?;
        registry.with_table(|_, _| ())?;
        handle::open(|_| Arc::new(Mutex::new(Batch::new(registry)))).map(BatchHandle)
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
        self.batch()?; // it may have been closed while we waited
        work(&mut turn)
    }

    /// Ends the batch. A commit under way goes on.
    pub(crate) fn close(self) -> Result<(), Error> {
        fork::check()?;
        let batch = handle::close::<Mutex<Batch>>(self.0)?;
        if let Some(mut batch) = batch.try_lock() {
            batch.changes = Vec::new(); // at once, since it may be much
        }
        Ok(())
    }

    fn batch(self) -> Result<Arc<Mutex<Batch>>, Error> {
        handle::get(self.0)
    }
}
