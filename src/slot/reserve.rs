//! Slots that are taken some at once, for objects that are made one after the other.

use super::{CHUNK, LIVE, SlotData, Slots, id_of};
use crate::error::Error;
use crate::prefetch::prefetch;
use crate::sync::{AtomicU32, Ordering};

/// So many are taken at once, at most.
const SOME: usize = 64;

/// Slots that were taken at once, under one lock. Those that are left go back.
pub(crate) struct Reserve<'s, T: SlotData> {
    slots: &'s Slots<T>,
    indices: [u32; SOME],
    used: usize,
    count: usize,
}

/// A slot of a [`Reserve`], for a new object.
pub(crate) struct Place<'s, T> {
    /// The id that the object has from [`Place::bring_to_life`] on.
    pub(crate) id: u64,
    /// As the last object or the zero bytes left it.
    pub(crate) data: &'s T,
    generation: &'s AtomicU32,
}

impl<'s, T: SlotData> Reserve<'s, T> {
    /// A slot for a new object. If there is none in reserve, `wanted` are taken, but as many as there are, and as can be.
    #[inline(always)]
    pub(crate) fn take(&mut self, wanted: usize) -> Result<Place<'s, T>, Error> {
        if self.used == self.count {
            self.fill(wanted)?;
        }
        let index = self.indices[self.used];
        self.used += 1;
        let (data, generation) = self.slots.place(index);
        // Relaxed: the slot is the caller's alone.
        Ok(Place { id: id_of::<T>(index, generation.load(Ordering::Relaxed)), data, generation })
    }

    #[inline(never)]
    fn fill(&mut self, wanted: usize) -> Result<(), Error> {
        let Reserve { slots, indices, used, count } = self;
        (*used, *count) = (0, 0);
        let indices = &mut indices[..wanted.clamp(1, SOME)];
        let mut free = slots.free.lock();
        while *count < indices.len()
            && let Some(index) = free.indices.pop()
        {
            indices[*count] = index;
            *count += 1;
        }
        while *count < indices.len() {
            let first = match slots.fresh(&mut free) {
                Ok(first) => first,
                Err(_) if *count != 0 => break,
                Err(error) => return Err(error),
            };
            // And those that follow it in its chunk.
            let more = (indices.len() - *count).min(CHUNK - first as usize % CHUNK);
            (first..).zip(&mut indices[*count..*count + more]).for_each(|(fresh, index)| *index = fresh);
            free.fresh = first + more as u32;
            *count += more;
        }
        drop(free);
        // Those of objects that died are anywhere.
        for &index in &indices[..*count] {
            let (data, generation) = slots.place(index);
            prefetch(data);
            prefetch(generation);
        }
        Ok(())
    }
}

impl<T: SlotData> Drop for Reserve<'_, T> {
    fn drop(&mut self) {
        if self.used < self.count {
            // The first comes first again.
            self.slots.free.lock().indices.extend(self.indices[self.used..self.count].iter().rev());
        }
    }
}

impl<T> Place<'_, T> {
    /// Makes the id valid. The data must be written before.
    pub(crate) fn bring_to_life(&self) {
        // Relaxed load: the slot is the caller's alone. Release: whoever resolves the id sees the data.
        self.generation.store(self.generation.load(Ordering::Relaxed) | LIVE, Ordering::Release);
    }
}

impl<T: SlotData> Slots<T> {
    /// An empty reserve of slots.
    pub(crate) fn reserve(&self) -> Reserve<'_, T> {
        Reserve { slots: self, indices: [0; SOME], used: 0, count: 0 }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::slot::Kind;

    #[derive(Default)]
    struct Thing;
    // SAFETY: nothing.
    unsafe impl SlotData for Thing {
        const KIND: Kind = Kind::Bucket;
    }

    #[test]
    fn what_is_left_goes_back_and_ids_are_those_of_slots_taken_one_by_one() {
        static SLOTS: Slots<Thing> = Slots::new();
        let index = |id: u64| crate::slot::index_of(id);
        {
            let mut reserve = SLOTS.reserve();
            let first = reserve.take(5).unwrap();
            assert!(SLOTS.resolve(first.id).is_err());
            first.bring_to_life();
            assert!(SLOTS.resolve(first.id).is_ok());
            assert_eq!((index(first.id), index(reserve.take(1).unwrap().id)), (1, 2));
        }
        let mut reserve = SLOTS.reserve();
        let ids: Vec<_> = (0..200).map(|i| index(reserve.take(200 - i).unwrap().id)).collect();
        assert_eq!(ids, (3..203).collect::<Vec<_>>(), "those that went back come first");
        drop(reserve);
        assert_eq!(SLOTS.take().unwrap().0, 203);
        // Of those that died the last comes first, as ever.
        SLOTS.give(7);
        SLOTS.give(9);
        let mut reserve = SLOTS.reserve();
        let ids: Vec<_> = (0..3).map(|_| index(reserve.take(3).unwrap().id)).collect();
        assert_eq!(ids, [9, 7, 204]);
    }

    #[test]
    fn a_reserve_goes_on_in_the_next_chunk() {
        static SLOTS: Slots<Thing> = Slots::new();
        let mut reserve = SLOTS.reserve();
        for i in 1..=CHUNK + 100 {
            let place = reserve.take(64).unwrap();
            place.bring_to_life();
            assert_eq!(crate::slot::index_of(place.id), i);
            assert!(SLOTS.resolve(place.id).is_ok());
        }
    }
}
