//! Changes to a key, each in one step: what is there is looked at and changed under the bucket's lock.

use super::contents::Contents;
use super::item::Item;
use super::payload::{Number, Payload};
use super::times::Time;
use super::{BUCKETS, Right, access, checked};
use crate::cuts::Now;
use crate::epoch::{self, Pin, Writing};
use crate::error::Error;
use crate::fork;
use crate::lock::{Busy, Waited};
use crate::name::MAX_LEN;
use crate::tree::edit::Retired;
use crate::tree::{Node, find, glimpse};
use std::ptr;

/// What a change does to its key.
pub(crate) enum Step<'a> {
    Keep,
    Put(Payload<'a>),
    /// Sets the key's time to live, which is nothing that a reader sees.
    SetTime,
    Delete,
}

/// What came of the short way of a put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Overwrite {
    Done,
    /// Nothing was changed, because another thread was changing the bucket.
    Contended,
    /// Nothing was changed: this is not for the short way.
    Unusual,
}

/// Overwrites a number in place, the commonest change of all, if nothing is unusual. If it need not WAIT for another
/// thread, and the key's length is a usual one, it calls nothing (see [`glimpse`]).
#[inline(always)]
pub(super) fn overwrite<const WAIT: bool>(bucket: u64, key: &[u8], number: Number) -> Overwrite {
    if key.len() > MAX_LEN || fork::check().is_err() {
        return Overwrite::Unusual;
    }
    let Some(pin) = epoch::pin_again() else { return Overwrite::Unusual };
    let Some(contents) = BUCKETS.resolve(bucket).ok().and_then(|slot| slot.contents(&pin)) else {
        return Overwrite::Unusual;
    };
    // Without the lock, so that it is not held while caches miss.
    let root = contents.root(&pin);
    // SAFETY: the pin came before the root was read.
    let Some(item) = (unsafe { glimpse::<Item>(root, contents.hash().of(key), key).as_ref() }) else {
        return Overwrite::Unusual;
    };
    item.prefetch_to_write();
    let writing = pin.announce_early();
    let lock = contents.lock();
    let held = if WAIT { lock.acquire(&pin).ok() } else { lock.try_acquire(&pin) };
    let Some(_held) = held else { return Overwrite::Contended };
    let now = contents.cuts().now(&writing);
    // In this tree an item that is not gone is still its key's. The first change after a cut is not for here, nor is one
    // that ends a time to live.
    if !item.is_plain()
        || contents.root(&pin) != root
        || !contents.is_touched(now)
        || !item.takes(now.held, number)
    {
        return Overwrite::Unusual;
    }
    item.overwrite(number, contents.next_revision());
    contents.count_change();
    Overwrite::Done
}

/// Looks at a key's item and does what `decide`, which is ours and short, makes of it. `time` is what a put does with the
/// key's time to live.
pub(super) fn change<'a, R>(
    bucket: u64,
    key: &[u8],
    time: Time,
    decide: impl FnOnce(Option<&Item>) -> Result<(Step<'a>, R), Error>,
) -> Result<R, Error> {
    change_with_revision(bucket, key, time, |old, _| decide(old))
}

/// As [`change`]; `decide` also learns the revision that the change will have.
pub(super) fn change_with_revision<'a, R>(
    bucket: u64,
    key: &[u8],
    time: Time,
    decide: impl FnOnce(Option<&Item>, u64) -> Result<(Step<'a>, R), Error>,
) -> Result<R, Error> {
    let key = checked(key)?;
    fork::check()?;
    let mut waited = Waited::default();
    loop {
        let pin = epoch::pin();
        let slot = access::resolve(bucket, Right::Write)?;
        let contents: *const Contents = slot.contents_or_new(&pin)?;
        // SAFETY: alive while the pin is.
        let contents = unsafe { &*contents };
        let hash = contents.hash().of(key);
        // Without the lock, so that it is not held while caches miss.
        let root = contents.root(&pin);
        // SAFETY: the pin came before the root was read.
        let seen = unsafe { find::<Item>(root, hash, key).as_ref() };
        let target = Target { contents, root, seen, hash, key };
        let writing = pin.announce_early();
        match contents.lock().acquire(&pin) {
            Err(Busy) => {
                drop(writing);
                let limit = slot.busy_limit(&pin);
                contents.lock().wait(pin, 0, limit, &mut waited)?;
            }
            Ok(held) => {
                let mut retired = Retired::new();
                let (answer, now) = apply(&pin, writing, held, target, time, decide, &mut retired)?;
                clean_up(pin, contents, now, &retired);
                return Ok(answer);
            }
        }
    }
}

