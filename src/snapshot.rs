//! Snapshots: a registry or a bucket as it was at one moment, as a value.
//!
//! A snapshot is an id for a cut (see `cuts`) that it holds: all names, and the contents of every bucket, as they were
//! when it was taken. It holds back no writer, and it outlives the bucket and the registry.

mod hold;

pub(crate) use hold::Hold;

use crate::bucket::{Bucket, Contents, Item, access, checked};
use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::fork;
use crate::live::State;
use crate::name::Name;
use crate::registry::Registry;
use crate::slot::{self, Home, Kind, SlotData, Slots};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence, global};
use crate::table::Table;
use crate::tree::cursor::{self, Position};
use crate::tree::{Entry, find};
use crate::value::Value;
use std::ptr::{self, NonNull};

global! {
    static SNAPSHOTS: Slots<SnapshotSlot> = Slots::new();
}

#[derive(Default)]
struct SnapshotSlot {
    table: AtomicPtr<Table>,
    cut: AtomicU64,
    /// That of the bucket, or NULL if the snapshot is a registry's.
    name: AtomicPtr<Name>,
}

// SAFETY: a number and NULLs, without a destructor.
unsafe impl SlotData for SnapshotSlot {
    const KIND: Kind = Kind::Snapshot;
}

impl Home for SnapshotSlot {
    fn slots() -> &'static Slots<SnapshotSlot> {
        &SNAPSHOTS
    }
}

/// What a snapshot shows, while it is held or a pin is that resolved it.
#[derive(Clone, Copy)]
struct View<'p> {
    table: &'p Table,
    cut: u64,
    name: Option<&'p Name>,
}

/// A handle of a snapshot: a number. Copy it freely; [`Snapshot::close`] ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Snapshot(u64);

/// A place in the order in which a snapshot is visited. The default is the beginning.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Cursor(Position);

impl<'p> View<'p> {
    fn names(self, pin: &Pin) -> State {
        self.table.names.at(pin, self.cut)
    }

    fn find_name(self, pin: &Pin, name: &[u8]) -> Option<&'p Name> {
        // SAFETY: the cut keeps what its root leads to.
        unsafe { find::<Name>(self.names(pin).root, self.table.names.hash().of(name), name).as_ref() }
    }

    /// How a bucket's contents were, by its name.
    fn contents(self, pin: &Pin, name: &Name) -> State {
        name.contents(pin).map_or_else(State::empty, |contents: &Contents| contents.at(pin, self.cut))
    }

    fn find_item(self, pin: &Pin, name: &Name, key: &[u8]) -> Option<&'p Item> {
        // SAFETY: the cut keeps what its root leads to.
        unsafe { find::<Item>(self.contents(pin, name).root, self.table.names.hash().of(key), key).as_ref() }
    }

    fn bucket(self) -> Result<&'p Name, Error> {
        self.name.ok_or(Error::BadHandle)
    }

    fn is_registrys(self) -> Result<(), Error> {
        if self.name.is_none() { Ok(()) } else { Err(Error::BadHandle) }
    }
}

impl Snapshot {
    /// A snapshot of a registry: its names and, through them, the contents of all its buckets. It takes as long for
    /// ten names as for ten million.
    pub fn take(registry: Registry) -> Result<Snapshot, Error> {
        Snapshot::new(Hold::of_registry(registry)?)
    }

    /// A snapshot of one bucket.
    pub fn of_bucket(bucket: Bucket) -> Result<Snapshot, Error> {
        Snapshot::new(Hold::of_bucket(bucket)?)
    }

