//! Publish, pin, retire (`epoch`, invariants 1 to 4).

use super::{check, spawn};
use crate::epoch::{self, Garbage};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, global, memory};
use std::ptr;

global! {
    static PLACE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    static DONE: AtomicU64 = AtomicU64::new(0);
}

/// Puts a value into the place; what was there is retired.
fn publish(value: u64) {
    unsafe fn free(place: usize) {
        // SAFETY: from `take`, and retired once.
        unsafe { memory::give(ptr::with_exposed_provenance_mut::<AtomicU64>(place)) };
    }
    let old = PLACE.swap(memory::take(AtomicU64::new(value)), Ordering::AcqRel); // AcqRel: who frees it sees that it was made
    if !old.is_null() {
        // SAFETY: unlinked, and retired once.
        epoch::retire(unsafe { Garbage::new(old.expose_provenance(), free, 8) });
    }
}

fn read() -> u64 {
    let _pin = epoch::pin();
    let value = PLACE.load(Ordering::Acquire);
    // SAFETY: what is reached under a pin is not freed while it lasts: this is what the model shows.
    let number = unsafe { &*value }.load(Ordering::Relaxed);
    memory::used(value); // after a load, at which threads may switch
    number
}

/// What a pinned thread reaches is not freed, whoever collects.
#[test]
fn what_is_pinned_lives() {
    check(|| {
        publish(1);
        let reader = spawn(|| {
            let first = read();
            assert!(first <= read());
        });
        publish(2);
        epoch::flush();
        publish(3);
        epoch::flush();
        reader.join().unwrap();
        epoch::flush();
        assert_eq!(read(), 3);
    });
}

/// The same with two who retire and collect: bags are sealed in the order of their tags, and each may free the other's.
#[test]
fn two_collect_beside_a_reader() {
    check(|| {
        publish(1);
        let reader = spawn(|| assert_ne!(read(), 0));
        let other = spawn(|| {
            publish(2);
            epoch::flush();
        });
        publish(3);
        epoch::flush();
        other.join().unwrap();
        reader.join().unwrap();
    });
}

/// A thread that ends gives its record and its garbage to others, who may free it at once.
#[test]
fn a_thread_ends_beside_a_reader() {
    check(|| {
        publish(1);
        let ends = spawn(|| publish(2));
        let reader = spawn(|| assert_ne!(read(), 0));
        epoch::flush();
        ends.join().unwrap();
        epoch::flush();
        reader.join().unwrap();
    });
}

/// Whoever waits for pins may free what was unlinked before.
#[test]
fn a_wait_outlasts_pins() {
    check(|| {
        publish(1);
        let reader = spawn(|| assert_ne!(read(), 0));
        let old = PLACE.swap(memory::take(AtomicU64::new(2)), Ordering::AcqRel);
        if epoch::wait() {
            // SAFETY: unlinked, and every pin from before has ended: this is what the model shows.
            unsafe { memory::give(old) };
        }
        reader.join().unwrap();
    });
}

/// Who raises a number and waits for writers finds all that was done under the old one, and nothing comes later.
#[test]
fn writers_end_before_a_cut_counts() {
    check(|| {
        let writer = spawn(|| {
            let pin = epoch::pin();
            for _ in 0..2 {
                let _writing = pin.announce();
                if NUMBER.load(Ordering::Acquire) == 1 {
                    DONE.store(DONE.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                }
            }
        });
        NUMBER.store(2, Ordering::Release);
        epoch::wait_for_writers();
        let done = DONE.load(Ordering::Relaxed);
        writer.join().unwrap();
        assert_eq!(DONE.load(Ordering::Relaxed), done, "a change came later");
    });
}
