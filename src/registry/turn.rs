//! The turn: the right to change a registry's table, and how changes are applied.
//!
//! A caller that finds the turn free applies its own change and returns; no other thread is involved. One that finds
//! it busy puts its change into the mailbox: whoever has the turn empties the mailbox before it lets go (this is flat
//! combining: D. Hendler et al., 2010). Nobody waits on a promise alone: a caller whose change may have come too late
//! takes the turn itself.
//!
//! Order: a bucket comes to life, then its name into the table; its name goes out of the table, then it dies. So a
//! lookup never gives a dead bucket, and whoever has an answer finds the table changed.

use super::mailbox::{Answer, Change};
use super::owned::{Owned, Terms};
use super::shared::{REGISTRIES, Shared};
use super::tell::release;
use super::timer;
use crate::bucket::{BUCKETS, Bucket, BucketSlot, Reason};
use crate::cuts::Unseen;
use crate::epoch::{self, Garbage, Pin};
use crate::error::Error;
use crate::event::{Hub, Record};
use crate::name::Name;
use crate::slot;
use crate::sync::{MODELLED, MutexGuard, Ordering, spin_loop};
use crate::table::Table;
use crate::tree::{Entry, walk};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// How often a caller looks for its answer before it sleeps on the turn. A change takes well under a microsecond.
const SPINS: usize = if MODELLED { 1 } else { 200 };
/// So many changes of others are made by whoever has the turn.
const SERVED: usize = 64;
/// No revision.
pub(super) const NEVER: u64 = u64::MAX;
/// What keeps more bytes than this is freed by the registry's thread.
const LARGE: usize = 16 << 10;

/// The state that the turn guards.
pub(super) struct Turn {
    /// Whose turn it is; 0 if nobody's.
    registry: u64,
    /// The same, and 0 if that registry makes no more changes to its table.
    changing: u64,
    /// Dangling while nobody's.
    table: NonNull<Table>,
    /// Buckets that live and are not in the table. There are as many as loaders that run.
    pub(super) hidden: Vec<u64>,
    /// Who listens, if anybody ever did.
    pub(super) hub: Option<Box<Hub>>,
    pub(super) owned: Owned,
}

// SAFETY: the table is shared by all threads; the turn's state says who may change it.
unsafe impl Send for Turn {}

impl Turn {
    pub(super) fn nobodys() -> Turn {
        Turn::new(0, NonNull::dangling(), None)
    }

    /// The table is held as long as the registry runs.
    pub(super) fn new(registry: u64, table: NonNull<Table>, hub: Option<Box<Hub>>) -> Turn {
        Turn { registry, changing: registry, table, hub, hidden: Vec::new(), owned: Owned::default() }
    }

    /// The table lives longer than this turn.
    pub(super) fn table<'t>(&self, registry: u64) -> Result<&'t Table, Error> {
        // SAFETY: held while it is this registry's turn, and freed only when the pins are gone that came before.
        if self.registry == registry { Ok(unsafe { self.table.as_ref() }) } else { Err(Error::Stopped) }
    }

    /// As [`Turn::table`], for who is to change the names.
    pub(super) fn table_to_change<'t>(&self, registry: u64) -> Result<&'t Table, Error> {
        // SAFETY: as above; not 0 while it is this registry's turn.
        if self.changing == registry { Ok(unsafe { self.table.as_ref() }) } else { Err(Error::Stopped) }
    }

    /// Whether it refuses them.
    pub(super) fn is_failed(&self, registry: u64) -> Result<bool, Error> {
        if self.registry == registry { Ok(self.changing == 0) } else { Err(Error::Stopped) }
    }

    /// Refuses all changes to the names from now on: too many of the registry's threads have died.
    pub(super) fn fail(&mut self, registry: u64) {
        if self.registry == registry {
            self.changing = 0;
        }
    }

    pub(super) fn apply(
        &mut self,
        shared: &'static Shared,
        registry: u64,
        change: Change<'_>,
    ) -> Result<u64, Error> {
        let pin = epoch::pin();
        let (result, unseen) = match change {
            Change::Create { name, hash, seen, terms } => {
                self.create(&pin, registry, name, hash, seen, terms)?
            }
            Change::Stop { bucket, reason, message } => self.stop(&pin, registry, bucket, reason, message)?,
            Change::Hide { name } => (self.hide(&pin, registry, name)?, Unseen::new()),
            Change::Show { bucket } => self.show(&pin, registry, bucket)?,
        };
        drop(pin); // else it would hold back what we free
        self.discard(shared, registry, unseen)?;
        Ok(result)
    }

