//! The map from names to buckets, and the cuts of the registry that it belongs to.
//!
//! A lookup walks a live tree (see `live`) under a pin while one writer at a time changes it in place, and has the
//! bucket's id when it has compared the name's bytes; it touches neither the bucket nor any count.
//!
//! # The design that lost
//!
//! Before, every change published an immutable version of the tree through `ArcSwap`, and readers kept the newest in
//! a per-thread `arc_swap::Cache`. Against that, in one run (medians of 5; absl is the unsynchronised
//! `absl::flat_hash_map`):
//!
//! | ns | absl | versions through arc-swap | this |
//! |---|--:|--:|--:|
//! | lookup, 100 names | 22.0 | 14.1 | 10.8 |
//! | lookup, 1 M names | 222 | 246 | 216 |
//! | create, to 100 k / to 1 M | 301 / 531 | 451 / 684 | 234 / 421 |
//! | stop, 1 M | 210 | 811 | 420 |
//! | writer beside a reader, k changes/s | | 608 | 2,363 |
//!
//! Besides, `ArcSwap::store` walks a record of every thread that ever read (create and stop took 0.7 us with one such
//! thread, 128 us with 1,000), and a thread that stopped reading kept the whole last version alive.

use crate::cuts::{Cuts, Dead, Now, Unseen};
use crate::epoch::{self, Garbage, Pin, Writing};
use crate::error::Error;
use crate::hash::Hash;
use crate::live::Live;
use crate::name::Name;
use crate::sync::{AtomicU64, Ordering};
use crate::tree::edit::Retired;
use crate::tree::{Entry, Spot, garbage_of_entry};
use std::ptr::{self, NonNull};
use std::time::Duration;

pub(crate) struct Table {
    pub(crate) names: Live<Name>,
    pub(crate) cuts: Cuts,
    /// The registry, while it runs, and those who hold a cut.
    holders: AtomicU64,
    /// How long a change to a bucket waits for an update function or a commit that has it; None: for ever.
    pub(crate) busy_limit: Option<Duration>,
}

/// A change that adds names, one after the other: so few that it is short.
pub(crate) struct Adding<'t, 'p> {
    table: &'t Table,
    writing: Writing<'p>,
    now: Now,
    retired: Retired,
}

/// So many things are replaced without an allocation more.
const REPLACED: usize = 32;

impl<'t> Adding<'t, '_> {
    /// The id of a name that is there, and false. If it is not, adds it with the id that `take` gives; `ready` is called
    /// before anybody can find it. The spot is one that [`Table::ask`] gave under the pin of this change.
    #[inline(always)]
    pub(crate) fn find_or_add<S>(
        &mut self,
        spot: Spot,
        name: &[u8],
        take: impl FnOnce() -> Result<(u64, S), Error>,
        ready: impl FnOnce(S, *mut Name),
    ) -> Result<(u64, bool), Error> {
        let mut new = 0;
        let make = || {
            let (id, slot) = take()?;
            new = id;
            self.table.names.touch(self.now).expect("only contents are closed");
            let name = Name::new(name, id, self.now.number);
            ready(slot, name.as_ptr());
            Ok(name.as_ptr().cast_const())
        };
        // SAFETY: new, and not there yet; one that is found is alive, since nobody else changes the table.
        unsafe {
            let found = self.table.names.find_or_add(self.now, spot, name, make, &mut self.retired)?;
            Ok(found.map_or((new, true), |found| ((*found).id, false)))
        }
    }

    /// Ends the change. Gives what it has replaced and no cut sees.
    pub(crate) fn end(self) -> impl Iterator<Item = Garbage> + use<'t> {
        let Adding { table, writing, now, retired } = self;
        drop(writing);
        retired.into_iter().filter_map(move |dead| table.cuts.keep(now, dead))
    }
}

impl Table {
    /// An empty table, held once.
    pub(crate) fn make(busy_limit: Option<Duration>) -> NonNull<Table> {
        let mut memory = Box::<Table>::new_uninit();
        let table = memory.as_mut_ptr();
        // SAFETY: freshly allocated, and never moved, so that the map can keep the address of the cuts.
        unsafe {
            let cuts = &raw const (*table).cuts;
            let names = Live::new(Hash::random(), cuts);
            table.write(Table { names, cuts: Cuts::new(), holders: AtomicU64::new(1), busy_limit });
            NonNull::from(Box::leak(memory.assume_init()))
        }
    }

