//! Objects behind ids that a call may use for longer than a pin may last: the slot holds one count of an `Arc`, and
//! whoever resolves the id gets another.

use crate::epoch::{self, Garbage};
use crate::error::Error;
use crate::slot::{Kind, SlotData, Slots, index_of};
use crate::sync::{Arc, AtomicPtr, Ordering};
use std::ptr;

/// What stands behind ids of one kind.
pub(crate) trait Object: Send + Sync + Sized + 'static {
    const KIND: Kind;
    /// A static of the kind's own.
    fn slots() -> &'static Slots<ObjectSlot<Self>>;
}

/// From an Arc, whose count the slot holds until every pin has ended that resolved its id.
pub(crate) struct ObjectSlot<T>(AtomicPtr<T>);

impl<T: 'static> Default for ObjectSlot<T> {
    fn default() -> ObjectSlot<T> {
        ObjectSlot(AtomicPtr::new(ptr::null_mut()))
    }
}

// SAFETY: a NULL, without a destructor.
unsafe impl<T: Object> SlotData for ObjectSlot<T> {
    const KIND: Kind = T::KIND;
}

/// Gives an object an id, which `make` learns.
pub(crate) fn open<T: Object>(make: impl FnOnce(u64) -> Arc<T>) -> Result<u64, Error> {
    let (index, slot) = T::slots().take()?;
    let id = T::slots().next_id(index);
    // Relaxed: bringing the slot to life publishes it.
    slot.0.store(Arc::into_raw(make(id)).cast_mut(), Ordering::Relaxed);
    T::slots().bring_to_life(index);
    Ok(id)
}

/// The object with this id: [`Error::Dead`] if it was closed, [`Error::BadHandle`] if there never was one.
pub(crate) fn get<T: Object>(id: u64) -> Result<Arc<T>, Error> {
    let _pin = epoch::pin();
    // Relaxed: the slot was seen to be alive, which publishes it.
    let object = T::slots().resolve(id)?.0.load(Ordering::Relaxed).cast_const();
    // SAFETY: from an Arc, of which the slot holds a count at least until our pin ends.
    unsafe {
        Arc::increment_strong_count(object);
        Ok(Arc::from_raw(object))
    }
}

/// Ends an id, and gives the object, which those who got it before may still use. [`Error::Dead`] for all but the first.
pub(crate) fn close<T: Object>(id: u64) -> Result<Arc<T>, Error> {
    let object = get::<T>(id)?;
    if !T::slots().kill_once(id) {
        return Err(Error::Dead); // another thread was first
    }
    bury::<T>(id);
    Ok(object)
}

/// As [`close`], for who does not need the object. Does not pin, so that who is pinned may call it. Tells whether this
/// call was the first. The id is one that was given out.
pub(crate) fn end<T: Object>(id: u64) -> bool {
    let first = T::slots().kill_once(id);
    if first {
        bury::<T>(id);
    }
    first
}

/// The second half of [`close`], for who killed the id himself, where nothing else could be done: to be called once.
pub(crate) fn bury<T: Object>(id: u64) {
    // SAFETY: dead; the slot is emptied and given to the next object when no pin leads to it any more.
    epoch::retire(unsafe { Garbage::new(id as usize, empty::<T>, size_of::<T>()) });
}

/// # Safety
/// The object is dead, no pin is left that resolved its id, and this is done once.
unsafe fn empty<T: Object>(id: usize) {
    let slot = T::slots().slot(id as u64);
    // SAFETY: the slot's own count.
    drop(unsafe { Arc::from_raw(slot.0.load(Ordering::Relaxed).cast_const()) });
    T::slots().give(index_of(id as u64) as u32);
}
