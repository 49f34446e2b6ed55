//! Cuts: the moments that snapshots show, and what is kept for them.
//!
//! One number for all of a registry, its names and the contents of its buckets. A change belongs to the number that it
//! finds when it begins ([`Cuts::now`]). Taking a cut gives it the current number, raises that, and waits for the
//! changes that began under the old one (each is announced, and short: see `epoch`). From then on the cut shows every
//! change up to its number and none after it, in a registry of any size, and no writer was held back: a writer that
//! meets something born before the newest held cut changes a copy.
//!
//! What was replaced lies on the dead list of the newest held cut that can see it; when a cut is let go of, its list
//! is either free, or goes to the next older held cut, if that was late enough to see it. This is the rule of ZFS'
//! dead lists; the cost is that of what changed, and no count is kept in any node.
//!
//! Letting go of a cut is a note for whoever tidies up, whatever the cut has kept. Who lets go tidies only what else
//! would grow for ever: when there is a backlog, and cuts that were taken after it began leave much more. (Before, a long
//! backlog was enough. Mean time of a close, a run of each: of snapshots with 200,000 changes each, one after the other, 1.8
//! ms against 2.6 us; of 100 that were held together, with 2,000 changes each, 219 us against 0.3 us, and if the newest
//! was closed first 836 us against 0.2 us. The 2.6 us are cold caches: one load from a page that went cold beside those
//! changes takes 1.3 us there, and a call that refuses a wrong handle 1.5 us.)
//!
//! Invariants:
//! 1. A thing that was born in `b` and replaced in `d` is visible to the held cuts `c` with `b <= c < d`, and is not
//!    freed while there is one.
//! 2. `newest` is at least every held cut, from before the raise of `now` that followed it. So a writer that reads
//!    `now` first, and sees a number, also sees all cuts below it.
//! 3. A past (see `live`) is unlinked before the last cut that needs it counts as gone.
//! 4. A map that ends while cuts are held is closed first, and then kept for every held cut that was taken since it
//!    was born, even for those that do not show it. So all its pasts are unlinked before it is freed.

mod tidy;

use crate::epoch::{self, Garbage, Writing};
use crate::live::Past;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::tree::edit::Retired;
use smallvec::SmallVec;
use std::collections::VecDeque;
use tidy::Leftover;

/// Something that was replaced: memory, and the number of the change that made it.
#[derive(Clone, Copy)]
pub(crate) struct Dead {
    birth: u64,
    garbage: Garbage,
}

impl Dead {
    pub(crate) fn new(birth: u64, garbage: Garbage) -> Dead {
        Dead { birth, garbage }
    }

    /// Whether a cut that is held may see it, if it was replaced in this change.
    #[inline(always)]
    pub(crate) fn is_seen(&self, now: Now) -> bool {
        // All cuts below the change's number that are held are at most `held`, and only they count (invariants 1, 2).
        self.birth <= now.held
    }

    /// The garbage that it is for pinned threads, if no cut sees it.
    pub(crate) fn unseen(self) -> Garbage {
        self.garbage
    }

    fn weight(&self) -> usize {
        self.garbage.weight()
    }

    /// Frees it.
    ///
    /// # Safety
    /// Nobody sees it any more, neither through a cut nor by a pin.
    pub(crate) unsafe fn free(self) {
        // SAFETY: this function's contract.
        unsafe { self.garbage.free() }
    }
}

/// What was replaced, and nobody but pinned threads can see.
pub(crate) type Unseen = SmallVec<[Garbage; 2]>;

/// What a change must know.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    /// The number that it belongs to.
    pub(crate) number: u64,
    /// The newest cut that somebody holds, or 0.
    pub(crate) held: u64,
}

/// A cut that somebody holds, or has let go of: then it stays until what it kept is seen to.
struct Held {
    cut: u64,
    holders: usize,
    dead: Vec<Dead>,
    pasts: Vec<*const Past>,
}

#[derive(Default)]
struct State {
    /// By their number, oldest first.
    held: VecDeque<Held>,
    leftovers: Vec<Leftover>,
    /// How many things are on their lists, and on those of cuts that nobody holds.
    backlog: usize,
    /// Cuts from this one on were taken when there was a backlog already.
    late: u64,
    /// What such cuts have left of it: this grows for ever if nobody tidies, while the rest was there before.
    late_backlog: usize,
}

// SAFETY: pasts and garbage belong to whoever has the state.
unsafe impl Send for State {}

pub(crate) struct Cuts {
    now: AtomicU64,
    newest: AtomicU64,
    /// There is something for [`Cuts::tidy`].
    untidy: AtomicBool,
    state: Mutex<State>,
}

