//! The function table: the whole interface behind one exported symbol, for bindings that find the library at run
//! time and for programs that must share one core.

use super::types::*;
use super::{
    batch::*, bucket::*, bulk::*, change::*, cursor::*, entry::*, event::*, handler::*, load::*, owner::*,
    registry::*, snapshot::*, stats::*, status::*, supervisor::*, time::*, typed::*, value::*,
};
use crate::sync::Ordering;
use crate::sync::plain::AtomicPtr;
use core::ffi::CStr;

/// The version as C text.
pub(super) const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    };

/// Not a `Once`: a child that was forked while another thread ran it would wait for ever.
static TABLE: AtomicPtr<kvreg_api> = AtomicPtr::new(core::ptr::null_mut());

/// The function table, or NULL if this library's major ABI number is not the one asked for (`KVREG_ABI_MAJOR`).
/// Check `size` before you call a function that was appended after the version you know.
///
/// @thread any
/// @owner the library; valid for ever, also after dlclose
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_api_get(abi_major: u32) -> *const kvreg_api {
    if abi_major != KVREG_ABI_MAJOR {
        return core::ptr::null();
    }
    std::panic::catch_unwind(|| published().cast_const()).unwrap_or(core::ptr::null())
}

fn published() -> *mut kvreg_api {
    let published = TABLE.load(Ordering::Acquire); // Acquire: see the table
    if !published.is_null() {
        return published;
    }
    let made = Box::into_raw(Box::new(table()));
    // AcqRel: publishes ours, or sees the one that another thread made.
    match TABLE.compare_exchange(core::ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => made,
        Err(published) => {
            // SAFETY: made above, and nobody else knows it.
            drop(unsafe { Box::from_raw(made) });
            published
        }
    }
}

