//! Pins: what keeps memory alive under a reader that takes no lock. Garbage: what waits for them. Announcements: who is
//! in the middle of a change.
//!
//! Epoch-based reclamation (K. Fraser, "Practical lock-freedom", 2004). A reader pins, which writes the global epoch
//! into a record of its own thread; whoever unlinks memory retires it ([`retire`]) into its thread's bag; a full bag is
//! sealed with the epoch's old value and freed when every pinned thread has pinned after that.
//!
//! A pin must be visible before the reader's first load. A fence for that costs 20 cycles and keeps the cache misses
//! of consecutive reads from overlapping, so where Linux offers it the fence is asymmetric: readers only keep the
//! compiler in order, and who collects makes every running thread pass a barrier (`membarrier(2)`), which costs some
//! microseconds and is done once for thousands of retired things. Where the system refuses it, readers fence.
//!
//! Why not crossbeam-epoch: its pins collect garbage now and then, so a reader may free what writers left. Here
//! readers never free: garbage is freed by those who retire, two things for each that they retire, so nobody ever
//! frees much at once.
//!
//! Invariants:
//! 1. A thread's record says 0 while it is not pinned, else an epoch that was current when it pinned, or older.
//! 2. What is sealed with tag `t` was unlinked before the epoch became `t + 1`. A thread that reaches it pinned at an
//!    epoch `<= t`.
//! 3. Records are never freed, so a scan needs no protection itself.
//! 4. `writing` is odd while its thread is between an announcement and its end. Whoever raises a number and then waits
//!    ([`wait_for_writers`]) finds that all who did not see the new number have ended.

mod bag;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/current.rs")]
mod current;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/fence.rs")]
mod fence;

pub(crate) use bag::{Garbage, flush, retire};
#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) use bag::{tidy_when_quiet, unwatch};
pub(crate) use fence::fence_after_exchange;

use crate::fork;
use crate::leave;
use crate::pool::Spares;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU64, Ordering, fence, global, memory, sleep, spin_loop, yield_now,
};
use bag::Bags;
use fence::{fence_before_exchange, heavy_fence, light_fence};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr;
use std::time::Duration;

global! {
    static EPOCH: AtomicU64 = AtomicU64::new(1);
    static RECORDS: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());
}

/// One thread's pin, on a line of its own, so that pinning touches no line that another thread writes. Its order is
/// kept: what every call touches is close to its beginning.
#[repr(C, align(128))]
struct Record {
    /// 0, or the epoch of its thread's pin.
    epoch: AtomicU64,
    /// Odd while its thread changes something.
    writing: AtomicU64,
    taken: AtomicBool,
    next: AtomicPtr<Record>,
    /// What its thread retired. Only its thread looks at it.
    bags: UnsafeCell<Bags>,
    /// Memory that its thread has in reserve. As above.
    spares: UnsafeCell<Spares>,
}

/// Gives the thread's record back, and its garbage to the others. Called when the thread ends.
pub(crate) fn leave_record() {
    let record = current::get();
    current::set(ptr::null());
    if !record.is_null() {
        // SAFETY: records are never freed, and this one is ours.
        unsafe { (*record).release() };
    }
}

/// Gives this thread's spares, if it has a record. What is called does not come back here.
#[inline(always)]
pub(crate) fn with_spares<R>(work: impl FnOnce(Option<&mut Spares>) -> R) -> R {
    let record = current::get();
    // SAFETY: records are never freed; only its thread looks at the spares, which is us, and it does so here only.
    work(unsafe { record.as_ref().map(|record| &mut *record.spares.get()) })
}

impl Record {
    #[cold]
    #[inline(never)]
    fn release(&self) {
        // In the child of a fork nobody takes it over, and the lock may be held by a thread that is gone.
        if fork::check().is_ok() {
            // SAFETY: only its thread looks at it, which is us.
            unsafe {
                (*self.bags.get()).give_up();
                (*self.spares.get()).give_up();
            }
        }
        // Release: whoever takes the record next sees no pin.
        self.taken.store(false, Ordering::Release);
    }

    #[inline(always)]
    fn enter(&self) {
        debug_assert_eq!(self.epoch.load(Ordering::Relaxed), 0, "pins do not nest");
        // Acquire: if we see the epoch after a seal, we also see what was unlinked before it.
        // Release: whoever finds this pin finds the reads of those before it ended (a store does not carry on what an
        // earlier one released). The fence below orders it before every load of this pin.
        self.epoch.store(EPOCH.load(Ordering::Acquire), Ordering::Release);
        light_fence();
    }

    #[inline(always)]
    fn leave(&self) {
        // Release: our reads come before the free that this allows.
        self.epoch.store(0, Ordering::Release);
    }
}

/// While it lives, nothing that this thread can reach is freed.
pub(crate) struct Pin {
    record: *const Record,
    /// Taken for this pin alone, because the thread is too far gone to have a record of its own.
    temporary: bool,
    _not_send: PhantomData<*const ()>,
}

/// Pins this thread. Wait-free but for a thread's first pin, which takes or makes a record.
#[inline(always)]
pub(crate) fn pin() -> Pin {
    let mut record = current::get();
    let mut temporary = false;
    if record.is_null() {
        (record, temporary) = first();
    }
    // SAFETY: records are never freed, and this one is ours.
    unsafe { (*record).enter() };
    Pin { record, temporary, _not_send: PhantomData }
}

