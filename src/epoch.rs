//! Pins: what keeps memory alive under a reader that takes no lock.
//!
//! Epoch-based reclamation (K. Fraser, "Practical lock-freedom", 2004). A reader pins, which writes the global epoch
//! into a record of its own thread; whoever unlinks memory puts it into a [`Limbo`], which seals what it has with the
//! epoch's old value and frees it when every pinned thread has pinned after that.
//!
//! Why not crossbeam-epoch: its pins collect garbage now and then, so a reader may free what writers left. Here
//! readers never free, and garbage belongs to the structure that made it.
//!
//! Invariants:
//! 1. A thread's record says 0 while it is not pinned, else an epoch that was current when it pinned, or older.
//! 2. What is sealed with tag `t` was unlinked before the epoch became `t + 1`. A thread that reaches it pinned at an
//!    epoch `<= t`.
//! 3. Records are never freed, so a scan needs no protection itself.

use crate::leave;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence};
use std::cell::Cell;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ptr;

static EPOCH: AtomicU64 = AtomicU64::new(1);
static RECORDS: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// One thread's pin. On lines of its own, so that pinning touches no line that another thread writes.
#[repr(align(128))]
struct Record {
    /// 0, or the epoch of the outermost pin.
    epoch: AtomicU64,
    /// How many pins are nested. Only its thread looks at it.
    depth: Cell<u32>,
    taken: AtomicBool,
    next: AtomicPtr<Record>,
}

thread_local! {
    // Without a destructor, so that the hot path has no state to check: see `leave`.
    static CURRENT: Cell<*const Record> = const { Cell::new(ptr::null()) };
}

/// Gives the thread's record back. Called when the thread ends.
pub(crate) fn leave_record() {
    let record = CURRENT.replace(ptr::null());
    if !record.is_null() {
        // SAFETY: records are never freed.
        unsafe { (*record).release() };
    }
}

impl Record {
    fn release(&self) {
        // Release: whoever takes the record next sees depth 0.
        self.taken.store(false, Ordering::Release);
    }

    #[inline(always)]
    fn enter(&self) {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        if depth == 0 {
            // Acquire: if we see the epoch after a seal, we also see what was unlinked before it.
            // Release: whoever finds this epoch also sees that the reads of earlier pins are done. The fence below
            // orders it before every load of this pin.
            self.epoch.store(EPOCH.load(Ordering::Acquire), Ordering::Release);
            // SeqCst, paired with the fence in `oldest`: either that scan sees our epoch, or we see what it unlinked.
            fence(Ordering::SeqCst);
        }
    }

