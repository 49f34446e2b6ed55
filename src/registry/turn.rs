//! The turn: the right to change a registry's table, and how changes are applied.
//!
//! A caller that finds the turn free applies its own change, publishes and returns; no other thread is involved. One
//! that finds it busy puts its change into the mailbox: whoever has the turn empties the mailbox before it lets go, so
//! changes that arrive together are published once (this is flat combining: D. Hendler et al., 2010). Nobody waits on a
//! promise alone: a caller whose change may have come too late takes the turn itself.
//!
//! Order of a batch: apply all changes to the working copy; publish; kill the buckets that were taken out; answer. So
//! a lookup never gives a dead bucket, and whoever has an answer finds the table changed.

use super::Shared;
use super::garbage::{self, Garbage};
use super::remains::Remains;
use crate::bucket::{BUCKETS, COLLECT_AT_WEIGHT, Contents, Reason};
use crate::epoch::Limbo;
use crate::error::Error;
use crate::sync::{Arc, AtomicU64, MutexGuard, Ordering};
use crate::table::{Table, Version};
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How often a caller looks for its answer before it sleeps on the turn. A change takes well under a microsecond.
const SPINS: usize = 200;
/// Nodes that are freed along with a change: more than one change retires, so that garbage cannot pile up, and few
/// enough that nobody notices.
const SWEEP: usize = 16;
/// Names, slots and contents wait for the pins until there are this many.
const COLLECT_AT: usize = 64;
/// Contents of more keys than this are freed by the registry's thread.
const SMALL: u64 = 64;

pub(super) enum Change<'a> {
    /// Answers with the bucket's id. `seen` is the number of a version in which the name was not found, or 0.
    Create { name: &'a [u8], seen: u64 },
    /// Answers with the bucket's id.
    Stop { bucket: u64, reason: Reason },
}

/// A change that waits in the mailbox.
struct Request {
    registry: u64,
    change: OwnedChange,
    answer: Arc<Answer>,
}

enum OwnedChange {
    Create(Box<[u8]>),
    Stop { bucket: u64, reason: Reason },
}

/// 0 until there is one; then an id, or a negative code. Ids are never 0.
struct Answer(AtomicU64);

impl Answer {
    fn get(&self) -> Option<Result<u64, Error>> {
        let raw = self.0.load(Ordering::Acquire).cast_signed(); // Acquire: see what the change did
        match raw {
            0 => None,
            id @ 1.. => Some(Ok(id.cast_unsigned())),
            code => Some(Err(Error::from_code(code as i32).unwrap_or(Error::Panicked))),
        }
    }

    fn set(&self, result: Result<u64, Error>) {
        let raw = result.unwrap_or_else(|error| i64::from(error.code()).cast_unsigned());
        self.0.store(raw, Ordering::Release); // Release: the change comes before its answer
    }
}

pub(super) struct Mailbox {
    sender: Sender<Request>,
    receiver: Receiver<Request>,
}

impl Mailbox {
    pub(super) fn new() -> Mailbox {
        let (sender, receiver) = unbounded(); // bounded by the callers, who wait
        Mailbox { sender, receiver }
    }
}

/// The state that the turn guards.
pub(super) struct Turn {
    /// Whose turn it is; 0 if nobody's.
    registry: u64,
    /// None while nobody's.
    table: Option<Table>,
    /// Changes since the last publish.
    changes: u64,
    /// A change has begun and not ended: if somebody finds it set, its holder panicked.
    unfinished: bool,
    /// Buckets that were taken out since the last publish.
    dying: Vec<u64>,
    answers: Vec<(Arc<Answer>, Result<u64, Error>)>,
    limbo: Limbo<Garbage>,
    /// Bytes that contents in the limbo keep, about.
    weight: usize,
    /// Contents that take long to free.
    pub(super) large: Vec<Contents>,
    /// Above this much garbage the registry's thread is woken, unless it is awake.
    pub(super) wake_at: usize,
    pub(super) keeper_awake: bool,
}

