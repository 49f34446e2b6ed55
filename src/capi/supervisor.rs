//! Supervisors and workers.

use super::types::*;
use super::{fill, guard, guard_len, name, options, output, span, value};
use crate::error::Error;
use crate::supervisor::{Life, Restart, Strategy, Supervisor, SupervisorOptions, Worker, WorkerOptions};
use core::ffi::{c_char, c_void};
use std::borrow::Cow;
use std::time::Duration;

/// Starts a supervisor without children; with `options->parent`, as a child of that one. NULL options are the defaults.
///
/// See the rules about supervisors above. `KVREG_STOPPED` if the parent has ended or is just being restarted,
/// `KVREG_INVALID_ARGUMENT` for an unknown strategy or kind of restart, `KVREG_OUT_OF_RANGE` if there are 100 supervisors
/// above it already. It has no thread of its own.
///
/// @thread any
/// @owner the caller, who ends it with kvreg_supervisor_stop; the name is copied
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_supervisor_start(
    options: *const kvreg_supervisor_options,
    out: *mut kvreg_supervisor,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, options) = unsafe { (output(out, 0)?, options::read(options)?) };
        // SAFETY: as above.
        let name = unsafe { text(options.name, options.name_len, "supervisor")? };
        *out = Supervisor::start(SupervisorOptions {
            name: &name,
            strategy: strategy(options.strategy)?,
            max_restarts: options.max_restarts,
            window: Duration::from_millis(options.window_ms),
            parent: (options.parent != 0).then(|| Supervisor::from_id(options.parent)),
            restart: restart(options.restart)?,
        })?
        .id();
        Ok(())
    })
}

/// Adds a worker to a supervisor, behind the children that it has, and starts it: see kvreg_worker_function. NULL
/// options are the defaults. Workers come and go at any time: kvreg_worker_stop ends one for good.
///
/// `destroy(data)` is called exactly once, when the function will not be called again, also on every error; it may be
/// NULL. It is called within the call that ends the worker or refuses it, before that returns, or in the thread of a
/// worker that ends by itself, fails its supervisor, or was left behind. `KVREG_STOPPED` if the supervisor has ended, or
/// the one above is just restarting it, `KVREG_IO` if the system gives no thread. Cost: that of starting a thread.
///
/// @thread any, also a worker's; does not wait for the worker
/// @owner the worker is its supervisor's; the name is copied; data is given to destroy
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_supervisor_add(
    supervisor: kvreg_supervisor,
    options: *const kvreg_worker_options,
    function: kvreg_worker_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
    out: *mut kvreg_worker,
) -> kvreg_status {
    let data = Data { data, destroy }; // on every path, its end is the call of `destroy`
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, options) = unsafe { (output(out, 0)?, options::read(options)?) };
        // SAFETY: as above.
        let name = unsafe { text(options.name, options.name_len, "worker")? };
        let (function, patience) = (function.ok_or(Error::InvalidArgument)?, span(options.timeout_ms)?);
        let options = WorkerOptions { name: &name, restart: restart(options.restart)?, patience };
        let worker = Supervisor::from_id(supervisor).add(options, move |worker| {
            // SAFETY: the caller's function, called as its type says; an exception that leaves it ends the process.
            match unsafe { function(data.get(), worker.id()) } {
                0 => Ok(()),
                status => Err(status),
            }
        })?;
        *out = worker.id();
        Ok(())
    })
}

/// Ends a supervisor: its children are told to stop, the last first, and each has ended, or its `timeout_ms` is over,
/// before the next one is told. A supervisor below it ends its own children in this way. Then its id, and those of all
/// below it, are given back.
///
/// `KVREG_TIMED_OUT` says that the supervisor has ended, but that workers were left behind: they were told to stop, run
/// on, and are nobody's; their data is destroyed when they return at last. After `KVREG_OK` no function of a worker is
/// running, and all data is destroyed, unless the call comes from a destroy function: then others may still run. Later
/// calls give `KVREG_STOPPED`. `KVREG_DEADLOCK` from a worker below it.
///
/// @thread any but a worker's below it; blocks until all workers have ended, or their time is over
/// @owner gives back what kvreg_supervisor_start made
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_supervisor_stop(supervisor: kvreg_supervisor) -> kvreg_status {
    guard(|| Supervisor::from_id(supervisor).stop())
}

