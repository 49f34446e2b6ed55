//! Batches: many puts and deletes over several buckets of one registry, as one change.
//!
//! A batch is collected, then committed. To commit, the new trees are built beside the old ones, with the right to
//! change every bucket concerned; then, in one announced change, each bucket's root is exchanged. So a snapshot shows
//! all of it or nothing, whatever its size; readers of the live buckets see each bucket change at once, one after the
//! other; and if anything fails, nothing was changed.

#[cfg(feature = "capi")]
mod handle;

#[cfg(feature = "capi")]
pub(crate) use handle::BatchHandle;

use crate::bucket::{Bucket, Contents, Item, Lease, Long, Payload, Right, Time, access, checked};
use crate::epoch;
use crate::error::Error;
use crate::fork;
use crate::registry::Registry;
use crate::table::Table;
use crate::tree::edit::Edit;
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::ptr::NonNull;
use std::time::Duration;

/// Changes that are collected to be made at once.
#[derive(Debug)]
pub struct Batch {
    registry: Registry,
    changes: Vec<Kept>,
}

/// A change that is kept for the commit.
#[derive(Debug)]
struct Kept {
    bucket: u64,
    key: Box<[u8]>,
    value: Option<Value>,
    ttl: Option<Duration>,
}

impl Kept {
    fn change(&self) -> Change<'_> {
        let value = self.value.as_ref().map(ValueRef::from);
        Change { bucket: self.bucket, key: &self.key, value, ttl: self.ttl }
    }
}

/// A change in a commit, whose key has a legal length.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) bucket: u64,
    pub(crate) key: &'a [u8],
    /// None to delete.
    pub(crate) value: Option<ValueRef<'a>>,
    /// How long it shall be there, if that has an end.
    pub(crate) ttl: Option<Duration>,
}

/// A bucket that is being changed.
struct Part {
    bucket: u64,
    long: Long,
    edit: Edit<Item>,
}

impl Batch {
    /// An empty batch for the buckets of a registry.
    pub fn new(registry: Registry) -> Batch {
        Batch { registry, changes: Vec::new() }
    }

    /// Adds a put. The value is copied.
    pub fn put<'a>(
        &mut self,
        bucket: Bucket,
        key: impl AsRef<[u8]>,
        value: impl Into<ValueRef<'a>>,
    ) -> Result<(), Error> {
        let value = value.into().to_value()?;
        self.push(bucket, key.as_ref(), Some(value), None)
    }

    /// Adds a put for a time, which begins with the commit. The value is copied.
    pub fn put_for<'a>(
        &mut self,
        bucket: Bucket,
        key: impl AsRef<[u8]>,
        value: impl Into<ValueRef<'a>>,
        ttl: Duration,
    ) -> Result<(), Error> {
        let value = value.into().to_value()?;
        self.push(bucket, key.as_ref(), Some(value), Some(ttl))
    }

    /// Adds a delete. A key that is not there when it is made is no error.
    pub fn delete(&mut self, bucket: Bucket, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.push(bucket, key.as_ref(), None, None)
    }

    fn push(
        &mut self,
        bucket: Bucket,
        key: &[u8],
        value: Option<Value>,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        let key = checked(key)?;
        self.changes.try_reserve(1).map_err(|_| Error::OutOfMemory)?;
        self.changes.push(Kept { bucket: bucket.id(), key: key.into(), value, ttl });
        Ok(())
    }

    /// Whether a bucket is alive and of this registry, and the handle allows changes.
    #[cfg(feature = "capi")]
    pub(crate) fn check(&self, bucket: Bucket) -> Result<(), Error> {
        check(self.registry, bucket)
    }

    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Forgets all changes.
    pub fn clear(&mut self) {
        self.changes.clear();
    }

    /// Makes all changes at once, in the order in which they were added, and empties the batch; on an error nothing is
    /// changed and the batch stays as it is. Every bucket that is changed counts it as one change: all keys get the
    /// same revision. [`Error::Dead`] if a bucket has exited, [`Error::InvalidArgument`] if one is of another registry,
    /// [`Error::AccessDenied`] for a handle that does not allow changes, [`Error::Deadlock`] from an update function of
    /// one of them.
    pub fn commit(&mut self) -> Result<(), Error> {
        commit(self.registry, self.changes.iter().map(Kept::change).collect())?;
        self.changes.clear();
        Ok(())
    }
}

