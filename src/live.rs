//! A map that readers walk while one writer at a time changes it, and whose past can be kept: the names of a registry,
//! the contents of a bucket.
//!
//! Readers follow `root` under a pin. A writer changes the tree in place, but for what a held cut sees, of which it
//! makes a copy. The first change after a cut leaves a note of how the map was ([`Past`]) for whoever holds that cut;
//! so freezing costs nothing until somebody writes, and then once, for what is written to.
//!
//! Invariants:
//! 1. `changed` is the number of the last change. It is raised before anything else of a change can be seen.
//! 2. If `changed` is at most a held cut, `root`, `count` and `revision` are what the cut shows. If not, the newest
//!    past that is not later than the cut is; and if there is none, the map was empty.

mod past;

pub(crate) use past::Past;

use crate::bucket::Times;
use crate::cuts::{Cuts, Now};
use crate::epoch::Pin;
use crate::error::Error;
use crate::hash::Hash;
use crate::lock::Lock;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, MODELLED, Ordering, memory};
use crate::tree::edit::{Edit, Retired, simple};
use crate::tree::{Entry, Node, Spot, dead_entry, dismantle, find, find_in, glimpse, walk_unfinished};
use std::marker::PhantomData;
use std::ptr;

/// How a map was, or is.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) root: Node,
    pub(crate) count: u64,
    pub(crate) revision: u64,
}

impl State {
    /// That of a map that never changed.
    pub(crate) fn empty() -> State {
        State { root: Node::empty(), count: 0, revision: 0 }
    }
}

/// What readers touch.
#[repr(align(64))]
struct Front {
    root: AtomicUsize,
    hash: Hash,
    cuts: *const Cuts,
}

/// What writers touch, on a line of its own.
#[repr(align(64))]
struct Back {
    lock: Lock,
    /// Nobody shall change it any more. Written under the lock of the cuts.
    closed: AtomicBool,
    changed: AtomicU64,
    count: AtomicU64,
    revision: AtomicU64,
    /// Bytes that the entries keep.
    weight: AtomicU64,
    past: AtomicPtr<Past>,
    /// What ends by itself here; only contents have it.
    times: AtomicPtr<Times>,
}

#[repr(C)]
pub(crate) struct Live<E> {
    front: Front,
    back: Back,
    _entries: PhantomData<*const E>,
}

const _: () = assert!(MODELLED || size_of::<Live<()>>() == 128);

// SAFETY: what changes is atomic; entries are reached under a pin or by the one writer; `cuts` outlives the map.
unsafe impl<E: Send + Sync> Sync for Live<E> {}
// SAFETY: as above.
unsafe impl<E: Send + Sync> Send for Live<E> {}

impl<E: Entry> Live<E> {
    /// An empty map, whose cuts are these, which outlive it.
    pub(crate) fn new(hash: Hash, cuts: *const Cuts) -> Live<E> {
        Live {
            front: Front { root: AtomicUsize::new(Node::empty().to_raw()), hash, cuts },
            back: Back {
                lock: Lock::new(),
                closed: AtomicBool::new(false),
                changed: AtomicU64::new(0),
                count: AtomicU64::new(0),
                revision: AtomicU64::new(0),
                weight: AtomicU64::new(0),
                past: AtomicPtr::new(ptr::null_mut()),
                times: AtomicPtr::new(ptr::null_mut()),
            },
            _entries: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn hash(&self) -> Hash {
        self.front.hash
    }

    /// A lock for those who take turns as its writer.
    #[inline(always)]
    pub(crate) fn lock(&self) -> &Lock {
        &self.back.lock
    }

    #[inline(always)]
    pub(crate) fn cuts(&self) -> &Cuts {
        // SAFETY: they outlive the map, by the contract of `new`.
        unsafe { &*self.front.cuts }
    }

    /// The place of what ends by itself here.
    #[inline(always)]
    pub(crate) fn times(&self) -> &AtomicPtr<Times> {
        &self.back.times
    }

    /// The tree as it is, to be followed while the pin lasts.
    #[inline(always)]
    pub(crate) fn root(&self, _pin: &Pin) -> Node {
        self.current_root()
    }

    #[inline(always)]
    fn current_root(&self) -> Node {
        memory::used(self);
        Node::from_raw(self.front.root.load(Ordering::Acquire)) // Acquire: see the nodes that it leads to
    }

    /// The entry with this key, alive while the pin is.
    #[inline(always)]
    pub(crate) fn find<'p>(&self, pin: &'p Pin, key: &[u8]) -> Option<&'p E> {
        self.find_hashed(pin, self.front.hash.of(key), key)
    }