impl Turn {
    pub(super) fn nobodys() -> Turn {
        Turn {
            registry: 0,
            table: None,
            changes: 0,
            unfinished: false,
            dying: Vec::new(),
            answers: Vec::new(),
            limbo: Limbo::new(),
            weight: 0,
            large: Vec::new(),
            wake_at: super::keeper::WAKE_AT,
            keeper_awake: false,
        }
    }

    pub(super) fn new(registry: u64, cell: &ArcSwap<Version>) -> Turn {
        Turn { registry, table: Some(Table::new(registry, cell)), ..Turn::nobodys() }
    }

    fn table(&mut self, registry: u64) -> Result<&mut Table, Error> {
        if self.registry == registry {
            self.table.as_mut().ok_or(Error::Stopped)
        } else {
            Err(Error::Stopped)
        }
    }

    fn apply(&mut self, registry: u64, change: Change<'_>) -> Result<u64, Error> {
        let unpublished = self.changes != 0;
        let table = self.table(registry)?;
        match change {
            Change::Create { name, seen } => {
                let hash = table.hash(name);
                // The caller has looked already, unless the table has changed since.
                if (unpublished || seen != table.published())
                    && let Some(id) = table.find(hash, name)
                {
                    return Ok(id);
                }
                self.changing(|turn| turn.create(registry, hash, name))
            }
            // The reason is for those who watch; nobody can yet.
            Change::Stop { bucket, reason: _ } => self.changing(|turn| turn.stop(bucket)),
        }
    }

    /// Marks a change as begun while it runs.
    fn changing(&mut self, change: impl FnOnce(&mut Turn) -> Result<u64, Error>) -> Result<u64, Error> {
        self.unfinished = true;
        let result = change(self);
        self.unfinished = false;
        self.changes += u64::from(result.is_ok());
        result
    }

    fn create(&mut self, registry: u64, hash: u64, name: &[u8]) -> Result<u64, Error> {
        let (index, slot) = BUCKETS.take()?;
        let id = BUCKETS.next_id(index);
        let name = self.table(registry)?.insert(hash, name, id);
        slot.fill(registry, name.as_ptr());
        BUCKETS.bring_to_life(index);
        #[cfg(feature = "test-hooks")]
        super::hooks::maybe_panic();
        Ok(id)
    }

    fn stop(&mut self, bucket: u64) -> Result<u64, Error> {
        let registry = self.registry;
        let slot = BUCKETS.resolve(bucket)?;
        // Relaxed: written by those who had the turn before.
        if slot.registry.load(Ordering::Relaxed) != registry {
            return Err(Error::Dead); // the slot is another bucket's by now
        }
        let name = slot.name.load(Ordering::Relaxed);
        // SAFETY: a living bucket's name is in this table and alive; buckets die under this turn only.
        if !unsafe { self.table(registry)?.remove(name) } {
            return Err(Error::Dead); // it was taken out earlier in this batch
        }
        self.dying.push(bucket);
        Ok(bucket)
    }

    /// Ends what the holder of the turn began: empties the mailbox, publishes, kills, answers, sweeps.
    pub(super) fn finish(&mut self, shared: &'static Shared, sweep: usize) {
        self.recover();
        while let Ok(Request { registry, change, answer }) = shared.mailbox.receiver.try_recv() {
            let change = match &change {
                OwnedChange::Create(name) => Change::Create { name, seen: 0 },
                &OwnedChange::Stop { bucket, reason } => Change::Stop { bucket, reason },
            };
            let result = self.apply(registry, change);
            self.answers.push((answer, result));
        }
        self.publish(&shared.current);
        for (answer, result) in self.answers.drain(..) {
            answer.set(result);
        }
        self.sweep(sweep);
        let piled_up = self.garbage() > self.wake_at || self.table.as_ref().is_some_and(Table::is_behind);
        if piled_up || self.weight >= COLLECT_AT_WEIGHT || !self.large.is_empty() {
            shared.keeper.wake(self);
        }
    }

    fn publish(&mut self, cell: &ArcSwap<Version>) {
        let Some(table) = self.table.as_mut().filter(|_| self.changes != 0) else { return };
        table.publish(cell, std::mem::take(&mut self.changes));
        for bucket in std::mem::take(&mut self.dying) {
            self.kill(bucket);
        }
    }