/// A key that is to be changed, and what was seen of it without the lock.
pub(super) struct Target<'c, 'k> {
    pub(super) contents: &'c Contents,
    pub(super) root: Node,
    pub(super) seen: Option<&'c Item>,
    pub(super) hash: u64,
    pub(super) key: &'k [u8],
}

impl<'c> Target<'c, '_> {
    /// The key's item now, for who has the lock.
    #[inline(always)]
    fn item(&self, pin: &Pin) -> Option<&'c Item> {
        let root = self.contents.root(pin);
        match self.seen {
            // In this tree an item that is not gone is still its key's.
            Some(item) if !item.is_gone() && root == self.root => Some(item),
            // SAFETY: the pin came before the root was read.
            _ => unsafe { find::<Item>(root, self.hash, self.key).as_ref() },
        }
    }
}

/// Makes the change, for who has the lock (or nothing to be let go of, if it has it for long). What is replaced is added
/// to `retired`.
pub(super) fn apply<'a, R>(
    pin: &Pin,
    writing: Writing<'_>,
    lock: impl Sized,
    target: Target<'_, '_>,
    time: Time,
    decide: impl FnOnce(Option<&Item>, u64) -> Result<(Step<'a>, R), Error>,
    retired: &mut Retired,
) -> Result<(R, Now), Error> {
    let contents = target.contents;
    let now = contents.cuts().now(&writing);
    let old = target.item(pin);
    let (step, answer) = decide(old, contents.next_revision())?;
    if let (Step::Put(payload), Some(old)) = (&step, old)
        && let Some(number) = payload.number().filter(|&number| old.takes(now.held, number))
    {
        contents.touch(now)?;
        old.overwrite(number, contents.next_revision());
        contents.count_change();
        if old.is_timed() || time.is_timed(false) {
            let end = set_time(&target, old, old.is_timed(), time);
            drop(writing);
            drop(lock);
            plan(contents, end);
        }
        return Ok((answer, now));
    }
    let was_timed = old.is_some_and(Item::is_timed);
    match (step, old) {
        (Step::Keep, _) | (Step::Delete | Step::SetTime, None) => return Ok((answer, now)),
        (Step::SetTime, Some(old)) => {
            let end = set_time(&target, old, was_timed, time);
            drop(writing);
            drop(lock);
            plan(contents, end);
            return Ok((answer, now));
        }
        (Step::Put(payload), _) => put(contents, now, &target, old, payload, retired)?,
        (Step::Delete, Some(old)) => delete(contents, now, target.hash, old, retired)?,
    };
    if was_timed || time.is_timed(false) {
        let end = set_time_anew(pin, &target, was_timed, time);
        drop(writing);
        drop(lock);
        plan(contents, end);
    } else {
        drop(writing);
        drop(lock);
    }
    Ok((answer, now))
}

/// Does with a key's time what a change means for it. Gives what the timer must be told when the lock is free.
#[cold]
#[inline(never)]
fn set_time(target: &Target<'_, '_>, item: &Item, was_timed: bool, time: Time) -> Option<u64> {
    item.set_timed(time.is_timed(was_timed));
    if !was_timed && !time.is_timed(false) {
        return None;
    }
    target.contents.times().and_then(|times| times.apply(target.hash, target.key, time))
}

