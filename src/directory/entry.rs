//! An entry: what is registered, by its id.

use super::{Directory, FIRST, Key, Number, Object};
use crate::bucket::checked;
use crate::error::Error;
use crate::fork;
use crate::handle::{self, Object as Handled, ObjectSlot};
use crate::owner::{Owner, Tied, Ties};
use crate::registry::{self, Registry};
use crate::slot::{Kind, Slots};
use crate::sync::{Arc, global};

global! {
    static ENTRIES: Slots<ObjectSlot<Record>> = Slots::new();
}

impl Handled for Record {
    const KIND: Kind = Kind::Entry;
    fn slots() -> &'static Slots<ObjectSlot<Record>> {
        &ENTRIES
    }
}

/// The way from an entry's id to its place. The object is there, not here: this may be freed late, and by anybody.
pub(super) struct Record {
    pub(super) registry: u64,
    pub(super) key: Arc<[u8]>,
    pub(super) number: Number,
    pub(super) owner: Option<Arc<Ties>>,
}

impl Record {
    /// Ends the id of an entry that is just taken out of its place, under the lock of that.
    pub(super) fn kill(entry: u64) {
        ENTRIES.kill_once(entry);
    }

    /// What is left to be done when the lock was let go of. Its owner's tie ends only now: an owner that ends finds it
    /// tied, or gone.
    pub(super) fn bury(&self, entry: u64) {
        if let Some(owner) = &self.owner {
            owner.untie(Tied::Entry(Entry(entry)));
        }
        handle::bury::<Record>(entry);
    }
}

/// How something is registered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register {
    /// Whose it is: it is unregistered when this owner is closed.
    pub owner: Option<Owner>,
    /// Whether it may stand beside others under the same key, which must be duplicates too.
    pub duplicate: bool,
}

/// The same with the owner at hand.
pub(super) struct Terms {
    pub(super) owner: Option<Arc<Ties>>,
    pub(super) duplicate: bool,
}

impl Terms {
    pub(super) fn tie(&self, entry: u64) -> Result<(), Error> {
        self.owner.as_ref().map_or(Ok(()), |owner| owner.tie(Tied::Entry(Entry(entry))))
    }
}

/// What became of a wish to register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// There is a new entry.
    New(Entry),
    /// This entry has the key.
    Taken(Entry),
}

/// A handle of something that is registered: a number. Copy it freely; [`Entry::unregister`] ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry(u64);

