//! The function table: every function's type, in the order in which they were added.

use super::*;

/// Every function of this library in one table, for bindings that find the library at run time. The head (to
/// `version`) never changes; functions are only ever appended, and `size` tells how many there are.
#[repr(C)]
#[derive(Clone, Copy)]
#[rustfmt::skip] // one entry, two lines
pub struct kvreg_api {
    /// `KVREG_ABI_MAJOR` of the library.
    pub abi_major: u32,
    /// `KVREG_ABI_MINOR` of the library.
    pub abi_minor: u32,
    /// Size of this table in bytes.
    pub size: usize,
    /// A random number of this loaded copy: two tables with one number are one core.
    pub instance_id: u64,
    /// As `kvreg_version()`.
    pub version: *const c_char,
    /// `kvreg_start`
    pub start: unsafe extern "C" fn(options: *const kvreg_options, out: *mut kvreg_registry) -> kvreg_status,
    /// `kvreg_create`
    pub create: unsafe extern "C" fn(
        registry: kvreg_registry, name: *const c_char, name_len: usize, out: *mut kvreg_bucket
    ) -> kvreg_status,
    /// `kvreg_lookup`
    pub lookup: unsafe extern "C" fn(
        registry: kvreg_registry, name: *const c_char, name_len: usize, out: *mut kvreg_bucket
    ) -> kvreg_status,
    /// `kvreg_lookup_id`
    pub lookup_id: unsafe extern "C" fn(registry: kvreg_registry, name: *const c_char, name_len: usize) -> i64,
    /// `kvreg_stop`
    pub stop: unsafe extern "C" fn(registry: kvreg_registry) -> kvreg_status,
    /// `kvreg_registry_count`
    pub registry_count: unsafe extern "C" fn(registry: kvreg_registry, out: *mut u64) -> kvreg_status,
    /// `kvreg_registry_revision`
    pub registry_revision: unsafe extern "C" fn(registry: kvreg_registry, out: *mut u64) -> kvreg_status,
    /// `kvreg_registry_dump`
    pub registry_dump: unsafe extern "C" fn(registry: kvreg_registry, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_put`
    pub put: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: *const kvreg_value
    ) -> kvreg_status,
    /// `kvreg_get`
    pub get: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, out: *mut kvreg_value
    ) -> kvreg_status,
    /// `kvreg_delete`
    pub delete_key: unsafe extern "C" fn(bucket: kvreg_bucket, key: *const c_char, key_len: usize) -> kvreg_status,
    /// `kvreg_put_int`
    pub put_int: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: i64
    ) -> kvreg_status,
    /// `kvreg_get_int`
    pub get_int: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, out: *mut i64
    ) -> kvreg_status,
    /// `kvreg_put_float`
    pub put_float: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: f64
    ) -> kvreg_status,
    /// `kvreg_get_float`
    pub get_float: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, out: *mut f64
    ) -> kvreg_status,
    /// `kvreg_put_str`
    pub put_str: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, text: *const c_char, text_len: usize
    ) -> kvreg_status,
    /// `kvreg_put_bytes`
    pub put_bytes: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, data: *const c_void, data_len: usize
    ) -> kvreg_status,
    /// `kvreg_get_bytes`
    pub get_bytes: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, buffer: *mut c_void, capacity: usize
    ) -> i64,
    /// `kvreg_bucket_stop`
    pub bucket_stop: unsafe extern "C" fn(bucket: kvreg_bucket, reason: kvreg_reason) -> kvreg_status,
    /// `kvreg_bucket_check`
    pub bucket_check: unsafe extern "C" fn(bucket: kvreg_bucket) -> kvreg_status,
    /// `kvreg_bucket_name`
    pub bucket_name: unsafe extern "C" fn(bucket: kvreg_bucket, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_bucket_registry`
    pub bucket_registry: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut kvreg_registry) -> kvreg_status,
    /// `kvreg_bucket_count`
    pub bucket_count: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut u64) -> kvreg_status,
    /// `kvreg_bucket_revision`
    pub bucket_revision: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut u64) -> kvreg_status,
    /// `kvreg_bucket_dump`
    pub bucket_dump: unsafe extern "C" fn(bucket: kvreg_bucket, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_value_release`
    pub value_release: unsafe extern "C" fn(value: *mut kvreg_value),
    /// `kvreg_status_name`
    pub status_name: unsafe extern "C" fn(status: kvreg_status) -> *const c_char,
    /// `kvreg_status_message`
    pub status_message: unsafe extern "C" fn(status: kvreg_status) -> *const c_char,
    /// `kvreg_bucket_put_new`
    pub bucket_put_new: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: *const kvreg_value
    ) -> kvreg_status,
    /// `kvreg_bucket_take`
    pub bucket_take: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, out: *mut kvreg_value
    ) -> kvreg_status,
    /// `kvreg_bucket_swap`
    pub bucket_swap: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: *const kvreg_value, old: *mut kvreg_value,
        existed: *mut bool
    ) -> kvreg_status,
    /// `kvreg_bucket_get_revision`
    pub bucket_get_revision: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, out: *mut kvreg_value, revision: *mut u64
    ) -> kvreg_status,
    /// `kvreg_bucket_put_if_revision`
    pub bucket_put_if_revision: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, revision: u64, value: *const kvreg_value,
        out: *mut u64
    ) -> kvreg_status,
    /// `kvreg_bucket_delete_if_revision`
    pub bucket_delete_if_revision: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, revision: u64
    ) -> kvreg_status,
    /// `kvreg_bucket_put_if_equal`
    pub bucket_put_if_equal: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, expected: *const kvreg_value,
        value: *const kvreg_value
    ) -> kvreg_status,
    /// `kvreg_bucket_add`
    pub bucket_add: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, by: i64, options: *const kvreg_add_options,
        out: *mut i64
    ) -> kvreg_status,
    /// `kvreg_bucket_update`
    pub bucket_update: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, function: kvreg_update_function, data: *mut c_void,
        destroy: kvreg_destroy_function
    ) -> kvreg_status,
    /// `kvreg_bucket_clear`
    pub bucket_clear: unsafe extern "C" fn(bucket: kvreg_bucket, count: *mut u64) -> kvreg_status,
    /// `kvreg_create_many`
    pub create_many: unsafe extern "C" fn(
        registry: kvreg_registry, names: *const c_void, names_len: usize, out: *mut kvreg_bucket, capacity: usize,
        count: *mut usize
    ) -> kvreg_status,
    /// `kvreg_bucket_put_many`
    pub bucket_put_many: unsafe extern "C" fn(
        bucket: kvreg_bucket, items: *const c_void, items_len: usize, count: *mut usize
    ) -> kvreg_status,
    /// `kvreg_bucket_get_many`
    pub bucket_get_many: unsafe extern "C" fn(
        bucket: kvreg_bucket, keys: *const c_void, keys_len: usize, buffer: *mut c_void, capacity: usize
    ) -> i64,
    /// `kvreg_snapshot_get_many`
    pub snapshot_get_many: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, keys: *const c_void, keys_len: usize, buffer: *mut c_void, capacity: usize
    ) -> i64,
    /// `kvreg_snapshot_take`
    pub snapshot_take: unsafe extern "C" fn(registry: kvreg_registry, out: *mut kvreg_snapshot) -> kvreg_status,
    /// `kvreg_bucket_snapshot`
    pub bucket_snapshot: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut kvreg_snapshot) -> kvreg_status,
    /// `kvreg_snapshot_bucket`
    pub snapshot_bucket: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, name: *const c_char, name_len: usize, out: *mut kvreg_snapshot
    ) -> kvreg_status,
    /// `kvreg_snapshot_count`
    pub snapshot_count: unsafe extern "C" fn(snapshot: kvreg_snapshot, out: *mut u64) -> kvreg_status,
    /// `kvreg_snapshot_revision`
    pub snapshot_revision: unsafe extern "C" fn(snapshot: kvreg_snapshot, out: *mut u64) -> kvreg_status,
    /// `kvreg_snapshot_lookup`
    pub snapshot_lookup: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, name: *const c_char, name_len: usize, out: *mut kvreg_bucket
    ) -> kvreg_status,
    /// `kvreg_snapshot_get`
    pub snapshot_get: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, key: *const c_char, key_len: usize, out: *mut kvreg_value
    ) -> kvreg_status,
    /// `kvreg_snapshot_get_in`
    pub snapshot_get_in: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, name: *const c_char, name_len: usize, key: *const c_char, key_len: usize,
        out: *mut kvreg_value
    ) -> kvreg_status,
    /// `kvreg_snapshot_get_revision`
    pub snapshot_get_revision: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, key: *const c_char, key_len: usize, out: *mut kvreg_value, revision: *mut u64
    ) -> kvreg_status,
    /// `kvreg_snapshot_next_name`
    pub snapshot_next_name: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, cursor: *mut kvreg_cursor, name: *mut *const c_char, name_len: *mut usize,
        bucket: *mut kvreg_bucket
    ) -> kvreg_status,
    /// `kvreg_snapshot_next`
    pub snapshot_next: unsafe extern "C" fn(
        snapshot: kvreg_snapshot, cursor: *mut kvreg_cursor, key: *mut *const c_char, key_len: *mut usize,
        value: *mut kvreg_value
    ) -> kvreg_status,
    /// `kvreg_snapshot_dump`
    pub snapshot_dump: unsafe extern "C" fn(snapshot: kvreg_snapshot, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_snapshot_close`
    pub snapshot_close: unsafe extern "C" fn(snapshot: kvreg_snapshot) -> kvreg_status,
    /// `kvreg_batch_new`
    pub batch_new: unsafe extern "C" fn(registry: kvreg_registry, out: *mut kvreg_batch) -> kvreg_status,
    /// `kvreg_batch_put`
    pub batch_put: unsafe extern "C" fn(
        batch: kvreg_batch, bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: *const kvreg_value
    ) -> kvreg_status,
    /// `kvreg_batch_delete`
    pub batch_delete: unsafe extern "C" fn(
        batch: kvreg_batch, bucket: kvreg_bucket, key: *const c_char, key_len: usize
    ) -> kvreg_status,
    /// `kvreg_batch_commit`
    pub batch_commit: unsafe extern "C" fn(batch: kvreg_batch) -> kvreg_status,
    /// `kvreg_batch_clear`
    pub batch_clear: unsafe extern "C" fn(batch: kvreg_batch) -> kvreg_status,
    /// `kvreg_batch_count`
    pub batch_count: unsafe extern "C" fn(batch: kvreg_batch, out: *mut u64) -> kvreg_status,
    /// `kvreg_batch_close`
    pub batch_close: unsafe extern "C" fn(batch: kvreg_batch) -> kvreg_status,
    /// `kvreg_get_or_create`
    pub get_or_create: unsafe extern "C" fn(
        registry: kvreg_registry, name: *const c_char, name_len: usize, options: *const kvreg_load_options,
        loader: kvreg_loader_function, data: *mut c_void, destroy: kvreg_destroy_function, out: *mut kvreg_bucket
    ) -> kvreg_status,
    /// `kvreg_subscribe`
    pub subscribe: unsafe extern "C" fn(
        registry: kvreg_registry, options: *const kvreg_subscribe_options, out: *mut kvreg_subscription
    ) -> kvreg_status,
    /// `kvreg_subscription_next`
    pub subscription_next: unsafe extern "C" fn(
        subscription: kvreg_subscription, timeout_ms: i64, out: *mut kvreg_event
    ) -> kvreg_status,
    /// `kvreg_subscription_fd`
    pub subscription_fd: unsafe extern "C" fn(
        subscription: kvreg_subscription, out: *mut core::ffi::c_int
    ) -> kvreg_status,
    /// `kvreg_subscription_count`
    pub subscription_count: unsafe extern "C" fn(
        subscription: kvreg_subscription, out: *mut u64
    ) -> kvreg_status,
    /// `kvreg_subscription_snapshot`
    pub subscription_snapshot: unsafe extern "C" fn(
        subscription: kvreg_subscription, out: *mut kvreg_snapshot
    ) -> kvreg_status,
    /// `kvreg_subscription_dispatch`
    pub subscription_dispatch: unsafe extern "C" fn(
        subscription: kvreg_subscription, timeout_ms: i64, function: kvreg_event_function,
        data: *mut c_void, destroy: kvreg_destroy_function
    ) -> kvreg_status,
    /// `kvreg_subscription_close`
    pub subscription_close: extern "C" fn(subscription: kvreg_subscription) -> kvreg_status,
    /// `kvreg_event_release`
    pub event_release: unsafe extern "C" fn(event: *mut kvreg_event),
    /// `kvreg_bucket_monitor`
    pub bucket_monitor: unsafe extern "C" fn(
        bucket: kvreg_bucket, subscription: kvreg_subscription, out: *mut kvreg_monitor
    ) -> kvreg_status,
    /// `kvreg_monitor_cancel`
    pub monitor_cancel: extern "C" fn(monitor: kvreg_monitor) -> kvreg_status,
    /// `kvreg_handler_add`
    pub handler_add: unsafe extern "C" fn(
        registry: kvreg_registry, options: *const kvreg_handler_options, function: kvreg_event_function,
        data: *mut c_void, destroy: kvreg_destroy_function, out: *mut kvreg_handler
    ) -> kvreg_status,
    /// `kvreg_handler_remove`
    pub handler_remove: extern "C" fn(handler: kvreg_handler) -> kvreg_status,
    /// `kvreg_sync`
    pub sync: extern "C" fn(registry: kvreg_registry, timeout_ms: i64) -> kvreg_status,
    /// `kvreg_bucket_crash`
    pub bucket_crash: unsafe extern "C" fn(
        bucket: kvreg_bucket, message: *const c_char, message_len: usize
    ) -> kvreg_status,
    /// `kvreg_create_with`
    pub create_with: unsafe extern "C" fn(
        registry: kvreg_registry, name: *const c_char, name_len: usize, options: *const kvreg_bucket_options,
        out: *mut kvreg_bucket, created: *mut bool
    ) -> kvreg_status,
    /// `kvreg_owner_open`
    pub owner_open: unsafe extern "C" fn(out: *mut kvreg_owner) -> kvreg_status,
    /// `kvreg_owner_of_thread`
    pub owner_of_thread: unsafe extern "C" fn(out: *mut kvreg_owner) -> kvreg_status,
    /// `kvreg_owner_close`
    pub owner_close: unsafe extern "C" fn(owner: kvreg_owner) -> kvreg_status,
    /// `kvreg_owner_check`
    pub owner_check: unsafe extern "C" fn(owner: kvreg_owner) -> kvreg_status,
    /// `kvreg_owner_count`
    pub owner_count: unsafe extern "C" fn(owner: kvreg_owner, out: *mut u64) -> kvreg_status,
    /// `kvreg_bucket_give`
    pub bucket_give: unsafe extern "C" fn(bucket: kvreg_bucket, owner: kvreg_owner) -> kvreg_status,
    /// `kvreg_bucket_set_heir`
    pub bucket_set_heir: unsafe extern "C" fn(bucket: kvreg_bucket, heir: kvreg_owner) -> kvreg_status,
    /// `kvreg_bucket_owner`
    pub bucket_owner: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut kvreg_owner) -> kvreg_status,
    /// `kvreg_bucket_reader`
    pub bucket_reader: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut kvreg_bucket) -> kvreg_status,
    /// `kvreg_bucket_same`
    pub bucket_same: unsafe extern "C" fn(
        bucket: kvreg_bucket, other: kvreg_bucket, out: *mut bool
    ) -> kvreg_status,
    /// `kvreg_register`
    pub register: unsafe extern "C" fn(
        registry: kvreg_registry, kind: *const c_char, kind_len: usize, key: *const c_char, key_len: usize,
        object: *const kvreg_object, options: *const kvreg_register_options, out: *mut kvreg_entry
    ) -> kvreg_status,
    /// `kvreg_whereis`
    pub whereis: unsafe extern "C" fn(
        registry: kvreg_registry, kind: *const c_char, kind_len: usize, key: *const c_char, key_len: usize,
        object: *mut kvreg_object, entry: *mut kvreg_entry
    ) -> kvreg_status,
    /// `kvreg_unregister`
    pub unregister: extern "C" fn(entry: kvreg_entry) -> kvreg_status,
    /// `kvreg_entry_check`
    pub entry_check: extern "C" fn(entry: kvreg_entry) -> kvreg_status,
    /// `kvreg_entry_object`
    pub entry_object: unsafe extern "C" fn(entry: kvreg_entry, out: *mut kvreg_object) -> kvreg_status,
    /// `kvreg_entry_list`
    pub entry_list: unsafe extern "C" fn(
        registry: kvreg_registry, kind: *const c_char, kind_len: usize, key: *const c_char, key_len: usize,
        out: *mut kvreg_entry, capacity: usize, count: *mut usize
    ) -> kvreg_status,
    /// `kvreg_dispatch`
    pub dispatch: unsafe extern "C" fn(
        registry: kvreg_registry, kind: *const c_char, kind_len: usize, key: *const c_char, key_len: usize,
        function: kvreg_dispatch_function, data: *mut c_void, destroy: kvreg_destroy_function, count: *mut u64
    ) -> kvreg_status,
    /// `kvreg_object_release`
    pub object_release: unsafe extern "C" fn(object: *mut kvreg_object),
    /// `kvreg_bucket_expire`
    pub bucket_expire: unsafe extern "C" fn(bucket: kvreg_bucket, ttl_ms: i64) -> kvreg_status,
    /// `kvreg_bucket_touch`
    pub bucket_touch: unsafe extern "C" fn(bucket: kvreg_bucket) -> kvreg_status,
    /// `kvreg_bucket_remaining`
    pub bucket_remaining: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut i64) -> kvreg_status,
    /// `kvreg_bucket_put_for`
    pub bucket_put_for: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: *const kvreg_value, ttl_ms: i64
    ) -> kvreg_status,
    /// `kvreg_bucket_expire_key`
    pub bucket_expire_key: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, ttl_ms: i64
    ) -> kvreg_status,
    /// `kvreg_bucket_touch_key`
    pub bucket_touch_key: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize
    ) -> kvreg_status,
    /// `kvreg_bucket_remaining_key`
    pub bucket_remaining_key: unsafe extern "C" fn(
        bucket: kvreg_bucket, key: *const c_char, key_len: usize, out: *mut i64
    ) -> kvreg_status,
    /// `kvreg_batch_put_for`
    pub batch_put_for: unsafe extern "C" fn(
        batch: kvreg_batch, bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: *const kvreg_value,
        ttl_ms: i64
    ) -> kvreg_status,
    /// `kvreg_supervisor_start`
    pub supervisor_start: unsafe extern "C" fn(
        options: *const kvreg_supervisor_options, out: *mut kvreg_supervisor
    ) -> kvreg_status,
    /// `kvreg_supervisor_add`
    pub supervisor_add: unsafe extern "C" fn(
        supervisor: kvreg_supervisor, options: *const kvreg_worker_options, function: kvreg_worker_function,
        data: *mut c_void, destroy: kvreg_destroy_function, out: *mut kvreg_worker
    ) -> kvreg_status,
    /// `kvreg_supervisor_stop`
    pub supervisor_stop: unsafe extern "C" fn(supervisor: kvreg_supervisor) -> kvreg_status,
    /// `kvreg_supervisor_wait`
    pub supervisor_wait: unsafe extern "C" fn(
        supervisor: kvreg_supervisor, timeout_ms: i64, state: *mut u32
    ) -> kvreg_status,
    /// `kvreg_supervisor_children`
    pub supervisor_children: unsafe extern "C" fn(
        supervisor: kvreg_supervisor, out: *mut u64, capacity: usize
    ) -> i64,
    /// `kvreg_supervisor_stats`
    pub supervisor_stats: unsafe extern "C" fn(
        supervisor: kvreg_supervisor, out: *mut kvreg_supervisor_info
    ) -> kvreg_status,
    /// `kvreg_supervisor_describe`
    pub supervisor_describe: unsafe extern "C" fn(
        supervisor: kvreg_supervisor, buffer: *mut c_void, capacity: usize
    ) -> i64,
    /// `kvreg_worker_wait`
    pub worker_wait: unsafe extern "C" fn(worker: kvreg_worker, timeout_ms: i64) -> kvreg_status,
    /// `kvreg_worker_stop`
    pub worker_stop: unsafe extern "C" fn(worker: kvreg_worker, timeout_ms: i64) -> kvreg_status,
    /// `kvreg_worker_stats`
    pub worker_stats: unsafe extern "C" fn(worker: kvreg_worker, out: *mut kvreg_worker_info) -> kvreg_status,
    /// `kvreg_worker_name`
    pub worker_name: unsafe extern "C" fn(worker: kvreg_worker, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_registry_stats`
    pub registry_stats: unsafe extern "C" fn(registry: kvreg_registry, out: *mut kvreg_stats) -> kvreg_status,
    /// `kvreg_registry_describe`
    pub registry_describe: unsafe extern "C" fn(
        registry: kvreg_registry, buffer: *mut c_void, capacity: usize
    ) -> i64,
    /// `kvreg_log_set`
    pub log_set: unsafe extern "C" fn(
        level: u32, function: kvreg_log_function, data: *mut c_void, destroy: kvreg_destroy_function
    ) -> kvreg_status,
    /// `kvreg_registry_find`
    pub registry_find: unsafe extern "C" fn(
        name: *const c_char, name_len: usize, out: *mut kvreg_registry
    ) -> kvreg_status,
    /// `kvreg_registry_name`
    pub registry_name: unsafe extern "C" fn(
        registry: kvreg_registry, buffer: *mut c_void, capacity: usize
    ) -> i64,
}