    fn new(hold: Hold) -> Result<Snapshot, Error> {
        let (index, slot) = SNAPSHOTS.take()?;
        let id = SNAPSHOTS.next_id(index);
        let (table, cut, name) = hold.into_parts();
        // Relaxed: bringing the slot to life publishes them.
        slot.table.store(table.as_ptr(), Ordering::Relaxed);
        slot.cut.store(cut, Ordering::Relaxed);
        slot.name.store(name.cast_mut(), Ordering::Relaxed);
        SNAPSHOTS.bring_to_life(index);
        Ok(Snapshot(id))
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Snapshot {
        Snapshot(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// The contents of one bucket of this registry's snapshot, as a snapshot of their own; None if there was no such
    /// name. The bucket may have exited since. [`Error::AccessDenied`] for a private bucket.
    pub fn bucket(self, name: impl AsRef<[u8]>) -> Result<Option<Snapshot>, Error> {
        fork::check()?;
        let name = checked(name.as_ref())?;
        let hold = self.hold()?;
        if hold.name().is_some() {
            return Err(Error::BadHandle);
        }
        let Some(found) = hold.find_name(name) else { return Ok(None) };
        access::may_read(found.id)?;
        let found = ptr::from_ref(found);
        Snapshot::new(hold.with_name(found)).map(Some)
    }

    /// The bucket that had this name. It may have exited since.
    pub fn lookup(self, name: impl AsRef<[u8]>) -> Result<Option<Bucket>, Error> {
        let name = checked(name.as_ref())?;
        self.read(|pin, view| {
            view.is_registrys()?;
            Ok(view.find_name(pin, name).map(|name| Bucket::from_id(name.id)))
        })
    }

    /// The value that a key had, in a bucket's snapshot.
    pub fn get(self, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        let key = checked(key.as_ref())?;
        self.read(|pin, view| view.find_item(pin, view.bucket()?, key).map(Item::value).transpose())
    }

    /// The value that a key had and its revision then, in a bucket's snapshot.
    pub fn get_with_revision(self, key: impl AsRef<[u8]>) -> Result<Option<(Value, u64)>, Error> {
        let key = checked(key.as_ref())?;
        self.read(|pin, view| {
            view.find_item(pin, view.bucket()?, key).map(Item::value_and_revision).transpose()
        })
    }

    /// The value that a key had in a bucket, in a registry's snapshot; [`Error::AccessDenied`] if that is private.
    pub fn get_in(self, name: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        let (name, key) = (checked(name.as_ref())?, checked(key.as_ref())?);
        self.read(|pin, view| {
            view.is_registrys()?;
            let Some(name) = view.find_name(pin, name) else { return Ok(None) };
            access::may_read(name.id)?;
            view.find_item(pin, name, key).map(Item::value).transpose()
        })
    }

    /// How many names or keys there were.
    pub fn count(self) -> Result<u64, Error> {
        self.state(|state| state.count)
    }

    /// The revision of the table or the bucket.
    pub fn revision(self) -> Result<u64, Error> {
        self.state(|state| state.revision)
    }

    /// The table's revision, of a snapshot of this table's registry.
    pub(crate) fn revision_of(self, table: &Table) -> Result<u64, Error> {
        self.read(|pin, view| {
            view.is_registrys()?;
            if ptr::eq(view.table, table) {
                Ok(view.names(pin).revision)
            } else {
                Err(Error::InvalidArgument)
            }
        })
    }

    /// The next name and its bucket, in a registry's snapshot, and moves the cursor on; None at the end.
    pub fn next_name(self, cursor: &mut Cursor) -> Result<Option<(Vec<u8>, Bucket)>, Error> {
        self.next(cursor, |name, id| (name.to_vec(), Bucket::from_id(id)))
    }

    /// The next key and its value, in a bucket's snapshot, and moves the cursor on; None at the end.
    pub fn next_item(self, cursor: &mut Cursor) -> Result<Option<(Vec<u8>, Value)>, Error> {
        self.next_in_bucket(cursor, |key, item| Ok((key.to_vec(), item.value()?)))
    }

    /// As [`Snapshot::next_name`]; the name's bytes stay where they are until the snapshot is closed.
    pub(crate) fn next<R>(
        self,
        cursor: &mut Cursor,
        show: impl FnOnce(&[u8], u64) -> R,
    ) -> Result<Option<R>, Error> {
        self.read(|pin, view| {
            view.is_registrys()?;
            // SAFETY: the cut keeps what its root leads to.
            unsafe {
                Ok(cursor::next::<Name>(view.names(pin).root, &mut cursor.0)
                    .map(|name| show(Name::key(name), (*name).id)))
            }
        })
    }

    /// As [`Snapshot::next_item`]; the key's bytes stay where they are until the snapshot is closed.
    pub(crate) fn next_in_bucket<R>(
        self,
        cursor: &mut Cursor,
        show: impl FnOnce(&[u8], &Item) -> Result<R, Error>,
    ) -> Result<Option<R>, Error> {
        self.read(|pin, view| {
            let root = view.contents(pin, view.bucket()?).root;
            // SAFETY: the cut keeps what its root leads to.
            unsafe {
                let item = cursor::next::<Item>(root, &mut cursor.0);
                item.map(|item| show(Item::key(item), &*item)).transpose()
            }
        })
    }

    /// All names and their buckets, in a registry's snapshot.
    pub fn names(self) -> Result<Vec<(Vec<u8>, Bucket)>, Error> {
        let mut names = Vec::new();
        self.for_each_name(|name, id| names.push((name.to_vec(), Bucket::from_id(id))))?;
        Ok(names)
    }

    /// All keys and their values, in a bucket's snapshot.
    pub fn items(self) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        let mut items = Vec::new();
        self.for_each_item(|key, item| {
            items.push((key.to_vec(), item.value()?));
            Ok(())
        })?;
        Ok(items)
    }

    /// All of it, in the packed form of `kvreg_registry_dump` or `kvreg_bucket_dump`.
    #[cfg(feature = "capi")]
    pub(crate) fn dump(self) -> Result<Vec<u8>, Error> {
        let mut dump = crate::capi::packed::Dump::default();
        if self.read(|_, view| Ok(view.name.is_none()))? {
            self.for_each_name(|name, id| dump.name(name, id))?;
        } else {
            self.for_each_item(|key, item| {
                dump.item(key, &item.value()?);
                Ok(())
            })?;
        }
        dump.finish()
    }

    pub(crate) fn for_each_name(self, visit: impl FnMut(&[u8], u64)) -> Result<(), Error> {
        let hold = self.hold()?;
        if hold.name().is_some() {
            return Err(Error::BadHandle);
        }
        hold.for_each_name(visit);
        Ok(())
    }

    pub(crate) fn for_each_item(
        self,
        visit: impl FnMut(&[u8], &Item) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let hold = self.hold()?;
        if hold.name().is_none() { Err(Error::BadHandle) } else { hold.for_each_item(visit) }
    }

    /// Ends the snapshot. What only it showed is freed in the background; once the registry was stopped, by whoever
    /// closes its last snapshot.
    pub fn close(self) -> Result<(), Error> {
        fork::check()?;
        let hold = {
            let pin = epoch::pin();
            let slot = SNAPSHOTS.resolve(self.0)?;
            let view = slot.view(&pin);
            if !SNAPSHOTS.kill_once(self.0) {
                return Err(Error::Dead); // another thread was first
            }
            // SAFETY: the snapshot's own hold, which nobody else takes back.
            unsafe { Hold::from_parts(NonNull::from(view.table), view.cut, ptr::null()) }
        };
        drop(hold);
        slot::retire::<SnapshotSlot>(self.0);
        Ok(())
    }

    fn state<R>(self, show: impl FnOnce(State) -> R) -> Result<R, Error> {
        self.read(|pin, view| {
            Ok(show(match view.name {
                None => view.names(pin),
                Some(name) => view.contents(pin, name),
            }))
        })
    }

    fn view<'p>(self, pin: &'p Pin) -> Result<View<'p>, Error> {
        Ok(SNAPSHOTS.resolve(self.0)?.view(pin))
    }

