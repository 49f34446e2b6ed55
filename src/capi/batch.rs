//! Batches: many changes as one.

use super::types::*;
use super::{guard, name, output, value};
use crate::batch::BatchHandle;
use crate::bucket::Bucket;
use crate::registry::Registry;
use core::ffi::c_char;

/// Makes an empty batch for the buckets of a registry.
///
/// @thread any
/// @owner the caller, who ends it with kvreg_batch_close
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_batch_new(registry: kvreg_registry, out: *mut kvreg_batch) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = BatchHandle::open(Registry::from_id(registry))?.id();
        Ok(())
    })
}

/// Adds a put to a batch. Nothing is changed before kvreg_batch_commit. `KVREG_INVALID_ARGUMENT` if the bucket is of
/// another registry.
///
/// @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
/// @owner key and value stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_batch_put(
    batch: kvreg_batch,
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: *const kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, value) = unsafe { (name(key, key_len)?, value::import(value)?) };
        BatchHandle::from_id(batch).with(|batch| {
            batch.check(Bucket::from_id(bucket))?;
            batch.put(Bucket::from_id(bucket), key, value)
        })
    })
}

/// Adds a delete to a batch. That the key is not there, then or later, is no error.
///
/// @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_batch_delete(
    batch: kvreg_batch,
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        BatchHandle::from_id(batch).with(|batch| {
            batch.check(Bucket::from_id(bucket))?;
            batch.delete(Bucket::from_id(bucket), key)
        })
    })
}

/// Makes all changes of a batch as one, in the order in which they were added, and empties it: see the rules about
/// batches above. On any error nothing is changed, and the batch stays as it was: `KVREG_DEAD` if one of the buckets has
/// exited, `KVREG_DEADLOCK` within an update function if it would have to wait.
///
/// Cost: that of its puts and deletes.
///
/// @thread any; may block while another thread uses this batch or changes one of its buckets
/// @owner the batch stays the caller's, to be used again
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_batch_commit(batch: kvreg_batch) -> kvreg_status {
    guard(|| BatchHandle::from_id(batch).with(|batch| batch.commit()))
}

/// Forgets all changes of a batch.
///
/// @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
/// @owner the batch stays the caller's, to be used again
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_batch_clear(batch: kvreg_batch) -> kvreg_status {
    guard(|| {
        BatchHandle::from_id(batch).with(|batch| {
            batch.clear();
            Ok(())
        })
    })
}

/// Tells how many changes a batch has.
///
/// @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_batch_count(batch: kvreg_batch, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = BatchHandle::from_id(batch).with(|batch| Ok(batch.len() as u64))?;
        Ok(())
    })
}

/// Ends a batch; what was not committed is forgotten. Afterwards every call on it gives `KVREG_DEAD`, a second close
/// too. A commit that runs at this moment in another thread goes on.
///
/// @thread any
/// @owner gives back what kvreg_batch_new made
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_batch_close(batch: kvreg_batch) -> kvreg_status {
    guard(|| BatchHandle::from_id(batch).close())
}
