//! Hidden buckets: they live, and can be used by whoever knows their id, but they are not in the table yet.
//!
//! A loader fills one (see `load`); then its name goes into the table, with all that was put in, or it dies unseen.
//! It exits with its registry like any other.

use super::timer;
use super::turn::{Turn, kill};
use crate::bucket::{BUCKETS, BucketSlot, Reason};
use crate::cuts::Unseen;
use crate::epoch::{Garbage, Pin};
use crate::error::Error;
use crate::event::{Event, Record};
use crate::name::Name;
use crate::sync::Ordering;
use crate::table::Table;
use crate::tree::Entry;
use std::ptr::NonNull;

impl Turn {
    #[cold]
    pub(super) fn hide(&mut self, pin: &Pin, registry: u64, name: &[u8]) -> Result<u64, Error> {
        let table = self.table_to_change(registry)?;
        let (index, slot) = BUCKETS.take()?;
        let id = BUCKETS.next_id(index);
        slot.fill(registry, table, table.make_name(pin, name, id).as_ptr());
        self.hidden.push(id);
        BUCKETS.bring_to_life(index);
        Ok(id)
    }

    /// Puts a hidden bucket into the table, or ends it if its name is there already.
    #[cold]
    pub(super) fn show(&mut self, pin: &Pin, registry: u64, bucket: u64) -> Result<(u64, Unseen), Error> {
        let table = self.table_to_change(registry)?;
        let slot = BUCKETS.resolve(bucket)?; // it may have been stopped
        // Relaxed: written by those who had the turn before.
        let name = slot.name.load(Ordering::Relaxed);
        // SAFETY: a hidden bucket's name is alive, and ends under this turn only.
        let bytes = unsafe { Name::key(name) };
        let hash = table.names.hash().of(bytes);
        if let Some(found) = table.names.find_hashed(pin, hash, bytes) {
            let unseen = self.forget(table, slot, bucket, Reason::Shutdown).unwrap_or_default();
            self.disown(registry, slot, bucket);
            timer::forget(slot, pin);
            return Ok((found.id, unseen));
        }
        self.hidden.retain(|&hidden| hidden != bucket);
        let name = NonNull::new(name).expect("a living bucket has a name");
        let told = self.hub.is_some().then(|| bytes.into());
        // SAFETY: it was made for this table, and its bytes are not there.
        let unseen = unsafe { table.insert_name(pin, hash, name) };
        if let (Some(hub), Some(name)) = (&mut self.hub, told) {
            hub.publish(Record::create(bucket, name, table.names.revision()));
        }
        Ok((bucket, unseen))
    }

    /// Ends a bucket, if it is a hidden one. Gives what it leaves behind.
    #[cold]
    pub(super) fn forget(
        &mut self,
        table: &Table,
        slot: &BucketSlot,
        bucket: u64,
        reason: Reason,
    ) -> Option<Unseen> {
        let place = self.hidden.iter().position(|&hidden| hidden == bucket)?;
        self.hidden.swap_remove(place);
        // Relaxed: as above.
        let name = slot.name.load(Ordering::Relaxed);
        // SAFETY: a hidden bucket's name is alive.
        let told = self.hub.is_some().then(|| unsafe { Name::key(name) }.into());
        kill(bucket);
        if let (Some(hub), Some(name)) = (&mut self.hub, told) {
            let exit = Record::exit(bucket, name, table.names.revision(), reason, &[]);
            hub.tell_monitors(&Event::new(exit)); // the table never had it
        }
        // SAFETY: it was not in the table, and its bucket, which led to it, is dead.
        Some(unsafe { table.discard_name(name) }.into_iter().collect())
    }

    /// Ends all hidden buckets.
    #[cold]
    pub(super) fn forget_all(&mut self, registry: u64) -> Result<Vec<Garbage>, Error> {
        let table = self.table(registry)?;
        let mut unseen = Vec::new();
        while let Some(&bucket) = self.hidden.last() {
            unseen.extend(
                self.forget(table, BUCKETS.resolve(bucket)?, bucket, Reason::Shutdown).into_iter().flatten(),
            );
        }
        Ok(unseen)
    }
}
