//! Buckets that a loader fills before anybody can look them up.

use super::types::*;
use super::{duration, guard_code, name, options, output};
use crate::bucket::Bucket;
use crate::error::Error;
use crate::registry::{Registry, load};
use core::ffi::{c_char, c_void};

/// Gives the bucket of this name. If there is none, the loader fills it first: see kvreg_loader_function, and the rules
/// about loaders above.
///
/// However many threads ask for one name, one loader runs; the others wait for it, up to `options->timeout_ms`
/// (`KVREG_TIMED_OUT`, also as the answer of such a loader), and get the same bucket or the same status; their own loaders
/// are not called. A failure is not kept: the next caller's loader runs again. `KVREG_DEADLOCK` at once where the call would wait for itself: in a loader of the same name, in a circle of
/// loaders that wait for each other, and, if it would have to wait at all, in an update function. `KVREG_STOPPED` if the
/// registry is stopped meanwhile, `KVREG_DEAD` if the loader stops its bucket. NULL options are the defaults.
/// `destroy(data)` is called exactly once, before this call returns, also on every error; it may be NULL.
///
/// Cost: that of a lookup if the name is there, else that of a create, and the loader.
///
/// @thread any; may block while another thread's loader of this name runs, or another thread changes this registry, and for handlers
/// @owner nobody: an id needs no release; the name is copied; data is given to destroy
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_get_or_create(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
    options: *const kvreg_load_options,
    loader: kvreg_loader_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
    out: *mut kvreg_bucket,
) -> kvreg_status {
    let status = guard_code(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, name, options) =
            unsafe { (output(out, 0)?, self::name(name, name_len)?, options::read(options)?) };
        let (loader, patience) = (loader.ok_or(Error::InvalidArgument)?, duration(options.timeout_ms)?);
        // SAFETY: the caller's function, called as its type says; an exception that leaves it ends the process.
        let load = |bucket: Bucket| match unsafe { loader(data, bucket.id()) } {
            KVREG_OK => Ok(()),
            status if status < 0 => Err(status),
            _ => Err(KVREG_INVALID_ARGUMENT),
        };
        *out = load::get_or_create(Registry::from_id(registry), name, patience, load)?.id();
        Ok(())
    });
    super::destroy(destroy, data);
    status
}
