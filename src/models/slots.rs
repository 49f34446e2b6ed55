//! Slot reuse beside readers (`slot`, invariants 1 and 2).

use super::{check, spawn};
use crate::epoch::{self, Garbage};
use crate::error::Error;
use crate::slot::{Kind, SlotData, Slots};
use crate::sync::{AtomicU64, Ordering, global};

#[derive(Default)]
struct Thing(AtomicU64);

// SAFETY: a number.
unsafe impl SlotData for Thing {
    const KIND: Kind = Kind::Bucket;
}

global! {
    static THINGS: Slots<Thing> = Slots::new();
    static PUBLISHED: AtomicU64 = AtomicU64::new(0);
}

fn live(value: u64) -> u64 {
    let (index, thing) = THINGS.take().unwrap();
    let id = THINGS.next_id(index);
    thing.0.store(value, Ordering::Relaxed);
    THINGS.bring_to_life(index);
    id
}

fn die(id: u64) {
    unsafe fn give(index: usize) {
        THINGS.give(index as u32);
    }
    let index = THINGS.kill(id);
    // SAFETY: given once, when no pin is left that resolved the id.
    epoch::retire(unsafe { Garbage::new(index as usize, give, 36) });
}

fn read(id: u64) -> Result<u64, Error> {
    let _pin = epoch::pin();
    THINGS.resolve(id).map(|thing| thing.0.load(Ordering::Relaxed))
}

/// Who resolves an id finds its own object or learns that it is dead, while the slot goes to the next object.
#[test]
fn a_reader_sees_its_object_or_none() {
    check(|| {
        let first = live(1);
        let reader = spawn(move || {
            assert!(matches!(read(first), Ok(1) | Err(Error::Dead)));
            assert!(matches!(read(first), Ok(1) | Err(Error::Dead)));
        });
        die(first);
        epoch::flush();
        let next = live(2);
        assert_eq!(read(first), Err(Error::Dead));
        assert_eq!(read(next), Ok(2));
        reader.join().unwrap();
    });
}

/// Whoever learns an id, however loosely, and finds its object alive, finds what was written into it.
#[test]
fn a_living_object_is_complete() {
    check(|| {
        let first = live(1);
        die(first);
        epoch::flush();
        let reader = spawn(|| {
            let id = PUBLISHED.load(Ordering::Relaxed);
            assert!(id == 0 || matches!(read(id), Ok(2) | Err(Error::BadHandle)));
        });
        PUBLISHED.store(live(2), Ordering::Relaxed);
        reader.join().unwrap();
    });
}

/// Of two that end an object, one does.
#[test]
fn an_object_dies_once() {
    check(|| {
        let id = live(1);
        let other = spawn(move || THINGS.kill_once(id));
        let me = THINGS.kill_once(id);
        assert_ne!(me, other.join().unwrap());
        assert_eq!(read(id), Err(Error::Dead));
    });
}