/// The same if the key's item was taken away or replaced.
#[cold]
#[inline(never)]
fn set_time_anew(pin: &Pin, target: &Target<'_, '_>, was_timed: bool, time: Time) -> Option<u64> {
    match target.contents.find_hashed(pin, target.hash, target.key) {
        Some(item) => set_time(target, item, was_timed, time),
        None => target.contents.times().and_then(|times| times.apply(target.hash, target.key, Time::End)),
    }
}

#[cold]
#[inline(never)]
fn plan(contents: &Contents, end: Option<u64>) {
    if let (Some(end), Some(times)) = (end, contents.times()) {
        times.plan(end);
    }
}

#[inline(never)]
fn put(
    contents: &Contents,
    now: Now,
    target: &Target<'_, '_>,
    old: Option<&Item>,
    payload: Payload<'_>,
    retired: &mut Retired,
) -> Result<(), Error> {
    contents.touch(now)?;
    let item = Item::new(target.key, now.number, contents.next_revision(), payload)?;
    if let Some(old) = old {
        old.set_gone();
    }
    let old = old.map_or(ptr::null(), Item::whole);
    // SAFETY: the item is new; the old one is this key's.
    unsafe { contents.put(now, target.hash, old, item.as_ptr(), retired) };
    Ok(())
}

#[inline(never)]
fn delete(contents: &Contents, now: Now, hash: u64, old: &Item, retired: &mut Retired) -> Result<(), Error> {
    contents.touch(now)?;
    old.set_gone();
    // SAFETY: the contents have it.
    unsafe { contents.remove(now, hash, old.whole(), retired) };
    Ok(())
}

/// Sees to what was replaced.
#[inline(always)]
pub(super) fn clean_up(pin: Pin, contents: &Contents, now: Now, retired: &Retired) {
    if retired.iter().any(|dead| dead.is_seen(now)) {
        return clean_up_for_cuts(pin, contents, now, retired);
    }
    drop(pin); // else it would hold back what we retire
    retired.iter().for_each(|dead| epoch::retire(dead.unseen()));
}

#[cold]
#[inline(never)]
fn clean_up_for_cuts(pin: Pin, contents: &Contents, now: Now, retired: &Retired) {
    let garbage = contents.cuts().keep_all(now, retired.clone());
    drop(pin); // as above
    garbage.into_iter().for_each(epoch::retire);
}

/// What came of ending a key whose time has come.
pub(crate) enum Due {
    /// It is gone, by the change with this revision.
    Ended { key: Box<[u8]>, revision: u64 },
    /// There is none.
    None,
    /// Somebody has the right to change the bucket for long.
    Busy,
}

/// Deletes a key whose time has come.
pub(super) fn end_next(bucket: u64, moment: u64) -> Result<Due, Error> {
    let pin = epoch::pin();
    let Some(contents) = access::resolve(bucket, Right::Know)?.contents(&pin) else {
        return Ok(Due::None);
    };
    // SAFETY: alive while the pin is.
    let contents = unsafe { &*ptr::from_ref(contents) };
    let Some(times) = contents.times().filter(|times| times.is_due(moment)) else { return Ok(Due::None) };
    let writing = pin.announce_early();
    let Ok(lock) = contents.lock().acquire(&pin) else { return Ok(Due::Busy) };
    let now = contents.cuts().now(&writing);
    contents.touch(now)?; // before the key's time is forgotten
    let Some((hash, key)) = times.take_due(moment) else { return Ok(Due::None) };
    let revision = contents.next_revision();
    // SAFETY: the pin came before the root was read.
    let item = unsafe { find::<Item>(contents.root(&pin), hash, &key).as_ref() };
    let item = item.expect("a key that has a time is there");
    let mut retired = Retired::new();
    delete(contents, now, hash, item, &mut retired)?;
    drop(writing);
    drop(lock);
    clean_up(pin, contents, now, &retired);
    Ok(Due::Ended { key, revision })
}
