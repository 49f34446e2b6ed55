//! The registry's thread: does what no caller waits for.
//!
//! It frees what takes long: the contents of large buckets that exited, and what snapshots held that are closed; it frees
//! what threads left that have gone quiet; and it makes huge pages for the pool. While somebody holds a snapshot it looks
//! now and then by itself whether there is something, so that closing one need not wake it: often while more and more is
//! kept for snapshots, so that it is not behind when they are closed. It sleeps as long as there is nothing to do, and
//! nothing that callers do depends on it: if it is suspended or dead, reads and changes go on. All that it knows is in
//! the table, the bell and what is the process', so the next one after it goes on where it died.

use super::Shared;
use crate::epoch;
use crate::error::Error;
use crate::pool;
use crate::slot::index_of;
use crate::supervisor::bell::{Bell, Call};
use crate::sync::{Arc, AtomicBool, Ordering, fence};
use crate::table::Table;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// How often the thread looks after snapshots that are held: at first, and after a while.
const OFTEN: Duration = Duration::from_millis(5);
const SELDOM: Duration = Duration::from_millis(80);

pub(super) struct Keeper {
    pub(super) bell: Arc<Bell>,
    /// Somebody left something to be freed.
    called: AtomicBool,
    /// It looks after snapshots by itself.
    attentive: AtomicBool,
}

impl Keeper {
    pub(super) fn new() -> Keeper {
        Keeper { bell: Arc::default(), called: AtomicBool::new(false), attentive: AtomicBool::new(false) }
    }

    /// Starts the thread.
    pub(super) fn start(
        &self,
        shared: &'static Shared,
        registry: u64,
        table: NonNull<Table>,
    ) -> Result<(), Error> {
        self.attentive.store(false, Ordering::Relaxed); // Relaxed: the start of a thread publishes it
        self.called.store(true, Ordering::Relaxed); // as above
        let table = Kept(table);
        let run = move |bell: &Bell| keep(&shared.keeper, table.table(), bell);
        shared.threads.child(&format!("keeper-{}", index_of(registry)), &self.bell, None, run)?;
        Ok(())
    }

    /// Wakes the thread, once until it has heard: that is a system call for whoever does it.
    pub(super) fn wake(&self) {
        self.called.store(true, Ordering::Relaxed); // Relaxed: the bell publishes it
        self.bell.ring();
    }

    /// Wakes the thread unless it looks after snapshots already.
    pub(super) fn attend(&self) {
        fence(Ordering::SeqCst); // see `look`
        if !self.attentive.load(Ordering::Relaxed) {
            self.attentive.store(true, Ordering::Relaxed);
            self.wake();
        }
    }
}

/// A table that lives longer than the thread: the registry lets go of it when the thread has ended.
struct Kept(NonNull<Table>);

// SAFETY: a table is shared by all threads.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Kept {
    fn table(&self) -> &Table {
        // SAFETY: held by the registry, which waits for the thread's end.
        unsafe { self.0.as_ref() }
    }
}

/// While it lives, this thread may be called for the pool, and for what others left.
struct Helper<'k>(&'k Arc<Bell>);

impl Helper<'_> {
    fn new(bell: &Arc<Bell>) -> Helper<'_> {
        pool::add_helper(bell);
        Helper(bell)
    }
}

impl Drop for Helper<'_> {
    /// When the thread ends or dies: another one is called for what it was called for.
    fn drop(&mut self) {
        pool::remove_helper(self.0);
        epoch::unwatch();
    }
}

/// The thread's life.
fn keep(keeper: &Keeper, table: &Table, bell: &Bell) {
    crate::thread::keep_foreign_code_away();
    let _helper = Helper::new(&keeper.bell);
    let (mut pause, mut kept, mut epoch) = (None, 0, 0);
    let mut watches = false;
    loop {
        let sleep = pause.or(watches.then_some(SELDOM));
        if bell.hear(sleep.map(|sleep| Instant::now() + sleep)) == Call::Stop {
            return;
        }
        pool::stock();
        watches = epoch::tidy_when_quiet(&mut epoch);
        // Relaxed: the bell published it.
        let called = keeper.called.swap(false, Ordering::Relaxed);
        let before = std::mem::replace(&mut kept, table.cuts.kept());
        let busy = called || kept > before || table.cuts.is_untidy();
        pause = look(keeper, table, bell, called)
            .then(|| if busy { OFTEN } else { pause.map_or(OFTEN, |pause| (2 * pause).min(SELDOM)) });
    }
}

/// Frees what there is, and tells whether to look again without a call: not if nobody holds a snapshot.
fn look(keeper: &Keeper, table: &Table, bell: &Bell, called: bool) -> bool {
    let tidy = table.cuts.tidy();
    bell.checkpoint();
    if called {
        epoch::flush();
    }
    if tidy && !table.cuts.is_held() {
        keeper.attentive.store(false, Ordering::Relaxed);
        bell.checkpoint();
        // SeqCst, paired with the one in `attend`: either we find the cut, or who took it finds us inattentive.
        fence(Ordering::SeqCst);
        if !table.cuts.is_held() && !table.cuts.is_untidy() {
            return false;
        }
    }
    keeper.attentive.store(true, Ordering::Relaxed);
    true
}
