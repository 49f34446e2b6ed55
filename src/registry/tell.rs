//! What happened is told: those who listen get it under the turn, and are woken after it.

use super::turn::Turn;
use super::{Listeners, Shared};
use crate::bucket::Reason;
use crate::epoch;
use crate::error::Error;
use crate::event::{Hub, Record, Waits, Wake};
use crate::fork;
use crate::name::Name;
use crate::sync::{MutexGuard, Ordering};
use crate::table::Table;
use crate::tree::{Entry, walk};

/// So many events are remembered from the first listener on.
const REMEMBERED: usize = 1024;

/// Tells everyone of the exit of all buckets of a registry that has ended, and that nothing more will happen.
pub(super) fn tell_of_stop(mut hub: Box<Hub>, waits: &Waits, table: &Table) {
    let (mut revision, root) = (table.names.revision(), table.names.root(&epoch::pin()));
    // SAFETY: the caller holds the table, and nobody changes the names any more.
    unsafe {
        walk::<Name>(root, &mut |name| {
            if fork::check().is_err() {
                return; // a handler has forked: the locks may be anybody's
            }
            revision += 1;
            hub.publish(Record::exit((*name).id, Name::key(name).into(), revision, Reason::Shutdown, &[]));
            hub.take_wakes().into_iter().for_each(Wake::now);
            waits.settle();
        });
    }
    let handlers = if fork::check().is_ok() { waits.take() } else { Vec::new() };
    for handler in handlers {
        handler.end_with_registry();
    }
    if fork::check().is_err() {
        std::mem::forget(hub); // in the child nobody is told
    }
}

/// Lets go of the turn, and wakes those who wait for events.
#[inline(always)]
pub(super) fn release(turn: MutexGuard<'_, Turn>) {
    if turn.hub.is_some() {
        release_and_wake(turn);
    }
}

#[cold]
fn release_and_wake(mut turn: MutexGuard<'_, Turn>) {
    let wakes = turn.hub.as_mut().map(|hub| hub.take_wakes());
    drop(turn);
    wakes.into_iter().flatten().for_each(Wake::now);
}

pub(super) fn with_listeners<R>(
    shared: &'static Shared,
    registry: u64,
    work: impl FnOnce(Listeners<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut turn = shared.turn.lock();
    let table = turn.table(registry)?;
    let hub = turn.hub.get_or_insert_with(|| Hub::new(REMEMBERED));
    let result = work(Listeners { hub, waits: &shared.waits, table });
    release(turn);
    result
}

/// Tells those who listen for it that a key of a bucket has expired; not after the bucket's exit, nor before its create.
pub(super) fn tell_of_key(shared: &'static Shared, registry: u64, bucket: u64, key: &[u8], revision: u64) {
    let mut turn = shared.turn.lock();
    let Ok(slot) = turn.check_bucket(registry, bucket) else { return };
    if turn.hidden.contains(&bucket) {
        return; // it is being loaded: nobody knows of it yet
    }
    if let Some(hub) = &mut turn.hub {
        let name = slot.name.load(Ordering::Relaxed); // Relaxed: written by those who had the turn before
        // SAFETY: a living bucket's name is alive; buckets die under this turn only.
        let (shown, name) = unsafe { ((*name).id, Name::key(name).into()) };
        hub.publish(Record::key_expired(shown, name, key, revision));
    }
    release(turn);
    shared.waits.settle();
}