/// Waits until a supervisor has ended for good: `*state` is `KVREG_STATE_STOPPED`, or `KVREG_STATE_FAILED` if it gave up;
/// why, kvreg_supervisor_describe says. One that its parent restarts has not ended.
///
/// `timeout_ms` is how long to wait: 0 not at all, -1 for ever. `KVREG_TIMED_OUT` if it has not ended (then `*state` is
/// `KVREG_STATE_RUNNING`), `KVREG_STOPPED` if somebody called kvreg_supervisor_stop before, `KVREG_DEADLOCK` from a worker
/// below it unless `timeout_ms` is 0.
///
/// @thread any; blocks as long as it is asked to
/// @owner nobody; a supervisor that gave up is still to be ended with kvreg_supervisor_stop
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_supervisor_wait(
    supervisor: kvreg_supervisor,
    timeout_ms: i64,
    state: *mut u32,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let state = unsafe { output(state, KVREG_STATE_RUNNING)? };
        *state = state_of(Supervisor::from_id(supervisor).wait(span(timeout_ms)?)?);
        Ok(())
    })
}

/// Gives the ids of a supervisor's children, in their order: workers and supervisors (kvreg_worker_stats gives
/// `KVREG_BAD_HANDLE` for these). Gives how many there are, or a negative status; writes only if `capacity` is enough.
/// `out` may be NULL if `capacity` is 0.
///
/// @thread any
/// @owner the memory is the caller's; the ids need no release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_supervisor_children(
    supervisor: kvreg_supervisor,
    out: *mut u64,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        if out.is_null() && capacity != 0 {
            return Err(Error::InvalidArgument);
        }
        let children = Supervisor::from_id(supervisor).children()?;
        if children.len() <= capacity {
            for (i, child) in children.iter().enumerate() {
                // SAFETY: there is room for `capacity` ids, as this function's comment in the header demands.
                unsafe { out.add(i).write(child.id()) };
            }
        }
        Ok(children.len() as u64)
    })
}

/// Tells how a supervisor stands: see kvreg_supervisor_info. Fill `*out` with `KVREG_SUPERVISOR_INFO_INIT` before.
///
/// @thread any
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_supervisor_stats(
    supervisor: kvreg_supervisor,
    out: *mut kvreg_supervisor_info,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { fill::room(out)? };
        let stats = Supervisor::from_id(supervisor).stats()?;
        out.fill(kvreg_supervisor_info {
            size: 0,
            state: state_of(stats.life),
            strategy: stats.strategy as u32,
            children: stats.children,
            running: stats.running,
            left_behind: stats.left_behind,
            restarts: stats.restarts,
        });
        Ok(())
    })
}

/// Copies the tree below a supervisor into the caller's memory, as text for people: a line for each child, indented by
/// two more for each level, with its state, its restarts, and why it gave up. Gives the number of bytes that this takes,
/// or a negative status; writes only if `capacity` is enough. `buffer` may be NULL if `capacity` is 0. The form may change.
///
/// @thread any
/// @owner the buffer is the caller's; no NUL is added
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_supervisor_describe(
    supervisor: kvreg_supervisor,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let text = Supervisor::from_id(supervisor).describe()?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(text.as_bytes(), buffer, capacity) }
    })
}

/// For a worker: sleeps until it shall stop (`KVREG_STOPPED`) or the time is over (`KVREG_TIMED_OUT`). Never `KVREG_OK`.
///
/// `timeout_ms` is how long to sleep: 0 only looks, -1 is for ever. A worker that has nothing else to wait for does its
/// work in a loop: `while (kvreg_worker_wait(worker, 1000) == KVREG_TIMED_OUT) ...`. Threads that it has started itself
/// may call this, too: `KVREG_DEAD` when it has ended. Cost of a look: a few nanoseconds for the worker's own thread.
///
/// @thread any, meant for the worker's; blocks as long as it is asked to
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_worker_wait(worker: kvreg_worker, timeout_ms: i64) -> kvreg_status {
    guard(|| Worker::from_id(worker).wait(span(timeout_ms)?))
}