    /// Frees what a change has replaced, when nobody sees it any more. The caller is not pinned.
    #[inline(always)]
    pub(super) fn discard(
        &self,
        shared: &'static Shared,
        registry: u64,
        unseen: impl IntoIterator<Item = Garbage>,
    ) -> Result<(), Error> {
        for garbage in unseen {
            if garbage.weight() > LARGE {
                self.table(registry)?.cuts.leave(garbage);
                shared.keeper.wake();
            } else {
                epoch::retire(garbage);
            }
        }
        Ok(())
    }

    fn create(
        &mut self,
        pin: &Pin,
        registry: u64,
        name: &[u8],
        hash: u64,
        seen: u64,
        terms: Option<&Terms>,
    ) -> Result<(u64, Unseen), Error> {
        let table = self.table_to_change(registry)?;
        if table.names.revision() != seen
            && let Some(found) = table.names.find_hashed(pin, hash, name)
        {
            return Ok((found.id, Unseen::new()));
        }
        #[cfg(feature = "test-hooks")]
        super::hooks::maybe_panic();
        let (index, slot) = BUCKETS.take()?;
        let id = BUCKETS.next_id(index);
        let mut shown = id;
        if let Some(terms) = terms {
            shown = terms.begin(registry, id).inspect_err(|_| BUCKETS.give(index))?;
        }
        let unseen = table.insert(pin, hash, name, shown, |name| {
            slot.fill(registry, table, name);
            if let Some(terms) = terms {
                terms.mark(pin, slot, id);
            }
            BUCKETS.bring_to_life(index);
        });
        if let Some(hub) = &mut self.hub {
            hub.created(shown, name, table.names.revision());
        }
        Ok((id, unseen))
    }

    /// As [`Registry::create_with`](super::Registry::create_with), of a name with this hash.
    pub(super) fn create_with(
        &mut self,
        shared: &'static Shared,
        registry: u64,
        name: &[u8],
        hash: u64,
        terms: Result<Terms, Error>,
    ) -> Result<(u64, bool), Error> {
        let (found, seen) = {
            let pin = epoch::pin();
            let names = &self.table(registry)?.names;
            (names.find_hashed(&pin, hash, name).map(|name| name.id), names.revision())
        };
        if let Some(found) = found {
            return Ok((found, false));
        }
        let terms = terms?;
        let id = self.apply(shared, registry, Change::Create { name, hash, seen, terms: Some(&terms) })?;
        let made = terms.made(id);
        Bucket::from_id(id).plan();
        self.owned.add(id, terms);
        Ok((made, true))
    }

