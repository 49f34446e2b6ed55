//! Supervisors, workers, what a registry says of itself, and the log.

use super::{Status, done, number, parts};
use crate::core::table;
use crate::types::*;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

// In all of this file, the pointers that a call is given are valid while it runs, and it keeps none of them but those of a
// function's triple. Any number may be an id.

/// How a supervisor is started.
pub(crate) struct Options<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) strategy: u32,
    pub(crate) max_restarts: u32,
    /// In milliseconds.
    pub(crate) window: u64,
    /// 0: none.
    pub(crate) parent: u64,
    pub(crate) restart: u32,
}

pub(crate) fn start(options: &Options<'_>) -> Result<u64, Status> {
    let (name, name_len) = parts(options.name);
    let &Options { strategy, max_restarts, window: window_ms, parent, restart, .. } = options;
    let size = size_of::<kvreg_supervisor_options>();
    let options =
        kvreg_supervisor_options { size, name, name_len, strategy, max_restarts, window_ms, parent, restart };
    let mut id = 0;
    // SAFETY: see above.
    done(unsafe { (table().supervisor_start)(&raw const options, &raw mut id) }).map(|()| id)
}

/// What a worker does. It ends, with a drop, where the core says: in any thread.
pub(crate) trait Work: Send + Sync + 'static {
    /// Must not panic: that would end the process. 0 is a normal end.
    fn run(&self, worker: u64) -> i32;
}

/// How a worker is run.
pub(crate) struct How<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) restart: u32,
    /// In milliseconds.
    pub(crate) timeout: i64,
}

pub(crate) fn add<W: Work>(supervisor: u64, how: &How<'_>, work: Box<W>) -> Result<u64, Status> {
    /// # Safety
    /// Called by the core only, with what `add` gave it.
    unsafe extern "C-unwind" fn run<W: Work>(data: *mut c_void, worker: kvreg_worker) -> i32 {
        // SAFETY: by this function's own contract; it lives until `end`.
        unsafe { &*data.cast::<W>() }.run(worker)
    }
    let (name, name_len) = parts(how.name);
    let &How { restart, timeout: timeout_ms, .. } = how;
    let options =
        kvreg_worker_options { size: size_of::<kvreg_worker_options>(), name, name_len, timeout_ms, restart };
    let (data, mut id) = (Box::into_raw(work).cast(), 0);
    // SAFETY: see above; `end` takes the box back, once.
    let status = unsafe {
        let add = table().supervisor_add;
        add(supervisor, &raw const options, Some(run::<W>), data, Some(end::<W>), &raw mut id)
    };
    done(status).map(|()| id)
}

/// # Safety
/// Called by the core only, once, with a box of ours.
unsafe extern "C-unwind" fn end<T>(data: *mut c_void) {
    // SAFETY: by this function's own contract.
    drop(unsafe { Box::from_raw(data.cast::<T>()) });
}

pub(crate) fn stop(supervisor: u64) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { (table().supervisor_stop)(supervisor) })
}

/// The state in which it has ended, or None if it has not.
pub(crate) fn wait(supervisor: u64, timeout: i64) -> Result<Option<u32>, Status> {
    let mut state = 0;
    // SAFETY: see above.
    match unsafe { (table().supervisor_wait)(supervisor, timeout, &raw mut state) } {
        KVREG_OK => Ok(Some(state)),
        KVREG_TIMED_OUT => Ok(None),
        status => Err(Status(status)),
    }
}

pub(crate) fn children(supervisor: u64) -> Result<Vec<u64>, Status> {
    let mut ids = vec![0; 16];
    loop {
        // SAFETY: see above; there is room for so many.
        let count = unsafe { (table().supervisor_children)(supervisor, ids.as_mut_ptr(), ids.len()) };
        let (count, room) = (number(count)? as usize, ids.len());
        ids.resize(count, 0);
        if count <= room {
            return Ok(ids);
        }
    }
}

