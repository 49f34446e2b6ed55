//! What cuts have kept, and other things that take long to free: sorted out and freed in portions, by the registry's
//! thread or by whoever leaves more than that can see to.

use super::{Cuts, Dead, Now};
use crate::epoch::{self, Garbage};
use crate::sync::Ordering;

/// Things that are sorted under one lock.
const PORTION: usize = 512;

/// Visits all that is in a tree, each thing once and after what it leads to.
type Walk = Box<dyn FnOnce(&mut dyn FnMut(Dead)) + Send>;

/// What takes long to sort out or to free. All of it was unlinked before it came here.
pub(super) enum Leftover {
    /// The dead list of a cut that was let go of.
    List { cut: u64, dead: Vec<Dead> },
    /// A whole tree that was replaced in `death`.
    Tree { walk: Walk, death: u64 },
    /// Something that no cut sees.
    One(Garbage),
}

impl Leftover {
    fn len(&self) -> usize {
        if let Leftover::List { dead, .. } = self { dead.len() } else { 1 }
    }
}

impl Cuts {
    /// Leaves something to [`Cuts::tidy`] that no cut sees.
    pub(crate) fn leave(&self, garbage: Garbage) {
        self.push(Leftover::One(garbage));
    }

    /// Leaves a whole tree to [`Cuts::tidy`] that was replaced in this change; `walk` visits all that is in it, each
    /// thing once and after what it leads to.
    pub(crate) fn leave_tree(&self, now: Now, walk: impl FnOnce(&mut dyn FnMut(Dead)) + Send + 'static) {
        self.push(Leftover::Tree { walk: Box::new(walk), death: now.number });
    }

    fn push(&self, leftover: Leftover) {
        let mut state = self.state.lock();
        state.leftovers.push(leftover);
        self.untidy.store(true, Ordering::Relaxed); // Relaxed: written under this lock; else a hint
    }

    /// Frees what cuts that were let go of have kept, in portions. Tells whether it could. The caller is not pinned.
    pub(crate) fn tidy(&self) -> bool {
        while self.drop_some() {}
        let mut leftovers = {
            let mut state = self.state.lock();
            let more = state.held.iter().any(|held| held.holders == 0); // since a moment ago
            self.untidy.store(more, Ordering::Relaxed); // Relaxed: written under this lock; else a hint
            (state.backlog, state.late_backlog) = (0, 0);
            if state.leftovers.is_empty() {
                return !more;
            }
            std::mem::take(&mut state.leftovers)
        };
        // Everything in them was unlinked long ago, so one wait does for all.
        if !epoch::wait() {
            let mut state = self.state.lock();
            state.backlog += leftovers.iter().map(Leftover::len).sum::<usize>();
            state.leftovers.append(&mut leftovers);
            self.untidy.store(true, Ordering::Relaxed); // as above
            return false;
        }
        leftovers.into_iter().for_each(|leftover| self.sort_out(leftover));
        true
    }

    /// Forgets some of what a cut that nobody holds needed, and at last the cut. False if there is no such cut.
    fn drop_some(&self) -> bool {
        let mut unseen = Vec::new();
        let mut state = self.state.lock();
        let Some(i) = state.held.iter().position(|held| held.holders == 0) else { return false };
        let done = (0..PORTION).any(|_| !state.unlink_past(i, |garbage| unseen.push(garbage)));
        if done {
            let gone = self.forget(&mut state, i);
            state.leftovers.push(Leftover::List { cut: gone.cut, dead: gone.dead });
        }
        drop(state);
        unseen.into_iter().for_each(epoch::retire);
        true
    }

    /// Frees what no cut sees.
    fn sort_out(&self, leftover: Leftover) {
        // SAFETY, for all that is freed here: no held cut sees it, and since it was unlinked every pin has ended once.
        match leftover {
            // SAFETY: as above.
            Leftover::One(garbage) => unsafe { garbage.free() },
            Leftover::Tree { walk, death } => walk(&mut |dead| {
                let now = Now { number: death, held: self.newest.load(Ordering::Acquire) };
                if let Some(garbage) = self.keep(now, dead) {
                    // SAFETY: as above.
                    unsafe { garbage.free() };
                }
            }),
            Leftover::List { cut, mut dead } => {
                let mut free = Vec::with_capacity(PORTION);
                while !dead.is_empty() {
                    let portion = dead.len().saturating_sub(PORTION)..;
                    self.state.lock().sort(dead.drain(portion), cut, |garbage| free.push(garbage));
                    // SAFETY: as above.
                    free.drain(..).for_each(|garbage| unsafe { garbage.free() });
                }
            }
        }
    }

    /// Frees what is left.
    ///
    /// # Safety
    /// Nobody holds a cut or changes anything any more, and no pin is left that began before that.
    pub(crate) unsafe fn dismantle(&self) {
        while self.drop_some() {}
        let state = std::mem::take(&mut *self.state.lock());
        debug_assert!(state.held.is_empty());
        state.leftovers.into_iter().for_each(|leftover| self.sort_out(leftover));
    }
}
