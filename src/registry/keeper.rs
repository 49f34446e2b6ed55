//! The registry's thread: does what no caller waits for.
//!
//! It frees what takes long: the contents of large buckets that exited, and what snapshots held that are closed. While
//! somebody holds a snapshot it looks now and then by itself whether there is something, so that closing one need not
//! wake it. It sleeps as long as there is nothing to do, and nothing that callers do depends on it: if it is suspended
//! or dead, reads and changes go on.

use super::Shared;
use crate::epoch;
use crate::error::Error;
use crate::sync::{AtomicBool, Mutex, Ordering, fence};
use crate::table::Table;
use std::os::unix::thread::JoinHandleExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// How often the thread looks after snapshots that are held: at first, and after a while.
const OFTEN: Duration = Duration::from_millis(5);
const SELDOM: Duration = Duration::from_millis(80);

pub(super) struct Keeper {
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    end: AtomicBool,
    /// Somebody woke it, and it has not begun.
    called: AtomicBool,
    /// It looks after snapshots by itself.
    attentive: AtomicBool,
    #[cfg(feature = "test-hooks")]
    pub(super) hooks: super::hooks::Hooks,
}

impl Keeper {
    pub(super) fn new() -> Keeper {
        Keeper {
            thread: Mutex::new(None),
            end: AtomicBool::new(false),
            called: AtomicBool::new(false),
            attentive: AtomicBool::new(false),
            #[cfg(feature = "test-hooks")]
            hooks: super::hooks::Hooks::new(),
        }
    }

    /// Starts the thread, which is named `kvreg-<slot>`.
    pub(super) fn start(
        &self,
        shared: &'static Shared,
        registry: u64,
        table: NonNull<Table>,
    ) -> Result<(), Error> {
        // Whoever wakes the thread from now on waits until there is one.
        let mut thread = self.thread.lock();
        for flag in [&self.end, &self.called, &self.attentive] {
            flag.store(false, Ordering::Relaxed); // Relaxed: the start of a thread publishes it
        }
        let name = format!("kvreg-{}", registry & 0xfff_ffff);
        let table = Kept(table);
        *thread = Some(crate::thread::start(name, move || keep(shared, table))?);
        Ok(())
    }

    /// Wakes the thread, once until it has begun: that is a system call for whoever does it.
    pub(super) fn wake(&self) {
        // AcqRel: what the caller left is seen by the thread, which clears this before it looks.
        if !self.called.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread()
        {
            thread.unpark();
        }
    }

    /// Wakes the thread unless it looks after snapshots already.
    pub(super) fn attend(&self) {
        fence(Ordering::SeqCst); // see `look`
        if !self.attentive.load(Ordering::Relaxed) {
            self.attentive.store(true, Ordering::Relaxed);
            self.wake();
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

/// A table that lives longer than the thread: the registry lets go of it when the thread has ended.
struct Kept(NonNull<Table>);

// SAFETY: a table is shared by all threads.
unsafe impl Send for Kept {}

impl Kept {
    fn table(&self) -> &Table {
        // SAFETY: held by the registry, which waits for the thread's end.
        unsafe { self.0.as_ref() }
    }
}

/// The thread's life: a panic in its work is caught, and the next work finds it again.
fn keep(shared: &'static Shared, kept: Kept) {
    crate::thread::keep_foreign_code_away();
    let keeper = &shared.keeper;
    let mut pause = None;
    loop {
        match pause {
            None => thread::park(),
            Some(pause) => thread::park_timeout(pause),
        }
        #[cfg(feature = "test-hooks")]
        if keeper.hooks.checkpoint() {
            return; // killed
        }
        if keeper.ending() {
            return;
        }
        pause = catch_unwind(AssertUnwindSafe(|| look(keeper, kept.table(), pause))).unwrap_or(Some(SELDOM));
    }
}

/// Frees what there is, and tells when to look again: never, if nobody holds a snapshot.
fn look(keeper: &Keeper, table: &Table, pause: Option<Duration>) -> Option<Duration> {
    let called = keeper.called.swap(false, Ordering::AcqRel); // AcqRel: see `wake`
    let busy = called || table.cuts.is_untidy();
    let tidy = table.cuts.tidy();
    if called {
        epoch::flush();
    }
    if tidy && !table.cuts.is_held() {
        keeper.attentive.store(false, Ordering::Relaxed);
        // SeqCst, paired with the one in `attend`: either we find the cut, or who took it finds us inattentive.
        fence(Ordering::SeqCst);
        if !table.cuts.is_held() && !table.cuts.is_untidy() {
            return None;
        }
    }
    keeper.attentive.store(true, Ordering::Relaxed);
    Some(if busy { OFTEN } else { pause.map_or(OFTEN, |pause| (2 * pause).min(SELDOM)) })
}
