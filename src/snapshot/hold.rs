//! A cut that is held, with the table that it is of.

use crate::bucket::{Bucket, Item};
use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::fork;
use crate::live::State;
use crate::name::Name;
use crate::registry::{self, Registry};
use crate::table::Table;
use crate::tree::{Entry, find, walk};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

pub(crate) struct Hold {
    table: NonNull<Table>,
    cut: u64,
    /// That of a bucket, or NULL. The cut keeps it.
    name: *const Name,
    /// In the child of a fork nothing is held: nobody is left who would free it, and no lock may be taken.
    held: bool,
}

impl Hold {
    /// Takes a cut of a registry.
    pub(crate) fn of_registry(registry: Registry) -> Result<Hold, Error> {
        fork::check()?;
        let table = registry.with_table(|_, table| table.hold().then(|| NonNull::from(table)))?;
        Ok(Hold::take(table.ok_or(Error::Stopped)?, registry))
    }

    /// Takes a cut for a bucket.
    pub(crate) fn of_bucket(bucket: Bucket) -> Result<Hold, Error> {
        fork::check()?;
        let registry = bucket.registry()?;
        let pin = epoch::pin();
        let (table, name) = bucket.place(&pin)?;
        if !table.hold() {
            return Err(Error::Dead);
        }
        let hold = Hold::take(NonNull::from(table), registry);
        // It may have exited before the cut, which then does not keep its name.
        // SAFETY: the name is alive while the pin is; the cut keeps what its root leads to.
        let shown = unsafe {
            let bytes = Name::key(name);
            find::<Name>(table.names.at(&pin, hold.cut).root, table.names.hash().of(bytes), bytes)
        };
        // One that lives has not been left to the cuts yet, and will be to this one; the table may not know it (see
        // `registry::hidden`).
        if ptr::eq(shown, name) || bucket.check().is_ok() {
            return Ok(hold.with_name(name));
        }
        drop(pin); // before the hold, which may be the last
        drop(hold);
        Err(Error::Dead)
    }

    /// Takes a cut of a table that was held for this.
    fn take(table: NonNull<Table>, registry: Registry) -> Hold {
        // SAFETY: held.
        let cut = unsafe { table.as_ref() }.cuts.take();
        registry::attend(registry);
        Hold { table, cut, name: ptr::null(), held: true }
    }

    /// Holds once more what the pin leads to; [`Error::Dead`] if it was let go of. Ends the pin.
    pub(super) fn again(pin: Pin, table: NonNull<Table>, cut: u64, name: *const Name) -> Result<Hold, Error> {
        let held = fork::check().is_ok();
        let hold = ManuallyDrop::new(Hold { table, cut, name, held });
        if held {
            // SAFETY: alive while the pin is.
            let table = unsafe { hold.table.as_ref() };
            if !table.hold() {
                return Err(Error::Dead);
            }
            if !table.cuts.hold(cut) {
                drop(pin); // before this hold, which may be the last
                // SAFETY: the hold that was taken above.
                unsafe { Table::let_go(hold.table) };
                return Err(Error::Dead);
            }
        }
        Ok(ManuallyDrop::into_inner(hold))
    }

    /// The name of a bucket, for a registry's.
    pub(super) fn find_name(&self, name: &[u8]) -> Option<&Name> {
        // SAFETY: held, and the cut keeps what its root leads to.
        unsafe {
            let names = &self.table.as_ref().names;
            let root = self.with_pin(|pin| names.at(pin, self.cut)).root;
            find::<Name>(root, names.hash().of(name), name).as_ref()
        }
    }

    /// For a bucket whose name the cut keeps.
    pub(super) fn with_name(mut self, name: *const Name) -> Hold {
        self.name = name;
        self
    }

    pub(super) fn name(&self) -> Option<&Name> {
        // SAFETY: the cut keeps it.
        unsafe { self.name.as_ref() }
    }

    /// To come back through [`Hold::from_parts`].
    pub(super) fn into_parts(self) -> (NonNull<Table>, u64, *const Name) {
        let hold = ManuallyDrop::new(self);
        (hold.table, hold.cut, hold.name)
    }

    /// # Safety
    /// They came from [`Hold::into_parts`], and come back once.
    pub(super) unsafe fn from_parts(table: NonNull<Table>, cut: u64, name: *const Name) -> Hold {
        Hold { table, cut, name, held: true }
    }

    /// Visits all names and the ids of their buckets.
    pub(crate) fn for_each_name(&self, mut visit: impl FnMut(&[u8], u64)) {
        // SAFETY: held, so alive; and frozen.
        unsafe {
            let state = self.with_pin(|pin| self.table.as_ref().names.at(pin, self.cut));
            walk::<Name>(state.root, &mut |name| visit(Name::key(name), (*name).id));
        }
    }

    /// Visits all keys and values of the bucket, until `visit` fails.
    pub(crate) fn for_each_item(
        &self,
        mut visit: impl FnMut(&[u8], &Item) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let contents = |pin: &Pin| Some(self.name()?.contents(pin)?.at(pin, self.cut));
        let state = self.with_pin(contents).unwrap_or_else(State::empty);
        let mut result = Ok(());
        // SAFETY: held, so alive; and frozen.
        unsafe {
            walk::<Item>(state.root, &mut |item| {
                if result.is_ok() {
                    result = visit(Item::key(item), &*item);
                }
            });
        }
        result
    }

    fn with_pin<R>(&self, read: impl FnOnce(&Pin) -> R) -> R {
        read(&epoch::pin())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.held {
            // SAFETY: both are held until now, and not used again.
            unsafe {
                self.table.as_ref().cuts.let_go(self.cut);
                Table::let_go(self.table);
            }
        }
    }
}