pub(crate) fn stats(supervisor: u64) -> Result<kvreg_supervisor_info, Status> {
    let size = size_of::<kvreg_supervisor_info>();
    let mut info = kvreg_supervisor_info {
        size,
        state: 0,
        strategy: 0,
        children: 0,
        running: 0,
        left_behind: 0,
        restarts: 0,
    };
    // SAFETY: see above.
    done(unsafe { (table().supervisor_stats)(supervisor, &raw mut info) }).map(|()| info)
}

pub(crate) fn worker_stats(worker: u64) -> Result<kvreg_worker_info, Status> {
    let size = size_of::<kvreg_worker_info>();
    let mut info = kvreg_worker_info { size, state: 0, restart: 0, restarts: 0, status: 0 };
    // SAFETY: see above.
    done(unsafe { (table().worker_stats)(worker, &raw mut info) }).map(|()| info)
}

/// Whether the worker shall stop, or is over; None if the time was not enough.
pub(crate) fn worker_wait(worker: u64, timeout: i64) -> Result<Option<()>, Status> {
    // SAFETY: see above.
    match unsafe { (table().worker_wait)(worker, timeout) } {
        KVREG_STOPPED | KVREG_DEAD => Ok(Some(())),
        KVREG_TIMED_OUT => Ok(None),
        status => Err(Status(status)),
    }
}

/// None if the time was not enough.
pub(crate) fn worker_stop(worker: u64, timeout: i64) -> Result<Option<()>, Status> {
    // SAFETY: see above.
    match unsafe { (table().worker_stop)(worker, timeout) } {
        KVREG_OK => Ok(Some(())),
        KVREG_TIMED_OUT => Ok(None),
        status => Err(Status(status)),
    }
}

pub(crate) fn registry_stats(registry: u64) -> Result<kvreg_stats, Status> {
    // SAFETY: numbers, of which zero is one.
    let mut stats: kvreg_stats = unsafe { std::mem::zeroed() };
    stats.size = size_of::<kvreg_stats>();
    // SAFETY: see above.
    done(unsafe { (table().registry_stats)(registry, &raw mut stats) }).map(|()| stats)
}

macro_rules! text {
    ($($name:ident = $function:ident;)*) => {$(
        /// Writes only if there is room, and answers with the length of all.
        pub(crate) fn $name(id: u64, buffer: &mut [MaybeUninit<u8>]) -> Result<u64, Status> {
            let (pointer, room) = (buffer.as_mut_ptr().cast::<c_void>(), buffer.len());
            // SAFETY: see above; at most `room` bytes are written, which are ours.
            number(unsafe { (table().$function)(id, pointer, room) })
        }
    )*};
}
text! {
    describe = supervisor_describe;
    worker_name = worker_name;
    registry_describe = registry_describe;
}

/// Gets the records of the log, in any thread, and must not panic.
pub(crate) trait Log: Send + Sync + 'static {
    fn write(&self, level: u32, text: &[u8]);
}

/// Sets the process' log from this level on.
pub(crate) fn log_set<L: Log>(level: u32, log: Box<L>) -> Result<(), Status> {
    /// # Safety
    /// Called by the core only, with what `log_set` gave it.
    unsafe extern "C-unwind" fn write<L: Log>(
        data: *mut c_void,
        level: u32,
        text: *const c_char,
        len: usize,
    ) {
        // SAFETY: by this function's own contract; it lives until `end`, and the text during the call.
        unsafe { (*data.cast::<L>()).write(level, std::slice::from_raw_parts(text.cast(), len)) }
    }
    // SAFETY: see above; `end` takes the box back, once.
    done(unsafe { (table().log_set)(level, Some(write::<L>), Box::into_raw(log).cast(), Some(end::<L>)) })
}

pub(crate) fn log_clear() -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { (table().log_set)(KVREG_LOG_ERROR, None, std::ptr::null_mut(), None) })
}