/// Up to so many things are seen to by whoever lets go of the cut.
const SHORT: usize = 64;
/// If late cuts have left more things than this to be sorted, whoever leaves more sorts them.
const BACKLOG: usize = 100_000;

/// What is freed by whoever lets go of a cut weighs at most this many bytes.
const LIGHT: usize = 64 << 10;

impl Held {
    /// How many things it keeps.
    fn len(&self) -> usize {
        self.dead.len() + self.pasts.len()
    }

    /// Whether it keeps so little that it need not be left to [`Cuts::tidy`].
    fn is_small(&self) -> bool {
        self.len() <= SHORT && self.dead.iter().map(Dead::weight).sum::<usize>() <= LIGHT
    }
}

impl State {
    /// Gives one of a cut's pasts, which nobody holds, to the next older cut that needs it, or unlinks it. False if
    /// there is none.
    fn unlink_past(&mut self, i: usize, free: impl FnOnce(Garbage)) -> bool {
        let cut = self.held[i].cut;
        let Some(past) = self.held[i].pasts.pop() else { return false };
        // SAFETY: linked, and not freed, since it is on a list; lists are changed under the lock of this state.
        unsafe {
            match self.seer(Past::birth(past), cut) {
                Some(held) => held.pasts.push(past),
                None => free(Past::unlink(past)),
            }
        }
        true
    }

    /// Adds what a cut keeps to the backlog. `now` is the number that the next cut gets.
    fn leave(&mut self, i: usize, now: u64) {
        let (cut, kept) = (self.held[i].cut, self.held[i].len());
        if self.backlog == 0 {
            self.late = now;
        } else if cut >= self.late {
            self.late_backlog += kept;
        }
        self.backlog += kept;
    }

    /// The newest held cut that sees what was born in `birth` and replaced in `death`.
    fn seer(&mut self, birth: u64, death: u64) -> Option<&mut Held> {
        let i = self.held.partition_point(|held| held.cut < death).checked_sub(1)?;
        Some(&mut self.held[i]).filter(|held| held.cut >= birth)
    }

    /// Gives each thing to the newest cut that sees it, and those that none sees to `free`.
    fn sort(&mut self, dead: impl Iterator<Item = Dead>, death: u64, mut free: impl FnMut(Garbage)) {
        for dead in dead {
            match self.seer(dead.birth, death) {
                Some(held) => held.dead.push(dead),
                None => free(dead.garbage),
            }
        }
    }
}