    /// Finds that a bucket lives and is this registry's, by its full handle.
    pub(super) fn check_bucket(&self, registry: u64, bucket: u64) -> Result<&'static BucketSlot, Error> {
        self.table(registry)?;
        let slot = BUCKETS.resolve(bucket)?;
        // Else the slot is another bucket's by now.
        if slot.registry() == registry { Ok(slot) } else { Err(Error::Dead) }
    }

    /// Unties a bucket that is dead. Not before: an owner that ends finds it tied, or dead.
    pub(super) fn disown(&mut self, registry: u64, slot: &BucketSlot, bucket: u64) {
        if slot.is_owned() {
            self.owned.forget(registry, bucket);
        }
    }

    fn stop(
        &mut self,
        pin: &Pin,
        registry: u64,
        bucket: u64,
        reason: Reason,
        message: &[u8],
    ) -> Result<(u64, Unseen), Error> {
        let table = self.table(registry)?;
        let slot = self.check_bucket(registry, bucket)?;
        if !self.hidden.is_empty()
            && let Some(unseen) = self.forget(table, slot, bucket, reason)
        {
            timer::forget(slot, pin);
            self.disown(registry, slot, bucket);
            return Ok((bucket, unseen));
        }
        self.table_to_change(registry)?;
        let name = slot.name.load(Ordering::Relaxed); // Relaxed: written by those who had the turn before
        // SAFETY: a living bucket's name is in this table; buckets die under this turn only.
        let (told, unseen) = unsafe {
            let told = self.hub.is_some().then(|| ((*name).id, Name::key(name).into()));
            (told, table.remove(pin, name, || kill(bucket)))
        };
        if let (Some(hub), Some((shown, name))) = (&mut self.hub, told) {
            hub.publish(Record::exit(shown, name, table.names.revision(), reason, message));
        }
        self.disown(registry, slot, bucket);
        timer::forget(slot, pin);
        Ok((bucket, unseen))
    }

    /// Ends what the holder of the turn began: makes the changes in the mailbox, but no more than [`SERVED`] of them, so
    /// that nobody works for others for ever. Tells whether there are none left.
    pub(super) fn finish(&mut self, shared: &'static Shared) -> bool {
        for _ in 0..SERVED {
            let Some(request) = shared.mailbox.take() else { return true };
            request.answer.set(self.apply(shared, request.registry, request.change()));
        }
        false
    }

    /// As [`Turn::finish`], for a caller whose own change is made: if another's panics, that is not for it to tell. Whose
    /// it was finds no answer.
    pub(super) fn finish_for_others(&mut self, shared: &'static Shared) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.finish(shared)));
    }

    /// Ends the registry: nothing can be found or changed any more. Gives the registry's hold on its table back, and who
    /// is to be told.
    pub(super) fn end(
        &mut self,
        registry: u64,
        shared: &'static Shared,
    ) -> Result<(NonNull<Table>, Option<Box<Hub>>), Error> {
        self.table(registry)?;
        REGISTRIES.kill(registry); // first: no lookup gives a bucket that died with its registry
        let unseen = self.forget_all(registry)?;
        let Turn { table, hub, owned, .. } = std::mem::replace(self, Turn::nobodys());
        while !self.finish(shared) {} // they come too late; nobody can send more
        let root = {
            let pin = epoch::pin();
            // SAFETY: held, by the hold that we give back.
            unsafe { table.as_ref() }.names.root(&pin)
        };
        // SAFETY: as above, and nobody changes the names any more.
        unsafe { walk::<Name>(root, &mut |name| kill((*name).id)) };
        unseen.into_iter().for_each(epoch::retire);
        owned.forget_all(registry);
        Ok((table, hub))
    }
}

/// Does something with the turn, and all that is to be done after it.
pub(super) fn with<R>(shared: &'static Shared, work: impl FnOnce(&mut Turn) -> R) -> R {
    let mut turn = shared.turn.lock();
    let result = work(&mut turn);
    turn.finish_for_others(shared);
    release(turn);
    shared.waits.settle();
    result
}

/// Makes the changes that wait in the mailbox.
pub(super) fn catch_up(shared: &'static Shared, registry: u64) -> Result<(), Error> {
    let mut turn = shared.turn.lock();
    turn.table(registry)?;
    // Each panic takes one request with it.
    while !catch_unwind(AssertUnwindSafe(|| turn.finish(shared))).unwrap_or(false) {}
    release(turn);
    Ok(())
}

/// Ends the life of a bucket that no lookup gives any more, by any of its handles.
pub(super) fn kill(bucket: u64) {
    BUCKETS.kill(bucket);
    slot::retire::<BucketSlot>(bucket);
}

/// Makes a change to a registry, now or with others, and waits until it is published and the synchronous handlers ran.
pub(super) fn change(shared: &'static Shared, registry: u64, change: Change<'_>) -> Result<u64, Error> {
    let result = publish(shared, registry, change);
    shared.waits.settle();
    result
}

fn publish(shared: &'static Shared, registry: u64, change: Change<'_>) -> Result<u64, Error> {
    if let Some(mut turn) = shared.turn.try_lock() {
        let result = turn.apply(shared, registry, change);
        turn.finish_for_others(shared);
        release(turn);
        return result;
    }
    let answer = shared.mailbox.send(registry, change);
    for _ in 0..SPINS {
        if let Some(result) = answer.get() {
            return result;
        }
        if let Some(turn) = shared.turn.try_lock() {
            return serve(turn, shared, &answer);
        }
        spin_loop();
    }
    // If the holder still serves our change, we find the answer when it lets go; if not, we serve it.
    serve(shared.turn.lock(), shared, &answer)
}

fn serve(mut turn: MutexGuard<'_, Turn>, shared: &'static Shared, answer: &Answer) -> Result<u64, Error> {
    loop {
        // Ours may stand behind one that panics: each panic takes one request with it.
        let empty = catch_unwind(AssertUnwindSafe(|| turn.finish(shared)));
        let none = matches!(empty, Ok(true)).then_some(Err(Error::Panicked)); // a holder panicked with our change
        if let Some(result) = answer.get().or(none) {
            release(turn);
            return result;
        }
    }
}