    /// As [`Live::find`], for who knows the hash.
    #[inline(always)]
    pub(crate) fn find_hashed<'p>(&self, pin: &'p Pin, hash: u64, key: &[u8]) -> Option<&'p E> {
        // SAFETY: the pin came before the root was read, so what it leads to is not freed while it lasts.
        unsafe { find::<E>(self.root(pin), hash, key).as_ref() }
    }

    /// As [`Live::find`], but None too where it is not simple (see [`glimpse`]).
    #[inline(always)]
    pub(crate) fn glimpse<'p>(&self, pin: &'p Pin, key: &[u8]) -> Option<&'p E> {
        // SAFETY: the pin came before the root was read, so what it leads to is not freed while it lasts.
        unsafe { glimpse::<E>(self.root(pin), self.front.hash.of(key), key).as_ref() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.back.count.load(Ordering::Acquire) // Acquire: whoever sees the count sees the change
    }

    pub(crate) fn revision(&self) -> u64 {
        self.back.revision.load(Ordering::Acquire) // as above
    }

    /// The memory that its entries keep, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.back.weight.load(Ordering::Relaxed) as usize // Relaxed: a hint
    }

    /// How the map was at a cut, which is held while the result is used.
    #[inline]
    pub(crate) fn at(&self, _pin: &Pin, cut: u64) -> State {
        // In this order: if one of the first three is later than the cut, so is `changed` (invariant 1).
        let state = State { root: self.current_root(), count: self.count(), revision: self.revision() };
        if self.back.changed.load(Ordering::Acquire) <= cut { state } else { self.past_at(cut) }
    }

    #[cold]
    fn past_at(&self, cut: u64) -> State {
        let mut past = self.back.past.load(Ordering::Acquire); // Acquire: see the past that was linked
        // SAFETY: a past that is linked, or was when our pin began, is alive.
        while let Some(at) = unsafe { past.as_ref() } {
            memory::used(at);
            if at.from <= cut {
                return at.state;
            }
            past = at.next.load(Ordering::Acquire); // as above
        }
        State::empty()
    }

    /// Visits all entries in a process whose writers are gone.
    pub(crate) fn for_each_unfinished(&self, pin: &Pin, visit: &mut dyn FnMut(*const E)) {
        // SAFETY: the pin came before the root was read, and nobody changes the tree.
        unsafe { walk_unfinished::<E>(self.front.hash, self.root(pin), 0, visit) }
    }

    // What follows is for the one writer, in an announced change.

    /// Notes that the map changes now. To be called before anything of the change can be seen. [`Error::Dead`] if the
    /// map was closed, which is noticed now and then only: where it matters.
    #[inline(always)]
    pub(crate) fn touch(&self, now: Now) -> Result<(), Error> {
        if self.is_touched(now) { Ok(()) } else { self.first_touch(now) }
    }

    /// Whether there was a change with this number already.
    #[inline(always)]
    pub(crate) fn is_touched(&self, now: Now) -> bool {
        self.back.changed.load(Ordering::Relaxed) == now.number // Relaxed: only the writer writes
    }

    #[inline(never)]
    fn first_touch(&self, now: Now) -> Result<(), Error> {
        let from = self.back.changed.load(Ordering::Relaxed); // as above
        // A map that never changed needs no past: it was empty.
        if from != 0 && from <= now.held {
            let past = || {
                let state =
                    State { root: self.current_root(), count: self.count(), revision: self.revision() };
                let next = AtomicPtr::new(ptr::null_mut());
                memory::take(Past { from, state, next, list: &raw const self.back.past }).cast_const()
            };
            // SAFETY: the caller is the writer, and has not begun.
            if !unsafe { self.cuts().keep_past(now, from, &self.back.closed, past) } {
                return Err(Error::Dead);
            }
        }
        // Release: whoever finds it changed finds the past. What is stored after it is stored with Release, too.
        self.back.changed.store(now.number, Ordering::Release);
        Ok(())
    }

    /// Ends the changes, but for those that no cut can notice. Only from within [`Cuts::keep_closed`].
    pub(crate) fn close(&self) {
        self.back.closed.store(true, Ordering::Relaxed); // Relaxed: read under the same lock
    }

    /// A change that nobody sees before it is shown. `number` came from [`Cuts::raise`] during this writer's turn.
    pub(crate) fn hidden_edit(&self, number: u64) -> Edit<E> {
        Edit::hidden(self.current_root(), self.front.hash, number)
    }

    /// The revision that the change under way makes.
    #[inline(always)]
    pub(crate) fn next_revision(&self) -> u64 {
        self.back.revision.load(Ordering::Relaxed) + 1 // Relaxed: only the writer writes
    }

    /// Shows what an edit made, as one change. The map was touched.
    pub(crate) fn show(&self, edit: &Edit<E>) {
        // Release: whoever sees the root sees the nodes, and that the map has changed.
        self.front.root.store(edit.root.to_raw(), Ordering::Release);
        self.count_entries(edit.added, edit.added_weight);
        self.count_change();
    }

    /// Counts entries that came, and bytes that they keep, or that went.
    fn count_entries(&self, added: i64, added_weight: i64) {
        if added != 0 {
            let count = self.back.count.load(Ordering::Relaxed); // Relaxed: only the writer writes
            // Release: whoever sees the count sees that the map has changed.
            self.back.count.store(count.wrapping_add_signed(added), Ordering::Release);
        }
        if added_weight != 0 {
            let weight = self.back.weight.load(Ordering::Relaxed); // as above; nobody relies on when it is seen
            self.back.weight.store(weight.wrapping_add_signed(added_weight), Ordering::Relaxed);
        }
    }

    /// Puts in an entry, in the place of `old` if that is not NULL, as one change. The map was touched. What is replaced
    /// is added to `retired`, which is not moved about because that would cost as much as the change.
    ///
    /// # Safety
    /// As [`Edit::put`], and `old` is what the map has under this key.
    #[inline(always)]
    pub(crate) unsafe fn put(
        &self,
        now: Now,
        hash: u64,
        old: *const E,
        entry: *const E,
        retired: &mut Retired,
    ) {
        let root = self.current_root();
        // SAFETY: this function's contract; the old one is retired once.
        unsafe {
            if old.is_null() {
                if !simple::add(root, now.held, hash, entry) {
                    return self.edit(now, retired, |edit| edit.add(hash, entry));
                }
                self.count_entries(1, E::weight(entry) as i64);
            } else {
                if !simple::replace(root, now.held, hash, old, entry) {
                    return self.edit(now, retired, |edit| edit.put(hash, entry));
                }
                self.count_entries(0, E::weight(entry) as i64 - E::weight(old) as i64);
                retired.push(dead_entry(old));
            }
        }
        self.count_change();
    }

    /// Asks the memory for what [`Live::find_or_add`] will look at.
    ///
    /// # Safety
    /// As [`Spot::ask`].
    #[inline(always)]
    pub(crate) unsafe fn ask(&self, key: &[u8]) -> Spot {
        // SAFETY: this function's contract.
        unsafe { Spot::ask(self.current_root(), self.front.hash.of(key)) }
    }

    /// The entry with this key, of which this is the spot. If there is none, puts in the one that `make` makes, as one
    /// change: then the map was touched.
    ///
    /// # Safety
    /// As [`Edit::add`], of what is made.
    #[inline(always)]
    pub(crate) unsafe fn find_or_add(
        &self,
        now: Now,
        spot: Spot,
        key: &[u8],
        make: impl FnOnce() -> Result<*const E, Error>,
        retired: &mut Retired,
    ) -> Result<Option<*const E>, Error> {
        // SAFETY: what can be reached is alive, and only this writer changes it; then this function's contract.
        unsafe {
            let leaf = spot.leaf(self.current_root(), now.held);
            let found = find_in::<E>(leaf, spot.hash, key);
            if !found.is_null() {
                return Ok(Some(found));
            }
            let entry = make()?;
            if simple::add_to(leaf, now.held, spot.hash, entry) {
                self.count_entries(1, E::weight(entry) as i64);
                self.count_change();
            } else {
                self.edit(now, retired, |edit| edit.add(spot.hash, entry));
            }
        }
        Ok(None)
    }

    /// Takes out an entry, as one change. The map was touched. What is replaced is added to `retired`, the entry last.
    ///
    /// # Safety
    /// The map has it, with this hash.
    #[inline(always)]
    pub(crate) unsafe fn remove(&self, now: Now, hash: u64, entry: *const E, retired: &mut Retired) {
        // SAFETY: this function's contract; it is retired once.
        unsafe {
            if !simple::remove(self.current_root(), now.held, hash, entry) {
                return self.edit(now, retired, |edit| edit.remove(hash, E::key(entry)));
            }
            self.count_entries(-1, -(E::weight(entry) as i64));
            retired.push(dead_entry(entry));
        }
        self.count_change();
    }

    /// A change that is not simple.
    #[inline(never)]
    fn edit<R>(&self, now: Now, retired: &mut Retired, change: impl FnOnce(&mut Edit<E>) -> R) {
        let mut edit = Edit::in_place(self.current_root(), self.front.hash, now.number, now.held);
        change(&mut edit);
        self.show(&edit);
        retired.extend(edit.into_retired());
    }

    /// Shows an empty map, as one change. The map was touched. Gives the root of what there was.
    pub(crate) fn show_nothing(&self) -> Node {
        let root = self.current_root();
        // Release: as in `show`.
        self.front.root.store(Node::empty().to_raw(), Ordering::Release);
        self.back.count.store(0, Ordering::Release);
        self.back.weight.store(0, Ordering::Relaxed);
        self.count_change();
        root
    }

    /// Counts a change in the revision.
    #[inline(always)]
    pub(crate) fn count_change(&self) {
        // Release: whoever sees the number sees the change.
        self.back.revision.store(self.next_revision(), Ordering::Release);
    }

    /// Frees the tree.
    ///
    /// # Safety
    /// Nobody sees the map any more, neither by a pin nor by a cut, and it is not used again.
    pub(crate) unsafe fn dismantle(&self) {
        debug_assert!(self.back.past.load(Ordering::Relaxed).is_null(), "every past was unlinked");
        // SAFETY: this function's contract.
        unsafe { dismantle::<E>(self.current_root()) }
    }
}
