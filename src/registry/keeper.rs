//! The registry's thread: does what no caller waits for.
//!
//! It frees what superseded versions held (when a lot has piled up) and large contents of buckets that exited, in
//! portions, so that nobody waits long for the turn. It sleeps as long as there is nothing to do, and nothing that
//! callers do depends on it: if it is suspended or dead, reads and changes go on.

use super::Shared;
use super::turn::Turn;
use crate::error::Error;
use crate::sync::{AtomicBool, Mutex, Ordering};
use std::os::unix::thread::JoinHandleExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// Less garbage than this is left to the callers' own sweeps.
pub(super) const WAKE_AT: usize = 4096;
/// Nodes that are freed under one turn.
const PORTION: usize = 64;
/// If readers hold the garbage, the thread looks again after 1, 2, 4 … ms, this often, and then waits for a call.
const PATIENCE: u32 = 10;

pub(super) struct Keeper {
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    end: AtomicBool,
    #[cfg(feature = "test-hooks")]
    pub(super) hooks: super::hooks::Hooks,
}

impl Keeper {
    pub(super) fn new() -> Keeper {
        Keeper {
            thread: Mutex::new(None),
            end: AtomicBool::new(false),
            #[cfg(feature = "test-hooks")]
            hooks: super::hooks::Hooks::new(),
        }
    }

    /// Starts the thread: named `kvreg-<slot>`, all signals blocked (they are the host's), on any of the process' CPUs.
    pub(super) fn start(&self, shared: &'static Shared, registry: u64) -> Result<(), Error> {
        self.end.store(false, Ordering::Relaxed); // Relaxed: the start of a thread publishes it
        let name = format!("kvreg-{}", registry & 0xfff_ffff);
        let spawned = with_signals_blocked(|| {
            thread::Builder::new().name(name).spawn(move || {
                reset_affinity();
                keep(shared);
            })
        });
        *self.thread.lock() = Some(spawned.map_err(|_| Error::Io)?);
        Ok(())
    }

    /// Wakes the thread, once until it sleeps again: that is a system call for whoever does it.
    pub(super) fn wake(&self, turn: &mut Turn) {
        if !std::mem::replace(&mut turn.keeper_awake, true)
            && let Some(thread) = self.thread()
        {
            thread.unpark();
        }
    }

    /// Ends the thread, and waits for its end.
    pub(super) fn end(&self) {
        self.end.store(true, Ordering::Release); // Release: seen after the unpark
        #[cfg(feature = "test-hooks")]
        self.hooks.resume();
        let Some(thread) = self.thread.lock().take() else { return };
        thread.thread().unpark();
        // It may be this very thread, which then ends by itself. (Not by std's `current`: a thread that is past its
        // thread-local destructors may stop a registry, too.)
        // SAFETY: a plain call without arguments.
        if thread.as_pthread_t() != unsafe { libc::pthread_self() } {
            let _ = thread.join(); // it catches its own panics
        }
    }

    fn ending(&self) -> bool {
        self.end.load(Ordering::Acquire) // Acquire: pairs with `end`
    }

    pub(super) fn thread(&self) -> Option<Thread> {
        self.thread.lock().as_ref().map(|handle| handle.thread().clone())
    }
}

/// The thread's life: a panic in its work is caught, and the next work finds it again.
fn keep(shared: &'static Shared) {
    loop {
        thread::park();
        #[cfg(feature = "test-hooks")]
        if shared.keeper.hooks.checkpoint() {
            return; // killed
        }
        if catch_unwind(AssertUnwindSafe(|| clean(shared))).is_err() {
            shared.turn.lock().keeper_awake = false; // the next one who finds work wakes us again
        }
        if shared.keeper.ending() {
            return;
        }
    }
}

/// Frees until there is nothing, or nothing that readers let go of.
fn clean(shared: &'static Shared) {
    let mut tries = 0;
    while !shared.keeper.ending() {
        let (large, before, after) = {
            let mut turn = shared.turn.lock();
            let before = turn.garbage();
            turn.finish(shared, PORTION);
            turn.collect();
            let after = turn.garbage();
            let done = after == 0 && turn.large.is_empty();
            if done || tries == PATIENCE {
                turn.keeper_awake = false;
                turn.wake_at = WAKE_AT.max(2 * after);
                if done {
                    return;
                }
            }
            (std::mem::take(&mut turn.large), before, after)
        };
        let progress = after < before || !large.is_empty();
        drop(large); // without the turn: it may take long
        if progress {
            tries = 0;
        } else if tries == PATIENCE {
            return;
        } else {
            thread::park_timeout(Duration::from_millis(1 << tries));
            tries += 1;
        }
    }
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
