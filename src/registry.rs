//! A registry: a table of names, the turn to change it, and a thread that keeps it.
//!
//! Reads go through the calling thread's cached version of the table ([`cache`]) and take no lock. A change is applied
//! by its caller if the turn is free, else by whoever has it ([`turn`]): waking a thread for it would cost more than
//! fifty creates. The registry's thread ([`keeper`]) does what no caller waits for.

mod cache;
mod garbage;
#[cfg(feature = "test-hooks")]
pub mod hooks;
mod keeper;
mod process;
mod remains;
mod turn;

pub(crate) use cache::leave_cache;
pub(crate) use remains::sweep as sweep_remains;

use crate::bucket::{Bucket, Reason, checked};
use crate::error::Error;
use crate::fork;
use crate::slot::{Kind, SlotData, Slots};
use crate::sync::{AtomicPtr, Mutex, Ordering};
use crate::table::Version;
use arc_swap::ArcSwap;
use keeper::Keeper;
use std::sync::Arc;
use turn::{Change, Mailbox, Turn};

static REGISTRIES: Slots<RegistrySlot> = Slots::new();

struct RegistrySlot(AtomicPtr<Shared>);

// SAFETY: a NULL, without a destructor.
unsafe impl SlotData for RegistrySlot {
    const KIND: Kind = Kind::Registry;
}

/// What the threads of a process share of a registry. Never freed: the next registry of its slot takes it over, and
/// everything in it says whose it is at the moment.
struct Shared {
    /// The newest version of the table.
    current: ArcSwap<Version>,
    /// The right to change it.
    turn: Mutex<Turn>,
    /// Changes that found the turn busy.
    mailbox: Mailbox,
    keeper: Keeper,
}

impl Shared {
    fn of(id: u64) -> Result<&'static Shared, Error> {
        let slot = REGISTRIES.resolve(id).map_err(|error| match error {
            Error::Dead => Error::Stopped,
            other => other,
        })?;
        // Acquire: see the Shared that was published.
        // SAFETY: never freed, and set before the slot came to life.
        Ok(unsafe { &*slot.0.load(Ordering::Acquire) })
    }

    /// The Shared of a slot that was taken: the last registry's, or a new one.
    fn in_slot(slot: &'static RegistrySlot) -> &'static Shared {
        let mut shared = slot.0.load(Ordering::Relaxed); // Relaxed: the slot is the caller's alone
        if shared.is_null() {
            shared = Box::into_raw(Box::new(Shared {
                current: ArcSwap::from_pointee(Version::stopped(0)),
                turn: Mutex::new(Turn::nobodys()),
                mailbox: Mailbox::new(),
                keeper: Keeper::new(),
            }));
            slot.0.store(shared, Ordering::Release); // Release: publishes it
        }
        // SAFETY: never freed.
        unsafe { &*shared }
    }
}

/// How a registry is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// A process-wide name under which it can be found, 0 to 65,535 bytes.
    pub name: Option<&'a [u8]>,
}

/// Whether a start made the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// By this call.
    Now,
    /// It was running under this process-wide name.
    Before,
}

/// A handle of a registry: a number. Copy it freely; [`Registry::stop`] ends the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry(u64);

impl Registry {
    /// Starts a registry without a process-wide name.
    pub fn start() -> Result<Registry, Error> {
        Ok(Registry::start_with(Options::default())?.0)
    }

