//! Owners: lifetimes that buckets are tied to, and what a bucket's handle allows.

use super::types::*;
use super::{guard, output};
use crate::bucket::Bucket;
use crate::error::Error;
use crate::owner::Owner;

/// Makes an owner, to which nothing is tied: see the rules about owners above.
///
/// @thread any
/// @owner the caller, who ends it with kvreg_owner_close
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_owner_open(out: *mut kvreg_owner) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Owner::open()?.id();
        Ok(())
    })
}

/// Gives the calling thread's own owner: made at the first call, closed when the thread ends. It can be closed before;
/// the next call then makes another.
///
/// A thread ends when it returns from its function or calls pthread_exit; the main thread's end by `exit` is none. It is
/// closed among the thread's last destructors, in no order with others that the program made with pthread_key_create.
/// In the last of their passes, where nothing could be closed any more, this gives `KVREG_DEAD`.
///
/// @thread any
/// @owner the thread; kvreg_owner_close may be called
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_owner_of_thread(out: *mut kvreg_owner) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Owner::of_thread()?.id();
        Ok(())
    })
}

/// Ends an owner. When the call returns, everything that was tied to it has ended: its buckets have exited with
/// `KVREG_REASON_OWNER_CLOSED`, and no lookup gives them, or have passed to their heirs; nobody finds its entries; its
/// subscriptions are closed and its handlers removed. (A handler's call that takes longer than its limit, or that this
/// thread must not wait for, goes on and is its last.) `KVREG_STOPPED` if it had buckets in a registry that makes no more
/// changes (see kvreg_start): these live on, and all the rest has ended.
///
/// What is tied while it is closed either ends with it or is refused with `KVREG_DEAD`. A second close gives `KVREG_DEAD`,
/// also at once while the first has not returned. Cost: that of as many kvreg_bucket_stop
/// and kvreg_unregister as it has things.
///
/// @thread any; may block while another thread changes one of the registries concerned, and for handlers: see Waiting above
/// @owner gives back what kvreg_owner_open made
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_owner_close(owner: kvreg_owner) -> kvreg_status {
    guard(|| Owner::from_id(owner).close())
}

/// Tells whether an owner lives: `KVREG_OK`, `KVREG_DEAD`, or `KVREG_BAD_HANDLE` if it never was one.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_owner_check(owner: kvreg_owner) -> kvreg_status {
    guard(|| Owner::from_id(owner).check())
}

/// Tells how many things are tied to an owner.
///
/// @thread any; may block for an instant while another thread ties something to it
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_owner_count(owner: kvreg_owner, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Owner::from_id(owner).count()?;
        Ok(())
    })
}

/// Gives a bucket to another owner, or with 0 to nobody: then it outlives them all. `KVREG_DEAD` if the bucket exited or
/// the owner was closed: then nothing is changed. Needs a full handle. Cost: O(log n).
///
/// @thread any; may block while another thread changes this bucket's registry
/// @owner the bucket is the new owner's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_give(bucket: kvreg_bucket, owner: kvreg_owner) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).give(some(owner)))
}

/// Says to whom a bucket passes when its owner ends, in place of its exit; with 0, to nobody.
///
/// It passes once, and only to an heir that lives then: it is the heir's, and has no heir any more. `KVREG_DEAD` if the
/// bucket exited or the heir was closed. Needs a full handle. Cost: O(log n).
///
/// @thread any; may block while another thread changes this bucket's registry
/// @owner nothing changes before the owner's end
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_set_heir(bucket: kvreg_bucket, heir: kvreg_owner) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).set_heir(some(heir)))
}

/// Tells whose a bucket is: 0 if nobody's.
///
/// @thread any; may block while another thread changes this bucket's registry
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_owner(bucket: kvreg_bucket, out: *mut kvreg_owner) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Bucket::from_id(bucket).owner()?.map_or(0, Owner::id);
        Ok(())
    })
}

/// Gives a handle of the same bucket that reads and does not change it, to be given away: whatever changes the bucket or
/// its life is `KVREG_ACCESS_DENIED` with it. Needs a handle that reads.
///
/// @thread any; wait-free
/// @owner nobody: an id needs no release
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_reader(bucket: kvreg_bucket, out: *mut kvreg_bucket) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Bucket::from_id(bucket).reader()?.id();
        Ok(())
    })
}

/// Tells whether two handles are one bucket's, whatever they allow, and also if it exited. (Equal numbers are; unequal
/// ones may be, if they allow different things.)
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_same(
    bucket: kvreg_bucket,
    other: kvreg_bucket,
    out: *mut bool,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, false)? };
        *out = Bucket::from_id(bucket).same(Bucket::from_id(other))?;
        Ok(())
    })
}

/// 0 stands for nobody.
pub(super) fn some(owner: kvreg_owner) -> Option<Owner> {
    (owner != 0).then_some(Owner::from_id(owner))
}

/// The options of a bucket that is to be made.
pub(super) fn create(options: kvreg_bucket_options) -> Result<crate::registry::Create, Error> {
    let kvreg_bucket_options { owner, heir, access, flags, ttl_ms, idle_ms, .. } = options;
    if flags != 0 {
        return Err(Error::InvalidArgument);
    }
    let access = crate::bucket::Access::from_number(access)?;
    let (ttl, idle) = (super::duration(ttl_ms)?, super::duration(idle_ms)?);
    Ok(crate::registry::Create { owner: some(owner), heir: some(heir), access, ttl, idle })
}