    /// Holds the table, unless it is let go of for good.
    pub(crate) fn hold(&self) -> bool {
        // Relaxed: a hold is made from one that exists, or not at all.
        let more = |holders: u64| (holders != 0).then_some(holders + 1);
        self.holders.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Lets go of the table. Whoever is the last frees it, when no pin leads to it any more.
    ///
    /// # Safety
    /// The caller holds it, and does not use it again.
    pub(crate) unsafe fn let_go(table: NonNull<Table>) {
        // SAFETY: this function's contract.
        unsafe {
            // AcqRel: what all others did comes before the free.
            if table.as_ref().holders.fetch_sub(1, Ordering::AcqRel) != 1 {
                return;
            }
            if epoch::wait() {
                Table::free(table.as_ptr().expose_provenance());
            } else {
                // As heavy as can be, so that nobody keeps it for longer than must be.
                epoch::retire(Garbage::new(table.as_ptr().expose_provenance(), Table::free, usize::MAX));
            }
        }
    }

    /// # Safety
    /// The address of a table that nobody holds, and no pin leads to.
    unsafe fn free(table: usize) {
        // SAFETY: this function's contract; made by a Box.
        unsafe {
            let table = Box::from_raw(ptr::with_exposed_provenance_mut::<Table>(table));
            table.cuts.dismantle();
            table.names.dismantle();
        }
    }

    // What follows is for whoever has the turn.

    /// Adds a name that is not there. `ready` is called before anybody can find it.
    #[inline(always)]
    pub(crate) fn insert(
        &self,
        pin: &Pin,
        hash: u64,
        name: &[u8],
        id: u64,
        ready: impl FnOnce(*mut Name),
    ) -> Unseen {
        let writing = pin.announce();
        let now = self.cuts.now(&writing);
        let name = Name::new(name, id, now.number);
        ready(name.as_ptr());
        // SAFETY: new, and not there yet.
        unsafe { self.link(writing, now, hash, name) }
    }

    /// Asks the memory for where a name is, or would be.
    #[inline(always)]
    pub(crate) fn ask(&self, _pin: &Pin, name: &[u8]) -> Spot {
        // SAFETY: alive while the pin is: what is replaced in a table waits for pins. The caller has the turn.
        unsafe { self.names.ask(name) }
    }

    /// Begins to add some names.
    pub(crate) fn begin_adding<'p>(&self, pin: &'p Pin) -> Adding<'_, 'p> {
        let writing = pin.announce();
        let now = self.cuts.now(&writing);
        Adding { table: self, writing, now, retired: Retired::with_capacity(REPLACED) }
    }

    /// A name that is in no table yet. The cuts up to this moment know nothing of it.
    #[cold]
    pub(crate) fn make_name(&self, pin: &Pin, name: &[u8], id: u64) -> NonNull<Name> {
        let writing = pin.announce();
        Name::new(name, id, self.cuts.now(&writing).number)
    }

    /// Adds a name that was made for this table before.
    ///
    /// # Safety
    /// It is the table's from now on, and no name in it has these bytes, of which this is the hash.
    #[cold]
    pub(crate) unsafe fn insert_name(&self, pin: &Pin, hash: u64, name: NonNull<Name>) -> Unseen {
        let writing = pin.announce();
        let now = self.cuts.now(&writing);
        // SAFETY: this function's contract.
        unsafe { self.link(writing, now, hash, name) }
    }

    /// # Safety
    /// As [`Table::insert_name`].
    #[inline(always)]
    unsafe fn link(&self, writing: Writing<'_>, now: Now, hash: u64, name: NonNull<Name>) -> Unseen {
        self.names.touch(now).expect("only contents are closed");
        let mut retired = Retired::new();
        // SAFETY: this function's contract.
        unsafe { self.names.put(now, hash, ptr::null(), name.as_ptr(), &mut retired) };
        drop(writing);
        self.cuts.keep_all(now, retired)
    }

    /// Takes out a name. `kill` is called when no lookup finds it any more, and ends all other ways to it: only then
    /// is it left to the cuts, the last of which may go, and free it, at once.
    ///
    /// # Safety
    /// It is in this table.
    pub(crate) unsafe fn remove(&self, pin: &Pin, name: *const Name, kill: impl FnOnce()) -> Unseen {
        // SAFETY: alive, by this function's contract.
        let bytes = unsafe { Name::key(name) };
        let hash = self.names.hash().of(bytes);
        let writing = pin.announce();
        let now = self.cuts.now(&writing);
        self.names.touch(now).expect("only contents are closed");
        let mut retired = Retired::new();
        // SAFETY: this function's contract.
        unsafe { self.names.remove(now, hash, name, &mut retired) };
        drop(writing);
        kill();
        let last = retired.pop().expect("the name, which is retired last");
        // SAFETY: alive: we are pinned, or it is kept.
        let last = unsafe { self.leave_name(name, last) };
        let mut unseen = self.cuts.keep_all(now, retired);
        unseen.extend(last);
        unseen
    }

    /// Ends a name that was made for this table and never came into it.
    ///
    /// # Safety
    /// Nobody else does, and all ways to it have ended but for those of pins and cuts.
    pub(crate) unsafe fn discard_name(&self, name: *const Name) -> Option<Garbage> {
        // SAFETY: this function's contract.
        unsafe {
            let dead = Dead::new(Name::birth(name), garbage_of_entry(name));
            self.leave_name(name, dead)
        }
    }

    /// Leaves a name to the cuts, which may free it, and closes what it leads to.
    ///
    /// # Safety
    /// Alive, and `dead` is this name.
    unsafe fn leave_name(&self, name: *const Name, dead: Dead) -> Option<Garbage> {
        // SAFETY: this function's contract.
        self.cuts.keep_closed(dead, || unsafe { (*name).close() })
    }
}
