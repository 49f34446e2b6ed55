//! Ids, and the table of slots behind them.
//!
//! An id is a number below 2^53: 5 bits of kind, 20 bits of generation, 28 bits of slot index. A slot's generation
//! changes when its object dies, so an old id never reaches the next object; a slot whose generations are used up is
//! retired, so no id is ever given twice. Slots are never moved or freed: resolving any number at all is two loads
//! and a compare, and safe. Generations live apart from the data, so that the
//! pages of dead objects can be given back one day; today they stay.
//!
//! Invariants:
//! 1. `generations[i]` holds the generation of slot `i` with LIVE set while an object lives in it, and otherwise the
//!    generation that its next object will get.
//! 2. A slot's data belongs to its live object. It is read under a pin, and the slot is given to another object only
//!    when every pin that could have resolved the old id has ended.

mod reserve;

use crate::epoch::{self, Garbage};
use crate::error::Error;
use crate::sync::{AtomicPtr, AtomicU32, MODELLED, Mutex, Ordering, constant, each, memory};
use std::ptr;

/// What an id stands for; its kind is in its top bits, so that one of the wrong kind is told from a dead one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum Kind {
    Registry = 1,
    Bucket = 2,
    Snapshot = 3,
    #[cfg(feature = "capi")]
    Batch = 4,
    Subscription = 5,
    Monitor = 6,
    Handler = 7,
    Owner = 8,
    Supervisor = 9,
    Worker = 10,
    Entry = 11,
    // from 16 on: a bucket's weaker handles, see `bucket::access`
}

const INDEX_BITS: u32 = 28;
const GENERATION_BITS: u32 = 20;
const KIND_SHIFT: u32 = INDEX_BITS + GENERATION_BITS;
const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;
const LIVE: u32 = 1 << 31;

/// Large, so that a chunk is seldom made; its pages are the system's until they are used.
const CHUNK_BITS: u32 = if MODELLED { 2 } else { 16 };
const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNKS: usize = if MODELLED { 4 } else { 1 << (INDEX_BITS - CHUNK_BITS) };

/// What a slot holds. Its default is all zero bytes, that of a slot never used.
///
/// # Safety
/// All zero bytes are a valid value, and the type has no destructor that matters.
pub(crate) unsafe trait SlotData: Default + Sync + 'static {
    const KIND: Kind;
}

/// An object whose slots are all in one place.
pub(crate) trait Home: SlotData {
    fn slots() -> &'static Slots<Self>;
}

/// Gives the slot of an object that died to the next one, when no pin leads to it any more. To be called once for each.
pub(crate) fn retire<T: Home>(id: u64) {
    /// # Safety
    /// The object died, and no pin is left that resolved its id.
    unsafe fn give<T: Home>(id: usize) {
        T::slots().give(index_of(id as u64) as u32);
    }
    let weight = size_of::<T>() + size_of::<AtomicU32>();
    // SAFETY: called once, when no pin leads to the dead object any more.
    epoch::retire(unsafe { Garbage::new(id as usize, give::<T>, weight) });
}

struct Chunk<T> {
    generations: [AtomicU32; CHUNK],
    data: [T; CHUNK],
}

impl<T: SlotData> Chunk<T> {
    /// One that is never freed; NULL if there is no room for it.
    fn make() -> *mut Chunk<T> {
        if MODELLED {
            // A model's atomics are not zero bytes.
            let generations = each![AtomicU32::new(0); CHUNK];
            return memory::keep(Chunk { generations, data: std::array::from_fn(|_| T::default()) });
        }
        // SAFETY: a chunk has a size. All zero is a valid chunk by the contract of SlotData.
        unsafe { std::alloc::alloc_zeroed(std::alloc::Layout::new::<Chunk<T>>()) }.cast()
    }
}

/// The slots of one kind of object.
pub(crate) struct Slots<T: SlotData> {
    chunks: [AtomicPtr<Chunk<T>>; CHUNKS],
    free: Mutex<Free>,
}

struct Free {
    indices: Vec<u32>,
    /// Slots from here on were never used. Slot 0 is not used at all, so that no valid id is small.
    fresh: u32,
}

/// The number of an id's kind: less than 32, or it is no id.
pub(crate) fn kind_of(id: u64) -> u64 {
    id >> KIND_SHIFT
}