/// Makes changes to buckets of a registry at once, as [`Batch::commit`] does.
pub(crate) fn commit(registry: Registry, mut changes: Vec<Change<'_>>) -> Result<(), Error> {
    fork::check()?;
    // Stable, so the order within a bucket stays; by number, so that two batches take their buckets in one order.
    changes.sort_by_key(|change| access::full(change.bucket));
    for handle in changes.chunk_by(|a, b| a.bucket == b.bucket) {
        check(registry, Bucket::from_id(handle[0].bucket))?;
    }
    let groups: SmallVec<[&[Change<'_>]; 4]> =
        changes.chunk_by(|a, b| access::full(a.bucket) == access::full(b.bucket)).collect();
    let moments = groups.iter().map(|group| begin(group)).collect::<Result<SmallVec<[_; 4]>, _>>()?;
    let longs = Long::take_all(groups.iter().map(|group| group[0].bucket))?;
    if groups.is_empty() {
        return registry.with_table(|_, _| ());
    }
    let table = hold_table(registry)?;
    build(&table, &groups, longs).and_then(|parts| show(&table, parts, &groups, &moments))
}

fn check(registry: Registry, bucket: Bucket) -> Result<(), Error> {
    bucket.allows(Right::Write)?;
    if bucket.registry()? == registry { Ok(()) } else { Err(Error::InvalidArgument) }
}

fn hold_table(registry: Registry) -> Result<HeldTable, Error> {
    let table = registry.with_table(|_, table| table.hold().then(|| HeldTable(NonNull::from(table))))?;
    table.ok_or(Error::Stopped)
}

/// A table that this thread holds.
struct HeldTable(NonNull<Table>);

impl std::ops::Deref for HeldTable {
    type Target = Table;
    fn deref(&self) -> &Table {
        // SAFETY: held.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for HeldTable {
    fn drop(&mut self) {
        // SAFETY: held until now.
        unsafe { Table::let_go(self.0) }
    }
}

/// So many changes before its turn, the memory is asked for what a change will look at.
const AHEAD: usize = 8;

/// Builds the new trees, which nobody sees yet.
fn build(table: &Table, groups: &[&[Change<'_>]], longs: Vec<Long>) -> Result<Vec<Part>, Error> {
    let number = table.cuts.raise();
    let mut parts = Vec::with_capacity(groups.len());
    for (group, long) in groups.iter().zip(longs) {
        let edit = long.contents().hidden_edit(number);
        let mut part = Part { bucket: group[0].bucket, long, edit };
        let result = group.iter().enumerate().try_for_each(|(i, change)| {
            group.get(i + AHEAD).inspect(|next| part.prefetch(next));
            part.make(change, number)
        });
        parts.push(part);
        if let Err(error) = result {
            parts.into_iter().for_each(Part::abandon);
            return Err(error);
        }
    }
    Ok(parts)
}

impl Part {
    fn prefetch(&self, change: &Change<'_>) {
        self.edit.prefetch(self.long.contents().hash().of(change.key));
    }

    fn make(&mut self, change: &Change<'_>, number: u64) -> Result<(), Error> {
        let contents = self.long.contents();
        let hash = contents.hash().of(change.key);
        match change.value {
            None => {
                self.edit.remove(hash, change.key);
            }
            Some(value) => {
                let payload = Payload::new(value)?;
                let item = Item::new(change.key, number, contents.next_revision(), payload)?;
                // SAFETY: new.
                unsafe { item.as_ref() }.set_timed(change.ttl.is_some());
                // SAFETY: new, and the tree's from now on.
                unsafe { self.edit.put(hash, item.as_ptr()) };
            }
        }
        Ok(())
    }

    fn abandon(self) {
        // SAFETY: it was not shown.
        unsafe { self.edit.abandon() }
    }
}

/// The moment at which the times of these changes begin, if they have any.
fn begin(group: &[Change<'_>]) -> Result<u64, Error> {
    let timed = group.iter().any(|change| change.ttl.is_some());
    if timed { Bucket::from_id(group[0].bucket).begin() } else { Ok(0) }
}

/// Does with the times of a bucket's keys what the changes that were made mean for them.
fn set_times(contents: &Contents, group: &[Change<'_>], moment: u64) {
    let Some(times) = contents.times() else { return };
    for change in group {
        let time = change.ttl.map_or(Time::End, |ttl| Time::Set(Lease::new(moment, ttl)));
        if let Some(end) = times.apply(contents.hash().of(change.key), change.key, time) {
            times.plan(end);
        }
    }
}

/// Shows all of it, as one change.
fn show(table: &Table, parts: Vec<Part>, groups: &[&[Change<'_>]], moments: &[u64]) -> Result<(), Error> {
    let pin = epoch::pin();
    if let Some(error) = parts.iter().find_map(|part| access::resolve(part.bucket, Right::Write).err()) {
        parts.into_iter().for_each(Part::abandon); // one exited meanwhile
        return Err(error);
    }
    let writing = pin.announce();
    let now = table.cuts.now(&writing);
    let changed = || parts.iter().filter(|part| part.edit.has_changes());
    // All of them first: it may fail, for one that exits just now.
    let result = changed().try_for_each(|part| part.long.contents().touch(now));
    if result.is_ok() {
        changed().for_each(|part| part.long.contents().show(&part.edit));
    }
    drop(writing);
    drop(pin);
    if result.is_err() {
        parts.into_iter().for_each(Part::abandon);
        return result;
    }
    for ((Part { long, edit, .. }, group), &moment) in parts.into_iter().zip(groups).zip(moments) {
        set_times(long.contents(), group, moment);
        drop(long); // the next one may change it
        table.cuts.keep_all(now, edit.into_retired()).into_iter().for_each(epoch::retire);
    }
    Ok(())
}
