//! What a registry says of itself, and the log.

use super::supervisor::Data;
use super::types::*;
use super::{fill, guard, guard_len, value};
use crate::error::Error;
use crate::fork;
use crate::log::{self, Level};
use crate::registry::Registry;
use crate::supervisor::Life;
use core::ffi::{c_char, c_void};

/// Tells how a registry stands: see kvreg_stats. Fill `*out` with `KVREG_STATS_INIT` before.
///
/// Cost: O(number of subscriptions, handlers and held snapshots).
///
/// @thread any; may block while another thread changes this registry
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_stats(
    registry: kvreg_registry,
    out: *mut kvreg_stats,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { fill::room(out)? };
        let stats = Registry::from_id(registry).stats()?;
        out.fill(kvreg_stats {
            size: 0,
            state: if stats.life == Life::Failed { KVREG_STATE_FAILED } else { KVREG_STATE_RUNNING },
            untidy: stats.untidy.into(),
            names: stats.names,
            revision: stats.revision,
            snapshots: stats.snapshots,
            backlog: stats.backlog,
            mailbox: stats.mailbox,
            keeper_restarts: stats.keeper_restarts,
            timer_restarts: stats.timer_restarts,
            timed_buckets: stats.timed_buckets,
            subscriptions: stats.subscriptions,
            handlers: stats.handlers,
            queued: stats.queued,
            longest_queue: stats.longest_queue,
            slowest_handler_ns: u64::try_from(stats.slowest_handler.as_nanos()).unwrap_or(u64::MAX),
            handler_failures: stats.handler_failures,
            node_bytes: stats.node_bytes,
            handler_restarts: stats.handler_restarts,
        });
        Ok(())
    })
}

/// Copies the same as text into the caller's memory: a line `name value` for each field of kvreg_stats in its order,
/// `state` as "running" or "failed"; then a line `handler ID queued N slowest_ns N failures N restarts N` for each handler
/// and `subscription ID queued N` for each subscription; if it failed, the last line is `reason` and why, in words. Lines
/// may be added by later versions. Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is enough.
/// `buffer` may be NULL if `capacity` is 0.
///
/// @thread any; may block while another thread changes this registry
/// @owner the buffer is the caller's; no NUL is added
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_describe(
    registry: kvreg_registry,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let text = Registry::from_id(registry).describe()?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(text.as_bytes(), buffer, capacity) }
    })
}

/// Has all that kvreg has to say for itself written to a function, from this level (`KVREG_LOG_...`) on: the restart of a
/// thread or worker, what failed, what is late, what was given up. There is one function for the process; it takes the
/// place of the one before. NULL is silence, as in the beginning.
///
/// The function is called in the thread in which the thing happened, a worker's or a caller's, with no lock or turn of
/// kvreg's held, and by several threads at a time. It may make every call, of a handler as the handler itself; what
/// happens in such a call is not written down. `destroy(data)` is called exactly once, also on an error: when the function was replaced and no thread runs it
/// any more, in this call or in the last of those threads; it may be NULL.
///
/// @thread any, also from the function itself
/// @owner data is given to destroy
/// @fork KVREG_FORKED in the child, where nothing is written
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_log_set(
    level: u32,
    function: kvreg_log_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
) -> kvreg_status {
    let data = Data { data, destroy }; // on every path, its end is the call of `destroy`
    guard(|| {
        fork::check()?;
        let level = level_of(level)?;
        let Some(function) = function else {
            log::clear_log();
            return Ok(());
        };
        log::set_log(level, move |level, text| {
            let (text, len) = (text.as_ptr().cast::<c_char>(), text.len());
            // SAFETY: the caller's function, called as its type says; an exception that leaves it ends the process.
            unsafe { function(data.get(), level as u32, text, len) }
        });
        Ok(())
    })
}

fn level_of(number: u32) -> Result<Level, Error> {
    Ok(match number {
        KVREG_LOG_DEBUG => Level::Debug,
        KVREG_LOG_INFO => Level::Info,
        KVREG_LOG_WARN => Level::Warn,
        KVREG_LOG_ERROR => Level::Error,
        _ => return Err(Error::InvalidArgument),
    })
}