impl Cuts {
    pub(crate) fn new() -> Cuts {
        Cuts {
            now: AtomicU64::new(1),
            newest: AtomicU64::new(0),
            untidy: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// What a change that was announced belongs to.
    #[inline(always)]
    pub(crate) fn now(&self, _announced: &Writing<'_>) -> Now {
        // Acquire, and in this order: invariant 2.
        let number = self.now.load(Ordering::Acquire);
        Now { number, held: self.newest.load(Ordering::Acquire) }
    }

    /// A number above those of all changes that have ended.
    pub(crate) fn raise(&self) -> u64 {
        let _state = self.state.lock(); // numbers are raised under this lock only, else invariant 2 would not hold
        let number = self.now.load(Ordering::Relaxed) + 1; // Relaxed: written under this lock
        self.now.store(number, Ordering::Release); // Release: as in `take`
        number
    }

    /// Takes a cut, which the caller holds until [`Cuts::let_go`]. Waits for changes that have begun; it takes as long
    /// for ten entries as for ten million. The caller is in no change of its own.
    pub(crate) fn take(&self) -> u64 {
        let cut = {
            let mut state = self.state.lock();
            let cut = self.now.load(Ordering::Relaxed); // Relaxed: written under this lock
            state.held.push_back(Held { cut, holders: 1, dead: Vec::new(), pasts: Vec::new() });
            // Release, and in this order: invariant 2.
            self.newest.store(cut, Ordering::Release);
            self.now.store(cut + 1, Ordering::Release);
            cut
        };
        epoch::wait_for_writers();
        cut
    }

    /// Holds a cut once more, if it is held; tells whether it is.
    pub(crate) fn hold(&self, cut: u64) -> bool {
        let mut state = self.state.lock();
        let held = state.held.iter_mut().rev().find(|held| held.cut == cut && held.holders != 0);
        held.map(|held| held.holders += 1).is_some()
    }

    /// Lets go of a cut. Cost for the caller: O(1), unless [`Cuts::tidy`], which sees to what the cut kept, does not
    /// keep up. The caller is not pinned.
    pub(crate) fn let_go(&self, cut: u64) {
        let mut state = self.state.lock();
        let i = state.held.partition_point(|held| held.cut < cut);
        let held = &mut state.held[i];
        held.holders -= 1;
        if held.holders != 0 {
            return;
        }
        if held.is_small() {
            let unseen = self.drop_cut(&mut state, i);
            drop(state); // what is freed may be anything
            return unseen.into_iter().for_each(epoch::retire);
        }
        let is_behind = state.late_backlog > BACKLOG;
        let now = self.now.load(Ordering::Relaxed); // Relaxed: written under this lock
        state.leave(i, now);
        self.untidy.store(true, Ordering::Relaxed); // Relaxed: written under this lock; else a hint
        drop(state);
        if is_behind {
            self.tidy(); // whoever should do it does not keep up
        }
    }

    /// Forgets a cut that nobody holds, with what it kept, which is little. Gives what nobody sees.
    fn drop_cut(&self, state: &mut State, i: usize) -> Vec<Garbage> {
        let mut unseen = Vec::new();
        while state.unlink_past(i, |garbage| unseen.push(garbage)) {}
        let gone = self.forget(state, i);
        state.sort(gone.dead.into_iter(), gone.cut, |garbage| unseen.push(garbage));
        unseen
    }

    /// Forgets a cut that nobody holds or needs a past for.
    fn forget(&self, state: &mut State, i: usize) -> Held {
        let gone = state.held.remove(i).expect("it is there");
        let newest = state.held.back().map_or(0, |held| held.cut);
        self.newest.store(newest, Ordering::Release); // Release: after the pasts are unlinked (invariant 3)
        gone
    }

    /// Whether somebody holds a cut.
    pub(crate) fn is_held(&self) -> bool {
        self.newest.load(Ordering::Acquire) != 0 // Acquire: see what was left by whoever let go
    }

    /// How many hold a cut, and how many things wait to be sorted that cuts have kept.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.held.iter().map(|held| held.holders as u64).sum(), state.backlog as u64)
    }

    /// How many things are kept for cuts.
    pub(crate) fn kept(&self) -> usize {
        self.state.lock().held.iter().map(Held::len).sum()
    }

    /// Whether there is something for [`Cuts::tidy`].
    pub(crate) fn is_untidy(&self) -> bool {
        self.untidy.load(Ordering::Relaxed) // Relaxed: a hint
    }

    /// As [`Cuts::keep`], for all that an edit replaced.
    #[inline]
    pub(crate) fn keep_all(&self, now: Now, retired: Retired) -> Unseen {
        if retired.is_empty() {
            return Unseen::new();
        }
        retired.into_iter().filter_map(|dead| self.keep(now, dead)).collect()
    }

    /// Keeps what was replaced in this change for the cuts that see it, or gives it back if none does.
    #[inline]
    pub(crate) fn keep(&self, now: Now, dead: Dead) -> Option<Garbage> {
        if dead.is_seen(now) { self.keep_for_cuts(now, dead) } else { Some(dead.garbage) }
    }

    #[cold]
    fn keep_for_cuts(&self, now: Now, dead: Dead) -> Option<Garbage> {
        let mut unseen = None;
        self.state.lock().sort(std::iter::once(dead), now.number, |garbage| unseen = Some(garbage));
        unseen
    }

    /// As [`Cuts::keep`], for something whose own map ends with it: `close` says so to those who may still change
    /// that map, so that no past is linked to it any more (invariant 4).
    pub(crate) fn keep_closed(&self, dead: Dead, close: impl FnOnce()) -> Option<Garbage> {
        let mut unseen = None;
        let mut state = self.state.lock();
        close();
        // As if it died only now: cuts that came after it may have a past of its map.
        let death = self.now.load(Ordering::Relaxed); // Relaxed: written under this lock
        state.sort(std::iter::once(dead), death, |garbage| unseen = Some(garbage));
        unseen
    }

    /// Links what a map was until now for the cuts that need it, if any does. False if the map was closed.
    ///
    /// # Safety
    /// The caller is the map's writer, and has not begun to change it.
    #[cold]
    pub(crate) unsafe fn keep_past(
        &self,
        now: Now,
        birth: u64,
        closed: &AtomicBool,
        past: impl FnOnce() -> *const Past,
    ) -> bool {
        let mut state = self.state.lock();
        // Relaxed: written under this lock.
        if closed.load(Ordering::Relaxed) {
            return false;
        }
        if let Some(held) = state.seer(birth, now.number) {
            let past = past();
            // SAFETY: new; lists are changed under this lock.
            unsafe { Past::link(past) };
            held.pasts.push(past);
        }
        true
    }
}
