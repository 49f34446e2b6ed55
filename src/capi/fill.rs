//! Structs of answers, whose first field is their size: a caller of another version gets the part that both know.

use super::types::*;
use crate::error::Error;
use core::{ptr, slice};

/// Plain data.
///
/// # Safety
/// `repr(C)`, starts with a `usize`, all zero bytes are a valid value, and it has no destructor.
pub(super) unsafe trait Answer: Copy {
    /// The size that it had when it was published first.
    const FIRST: usize;
}

/// A caller's struct.
pub(super) struct Room<'a, T>(&'a mut [u8], core::marker::PhantomData<T>);

/// A caller's struct, all zero but for its size, so that it is defined whatever happens next.
///
/// # Safety
/// `out` is NULL or points to as many writable bytes as the size in it says, and to a `usize` at least, which nobody
/// else uses during the call.
pub(super) unsafe fn room<'a, T: Answer>(out: *mut T) -> Result<Room<'a, T>, Error> {
    if out.is_null() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: this function's contract; the size comes first in every version of every struct.
    let size = unsafe { out.cast::<usize>().read() };
    if size < T::FIRST || size > crate::name::MAX_LEN {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: this function's contract, and `size` is more than a `usize`.
    let rest = unsafe {
        let rest = out.cast::<u8>().add(size_of::<usize>());
        ptr::write_bytes(rest, 0, size - size_of::<usize>());
        slice::from_raw_parts_mut(rest, size - size_of::<usize>())
    };
    Ok(Room(rest, core::marker::PhantomData))
}

impl<T: Answer> Room<'_, T> {
    /// The size stays the caller's, whatever is in the answer.
    pub(super) fn fill(self, answer: T) {
        let known = self.0.len().min(size_of::<T>() - size_of::<usize>());
        // SAFETY: both have that many bytes; padding that is copied is the caller's again.
        unsafe {
            let from = ptr::from_ref(&answer).cast::<u8>().add(size_of::<usize>());
            ptr::copy_nonoverlapping(from, self.0.as_mut_ptr(), known);
        }
    }
}

// SAFETY: numbers.
unsafe impl Answer for kvreg_supervisor_info {
    const FIRST: usize = 48;
}

// SAFETY: numbers.
unsafe impl Answer for kvreg_worker_info {
    const FIRST: usize = 32;
}

// SAFETY: numbers.
unsafe impl Answer for kvreg_stats {
    const FIRST: usize = 136;
}
