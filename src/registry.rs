//! A registry: a table of names, the turn to change it, and a thread that keeps it.
//!
//! Reads walk the table under a pin and take no lock. A change is applied by its caller if the turn is free, else by
//! whoever has it ([`turn`]): waking a thread for it would cost more than fifty creates. The registry's thread
//! ([`keeper`]) does what no caller waits for.
//!
//! There is no handle that a reader could keep for a hot loop, with the registry resolved and its thread pinned: it was
//! measured to save 1.6 of a lookup's 6.4 ns at 100 names, nothing that matters beside a cache miss, and while it is
//! kept nothing that any thread replaces could be freed.

mod hidden;
#[cfg(feature = "test-hooks")]
pub mod hooks;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/keeper.rs")]
mod keeper;
pub(crate) mod load;
mod mailbox;
mod many;
mod owned;
mod process;
mod shared;
mod start;
#[cfg(not(all(test, any(loom, shuttle))))]
mod stats;
mod tell;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/threads.rs")]
mod threads;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/timer.rs")]
pub(crate) mod timer;
mod turn;

use crate::bucket::{Bucket, Reason, access, checked};
use crate::directory::Directory;
use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::event::{self, Hub, Waits};
use crate::fork;
use crate::log::{self, Level};
use crate::name::{Name, is_short};
use crate::slot;
use crate::snapshot::{Hold, Snapshot};
#[cfg(not(all(test, any(loom, shuttle))))]
use crate::supervisor::{OwnThread, bell::Bell};
#[cfg(not(all(test, any(loom, shuttle))))]
use crate::sync::Arc;
use crate::sync::MODELLED;
use crate::table::Table;
use crate::tree::Entry;
use mailbox::Change;
pub use owned::Create;
pub(crate) use owned::{bequeath, give_bucket, owner_of_bucket, set_heir_of_bucket};
use shared::{RegistrySlot, Shared, slot_of};
use start::start;
pub use start::{Options, Started};
#[cfg(not(all(test, any(loom, shuttle))))]
pub use stats::RegistryStats;
use std::time::Duration;

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
        let started = match options.name {
            None => (start(options)?, Started::Now),
            Some(name) => process::start(checked(name)?, || start(options))?,
        };
        if started.1 == Started::Now {
            started.0.write("was started");
        }
        Ok(started)
    }

    /// The registry that runs under this process-wide name, if there is one. It is started by nobody.
    pub fn named(name: impl AsRef<[u8]>) -> Result<Option<Registry>, Error> {
        fork::check()?;
        Ok(process::find(checked(name.as_ref())?))
    }

    /// Its process-wide name, if it has one.
    pub fn name(self) -> Result<Option<Vec<u8>>, Error> {
        fork::check()?;
        self.with_table(|_, _| ())?; // that it runs
        Ok(process::name_of(self))
    }

    /// Tells the log. To be called with nothing held.
    fn write(self, what: &str) {
        // Under a model checker nobody reads it.
        if !MODELLED {
            log::write(Level::Debug, &format!("registry {} {what}", slot::index_of(self.0)));
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
        let (hash, seen) = {
            let pin = epoch::pin();
            let names = &slot_of(self.0)?.table(&pin).names;
            let (hash, seen) = (names.hash().of(name), names.revision());
            if let Some(found) = names.find_hashed(&pin, hash, name) {
                return Ok(Bucket::from_id(found.id));
            }
            (hash, seen)
        };
        Ok(Bucket::from_id(turn::change(
            Shared::of(self.0)?,
            self.0,
            Change::Create { name, hash, seen, terms: None },
        )?))
    }

    /// The buckets of these names, as many creates one after the other would give them, for half their price. A name
    /// that is too long is found before anything is created; at any other error the names before it are there.
    pub fn create_many<N: AsRef<[u8]>>(self, names: &[N]) -> Result<Vec<Bucket>, Error> {
        let names: Vec<&[u8]> = names.iter().map(|name| checked(name.as_ref())).collect::<Result<_, _>>()?;
        let mut buckets = Vec::with_capacity(names.len());
        self.create_each(names.into_iter(), |bucket| buckets.push(bucket))?;
        Ok(buckets)
    }

    /// As [`Registry::create_many`], for names of legal length.
    pub(crate) fn create_each<'n>(
        self,
        mut names: impl Iterator<Item = &'n [u8]>,
        mut visit: impl FnMut(Bucket),
    ) -> Result<(), Error> {
        fork::check()?;
        let shared = Shared::of(self.0)?;
        loop {
            let mut some: [&[u8]; many::CREATES] = [&[]; many::CREATES];
            let number = some.iter_mut().zip(&mut names).map(|(place, name)| *place = name).count();
            if number == 0 {
                return Ok(());
            }
            fork::check()?; // a handler may have forked
            many::create_many(shared, self.0, &some[..number], |id| visit(Bucket::from_id(id)))?;
        }
    }

    /// The bucket of this name. If there is none, `loader` is called in this thread, with a new bucket that nobody can
    /// look up yet; when it has returned, the bucket is in the table, with all that was put in. However many threads
    /// ask for one name, one loader runs, and the others wait for it and share its answer. A failure is not kept: the
    /// next caller's loader runs again. Other names do not wait.
    ///
    /// A loader may load other names. Where it would wait for itself, through whatever other loaders, the answer is
    /// [`Error::Deadlock`] at once. If a bucket of this name was created meanwhile, that is the answer, and the loaded
    /// one dies unseen; so it does if the loader fails or panics. [`Error::Dead`] if the loader stops its bucket,
    /// [`Error::Stopped`] if the registry was stopped.
    ///
    /// ```
    /// let registry = kvreg::Registry::start()?;
    /// let load = |profile: kvreg::Bucket| profile.put("city", "Zürich");
    /// let profile = registry.get_or_create("ada", load)?;
    /// assert_eq!(registry.get_or_create("ada", |_| panic!("it is there"))?, profile);
    /// registry.stop()?;
    /// # Ok::<(), kvreg::Error>(())
    /// ```
    pub fn get_or_create(
        self,
        name: impl AsRef<[u8]>,
        loader: impl FnOnce(Bucket) -> Result<(), Error>,
    ) -> Result<Bucket, Error> {
        self.get_or_create_within(name, None, loader)
    }

    /// As [`Registry::get_or_create`], but waits no longer than this for the loader of another thread:
    /// [`Error::TimedOut`] if that was not enough, and `loader` was not called. What this thread's own loader does takes as
    /// long as it takes.
    pub fn get_or_create_within(
        self,
        name: impl AsRef<[u8]>,
        patience: Option<Duration>,
        loader: impl FnOnce(Bucket) -> Result<(), Error>,
    ) -> Result<Bucket, Error> {
        load::get_or_create(self, checked(name.as_ref())?, patience, |bucket| {
            loader(bucket).map_err(Error::code)
        })
        .map_err(|code| Error::from_code(code).unwrap_or(Error::Failed))
    }

    /// The bucket of this name. Takes no lock and waits for nobody.
    #[inline(always)]
    pub fn lookup(self, name: impl AsRef<[u8]>) -> Result<Option<Bucket>, Error> {
        let name = checked(name.as_ref())?;
        if let Some(id) = self.glimpse(name) {
            return Ok(Some(Bucket::from_id(id)));
        }
        match self.find(name) {
            id @ 1.. => Ok(Some(Bucket::from_id(id.cast_unsigned()))),
            code => match Error::from_code(code as i32) {
                Some(Error::NotFound) => Ok(None),
                error => Err(error.unwrap_or(Error::Panicked)),
            },
        }
    }

    /// As [`Registry::find`], but None too where it is not simple; calls nothing (see [`crate::tree::glimpse`]).
    #[inline(always)]
    pub(crate) fn glimpse(self, name: &[u8]) -> Option<u64> {
        if !is_short(name.len()) {
            return None;
        }
        let pin = epoch::pin_again()?;
        slot_of(self.0).ok()?.table(&pin).names.glimpse(&pin, name).map(|name| name.id)
    }

    /// The bucket's id or a negative code, in one register. `name` has a legal length.
    #[inline(always)]
    pub(crate) fn find(self, name: &[u8]) -> i64 {
        let pin = epoch::pin();
        match slot_of(self.0) {
            Ok(slot) => slot
                .table(&pin)
                .names
                .find(&pin, name)
                .map_or(i64::from(Error::NotFound.code()), |name| name.id.cast_signed()),
            Err(error) => i64::from(error.code()),
        }
    }

    /// How many names there are.
    pub fn count(self) -> Result<u64, Error> {
        self.with_table(|_, table| table.names.count())
    }

    /// How many changes (creates and exits) the table has seen.
    pub fn revision(self) -> Result<u64, Error> {
        self.with_table(|_, table| table.names.revision())
    }

    /// All names and buckets as they are at one revision, in no particular order.
    pub fn buckets(self) -> Result<Vec<(Vec<u8>, Bucket)>, Error> {
        let mut buckets = Vec::new();
        self.for_each(|name, id| buckets.push((name.to_vec(), Bucket::from_id(id))))?;
        Ok(buckets)
    }

    /// The registry as it is now, as a value: its names and, through them, the contents of all its buckets.
    pub fn snapshot(self) -> Result<Snapshot, Error> {
        Snapshot::take(self)
    }

    /// The same in the packed form of `kvreg_registry_dump`.
    #[cfg(feature = "capi")]
    pub(crate) fn dump(self) -> Result<Vec<u8>, Error> {
        let mut dump = crate::capi::packed::Dump::default();
        self.for_each(|name, id| dump.name(name, id))?;
        dump.finish()
    }

    /// Ends the registry: its table empties, every bucket exits, its thread ends. Afterwards every call on it gives
    /// [`Error::Stopped`], and every call on one of its buckets [`Error::Dead`].
    pub fn stop(self) -> Result<(), Error> {
        fork::check()?;
        let shared = Shared::of(self.0)?;
        process::forget(self); // first: nobody who starts this name gets a registry that ends
        let (table, hub) = shared.turn.lock().end(self.0, shared)?;
        load::forget(self);
        if let Some(hub) = hub {
            // SAFETY: held until below.
            tell::tell_of_stop(hub, &shared.waits, unsafe { table.as_ref() });
            fork::check()?; // a handler may have forked
        }
        shared.threads.end();
        shared.timer.end();
        // SAFETY: the registry's hold, which ends with it.
        unsafe { Table::let_go(table) };
        shared.directory.end(self.0); // calls out
        fork::check()?; // what it called may have forked
        slot::retire::<RegistrySlot>(self.0);
        epoch::flush();
        self.write("was stopped");
        Ok(())
    }

    /// Returns when everything that happened before this call is told: every change is in the table and in the queues of
    /// those who subscribed, and all handlers have seen it, asynchronous ones too. [`Error::TimedOut`] if that takes
    /// longer, or one that stays nevertheless takes longer than it may for a call; [`Error::Deadlock`] from inside a
    /// handler, an update function or a loader.
    pub fn sync(self, wait: Option<Duration>) -> Result<(), Error> {
        fork::check()?;
        let shared = Shared::of(self.0)?;
        if event::is_awaited() {
            return Err(Error::Deadlock);
        }
        turn::catch_up(shared, self.0)?;
        let all = shared.waits.settle_until(wait.and_then(event::deadline));
        fork::check()?; // a handler may have forked
        if all { Ok(()) } else { Err(Error::TimedOut) }
    }

    /// `read` is ours and short.
    pub(crate) fn with_table<R>(self, read: impl FnOnce(&Pin, &Table) -> R) -> Result<R, Error> {
        let pin = epoch::pin();
        Ok(read(&pin, slot_of(self.0)?.table(&pin)))
    }

    /// Visits all names as they are at one revision.
    fn for_each(self, mut visit: impl FnMut(&[u8], u64)) -> Result<(), Error> {
        if fork::check().is_ok() {
            Hold::of_registry(self)?.for_each_name(visit);
            return Ok(());
        }
        self.with_table(|pin, table| {
            // SAFETY: alive while the pin is.
            table.names.for_each_unfinished(pin, &mut |name| unsafe { visit(Name::key(name), (*name).id) });
        })
    }
}

