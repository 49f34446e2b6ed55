//! Owners: lifetimes that things are tied to. When an owner ends, so does everything tied to it.
//!
//! # How to tie a new kind of thing
//!
//! 1. Give [`Tied`] a variant with what it takes to find the thing again, and say in [`Tied::end`] what becomes of it at
//!    its owner's end.
//! 2. Where the thing is made: [`Ties::of`] gives the owner behind an id; [`Ties::tie`] ties, or says that the owner was
//!    closed. Tie under the lock that ends such things, before anybody can find the thing: then an end that comes at
//!    once waits until it is there. Ties locks last of all, for an instant, and never calls out.
//! 3. Where the thing ends, however it does: [`Ties::untie`], so that a living owner keeps nothing of what is gone. Not
//!    before it is gone: an owner that ends finds it tied and ends it, or finds it gone.

mod thread;

pub(crate) use thread::leave;

use crate::bucket::Bucket;
use crate::directory::Entry;
use crate::error::Error;
use crate::event::{Handler, Subscription};
use crate::fork;
use crate::handle::{self, Object, ObjectSlot};
use crate::registry::{self, Registry};
use crate::slot::{Kind, Slots};
use crate::sync::{Arc, Mutex, global};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

global! {
    static OWNERS: Slots<ObjectSlot<Ties>> = Slots::new();
}

impl Object for Ties {
    const KIND: Kind = Kind::Owner;
    fn slots() -> &'static Slots<ObjectSlot<Ties>> {
        &OWNERS
    }
}

/// Something that ends with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tied {
    Bucket { registry: Registry, bucket: Bucket },
    Subscription(Subscription),
    Handler(Handler),
    Entry(Entry),
}

impl Tied {
    /// Ends it, unless it has ended, or belongs to somebody else by now.
    fn end(self, owner: &Ties) -> Result<(), Error> {
        match self {
            Tied::Bucket { registry, bucket } => registry::bequeath(registry, bucket, owner.id),
            Tied::Subscription(subscription) => unless_ended(subscription.close()),
            Tied::Handler(handler) => unless_ended(handler.remove_or_leave()),
            Tied::Entry(entry) => unless_ended(entry.unregister()),
        }
    }
}

/// Somebody else may have ended it at the same time; and a handler's last call may take longer than anybody waits.
fn unless_ended(result: Result<(), Error>) -> Result<(), Error> {
    if matches!(result, Err(Error::Dead | Error::TimedOut)) { Ok(()) } else { result }
}

/// What an owner is inside.
pub(crate) struct Ties {
    id: u64,
    state: Mutex<State>,
}

struct State {
    closed: bool,
    /// In order, so that a close ends things in the same order every time: that of their numbers.
    tied: BTreeSet<Tied>,
}

impl Ties {
    /// What is behind an owner's id. Pins.
    pub(crate) fn of(owner: Owner) -> Result<Arc<Ties>, Error> {
        handle::get(owner.0)
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner(self.id)
    }

    /// Ties something: [`Error::Dead`] if the owner was closed.
    pub(crate) fn tie(&self, thing: Tied) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Dead);
        }
        state.tied.insert(thing);
        Ok(())
    }

    /// Forgets something that has ended, or belongs to somebody else now.
    pub(crate) fn untie(&self, thing: Tied) {
        self.state.lock().tied.remove(&thing);
    }

    /// Ties nothing any more, and gives what was tied.
    fn close(&self) -> BTreeSet<Tied> {
        let mut state = self.state.lock();
        state.closed = true;
        std::mem::take(&mut state.tied)
    }
}

/// A lifetime that buckets, entries, subscriptions and handlers are tied to, of any registries: a number. Copy it freely; [`Owner::close`] ends it.
///
/// ```
/// use kvreg::{Create, Error, Owner, Registry};
///
/// let registry = Registry::start()?;
/// let session = Owner::open()?;
/// let options = Create { owner: Some(session), ..Create::default() };
/// let (cart, _) = registry.create_with("cart", options)?;
/// session.close()?;
/// assert_eq!(cart.check(), Err(Error::Dead));
/// assert_eq!(registry.lookup("cart")?, None);
/// registry.stop()?;
/// # Ok::<(), kvreg::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(u64);

impl Owner {
    /// A new one, to which nothing is tied.
    pub fn open() -> Result<Owner, Error> {
        fork::check()?;
        fork::watch();
        let ties = |id| Ties { id, state: Mutex::new(State { closed: false, tied: BTreeSet::new() }) };
        handle::open(|id| Arc::new(ties(id))).map(Owner)
    }

    /// The calling thread's own: made at the first call, closed when the thread ends. [`Error::Dead`] if the thread is
    /// so far gone that nobody would close it.
    pub fn of_thread() -> Result<Owner, Error> {
        thread::own()
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Owner {
        Owner(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Whether it lives: [`Error::Dead`] or [`Error::BadHandle`] if not.
    pub fn check(self) -> Result<(), Error> {
        Ties::of(self).map(|_| ())
    }

    /// How many things are tied to it.
    pub fn count(self) -> Result<u64, Error> {
        fork::check()?;
        Ok(Ties::of(self)?.state.lock().tied.len() as u64)
    }

    /// Ends it. When this returns, everything that was tied to it has ended: its buckets have exited with
    /// [`Reason::OwnerClosed`](crate::Reason::OwnerClosed), or have passed to their heirs; its entries, subscriptions and
    /// handlers are gone, but for a handler's call that takes longer than it may or that this thread must not wait for,
    /// which is its last. [`Error::Dead`] for all but the first who closes it, also while that one is not done.
    /// [`Error::Stopped`] if it had buckets in a registry that makes no more changes, since too many of its threads have
    /// died: they live on, and all the rest has ended.
    pub fn close(self) -> Result<(), Error> {
        fork::check()?;
        let ties = handle::close::<Ties>(self.0)?;
        let mut result = Ok(());
        for thing in ties.close() {
            // A defect in one thing's end must not leave the others without theirs.
            let ended = catch_unwind(AssertUnwindSafe(|| thing.end(&ties))).unwrap_or(Err(Error::Panicked));
            result = result.and(ended);
        }
        result
    }
}
