//! Handlers: functions that are called for events.

use super::event::{capacity, filter, show, timeout};
use super::owner::some;
use super::types::*;
use super::{guard, options, output};
use crate::error::Error;
use crate::event::{Event, Handler, HandlerOptions, Mode};
use crate::registry::Registry;
use core::ffi::c_void;

/// Calls a function for the events of a registry from now on: see the rules about handlers above. NULL options are the
/// defaults.
///
/// The calls come one at a time, in the order of the table's revisions. `destroy(data)` is called exactly once, after
/// the last call of the function, when the handler has ended (also if adding it failed); it may be NULL. Who calls it:
/// kvreg_handler_remove, kvreg_stop, or the thread in which the last call of the function returned.
///
/// @thread any; may block while another thread changes this registry
/// @owner the caller, who ends it with kvreg_handler_remove; data is given to destroy
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_handler_add(
    registry: kvreg_registry,
    options: *const kvreg_handler_options,
    function: kvreg_event_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
    out: *mut kvreg_handler,
) -> kvreg_status {
    let call = Call { function, data, destroy };
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, options) = unsafe { (output(out, 0)?, options::read(options)?) };
        call.check()?;
        // SAFETY: as above.
        let options = unsafe { handler_options(&options)? };
        let function = move |event: &Event| match call.now(event) {
            KVREG_OK => Ok(()),
            code => Err(Error::from_code(code).unwrap_or(Error::InvalidArgument)),
        };
        *out = Handler::add(Registry::from_id(registry), options, function)?.id();
        Ok(())
    })
}

/// Ends a handler: when this returns, its function is not running and never will again, and `destroy` has been called.
///
/// From inside the function itself it returns at once, and `destroy` is called when the function has returned. From
/// inside another handler, an update function or a loader, while the function runs in another thread:
/// `KVREG_DEADLOCK`, and nothing is done. If a call that is under way in another thread takes longer than `limit_ms`:
/// `KVREG_TIMED_OUT`; the handler has ended, that call is its last, and `destroy` is called after it.
///
/// @thread any; waits for a call of the function that is under way in another thread, as long as that may take
/// @owner gives back what kvreg_handler_add made
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_handler_remove(handler: kvreg_handler) -> kvreg_status {
    guard(|| Handler::from_id(handler).remove())
}

/// Waits until everything that happened before is told: every change is in the table and in the queues of those who
/// subscribed, and all handlers have seen it, asynchronous ones too.
///
/// Waits `timeout_ms` milliseconds at most (-1: for ever), and for no call of a handler that takes longer than its limit.
/// `KVREG_TIMED_OUT` if a handler that is there has not seen everything by then. From inside a handler, an update
/// function or a loader: `KVREG_DEADLOCK`.
///
/// @thread any; waits as long as it is told to
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_sync(registry: kvreg_registry, timeout_ms: i64) -> kvreg_status {
    guard(|| Registry::from_id(registry).sync(timeout(timeout_ms)?))
}

/// The caller's function with its data.
pub(super) struct Call {
    pub(super) function: kvreg_event_function,
    pub(super) data: *mut c_void,
    pub(super) destroy: kvreg_destroy_function,
}

// SAFETY: the header says that the function is called, and its data destroyed, on other threads, one at a time.
unsafe impl Send for Call {}
// SAFETY: as above.
unsafe impl Sync for Call {}

impl Call {
    pub(super) fn check(&self) -> Result<(), Error> {
        self.function.map(|_| ()).ok_or(Error::InvalidArgument)
    }

    pub(super) fn now(&self, event: &Event) -> kvreg_status {
        let Some(function) = self.function else { return KVREG_INVALID_ARGUMENT };
        // SAFETY: the caller's function, called as its type says; an exception that leaves it ends the process.
        unsafe { function(self.data, &show(event)) }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            let _ = guard(|| {
                // SAFETY: the caller's function, called as its type says, and once.
                unsafe { destroy(self.data) };
                Ok(())
            });
        }
    }
}

/// # Safety
/// The name in it is NULL or readable.
unsafe fn handler_options<'a>(options: &kvreg_handler_options) -> Result<HandlerOptions<'a>, Error> {
    let kvreg_handler_options { events, of, name, name_len, bucket, .. } = *options;
    // SAFETY: this function's contract.
    let filter = unsafe { filter(events, of, name, name_len, bucket)? };
    let mode = match options.mode {
        KVREG_HANDLER_SYNC => Mode::Synchronous,
        KVREG_HANDLER_ASYNC => Mode::Asynchronous,
        _ => return Err(Error::InvalidArgument),
    };
    if options.flags & !KVREG_HANDLER_KEEP != 0 || events == 0 {
        return Err(Error::InvalidArgument);
    }
    let keep = options.flags & KVREG_HANDLER_KEEP != 0;
    let (limit, capacity) = (timeout(options.limit_ms)?, capacity(options.capacity)?);
    Ok(HandlerOptions { filter, mode, limit, keep, capacity, owner: some(options.owner) })
}