    /// Another hold on what it shows.
    fn hold(self) -> Result<Hold, Error> {
        let pin = epoch::pin();
        let view = self.view(&pin)?;
        let (table, cut, name) =
            (NonNull::from(view.table), view.cut, view.name.map_or(ptr::null(), ptr::from_ref));
        Hold::again(pin, table, cut, name)
    }

    /// Shows the snapshot to `read`, which is ours and short.
    fn read<R>(self, read: impl FnOnce(&Pin, View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        let pin = epoch::pin();
        let view = self.view(&pin)?;
        let result = read(&pin, view)?;
        // If it was closed meanwhile, writers may have begun to change what we read: nobody shall see that.
        // Acquire: what was read came before this look (see the Release in `Cuts::let_go` and in `Slots::kill`).
        fence(Ordering::Acquire);
        SNAPSHOTS.resolve(self.0)?;
        Ok(result)
    }
}

impl SnapshotSlot {
    fn view<'p>(&self, _pin: &'p Pin) -> View<'p> {
        // SAFETY: what a living slot leads to is freed only when no pin is left that saw it alive.
        // Relaxed: the slot was seen to be alive, which publishes them.
        unsafe {
            View {
                table: &*self.table.load(Ordering::Relaxed),
                cut: self.cut.load(Ordering::Relaxed),
                name: self.name.load(Ordering::Relaxed).as_ref(),
            }
        }
    }
}
