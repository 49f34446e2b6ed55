//! Get-or-create with a loader.

use super::{Status, done, parts};
use crate::core::table;
use crate::types::*;
use std::ffi::c_void;

/// Fills a bucket.
pub(crate) trait Loader {
    /// Answers with a status. Must not panic: that would end the process.
    fn load(&mut self, bucket: u64) -> i32;
}

/// The bucket of this name, which the loader fills first if there is none; `timeout` is in milliseconds, -1 for ever.
pub(crate) fn get_or_create<L: Loader>(
    registry: u64,
    name: &[u8],
    timeout: i64,
    loader: &mut L,
) -> Result<u64, Status> {
    /// # Safety
    /// Called by the core only, within `get_or_create`: `data` is its loader.
    unsafe extern "C-unwind" fn call<L: Loader>(data: *mut c_void, bucket: kvreg_bucket) -> kvreg_status {
        // SAFETY: by this function's own contract. The core calls it once, so nothing else refers to the loader.
        unsafe { &mut *data.cast::<L>() }.load(bucket)
    }
    let options = kvreg_load_options { size: size_of::<kvreg_load_options>(), timeout_ms: timeout };
    let ((name, len), mut id) = (parts(name), 0);
    // SAFETY: all pointers are valid during the call, which keeps none of them; the loader is borrowed until then.
    done(unsafe {
        let data = std::ptr::from_mut(loader).cast();
        (table().get_or_create)(
            registry,
            name,
            len,
            &raw const options,
            Some(call::<L>),
            data,
            None,
            &raw mut id,
        )
    })
    .map(|()| id)
}
