//! Garbage in bags: a thread's own, and those in the yard, which belong to nobody.

use super::{EPOCH, current, oldest, pin, with_spares};
use crate::pool::{Spares, call_helper};
use crate::sync::{AtomicBool, MODELLED, Mutex, Ordering, global};
use std::collections::VecDeque;

/// Things in a bag. A thread that retires keeps up to this many to itself, each of which keeps its chunk of the pool from
/// the system …
const FULL: usize = if MODELLED { 2 } else { 64 };
/// … or this many bytes.
const HEAVY: usize = 256 << 10;
/// While much waits for a pin to end, a bag of this many things makes its thread look again.
const ALREADY: usize = 32;
/// Sealed bags that make a collection worth its barrier …
const ENOUGH: usize = if MODELLED { 1 } else { 64 };
/// … or bytes in them.
const OVERDUE: usize = 1 << 20;

/// Empty bags that are kept for their memory.
const SPARE: usize = 64;

/// Something that was unlinked, and how to free it.
#[derive(Clone, Copy)]
pub(crate) struct Garbage {
    address: usize,
    free: unsafe fn(usize),
    weight: u32,
}

impl Garbage {
    /// `weight` is the memory that it keeps, in bytes, about.
    ///
    /// # Safety
    /// `free(address)` may be called once, from any thread, when no pin is left that began before it is retired.
    pub(crate) unsafe fn new(address: usize, free: unsafe fn(usize), weight: usize) -> Garbage {
        Garbage { address, free, weight: weight.try_into().unwrap_or(u32::MAX) }
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight as usize
    }

    /// Frees it at once.
    ///
    /// # Safety
    /// No pin is left that began before it was unlinked.
    pub(crate) unsafe fn free(self) {
        // SAFETY: the contracts of `new` and of this function.
        unsafe { (self.free)(self.address) }
    }
}

#[derive(Default)]
struct Bag {
    things: Vec<Garbage>,
    weight: usize,
}

impl Bag {
    fn push(&mut self, garbage: Garbage) {
        self.weight += garbage.weight();
        self.things.push(garbage);
    }

    fn pop(&mut self) -> Option<Garbage> {
        let garbage = self.things.pop()?;
        self.weight -= garbage.weight();
        Some(garbage)
    }

    fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// # Safety
    /// No pin can see what is in it.
    unsafe fn free(&mut self) {
        while let Some(garbage) = self.pop() {
            // SAFETY: this function's contract; each thing is popped once.
            unsafe { garbage.free() };
        }
    }
}

/// Bags that belong to no thread.
struct Yard {
    /// By their tag, oldest first.
    sealed: VecDeque<(u64, Bag)>,
    /// Bytes in them.
    weight: usize,
    /// Which no pin can see any more.
    ready: Vec<Bag>,
    /// Empty ones that keep their memory.
    spare: Vec<Bag>,
}

global! {
    static YARD: Mutex<Yard> =
        Mutex::new(Yard { sealed: VecDeque::new(), weight: 0, ready: Vec::new(), spare: Vec::new() });

    /// Much waits for a pin to end: whoever retires looks again.
    static IS_OVERDUE: AtomicBool = AtomicBool::new(false);

    /// A registry's thread will look at the yard when nobody retires any more.
    static IS_WATCHED: AtomicBool = AtomicBool::new(false);
}

/// A thread's own bags.
#[derive(Default)]
pub(super) struct Bags {
    /// What it retired.
    open: Bag,
    /// What it frees next.
    ready: Bag,
}

// SAFETY: whoever has a bag is the only one who will free what is in it.
unsafe impl Send for Garbage {}

impl Bags {
    #[inline]
    fn retire(&mut self, garbage: Garbage) {
        self.open.push(garbage);
        for _ in 0..2 {
            if let Some(garbage) = self.ready.pop() {
                // SAFETY: no pin sees what is ready.
                unsafe { garbage.free() };
            }
        }
        let things = self.open.things.len();
        // Relaxed: a hint.
        let is_overdue = || things >= ALREADY && IS_OVERDUE.load(Ordering::Relaxed);
        if things >= FULL || self.open.weight >= HEAVY || is_overdue() {
            self.turn_over();
        }
    }