/// The id with another kind.
pub(crate) fn with_kind(id: u64, kind: u64) -> u64 {
    kind << KIND_SHIFT | id & ((1 << KIND_SHIFT) - 1)
}

#[inline(always)]
pub(crate) fn index_of(id: u64) -> usize {
    (id & ((1 << INDEX_BITS) - 1)) as usize
}

/// The id of the object of this generation in a slot.
#[inline(always)]
fn id_of<T: SlotData>(index: u32, generation: u32) -> u64 {
    (T::KIND as u64) << KIND_SHIFT | u64::from(generation) << INDEX_BITS | u64::from(index)
}

#[inline(always)]
fn generation_of(id: u64) -> u32 {
    (id >> INDEX_BITS) as u32 & LAST_GENERATION
}

impl<T: SlotData> Slots<T> {
    constant! {
        pub(crate) fn new() -> Slots<T> {
            Slots {
                chunks: each![AtomicPtr::new(ptr::null_mut()); CHUNKS],
                free: Mutex::new(Free { indices: Vec::new(), fresh: 1 }),
            }
        }
    }

    /// The slot of a live object: [`Error::BadHandle`] for a number that is no id of this kind, [`Error::Dead`] if
    /// its object died. Its data stay its object's while the caller is pinned.
    #[inline(always)]
    pub(crate) fn resolve(&self, id: u64) -> Result<&T, Error> {
        // The whole top is compared at once, so a number beyond 53 bits is no id either.
        if id >> KIND_SHIFT != T::KIND as u64 {
            return Err(Error::BadHandle);
        }
        let index = index_of(id);
        let Some(chunk) = self.chunk(index) else { return Err(Error::BadHandle) };
        // Acquire: see the data that were written before the object came to life.
        let now = chunk.generations[index % CHUNK].load(Ordering::Acquire);
        if now == generation_of(id) | LIVE { Ok(&chunk.data[index % CHUNK]) } else { Err(why_not(id, now)) }
    }

    #[inline(always)]
    fn chunk(&self, index: usize) -> Option<&Chunk<T>> {
        // SAFETY: chunks are never freed, and a published one is initialised. Acquire: see that.
        unsafe { self.chunks[(index >> CHUNK_BITS) & (CHUNKS - 1)].load(Ordering::Acquire).as_ref() }
    }

    /// A slot for a new object, its data as the last object or the zero bytes left them.
    #[inline(always)]
    pub(crate) fn take(&self) -> Result<(u32, &T), Error> {
        let index = {
            let mut free = self.free.lock();
            match free.indices.pop() {
                Some(index) => index,
                None => self.fresh(&mut free)?,
            }
        };
        let chunk = self.chunk(index as usize).expect("a slot that was given out has a chunk");
        Ok((index, &chunk.data[index as usize % CHUNK]))
    }

    #[inline(never)]
    fn fresh(&self, free: &mut Free) -> Result<u32, Error> {
        let index = free.fresh;
        if index >> INDEX_BITS != 0 {
            return Err(Error::OutOfMemory); // 2^28 objects at once
        }
        let place = &self.chunks[index as usize >> CHUNK_BITS];
        if place.load(Ordering::Relaxed).is_null() {
            // Relaxed: written under this lock only.
            let chunk = Chunk::make();
            if chunk.is_null() {
                return Err(Error::OutOfMemory);
            }
            place.store(chunk, Ordering::Release); // Release: publishes the chunk
        }
        free.fresh += 1;
        Ok(index)
    }

    /// The id that the next object in this slot has, from [`Slots::bring_to_life`] on.
    pub(crate) fn next_id(&self, index: u32) -> u64 {
        // Relaxed: the slot is the caller's alone.
        id_of::<T>(index, self.generation(index).load(Ordering::Relaxed))
    }

    /// Makes the id valid. The data must be written before.
    pub(crate) fn bring_to_life(&self, index: u32) {
        let generation = self.generation(index);
        // Relaxed load: the slot is the caller's alone. Release: whoever resolves the id sees the data.
        generation.store(generation.load(Ordering::Relaxed) | LIVE, Ordering::Release);
    }

    /// Makes the id invalid for ever. The slot stays taken until [`Slots::give`].
    pub(crate) fn kill(&self, id: u64) -> u32 {
        let index = index_of(id) as u32;
        // Release: whoever finds it dead sees what its death was preceded by.
        self.generation(index).store(generation_of(id) + 1, Ordering::Release);
        index
    }