    /// Starts a registry, or gives the one that runs under the name asked for.
    pub fn start_with(options: Options<'_>) -> Result<(Registry, Started), Error> {
        fork::check()?;
        fork::watch();
        remains::sweep();
        match options.name {
            None => Ok((start()?, Started::Now)),
            Some(name) => process::start(checked(name)?, start),
        }
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Registry {
        Registry(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// The bucket of this name, made if there is none. When this returns, every thread sees it.
    pub fn create(self, name: impl AsRef<[u8]>) -> Result<Bucket, Error> {
        let name = checked(name.as_ref())?;
        fork::check()?;
        // A name that is there costs a lookup. A miss is remembered by the version that was looked at.
        let seen = cache::with(self.0, |version| version.find(name).ok_or(version.number))?;
        match seen {
            Ok(id) => Ok(Bucket::from_id(id)),
            Err(seen) => {
                Ok(Bucket::from_id(turn::change(Shared::of(self.0)?, self.0, Change::Create { name, seen })?))
            }
        }
    }

    /// The bucket of this name. Takes no lock and waits for nobody.
    #[inline(always)]
    pub fn lookup(self, name: impl AsRef<[u8]>) -> Result<Option<Bucket>, Error> {
        let name = checked(name.as_ref())?;
        match self.find(name) {
            id @ 1.. => Ok(Some(Bucket::from_id(id.cast_unsigned()))),
            code => match Error::from_code(code as i32) {
                Some(Error::NotFound) => Ok(None),
                error => Err(error.unwrap_or(Error::Panicked)),
            },
        }
    }

    /// The bucket's id or a negative code, in one register. `name` has a legal length.
    #[inline(always)]
    pub(crate) fn find(self, name: &[u8]) -> i64 {
        let found = cache::with(self.0, |version| match version.find(name) {
            Some(id) => id.cast_signed(),
            None => i64::from(if version.stopped { Error::Stopped } else { Error::NotFound }.code()),
        });
        found.unwrap_or_else(|error| i64::from(error.code()))
    }

    /// How many names there are.
    pub fn count(self) -> Result<u64, Error> {
        self.read(|version| version.count)
    }

    /// How many changes (creates and exits) the table has seen.
    pub fn revision(self) -> Result<u64, Error> {
        self.read(|version| version.revision)
    }

    /// All names and buckets as they are at one revision, in no particular order.
    pub fn buckets(self) -> Result<Vec<(Vec<u8>, Bucket)>, Error> {
        let mut buckets = Vec::new();
        self.version()?.for_each(|name, id| buckets.push((name.to_vec(), Bucket::from_id(id))));
        Ok(buckets)
    }

    /// The same in the packed form of `kvreg_registry_dump`.
    #[cfg(feature = "capi")]
    pub(crate) fn dump(self) -> Result<Vec<u8>, Error> {
        let mut dump = crate::value::Dump::default();
        self.version()?.for_each(|name, id| dump.name(name, id));
        dump.finish()
    }

    /// Ends the registry: its table empties, every bucket exits, its thread ends. Afterwards every call on it gives
    /// [`Error::Stopped`], and every call on one of its buckets [`Error::Dead`].
    pub fn stop(self) -> Result<(), Error> {
        fork::check()?;
        let shared = Shared::of(self.0)?;
        process::forget(self); // first: nobody who starts this name gets a registry that ends
        let left = shared.turn.lock().end(self.0, shared)?;
        shared.keeper.end();
        cache::forget(self.0);
        remains::leave(left);
        REGISTRIES.give(REGISTRIES.kill(self.0));
        Ok(())
    }

    /// The newest version, held for longer than an instant.
    fn version(self) -> Result<Arc<Version>, Error> {
        let version = Shared::of(self.0)?.current.load_full();
        if version.registry != self.0 || version.stopped { Err(Error::Stopped) } else { Ok(version) }
    }

    fn read<R>(self, read: impl FnOnce(&Version) -> R) -> Result<R, Error> {
        cache::with(self.0, |version| if version.stopped { Err(Error::Stopped) } else { Ok(read(version)) })?
    }
}

fn start() -> Result<Registry, Error> {
    let (index, slot) = REGISTRIES.take()?;
    let id = REGISTRIES.next_id(index);
    let shared = Shared::in_slot(slot);
    if let Err(error) = shared.keeper.start(shared, id) {
        REGISTRIES.give(index);
        return Err(error);
    }
    *shared.turn.lock() = Turn::new(id, &shared.current);
    REGISTRIES.bring_to_life(index);
    Ok(Registry(id))
}

/// Ends a bucket of a registry.
pub(crate) fn stop_bucket(registry: Registry, bucket: Bucket, reason: Reason) -> Result<(), Error> {
    fork::check()?;
    // A registry that was stopped took its buckets with it.
    let shared = Shared::of(registry.0).map_err(|_| Error::Dead)?;
    match turn::change(shared, registry.0, Change::Stop { bucket: bucket.id(), reason }) {
        Ok(_) => Ok(()),
        Err(Error::Stopped) => Err(Error::Dead),
        Err(error) => Err(error),
    }
}