/// Those who listen to a registry, for who has its turn.
pub(crate) struct Listeners<'t> {
    pub(crate) hub: &'t mut Hub,
    pub(crate) waits: &'t Waits,
    pub(crate) table: &'t Table,
}

/// The directory of a registry that ran: it is its as long as its shards say so.
pub(crate) fn directory_of(registry: u64) -> &'static Directory {
    &Shared::of_any(registry).expect("it ran").directory
}

/// Shows the listeners of a registry to `work`, which is ours and short.
pub(crate) fn with_listeners<R>(
    registry: Registry,
    work: impl FnOnce(Listeners<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    tell::with_listeners(Shared::of(registry.0)?, registry.0, work)
}

/// Starts a thread for a registry, under its supervisor. Nobody waits for its end but who asks for it by the handle.
#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) fn employ(
    registry: Registry,
    name: &str,
    bell: &Arc<Bell>,
    run: impl Fn(&Bell) + Send + Sync + 'static,
) -> Result<OwnThread, Error> {
    Shared::of(registry.0)?.threads.child(name, bell, Some(Duration::ZERO), run)
}

/// Lets the registry's thread free what a bucket, or a cut of its registry, has left behind.
pub(crate) fn tidy_soon(registry: Registry) {
    // A registry that was stopped is freed as a whole.
    if let Ok(shared) = Shared::of(registry.0) {
        shared.keeper.wake();
    }
}

/// Sees to it that the registry's thread looks after cuts while somebody holds one, so that letting go of it is not
/// more than a note.
pub(crate) fn attend(registry: Registry) {
    if let Ok(shared) = Shared::of(registry.0) {
        shared.keeper.attend();
    }
}

/// Ends a bucket of a registry, by any of its handles. The message is that of a crash.
pub(crate) fn stop_bucket(
    registry: Registry,
    bucket: Bucket,
    reason: Reason,
    message: &[u8],
) -> Result<(), Error> {
    fork::check()?;
    // A registry that was stopped took its buckets with it.
    let shared = Shared::of(registry.0).map_err(|_| Error::Dead)?;
    match turn::change(
        shared,
        registry.0,
        Change::Stop { bucket: access::full(bucket.id()), reason, message },
    ) {
        Ok(_) => Ok(()),
        // Or it runs, and makes no more changes.
        Err(Error::Stopped) if slot_of(registry.0).is_err() => Err(Error::Dead),
        Err(error) => Err(error),
    }
}
