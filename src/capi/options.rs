//! Structs of options, which may be a caller's of another version of this library.

use super::types::*;
use crate::error::Error;
use core::mem::MaybeUninit;
use core::{ptr, slice};

/// A struct of options: plain data, whose first field is its size.
///
/// # Safety
/// `repr(C)`, starts with a `usize`, and every prefix of it from [`Options::FIRST`] on that ends with a field, with the
/// rest as in [`Options::DEFAULT`], is a valid value.
pub(super) unsafe trait Options: Copy {
    /// The size that it had when it was published first.
    const FIRST: usize;
    const DEFAULT: Self;
}

/// What the caller asks for: the defaults for NULL, and for the fields that an older caller does not know. What a newer
/// one has set in the part that this library does not know must be zero.
///
/// # Safety
/// `options` is NULL or points to as many readable bytes as the size in it says, and to a `usize` at least.
pub(super) unsafe fn read<T: Options>(options: *const T) -> Result<T, Error> {
    if options.is_null() {
        return Ok(T::DEFAULT);
    }
    // SAFETY: readable by this function's contract; the size comes first in every version of every struct.
    let size = unsafe { options.cast::<usize>().read() };
    let cut = size < size_of::<T>() && size % align_of::<T>() != 0; // within a field
    if size < T::FIRST || size > crate::name::MAX_LEN || cut {
        return Err(Error::InvalidArgument);
    }
    let known = size.min(size_of::<T>());
    // SAFETY: `size` bytes are readable by this function's contract, and `known` is not more than that.
    let unknown = unsafe { slice::from_raw_parts(options.cast::<u8>().add(known), size - known) };
    if unknown.iter().any(|&byte| byte != 0) {
        return Err(Error::InvalidArgument);
    }
    let mut read = MaybeUninit::new(T::DEFAULT);
    // SAFETY: as above, and not more than a whole T; what comes of it is valid by the trait's contract.
    unsafe {
        ptr::copy_nonoverlapping(options.cast::<u8>(), read.as_mut_ptr().cast(), known);
        Ok(read.assume_init())
    }
}

// SAFETY: numbers and pointers.
unsafe impl Options for kvreg_options {
    const FIRST: usize = 3 * size_of::<usize>();
    const DEFAULT: kvreg_options = kvreg_options {
        size: size_of::<Self>(),
        name: ptr::null(),
        name_len: 0,
        history: 0,
        max_restarts: 3,
        restart_window_ms: 5000,
        busy_ms: -1,
    };
}

// SAFETY: numbers.
unsafe impl Options for kvreg_load_options {
    const FIRST: usize = 2 * size_of::<usize>();
    const DEFAULT: kvreg_load_options = kvreg_load_options { size: size_of::<Self>(), timeout_ms: -1 };
}

// SAFETY: numbers.
unsafe impl Options for kvreg_add_options {
    const FIRST: usize = 40;
    const DEFAULT: kvreg_add_options =
        kvreg_add_options { size: size_of::<Self>(), initial: 0, min: i64::MIN, max: i64::MAX, flags: 0 };
}

// SAFETY: numbers and a pointer.
unsafe impl Options for kvreg_subscribe_options {
    const FIRST: usize = size_of::<Self>();
    const DEFAULT: kvreg_subscribe_options = kvreg_subscribe_options {
        size: size_of::<Self>(),
        events: KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT,
        of: KVREG_OF_ALL,
        name: ptr::null(),
        name_len: 0,
        bucket: 0,
        capacity: 1024,
        overflow: KVREG_OVERFLOW_DROP,
        start: KVREG_START_NOW,
        block_ms: 1000,
        revision: 0,
        snapshot: 0,
        owner: 0,
    };
}

// SAFETY: numbers and a pointer.
unsafe impl Options for kvreg_handler_options {
    const FIRST: usize = size_of::<Self>();
    const DEFAULT: kvreg_handler_options = kvreg_handler_options {
        size: size_of::<Self>(),
        events: KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT,
        of: KVREG_OF_ALL,
        name: ptr::null(),
        name_len: 0,
        bucket: 0,
        mode: KVREG_HANDLER_SYNC,
        flags: 0,
        limit_ms: 5000,
        capacity: 65_536,
        owner: 0,
    };
}

// SAFETY: numbers.
unsafe impl Options for kvreg_bucket_options {
    const FIRST: usize = size_of::<usize>() + 24;
    const DEFAULT: kvreg_bucket_options = kvreg_bucket_options {
        size: size_of::<Self>(),
        owner: 0,
        heir: 0,
        access: KVREG_ACCESS_PUBLIC,
        flags: 0,
        ttl_ms: -1,
        idle_ms: -1,
    };
}

// SAFETY: numbers.
unsafe impl Options for kvreg_register_options {
    const FIRST: usize = size_of::<Self>();
    const DEFAULT: kvreg_register_options =
        kvreg_register_options { size: size_of::<Self>(), owner: 0, flags: 0 };
}

// SAFETY: numbers and a pointer.
unsafe impl Options for kvreg_supervisor_options {
    const FIRST: usize = 56;
    const DEFAULT: kvreg_supervisor_options = kvreg_supervisor_options {
        size: size_of::<Self>(),
        name: ptr::null(),
        name_len: 0,
        strategy: KVREG_STRATEGY_ONE_FOR_ONE,
        max_restarts: 3,
        window_ms: 5000,
        parent: 0,
        restart: KVREG_RESTART_PERMANENT,
    };
}

// SAFETY: numbers and a pointer.
unsafe impl Options for kvreg_worker_options {
    const FIRST: usize = 40;
    const DEFAULT: kvreg_worker_options = kvreg_worker_options {
        size: size_of::<Self>(),
        name: ptr::null(),
        name_len: 0,
        timeout_ms: 5000,
        restart: KVREG_RESTART_PERMANENT,
    };
}
