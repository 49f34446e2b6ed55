//! Whose a registry's buckets are: known to the turn, so that a bucket's end, its change of hands and its owner's end
//! come one after the other.
//!
//! A bucket that has an owner is tied to it (see `owner`), and the other way round: both under the turn. So whichever of
//! an owner's end and a bucket's comes first, the other finds nothing to do. Most buckets have none, and a mark in their
//! slot says so.

use super::mailbox::Change;
use super::turn::{self, Turn};
use super::{Registry, Shared, slot_of, timer};
use crate::bucket::{Access, BUCKETS, Bucket, BucketSlot, Life, Reason, access};
use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::fork;
use crate::owner::{Owner, Tied, Ties};
use crate::sync::Arc;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a bucket is made.
///
/// ```
/// use kvreg::{Access, Create, Error, Registry};
///
/// let registry = Registry::start()?;
/// let (config, created) = registry.create_with("config", Create { access: Access::Protected, ..Create::default() })?;
/// assert!(created);
/// config.put("debug", false)?;
/// let found = registry.lookup("config")?.expect("created");
/// assert_eq!(found.get("debug")?, Some(kvreg::Value::Bool(false)));
/// assert_eq!(found.put("debug", true), Err(Error::AccessDenied));
/// assert!(found.same(config)?);
/// registry.stop()?;
/// # Ok::<(), kvreg::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Create {
    /// Whose it is: it exits when this owner is closed.
    pub owner: Option<Owner>,
    /// Who gets it when its owner ends, in place of its exit.
    pub heir: Option<Owner>,
    /// What others may do with it.
    pub access: Access,
    /// How long it lives, if that has an end: see [`Bucket::expire`].
    pub ttl: Option<Duration>,
    /// How long it lives when nobody uses it, if that has an end. A use is every call that reads or changes its
    /// contents, by any handle; not a lookup, nor to ask for its name, registry, life or time.
    pub idle: Option<Duration>,
}

/// The same with the owners at hand.
pub(super) struct Terms {
    pub(super) access: Access,
    pub(super) life: Option<Life>,
    hands: Hands,
}

impl Terms {
    /// Pins.
    pub(super) fn of(registry: Registry, create: Create) -> Result<Terms, Error> {
        let Create { ttl, idle, .. } = create;
        let timed = ttl.is_some() || idle.is_some();
        let now = timed.then(|| timer::begin(registry)).transpose()?;
        let life = now.map(|now| Life { now, ttl, idle });
        let ties = |owner: Option<Owner>| owner.map(Ties::of).transpose();
        let hands = Hands { owner: ties(create.owner)?, heir: ties(create.heir)? };
        Ok(Terms { access: create.access, life, hands })
    }

    /// The handle that the bucket's making gives.
    pub(super) fn made(&self, full: u64) -> u64 {
        if self.life.is_some_and(Life::is_tracked) { access::tracked(full) } else { full }
    }

    /// Ties a bucket that is about to live, and gives the handle that lookups give; [`Error::Dead`] if its owner was closed.
    #[cold]
    pub(super) fn begin(&self, registry: u64, bucket: u64) -> Result<u64, Error> {
        if let Some(owner) = &self.hands.owner {
            owner.tie(tied(registry, bucket))?;
        }
        Ok(self.access.shown(self.made(bucket)))
    }

    /// Writes what they say into the slot of a bucket that is about to live.
    #[cold]
    pub(super) fn mark(&self, pin: &Pin, slot: &BucketSlot, bucket: u64) {
        if self.access == Access::Private {
            slot.set_private();
        }
        if let Some(life) = self.life {
            slot.begin_life(pin, bucket, life);
        }
    }
}

/// Whose a bucket is, and will be.
#[derive(Default)]
struct Hands {
    owner: Option<Arc<Ties>>,
    heir: Option<Arc<Ties>>,
}

impl Hands {
    fn is_empty(&self) -> bool {
        self.owner.is_none() && self.heir.is_none()
    }
}

/// Those of a registry's buckets that have an owner or an heir, by their full handles.
#[derive(Default)]
pub(super) struct Owned(BTreeMap<u64, Hands>);

impl Owned {
    fn set(&mut self, bucket: u64, hands: Hands) {
        BUCKETS.slot(bucket).set_owned(!hands.is_empty());
        if hands.is_empty() {
            self.0.remove(&bucket);
        } else {
            self.0.insert(bucket, hands);
        }
    }

    /// Takes up a bucket that was tied and lives.
    pub(super) fn add(&mut self, bucket: u64, terms: Terms) {
        if !terms.hands.is_empty() {
            self.set(bucket, terms.hands);
        }
    }

    /// Forgets a bucket that exited.
    #[cold]
    pub(super) fn forget(&mut self, registry: u64, bucket: u64) {
        if let Some(Hands { owner: Some(owner), .. }) = self.0.remove(&bucket) {
            owner.untie(tied(registry, bucket));
        }
    }

    /// Forgets all: they exited with their registry.
    pub(super) fn forget_all(self, registry: u64) {
        for (bucket, hands) in self.0 {
            if let Some(owner) = hands.owner {
                owner.untie(tied(registry, bucket));
            }
        }
    }