    #[inline(always)]
    fn leave(&self) {
        let depth = self.depth.get() - 1;
        self.depth.set(depth);
        if depth == 0 {
            // Release: our reads come before the free that this allows.
            self.epoch.store(0, Ordering::Release);
        }
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
    let mut record = CURRENT.get();
    let mut temporary = false;
    if record.is_null() {
        (record, temporary) = first();
    }
    // SAFETY: records are never freed, and this one is ours.
    unsafe { (*record).enter() };
    Pin { record, temporary, _not_send: PhantomData }
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

/// A record for this thread or, if nobody would give it back, for one pin.
#[cold]
#[inline(never)]
fn first() -> (*const Record, bool) {
    let record = take();
    let keep = leave::arrange();
    if keep {
        CURRENT.set(record);
    }
    (record, !keep)
}

fn take() -> *const Record {
    let mut at = RECORDS.load(Ordering::Acquire); // Acquire: see the record that was published
    // SAFETY: records are never freed.
    while let Some(record) = unsafe { at.as_ref() } {
        // Acquire: pairs with `release`. Relaxed failure: somebody else has it, nothing is read.
        if record.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return record;
        }
        at = record.next.load(Ordering::Acquire);
    }
    let record = Box::into_raw(Box::new(Record {
        epoch: AtomicU64::new(0),
        depth: Cell::new(0),
        taken: AtomicBool::new(true),
        next: AtomicPtr::new(ptr::null_mut()),
    }));
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

/// The oldest epoch at which a thread is pinned.
fn oldest() -> u64 {
    // See `enter`.
    fence(Ordering::SeqCst);
    let mut oldest = u64::MAX;
    let mut at = RECORDS.load(Ordering::Acquire); // Acquire: see the records that were published
    // SAFETY: records are never freed.
    while let Some(record) = unsafe { at.as_ref() } {
        // Acquire: pairs with `leave`, so that the thread's reads come before our free.
        let epoch = record.epoch.load(Ordering::Acquire);
        if epoch != 0 {
            oldest = oldest.min(epoch);
        }
        at = record.next.load(Ordering::Acquire);
    }
    oldest
}

/// Unlinked things that some pinned thread may still see.
pub(crate) struct Limbo<T> {
    open: Vec<T>,
    sealed: VecDeque<(u64, Vec<T>)>,
    len: usize,
}

impl<T> Limbo<T> {
    pub(crate) const fn new() -> Limbo<T> {
        Limbo { open: Vec::new(), sealed: VecDeque::new(), len: 0 }
    }

    /// Puts in what was unlinked before this call.
    pub(crate) fn push(&mut self, thing: T) {
        self.open.push(thing);
        self.len += 1;
    }

    /// How many things wait for their seal: a collection below some number of them is not worth its scan.
    pub(crate) fn unsealed(&self) -> usize {
        self.open.len()
    }

    /// How many things are in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hands out everything, for whoever knows that nobody sees it.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        let open = std::mem::take(&mut self.open);
        let sealed = std::mem::take(&mut self.sealed);
        self.len = 0;
        sealed.into_iter().flat_map(|(_, things)| things).chain(open)
    }

    /// Seals what was put in, and hands out what nobody can see any more.
    pub(crate) fn collect(&mut self, mut free: impl FnMut(T)) {
        if !self.open.is_empty() {
            // SeqCst: part of the one order of epochs; also Release, for what was unlinked before (see `enter`).
            let tag = EPOCH.fetch_add(1, Ordering::SeqCst);
            self.sealed.push_back((tag, std::mem::take(&mut self.open)));
        }
        let oldest = oldest();
        while self.sealed.front().is_some_and(|(tag, _)| *tag < oldest) {
            let (_, mut things) = self.sealed.pop_front().expect("there is a front");
            self.len -= things.len();
            things.drain(..).for_each(&mut free);
            if self.open.capacity() == 0 {
                self.open = things; // keeps its memory, so that a steady churn allocates nothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freed(limbo: &mut Limbo<u32>) -> Vec<u32> {
        let mut freed = Vec::new();
        limbo.collect(|thing| freed.push(thing));
        freed
    }

    // One test, because other pins of this process would hold its garbage back.
    #[test]
    fn garbage_waits_for_those_who_pinned_before_it_and_for_nobody_else() {
        let mut limbo = Limbo::new();
        limbo.push(1);
        while !freed(&mut limbo).contains(&1) {} // other tests may be pinned for a moment

        let (to_thread, from_main) = std::sync::mpsc::channel::<()>();
        let (to_main, from_thread) = std::sync::mpsc::channel::<()>();
        let reader = std::thread::spawn(move || {
            let outer = pin();
            drop(pin()); // a nested pin ends nothing
            to_main.send(()).unwrap();
            from_main.recv().unwrap();
            drop(outer);
            to_main.send(()).unwrap();
            from_main.recv().unwrap();
        });
        from_thread.recv().unwrap();
        limbo.push(2);
        assert_eq!(freed(&mut limbo), []);
        assert_eq!(freed(&mut limbo), [], "the pin is still held");
        to_thread.send(()).unwrap();
        from_thread.recv().unwrap();
        while freed(&mut limbo) != [2] {}
        assert!(limbo.is_empty());
        to_thread.send(()).unwrap();
        reader.join().unwrap();
    }
}