/// Ends a worker for good: it is told to stop, waited for, and not started again.
///
/// `timeout_ms` is how long to wait: 0 not at all, -1 for ever. `KVREG_TIMED_OUT` if it has not ended by then: it stays
/// told, and the call can be made again. After `KVREG_OK`, and when it is over in any other way, later calls give
/// `KVREG_DEAD`. From itself the call gives `KVREG_OK` at once, and the worker ends when it returns, whatever it returns.
///
/// @thread any; blocks as long as it is asked to; two workers that wait for each other for ever do so
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_worker_stop(worker: kvreg_worker, timeout_ms: i64) -> kvreg_status {
    guard(|| Worker::from_id(worker).stop(span(timeout_ms)?))
}

/// Tells how a worker stands: see kvreg_worker_info. Fill `*out` with `KVREG_WORKER_INFO_INIT` before.
///
/// @thread any
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_worker_stats(
    worker: kvreg_worker,
    out: *mut kvreg_worker_info,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { fill::room(out)? };
        let stats = Worker::from_id(worker).stats()?;
        out.fill(kvreg_worker_info {
            size: 0,
            state: state_of(stats.life),
            restart: stats.restart as u32,
            restarts: stats.restarts,
            status: stats.status,
        });
        Ok(())
    })
}

/// Copies a worker's name into the caller's memory. Gives its length, or a negative status; writes only if `capacity` is
/// enough. `buffer` may be NULL if `capacity` is 0.
///
/// @thread any
/// @owner the buffer is the caller's; no NUL is added
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_worker_name(
    worker: kvreg_worker,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let name = Worker::from_id(worker).stats()?.name;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(name.as_bytes(), buffer, capacity) }
    })
}

/// What a function gets as its `data`, and its end.
pub(super) struct Data {
    pub(super) data: *mut c_void,
    pub(super) destroy: kvreg_destroy_function,
}

// SAFETY: whoever gives data says that kvreg's threads may have it.
unsafe impl Send for Data {}
// SAFETY: as above; kvreg itself only passes the pointer on.
unsafe impl Sync for Data {}

impl Data {
    pub(super) fn get(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller's function, called as its type says, and once.
            unsafe { destroy(self.data) };
        }
    }
}

/// A name, of any bytes, as text.
///
/// # Safety
/// As [`name`].
unsafe fn text<'a>(data: *const c_char, len: usize, otherwise: &'a str) -> Result<Cow<'a, str>, Error> {
    if data.is_null() && len == 0 {
        return Ok(Cow::Borrowed(otherwise));
    }
    // SAFETY: this function's contract.
    let mut text = String::from_utf8_lossy(unsafe { name(data, len)? });
    if text.len() > crate::name::MAX_LEN {
        // Each wrong byte became three.
        let end = (0..=crate::name::MAX_LEN).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.to_mut().truncate(end);
    }
    Ok(text)
}

fn strategy(number: u32) -> Result<Strategy, Error> {
    Ok(match number {
        KVREG_STRATEGY_ONE_FOR_ONE => Strategy::OneForOne,
        KVREG_STRATEGY_ONE_FOR_ALL => Strategy::OneForAll,
        KVREG_STRATEGY_REST_FOR_ONE => Strategy::RestForOne,
        _ => return Err(Error::InvalidArgument),
    })
}

fn restart(number: u32) -> Result<Restart, Error> {
    Ok(match number {
        KVREG_RESTART_PERMANENT => Restart::Permanent,
        KVREG_RESTART_TRANSIENT => Restart::Transient,
        KVREG_RESTART_TEMPORARY => Restart::Temporary,
        _ => return Err(Error::InvalidArgument),
    })
}

fn state_of(life: Life) -> u32 {
    match life {
        Life::Running => KVREG_STATE_RUNNING,
        Life::Ending => KVREG_STATE_ENDING,
        Life::Stopped => KVREG_STATE_STOPPED,
        Life::Failed => KVREG_STATE_FAILED,
    }
}