impl Entry {
    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Entry {
        Entry(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Whether it is registered: [`Error::Dead`] or [`Error::BadHandle`] if not.
    pub fn check(self) -> Result<(), Error> {
        handle::get::<Record>(self.0).map(|_| ())
    }

    /// The object, with a reference of the caller's own.
    pub fn object(self) -> Result<Object, Error> {
        fork::check()?;
        let record = handle::get::<Record>(self.0)?;
        let held = registry::directory_of(record.registry).object(&record).map_err(dead)?;
        Ok((*held.ok_or(Error::Dead)?).clone())
    }

    /// Takes it out: when this returns, nobody finds it. The object's reference is given back by this call, or by
    /// those who use it at this moment, whoever is the last.
    pub fn unregister(self) -> Result<(), Error> {
        fork::check()?;
        let record = handle::get::<Record>(self.0)?;
        let row = registry::directory_of(record.registry).remove(&record).map_err(dead)?;
        let row = row.ok_or(Error::Dead)?; // another thread was first
        record.bury(self.0);
        drop(row); // may call out
        Ok(())
    }
}

/// A registry that was stopped took its entries with it.
fn dead(error: Error) -> Error {
    if error == Error::Stopped { Error::Dead } else { error }
}

impl Registry {
    /// Registers an object under a kind and a key. If it is not registered, the reference is given back at once.
    ///
    /// ```
    /// use kvreg::{Object, Register, Registration, Registry};
    /// use std::sync::Arc;
    ///
    /// let registry = Registry::start()?;
    /// let object = Object::new(Arc::new("a socket".to_owned()));
    /// let Registration::New(entry) = registry.register("worker", "7", object, Register::default())? else { panic!() };
    /// let (found, object) = registry.whereis("worker", "7")?.expect("registered");
    /// assert_eq!((found, &**object.downcast::<String>().unwrap()), (entry, "a socket"));
    /// entry.unregister()?;
    /// assert!(registry.whereis("worker", "7")?.is_none());
    /// registry.stop()?;
    /// # Ok::<(), kvreg::Error>(())
    /// ```
    pub fn register(
        self,
        kind: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        object: Object,
        options: Register,
    ) -> Result<Registration, Error> {
        self.try_register(kind.as_ref(), key.as_ref(), &mut Some(object), options)
    }

    /// As [`Registry::register`]; the object is taken only by a new entry.
    pub(crate) fn try_register(
        self,
        kind: &[u8],
        key: &[u8],
        object: &mut Option<Object>,
        options: Register,
    ) -> Result<Registration, Error> {
        fork::check()?;
        let key = Key::new(checked(kind)?, checked(key)?);
        let owner = options.owner.map(Ties::of).transpose()?;
        let terms = Terms { owner, duplicate: options.duplicate };
        self.directory(|directory| directory.add(self.id(), &key, object, &terms)).map(|added| match added {
            Ok(entry) => Registration::New(Entry(entry)),
            Err(taken) => Registration::Taken(Entry(taken)),
        })
    }

    /// The entry of a kind and a key, of duplicates the oldest, and its object with a reference of the caller's own.
    pub fn whereis(
        self,
        kind: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Option<(Entry, Object)>, Error> {
        let found = self.find_entry(kind.as_ref(), key.as_ref())?;
        // Here nothing is locked, and what was found keeps the object.
        Ok(found.map(|(entry, held)| (entry, (*held).clone())))
    }

    /// As [`Registry::whereis`], for a moment's use.
    pub(crate) fn find_entry(self, kind: &[u8], key: &[u8]) -> Result<Option<(Entry, Arc<Object>)>, Error> {
        fork::check()?;
        let key = Key::new(checked(kind)?, checked(key)?);
        let found = self.directory(|directory| directory.first(self.id(), &key))?;
        Ok(found.map(|(entry, held)| (Entry(entry), held)))
    }

    /// The entries of a kind and a key, in the order in which they were registered.
    pub fn entries(self, kind: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.list_entries(kind.as_ref(), key.as_ref(), usize::MAX, |entry| entries.push(entry))?;
        Ok(entries)
    }

    /// How many entries there are; `visit`, which is ours, sees the first of them.
    pub(crate) fn list_entries(
        self,
        kind: &[u8],
        key: &[u8],
        most: usize,
        mut visit: impl FnMut(Entry),
    ) -> Result<usize, Error> {
        fork::check()?;
        let key = Key::new(checked(kind)?, checked(key)?);
        self.directory(|directory| directory.list(self.id(), &key, most, |entry| visit(Entry(entry))))
    }

    /// Calls a function for every entry of a kind and a key, in this thread and the order in which they were registered,
    /// and tells for how many. Entries that are unregistered meanwhile are left out, those that come meanwhile too. The
    /// function may do anything: nothing is locked, and the object is kept while it runs.
    pub fn dispatch(
        self,
        kind: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        mut function: impl FnMut(Entry, &Object),
    ) -> Result<u64, Error> {
        fork::check()?;
        let key = Key::new(checked(kind.as_ref())?, checked(key.as_ref())?);
        let until = self.directory(|directory| directory.next(self.id(), &key))?;
        let (mut from, mut count) = (FIRST, 0);
        loop {
            let some = self.directory(|directory| directory.some(self.id(), &key, from, until));
            let some = some.unwrap_or_default(); // stopped meanwhile: none is left
            let Some(&(last, ..)) = some.last() else { return Ok(count) };
            from = last.next();
            for (_, entry, held) in some {
                if Entry(entry).check().is_ok() {
                    function(Entry(entry), &held);
                    count += 1;
                }
            }
            fork::check()?; // the function may have forked
        }
    }

    fn directory<R>(self, work: impl FnOnce(&Directory) -> Result<R, Error>) -> Result<R, Error> {
        self.with_table(|_, _| ())?; // that it runs
        work(registry::directory_of(self.id()))
    }
}