/// As [`pin`], unless this is the thread's first. Calls nothing.
#[inline(always)]
pub(crate) fn pin_again() -> Option<Pin> {
    let record = current::get();
    if record.is_null() {
        return None;
    }
    // SAFETY: records are never freed, and this one is ours.
    unsafe { (*record).enter() };
    Some(Pin { record, temporary: false, _not_send: PhantomData })
}

impl Drop for Pin {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: records are never freed, and this one is ours.
        unsafe {
            (*self.record).leave();
            if self.temporary {
                (*self.record).release();
            }
        }
    }
}

/// While it lives, [`wait_for_writers`] waits for this thread: keep it for the moment of one change.
pub(crate) struct Writing<'p> {
    record: &'p Record,
}

impl Pin {
    /// Announces a change, which reads the number that it belongs to only afterwards.
    #[inline(always)]
    pub(crate) fn announce(&self) -> Writing<'_> {
        let writing = self.announce_early();
        fence(Ordering::SeqCst); // paired with that in `wait_for_writers`
        writing
    }

    /// As [`Pin::announce`], for who makes an exchange and then calls [`fence_after_exchange`] (as those do who take a
    /// lock) before it reads the number.
    #[inline(always)]
    pub(crate) fn announce_early(&self) -> Writing<'_> {
        // SAFETY: records are never freed, and this one is ours.
        let record = unsafe { &*self.record };
        let writing = record.writing.load(Ordering::Relaxed); // Relaxed: only this thread writes
        debug_assert_eq!(writing % 2, 0, "announcements do not nest");
        // Release: whoever finds this announcement finds the changes before it ended. The fence that follows orders it
        // before the loads of what is announced.
        record.writing.store(writing + 1, Ordering::Release);
        fence_before_exchange();
        Writing { record }
    }
}

impl Drop for Writing<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let writing = self.record.writing.load(Ordering::Relaxed); // Relaxed: only this thread writes
        // Release: whoever finds that we ended sees what we did.
        self.record.writing.store(writing + 1, Ordering::Release);
    }
}

/// Waits until all changes have ended that were announced before this call: each of them is short.
///
/// Writers fence, so that this needs no barrier in their threads, which would take 20 microseconds while one runs: most
/// take a lock, whose exchange is a fence already.
pub(crate) fn wait_for_writers() {
    fence(Ordering::SeqCst); // paired with the fences of writers: in `announce`, and `fence_after_exchange`
    for record in records() {
        let seen = record.writing.load(Ordering::Acquire); // Acquire: see what it did
        let mut patience = Patience::new();
        while seen % 2 == 1 && record.writing.load(Ordering::Acquire) == seen {
            patience.lose();
        }
    }
}

/// Waits until no pin is left that began before this call, but not for ever: tells whether it succeeded.
pub(crate) fn wait() -> bool {
    let tag = EPOCH.fetch_add(1, Ordering::SeqCst); // SeqCst: as in `Bags::seal`
    for attempt in 0..100 {
        if oldest() > tag {
            return true;
        }
        if attempt < 10 { yield_now() } else { sleep(Duration::from_millis(1)) }
    }
    false
}

/// Waits for something that takes well under a microsecond, unless its thread does not run.
pub(crate) struct Patience(u32);

impl Patience {
    pub(crate) fn new() -> Patience {
        Patience(0)
    }

    /// Spins at first, for longer and longer, so that whoever has what we want is not disturbed by our looking; then
    /// lets others run; then sleeps: a thread of a lower priority may be what we wait for.
    pub(crate) fn lose(&mut self) {
        self.0 += 1;
        match self.0 {
            0..20 => (0..1 << (self.0 + 4).min(9)).for_each(|_| spin_loop()),
            20..120 => yield_now(),
            _ => sleep(Duration::from_micros(50)),
        }
    }
}

/// A record for this thread or, if nobody would give it back, for one pin.
#[cold]
#[inline(never)]
fn first() -> (*const Record, bool) {
    let record = take();
    let keep = leave::arrange();
    if keep {
        current::set(record);
    }
    (record, !keep)
}

fn take() -> *const Record {
    fence::choose();
    for record in records() {
        // Acquire: pairs with `release`. Relaxed failure: somebody else has it, nothing is read.
        if record.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return record;
        }
    }
    let record = memory::keep(Record {
        epoch: AtomicU64::new(0),
        writing: AtomicU64::new(0),
        taken: AtomicBool::new(true),
        next: AtomicPtr::new(ptr::null_mut()),
        bags: UnsafeCell::default(),
        spares: UnsafeCell::default(),
    });
    let mut head = RECORDS.load(Ordering::Relaxed);
    loop {
        // SAFETY: not published yet, so ours alone. Relaxed: the exchange below publishes it.
        unsafe { (*record).next.store(head, Ordering::Relaxed) };
        // Release: publishes the record. Relaxed failure: only the pointer is used.
        match RECORDS.compare_exchange_weak(head, record, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return record,
            Err(now) => head = now,
        }
    }
}

/// All records that were ever made.
fn records() -> impl Iterator<Item = &'static Record> {
    // SAFETY: records are never freed. Acquire: see the record that was published.
    let at = |place: &AtomicPtr<Record>| unsafe { place.load(Ordering::Acquire).as_ref() };
    std::iter::successors(at(&RECORDS), move |record| at(&record.next))
}

/// The oldest epoch at which a thread is pinned.
fn oldest() -> u64 {
    heavy_fence();
    // Acquire: pairs with `leave`, so that the thread's reads come before our free.
    records()
        .map(|record| record.epoch.load(Ordering::Acquire))
        .filter(|&epoch| epoch != 0)
        .min()
        .unwrap_or(u64::MAX)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