    /// Ends the life of a bucket that no version shows any more.
    fn kill(&mut self, bucket: u64) {
        let slot = BUCKETS.resolve(bucket).expect("buckets die under this turn only");
        let index = BUCKETS.kill(bucket);
        let (contents, weight) = slot.close();
        if !contents.is_null() {
            self.limbo.push(Garbage::Contents(contents));
            self.weight += weight;
        }
        self.limbo.push(Garbage::Slot(index));
    }

    fn sweep(&mut self, budget: usize) {
        if let Some(table) = &mut self.table {
            table.sweep(budget, |name| self.limbo.push(Garbage::Name(name)));
        }
        if self.limbo.unsealed() >= COLLECT_AT || self.weight >= COLLECT_AT_WEIGHT {
            self.collect();
        }
    }

    /// Frees what no pinned thread can see any more, but for contents that take long.
    pub(super) fn collect(&mut self) {
        let large = &mut self.large;
        garbage::collect(&mut self.limbo, |contents| {
            if contents.count() > SMALL {
                large.push(*contents);
            }
        });
        if self.limbo.is_empty() {
            self.weight = 0;
        }
    }

    /// How much is not freed yet.
    pub(super) fn garbage(&self) -> usize {
        self.table.as_ref().map_or(0, Table::garbage) + self.limbo.len()
    }

    /// Goes back to what was published last, if the turn's last holder panicked in a change.
    fn recover(&mut self) {
        if self.unfinished {
            self.unfinished = false;
            self.changes = 0;
            self.dying.clear();
            for (answer, _) in self.answers.drain(..) {
                answer.set(Err(Error::Panicked));
            }
            if let Some(table) = &mut self.table {
                table.roll_back();
            }
        }
    }

    /// Ends the registry: nothing can be found or changed any more. Gives back what readers may still hold.
    pub(super) fn end(&mut self, registry: u64, shared: &'static Shared) -> Result<Remains, Error> {
        self.finish(shared, SWEEP);
        self.table(registry)?;
        let last = shared.current.swap(Arc::new(Version::stopped(registry)));
        last.for_each(|_, bucket| self.kill(bucket));
        drop(last);
        let ended = std::mem::replace(self, Turn::nobodys());
        Ok(Remains::new(ended.table, ended.limbo))
    }
}

/// Makes a change to a registry, now or with others, and waits until it is published.
pub(super) fn change(shared: &'static Shared, registry: u64, change: Change<'_>) -> Result<u64, Error> {
    if let Some(mut turn) = shared.turn.try_lock() {
        turn.recover();
        let result = turn.apply(registry, change);
        turn.finish(shared, SWEEP);
        return result;
    }
    let change = match change {
        Change::Create { name, .. } => OwnedChange::Create(name.into()),
        Change::Stop { bucket, reason } => OwnedChange::Stop { bucket, reason },
    };
    let answer = Arc::new(Answer(AtomicU64::new(0)));
    let request = Request { registry, change, answer: Arc::clone(&answer) };
    shared.mailbox.sender.send(request).expect("the receiver is beside the sender");
    for _ in 0..SPINS {
        if let Some(result) = answer.get() {
            return result;
        }
        if let Some(turn) = shared.turn.try_lock() {
            return serve(turn, shared, &answer);
        }
        std::hint::spin_loop();
    }
    // If the holder still serves our change, we find the answer when it lets go; if not, we serve it.
    serve(shared.turn.lock(), shared, &answer)
}

fn serve(mut turn: MutexGuard<'_, Turn>, shared: &'static Shared, answer: &Answer) -> Result<u64, Error> {
    // Ours may stand behind one that panics: each panic takes one request with it, so this ends.
    while catch_unwind(AssertUnwindSafe(|| turn.finish(shared, SWEEP))).is_err() {}
    // No answer: a holder panicked with our change in its hands.
    answer.get().unwrap_or(Err(Error::Panicked))
}
