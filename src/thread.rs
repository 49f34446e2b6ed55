//! Threads of kvreg's own: their signals are the host's, and they run on any of the process' CPUs.

use crate::error::Error;
use std::cell::Cell;
use std::thread::{Builder, JoinHandle};

pub(crate) type Handle = JoinHandle<()>;

/// Starts a thread, all signals blocked. A system shows the first 15 bytes of its name, which begins with `kvreg-`.
pub(crate) fn start(name: String, work: impl FnOnce() + Send + 'static) -> Result<Handle, Error> {
    let started = with_signals_blocked(|| {
        Builder::new().name(name).spawn(move || {
            reset_affinity();
            work();
        })
    });
    started.map_err(|_| Error::Io)
}

thread_local! {
    static HAS_DEADLINES: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread leaves foreign code to others.
pub(crate) fn keep_foreign_code_away() {
    HAS_DEADLINES.set(true);
}

/// Whether this thread leaves foreign code to others.
pub(crate) fn has_deadlines() -> bool {
    HAS_DEADLINES.get()
}

/// A new thread inherits the mask: the host's signals must not be delivered to ours.
fn with_signals_blocked<R>(start: impl FnOnce() -> R) -> R {
    // SAFETY: plain system calls on sets of our own.
    unsafe {
        let mut all = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let result = start();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        result
    }
}

/// A new thread inherits its maker's CPUs too: it would take turns with a maker that is pinned to one. It gets those
/// of the process' first thread instead, so that it does not leave the CPUs that an administrator gave the process.
fn reset_affinity() {
    // SAFETY: plain system calls on a set of our own. If one is refused, the thread stays where it is.
    unsafe {
        let mut cpus: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        if libc::sched_getaffinity(libc::getpid(), size, &mut cpus) == 0 {
            libc::sched_setaffinity(0, size, &cpus);
        }
    }
}