fn table() -> kvreg_api {
    kvreg_api {
        abi_major: KVREG_ABI_MAJOR,
        abi_minor: KVREG_ABI_MINOR,
        size: size_of::<kvreg_api>(),
        instance_id: crate::hash::random_seed(),
        version: VERSION.as_ptr(),
        start: kvreg_start,
        create: kvreg_create,
        lookup: kvreg_lookup,
        lookup_id: kvreg_lookup_id,
        stop: kvreg_stop,
        registry_count: kvreg_registry_count,
        registry_revision: kvreg_registry_revision,
        registry_dump: kvreg_registry_dump,
        put: kvreg_put,
        get: kvreg_get,
        delete_key: kvreg_delete,
        put_int: kvreg_put_int,
        get_int: kvreg_get_int,
        put_float: kvreg_put_float,
        get_float: kvreg_get_float,
        put_str: kvreg_put_str,
        put_bytes: kvreg_put_bytes,
        get_bytes: kvreg_get_bytes,
        bucket_stop: kvreg_bucket_stop,
        bucket_check: kvreg_bucket_check,
        bucket_name: kvreg_bucket_name,
        bucket_registry: kvreg_bucket_registry,
        bucket_count: kvreg_bucket_count,
        bucket_revision: kvreg_bucket_revision,
        bucket_dump: kvreg_bucket_dump,
        value_release: kvreg_value_release,
        status_name: kvreg_status_name,
        status_message: kvreg_status_message,
        bucket_put_new: kvreg_bucket_put_new,
        bucket_take: kvreg_bucket_take,
        bucket_swap: kvreg_bucket_swap,
        bucket_get_revision: kvreg_bucket_get_revision,
        bucket_put_if_revision: kvreg_bucket_put_if_revision,
        bucket_delete_if_revision: kvreg_bucket_delete_if_revision,
        bucket_put_if_equal: kvreg_bucket_put_if_equal,
        bucket_add: kvreg_bucket_add,
        bucket_update: kvreg_bucket_update,
        bucket_clear: kvreg_bucket_clear,
        create_many: kvreg_create_many,
        bucket_put_many: kvreg_bucket_put_many,
        bucket_get_many: kvreg_bucket_get_many,
        snapshot_get_many: kvreg_snapshot_get_many,
        snapshot_take: kvreg_snapshot_take,
        bucket_snapshot: kvreg_bucket_snapshot,
        snapshot_bucket: kvreg_snapshot_bucket,
        snapshot_count: kvreg_snapshot_count,
        snapshot_revision: kvreg_snapshot_revision,
        snapshot_lookup: kvreg_snapshot_lookup,
        snapshot_get: kvreg_snapshot_get,
        snapshot_get_in: kvreg_snapshot_get_in,
        snapshot_get_revision: kvreg_snapshot_get_revision,
        snapshot_next_name: kvreg_snapshot_next_name,
        snapshot_next: kvreg_snapshot_next,
        snapshot_dump: kvreg_snapshot_dump,
        snapshot_close: kvreg_snapshot_close,
        batch_new: kvreg_batch_new,
        batch_put: kvreg_batch_put,
        batch_delete: kvreg_batch_delete,
        batch_commit: kvreg_batch_commit,
        batch_clear: kvreg_batch_clear,
        batch_count: kvreg_batch_count,
        batch_close: kvreg_batch_close,
        get_or_create: kvreg_get_or_create,
        subscribe: kvreg_subscribe,
        subscription_next: kvreg_subscription_next,
        subscription_fd: kvreg_subscription_fd,
        subscription_count: kvreg_subscription_count,
        subscription_snapshot: kvreg_subscription_snapshot,
        subscription_dispatch: kvreg_subscription_dispatch,
        subscription_close: kvreg_subscription_close,
        event_release: kvreg_event_release,
        bucket_monitor: kvreg_bucket_monitor,
        monitor_cancel: kvreg_monitor_cancel,
        handler_add: kvreg_handler_add,
        handler_remove: kvreg_handler_remove,
        sync: kvreg_sync,
        bucket_crash: kvreg_bucket_crash,
        create_with: kvreg_create_with,
        owner_open: kvreg_owner_open,
        owner_of_thread: kvreg_owner_of_thread,
        owner_close: kvreg_owner_close,
        owner_check: kvreg_owner_check,
        owner_count: kvreg_owner_count,
        bucket_give: kvreg_bucket_give,
        bucket_set_heir: kvreg_bucket_set_heir,
        bucket_owner: kvreg_bucket_owner,
        bucket_reader: kvreg_bucket_reader,
        bucket_same: kvreg_bucket_same,
        register: kvreg_register,
        whereis: kvreg_whereis,
        unregister: kvreg_unregister,
        entry_check: kvreg_entry_check,
        entry_object: kvreg_entry_object,
        entry_list: kvreg_entry_list,
        dispatch: kvreg_dispatch,
        object_release: kvreg_object_release,
        bucket_expire: kvreg_bucket_expire,
        bucket_touch: kvreg_bucket_touch,
        bucket_remaining: kvreg_bucket_remaining,
        bucket_put_for: kvreg_bucket_put_for,
        bucket_expire_key: kvreg_bucket_expire_key,
        bucket_touch_key: kvreg_bucket_touch_key,
        bucket_remaining_key: kvreg_bucket_remaining_key,
        batch_put_for: kvreg_batch_put_for,
        supervisor_start: kvreg_supervisor_start,
        supervisor_add: kvreg_supervisor_add,
        supervisor_stop: kvreg_supervisor_stop,
        supervisor_wait: kvreg_supervisor_wait,
        supervisor_children: kvreg_supervisor_children,
        supervisor_stats: kvreg_supervisor_stats,
        supervisor_describe: kvreg_supervisor_describe,
        worker_wait: kvreg_worker_wait,
        worker_stop: kvreg_worker_stop,
        worker_stats: kvreg_worker_stats,
        worker_name: kvreg_worker_name,
        registry_stats: kvreg_registry_stats,
        registry_describe: kvreg_registry_describe,
        log_set: kvreg_log_set,
        registry_find: kvreg_registry_find,
        registry_name: kvreg_registry_name,
    }
}