    /// Gives a bucket from one owner to another; [`Error::Dead`] if that one was closed.
    fn give(&mut self, registry: u64, bucket: u64, owner: Option<Arc<Ties>>) -> Result<(), Error> {
        let mut hands = self.0.remove(&bucket).unwrap_or_default();
        let result = change_hands(tied(registry, bucket), &mut hands.owner, owner);
        self.set(bucket, hands);
        result
    }
}

fn change_hands(thing: Tied, from: &mut Option<Arc<Ties>>, to: Option<Arc<Ties>>) -> Result<(), Error> {
    if let Some(to) = &to {
        to.tie(thing)?;
    }
    let to_another = |old: &Arc<Ties>| to.as_ref().is_none_or(|to| !Arc::ptr_eq(old, to));
    if let Some(old) = from.take_if(|old| to_another(old)) {
        old.untie(thing);
    }
    *from = to;
    Ok(())
}

fn tied(registry: u64, bucket: u64) -> Tied {
    Tied::Bucket { registry: Registry(registry), bucket: Bucket::from_id(bucket) }
}

/// Does something about a bucket's owner under the turn: `work` gets the full handle of a bucket that lives.
fn with_owned<R>(
    registry: Registry,
    bucket: Bucket,
    work: impl FnOnce(&mut Turn, &'static Shared, u64) -> Result<R, Error>,
) -> Result<R, Error> {
    fork::check()?;
    let bucket = access::full(bucket.id());
    // A registry that was stopped took its buckets with it.
    let shared = Shared::of(registry.0).map_err(|_| Error::Dead)?;
    let result = turn::with(shared, |turn| {
        turn.check_bucket(registry.0, bucket)?;
        work(turn, shared, bucket)
    });
    // Stopped is also what a registry says that runs, and makes no more changes.
    result.map_err(
        |error| if error == Error::Stopped && slot_of(registry.0).is_err() { Error::Dead } else { error },
    )
}

/// Gives a bucket to another owner or to nobody.
pub(crate) fn give_bucket(registry: Registry, bucket: Bucket, owner: Option<Owner>) -> Result<(), Error> {
    fork::check()?;
    let owner = owner.map(Ties::of).transpose()?;
    with_owned(registry, bucket, |turn, _, bucket| turn.owned.give(registry.0, bucket, owner))
}

/// Says who gets a bucket at its owner's end.
pub(crate) fn set_heir_of_bucket(
    registry: Registry,
    bucket: Bucket,
    heir: Option<Owner>,
) -> Result<(), Error> {
    fork::check()?;
    let heir = heir.map(Ties::of).transpose()?;
    with_owned(registry, bucket, |turn, _, bucket| {
        let hands = turn.owned.0.remove(&bucket).unwrap_or_default();
        turn.owned.set(bucket, Hands { heir, ..hands });
        Ok(())
    })
}

pub(crate) fn owner_of_bucket(registry: Registry, bucket: Bucket) -> Result<Option<Owner>, Error> {
    with_owned(registry, bucket, |turn, _, bucket| {
        let owner = turn.owned.0.get(&bucket).and_then(|hands| hands.owner.as_ref());
        Ok(owner.map(|owner| owner.owner()))
    })
}

/// What becomes of a bucket whose owner ended: it passes to its heir, if that lives, or it exits. Nothing, if it has
/// exited or was given away meanwhile. When this returns, that is done, whoever did it; [`Error::Stopped`] if it can not
/// exit, because its registry makes no more changes.
pub(crate) fn bequeath(registry: Registry, bucket: Bucket, owner: u64) -> Result<(), Error> {
    let ended = with_owned(registry, bucket, |turn, shared, bucket| {
        let Some(hands) = turn.owned.0.get_mut(&bucket) else { return Ok(()) };
        if hands.owner.as_ref().is_none_or(|now| now.owner().id() != owner) {
            return Ok(());
        }
        if let Some(heir) = hands.heir.take()
            && turn.owned.give(registry.0, bucket, Some(heir)).is_ok()
        {
            return Ok(());
        }
        let stop = Change::Stop { bucket, reason: Reason::OwnerClosed, message: &[] };
        turn.apply(shared, registry.0, stop).map(|_| ())
    });
    match ended {
        Err(Error::Dead) => {
            fork::check()?; // a handler has forked: the turn may be anybody's
            Shared::wait_for_end(registry.0);
            Ok(())
        }
        ended => ended,
    }
}

impl Registry {
    /// The bucket of this name, and whether this call made it: then it is as `options` say, and the handle has all
    /// rights. [`Error::Dead`] if it would be made for an owner or heir that was closed.
    pub fn create_with(self, name: impl AsRef<[u8]>, options: Create) -> Result<(Bucket, bool), Error> {
        let name = crate::bucket::checked(name.as_ref())?;
        fork::check()?;
        let hash = {
            let pin = epoch::pin();
            let names = &slot_of(self.0)?.table(&pin).names;
            let hash = names.hash().of(name);
            if let Some(found) = names.find_hashed(&pin, hash, name) {
                return Ok((Bucket::from_id(found.id), false));
            }
            hash
        };
        let shared = Shared::of(self.0)?;
        let terms = Terms::of(self, options);
        let result = turn::with(shared, |turn| turn.create_with(shared, self.0, name, hash, terms));
        result.map(|(id, created)| (Bucket::from_id(id), created))
    }
}