    /// Seals the bag, and takes twice as much that is ready to be freed, if there is that much.
    #[cold]
    fn turn_over(&mut self) {
        let heavy = self.open.weight >= HEAVY;
        self.seal();
        let mut yard = YARD.lock();
        if heavy || yard.sealed.len() >= ENOUGH || yard.weight >= OVERDUE {
            yard.collect();
        }
        while self.ready.things.len() < 2 * FULL
            && let Some(mut bag) = yard.ready.pop()
        {
            self.ready.weight += std::mem::take(&mut bag.weight);
            self.ready.things.append(&mut bag.things);
            if yard.spare.len() < SPARE {
                yard.spare.push(bag);
            }
        }
        drop(yard);
        have_watched();
        // Little by little it would keep its memory for long.
        if self.ready.weight >= HEAVY {
            // SAFETY: no pin sees what is ready.
            unsafe { self.ready.free() };
        }
    }

    fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let mut yard = YARD.lock();
        let next = yard.spare.pop().unwrap_or_default(); // with its memory
        let bag = std::mem::replace(&mut self.open, next);
        yard.weight += bag.weight;
        // SeqCst: part of the one order of epochs; also Release, for what was unlinked before (see `Record::enter`).
        // Under the lock, so that the bags stand in the order of their tags.
        let tag = EPOCH.fetch_add(1, Ordering::SeqCst);
        yard.sealed.push_back((tag, bag));
    }

    /// Leaves everything to others.
    pub(super) fn give_up(&mut self) {
        self.seal();
        if !self.ready.is_empty() {
            YARD.lock().ready.push(std::mem::take(&mut self.ready));
        }
    }
}

impl Yard {
    /// Finds out which bags no pin can see any more.
    fn collect(&mut self) {
        let oldest = oldest();
        while self.sealed.front().is_some_and(|(tag, _)| *tag < oldest) {
            let (_, bag) = self.sealed.pop_front().expect("there is a front");
            self.weight -= bag.weight;
            self.ready.push(bag);
        }
        IS_OVERDUE.store(self.weight >= OVERDUE, Ordering::Relaxed); // Relaxed: a hint
    }
}

/// Sees to it that somebody looks at the yard later. To be called after the yard was locked.
fn have_watched() {
    // Relaxed: who found the yard without our bag, and nobody watching it, had its lock before us.
    if !IS_WATCHED.load(Ordering::Relaxed) && !IS_WATCHED.swap(true, Ordering::Relaxed) && !call_helper() {
        unwatch();
    }
}

/// From now on nobody watches the yard, until somebody is called again.
pub(crate) fn unwatch() {
    IS_WATCHED.store(false, Ordering::Relaxed); // Relaxed: as above
}

/// For a registry's thread, whenever it wakes: frees what is in the yard if nobody has sealed a bag since it was here
/// last, when the epoch was `seen`. Tells whether it should look again before long.
#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) fn tidy_when_quiet(seen: &mut u64) -> bool {
    if !IS_WATCHED.load(Ordering::Relaxed) {
        return false; // Relaxed: the bell published it
    }
    let now = EPOCH.load(Ordering::Relaxed); // Relaxed: who is missed seals at the next look
    if std::mem::replace(seen, now) != now {
        return true;
    }
    unwatch(); // first: who comes too late for this flush calls again
    flush();
    let left = !YARD.lock().sealed.is_empty();
    if left {
        IS_WATCHED.store(true, Ordering::Relaxed); // a pin is held. Relaxed: we look again
    }
    left
}

/// Frees something that was unlinked before this call, when no pin can see it any more.
pub(crate) fn retire(garbage: Garbage) {
    let record = current::get();
    if record.is_null() {
        let pin = pin(); // makes a record, for this call if not for longer
        // SAFETY: only its thread looks at the bags, which is us; what is freed does not come back here.
        return unsafe { (*(*pin.record).bags.get()).retire(garbage) };
    }
    // SAFETY: as above; records are never freed, and this one is ours.
    unsafe { (*(*record).bags.get()).retire(garbage) }
}

/// Frees what can be freed now, whatever it costs.
pub(crate) fn flush() {
    let record = current::get();
    if !record.is_null() {
        // SAFETY: as in `retire`.
        unsafe { (*(*record).bags.get()).give_up() };
    }
    let ready = {
        let mut yard = YARD.lock();
        yard.collect();
        std::mem::take(&mut yard.ready)
    };
    for mut bag in ready {
        // SAFETY: no pin sees what is ready.
        unsafe { bag.free() };
    }
    with_spares(|spares| spares.into_iter().for_each(Spares::give_up)); // each keeps its chunk from the system
}
