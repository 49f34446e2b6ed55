//! Threads of kvreg's own: their signals are the host's, and they run on any of the process' CPUs.

use crate::error::Error;
use std::cell::Cell;
use std::thread::{Builder, JoinHandle};

pub(crate) type Handle = JoinHandle<()>;

/// Starts a thread, all signals blocked. A system shows the first 15 bytes of its name, which begins with `kvreg-`.
pub(crate) fn start(name: String, work: impl FnOnce() + Send + 'static) -> Result<Handle, Error> {
    let cpus = cpus_of(first_thread()); // now: it may be about to pin itself
    let started = with_signals_blocked(|| {
        Builder::new().name(name).spawn(move || {
            if let Some(cpus) = cpus {
                run_on(&cpus);
            }
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

/// Does something that takes long, on another CPU than this one, where somebody would be held up. If this thread may run
/// on no other, nothing is done.
pub(crate) fn away_from<R>(cpu: usize, work: impl FnOnce() -> R) -> Option<R> {
    let cpus = cpus_of(0)?;
    let mut others = cpus;
    if cpu < 8 * size_of::<libc::cpu_set_t>() {
        // SAFETY: a bit of a set of our own.
        unsafe { libc::CPU_CLR(cpu, &mut others) };
    }
    if !run_on(&others) {
        return None; // there are none
    }
    let result = work();
    run_on(&cpus);
    Some(result)
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
fn first_thread() -> libc::pid_t {
    // SAFETY: a plain system call.
    unsafe { libc::getpid() }
}

/// The CPUs of a thread, or of this one if the number is 0.
fn cpus_of(thread: libc::pid_t) -> Option<libc::cpu_set_t> {
    // SAFETY: a plain system call on a set of our own.
    unsafe {
        let mut cpus = std::mem::zeroed();
        (libc::sched_getaffinity(thread, size_of::<libc::cpu_set_t>(), &mut cpus) == 0).then_some(cpus)
    }
}

/// Moves this thread to these CPUs. If that is refused, it stays where it is.
fn run_on(cpus: &libc::cpu_set_t) -> bool {
    // SAFETY: a plain system call on a set that lives meanwhile.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), cpus) == 0 }
}