    /// As [`Slots::kill`], where several threads may try: tells whether this call did it.
    pub(crate) fn kill_once(&self, id: u64) -> bool {
        let generation = generation_of(id);
        // AcqRel: whoever finds it dead sees what its death was preceded by. Relaxed failure: nothing is read.
        self.generation(index_of(id) as u32)
            .compare_exchange(generation | LIVE, generation + 1, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives a dead object's slot to the next one, unless its generations are used up. No pin that resolved the id
    /// may be left.
    pub(crate) fn give(&self, index: u32) {
        // Relaxed: the slot is the caller's alone.
        if self.generation(index).load(Ordering::Relaxed) <= LAST_GENERATION {
            self.free.lock().indices.push(index);
        }
    }

    /// The slot of an object that lived, whether it still does or not.
    pub(crate) fn slot(&self, id: u64) -> &T {
        let index = index_of(id);
        let chunk = self.chunk(index).expect("a slot that was given out has a chunk");
        &chunk.data[index % CHUNK]
    }

    #[inline(always)]
    fn place(&self, index: u32) -> (&T, &AtomicU32) {
        let chunk = self.chunk(index as usize).expect("a slot that was given out has a chunk");
        (&chunk.data[index as usize % CHUNK], &chunk.generations[index as usize % CHUNK])
    }

    fn generation(&self, index: u32) -> &AtomicU32 {
        let chunk = self.chunk(index as usize).expect("a slot that was given out has a chunk");
        &chunk.generations[index as usize % CHUNK]
    }
}

/// Why an id does not resolve: its object died, or there never was one.
#[cold]
fn why_not(id: u64, now: u32) -> Error {
    if now & !LIVE > generation_of(id) { Error::Dead } else { Error::BadHandle }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Thing(AtomicU32);
    // SAFETY: a number.
    unsafe impl SlotData for Thing {
        const KIND: Kind = Kind::Bucket;
    }

    fn live(slots: &Slots<Thing>) -> u64 {
        let (index, _) = slots.take().unwrap();
        let id = slots.next_id(index);
        slots.bring_to_life(index);
        id
    }

    #[test]
    fn an_id_says_what_became_of_its_object() {
        static SLOTS: Slots<Thing> = Slots::new();
        let (index, thing) = SLOTS.take().unwrap();
        thing.0.store(7, Ordering::Relaxed);
        let id = SLOTS.next_id(index);
        assert!(id < 1 << 53 && id != 0);
        assert_eq!(SLOTS.resolve(id).err(), Some(Error::BadHandle), "not yet given out");
        SLOTS.bring_to_life(index);
        assert_eq!(SLOTS.resolve(id).unwrap().0.load(Ordering::Relaxed), 7);

        SLOTS.kill(id);
        assert_eq!(SLOTS.resolve(id).err(), Some(Error::Dead));
        SLOTS.give(index);
        let next = live(&SLOTS);
        assert_eq!(index_of(next), index_of(id), "the slot is used again");
        assert_ne!(next, id);
        assert_eq!(SLOTS.resolve(id).err(), Some(Error::Dead));
        for wrong in
            [0, 1, id | 1 << 53, id | 1 << 63, u64::MAX, id ^ 3 << 48, next + (1 << INDEX_BITS), next + 1]
        {
            assert_eq!(SLOTS.resolve(wrong).err(), Some(Error::BadHandle), "{wrong:#x}");
        }
    }

    #[test]
    fn a_slot_is_retired_when_its_generations_are_used_up() {
        static SLOTS: Slots<Thing> = Slots::new();
        let first = live(&SLOTS);
        SLOTS.generation(1).store(LAST_GENERATION | LIVE, Ordering::Relaxed); // as after a million lives
        let last = first | u64::from(LAST_GENERATION) << INDEX_BITS;
        assert!(SLOTS.resolve(last).is_ok());
        SLOTS.kill(last);
        SLOTS.give(1);
        assert_eq!(SLOTS.resolve(last).err(), Some(Error::Dead));
        assert_eq!(SLOTS.resolve(first).err(), Some(Error::Dead));
        assert_eq!(index_of(live(&SLOTS)), 2, "the slot is not used again");
    }
}
