//! When a bucket and its keys end by themselves.
//!
//! It stands beside a bucket's contents, from the first time on that is set there, and lives as long as they do. The
//! registry's timer (see `registry::timer`) knows one moment per bucket, at which it looks here; so a time that is set
//! again and again takes no more memory than one.
//!
//! Invariants:
//! 1. An item is marked as timed if and only if its key is in `keys`. Both change under the bucket's lock.
//! 2. If anything ends at a moment, the timer looks at the bucket at that moment or before, or is looking, or whoever
//!    set the time is about to tell it (`planned` is what it was told, under the timer's lock).

use super::Bucket;
use crate::error::Error;
use crate::registry::{Registry, timer};
use crate::sync::{AtomicU64, Mutex, Ordering};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A moment that never comes. Moments are nanoseconds of the timer's clock.
pub(crate) const NEVER: u64 = u64::MAX;
/// In place of the moment at which a bucket ends: that has come.
const OVER: u64 = 0;

/// A length of time in nanoseconds; what is longer than 500 years is 500 years.
fn nanoseconds(time: Duration) -> u64 {
    const LONGEST: u64 = 500 * 366 * 24 * 3600 * 1_000_000_000;
    u64::try_from(time.as_nanos()).unwrap_or(LONGEST).min(LONGEST)
}

/// How long something lives from now on.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) end: u64,
    length: u64,
}

impl Lease {
    pub(crate) fn new(now: u64, length: Duration) -> Lease {
        let length = nanoseconds(length);
        Lease { end: now.saturating_add(length).max(OVER + 1), length }
    }

    fn renewed(self, now: u64) -> Lease {
        Lease { end: now.saturating_add(self.length).max(OVER + 1), ..self }
    }
}

/// What a bucket's making says of its end.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    pub(crate) now: u64,
    pub(crate) ttl: Option<Duration>,
    pub(crate) idle: Option<Duration>,
}

impl Life {
    /// Whether its uses must be noted.
    pub(crate) fn is_tracked(self) -> bool {
        self.idle.is_some()
    }
}

pub(crate) struct Times {
    pub(crate) registry: Registry,
    pub(crate) bucket: Bucket,
    /// The moment at which the bucket ends: NEVER if it has no time to live, OVER if it is ending.
    end: AtomicU64,
    /// Its time to live, as it was set last.
    length: AtomicU64,
    /// How long it may be unused, or NEVER, and when it was used last.
    idle: AtomicU64,
    used: AtomicU64,
    /// Written under the timer's lock.
    pub(crate) planned: AtomicU64,
    keys: Mutex<Keys>,
    /// How many keys have a time to live: a hint.
    timed: AtomicU64,
}

impl Times {
    pub(super) fn new(registry: Registry, bucket: Bucket) -> Times {
        Times {
            registry,
            bucket,
            end: AtomicU64::new(NEVER),
            length: AtomicU64::new(NEVER),
            idle: AtomicU64::new(NEVER),
            used: AtomicU64::new(0),
            planned: AtomicU64::new(NEVER),
            keys: Mutex::default(),
            timed: AtomicU64::new(0),
        }
    }

    /// For who makes the bucket.
    pub(super) fn begin(&self, life: Life) {
        // Relaxed: bringing the bucket to life publishes them.
        self.idle.store(life.idle.map_or(NEVER, nanoseconds), Ordering::Relaxed);
        self.used.store(life.now, Ordering::Relaxed);
        let _ = self.set_end(life.ttl.map(|ttl| Lease::new(life.now, ttl))); // it has not ended
    }

    /// When the bucket ends, unless somebody uses it or says otherwise.
    pub(crate) fn end(&self) -> u64 {
        // Acquire: pairs with `set_end`.
        self.end.load(Ordering::Acquire).min(self.end_of_idleness())
    }

    fn end_of_idleness(&self) -> u64 {
        // Relaxed: numbers that stand for themselves.
        self.used.load(Ordering::Relaxed).saturating_add(self.idle.load(Ordering::Relaxed))
    }

    /// Notes that somebody uses the bucket now.
    pub(super) fn note_use(&self) {
        if let Ok(now) = timer::now(self.registry) {
            self.used.store(now, Ordering::Relaxed); // Relaxed: as above
        }
    }

    /// Sets when the bucket ends. [`Error::Dead`] if that has come.
    pub(crate) fn set_end(&self, lease: Option<Lease>) -> Result<(), Error> {
        let (end, length) = lease.map_or((NEVER, NEVER), |lease| (lease.end, lease.length));
        let later = |now| (now != OVER).then_some(end);
        // Relaxed: if it is renewed at this moment, either length may be taken.
        self.length.store(length, Ordering::Relaxed);
        // AcqRel, as all writes of the end: whoever finds it sees what came before. Relaxed failure: nothing is read.
        self.end.fetch_update(Ordering::AcqRel, Ordering::Relaxed, later).map(drop).map_err(|_| Error::Dead)
    }

    /// The bucket's times begin again, if it has any.
    pub(crate) fn renew(&self, now: u64) -> Result<(), Error> {
        self.used.store(now, Ordering::Relaxed); // Relaxed: as above
        let length = self.length.load(Ordering::Relaxed); // Relaxed: as in `set_end`
        let later = |end| match end {
            OVER => None,
            NEVER => Some(NEVER),
            _ => Some(Lease { end, length }.renewed(now).end),
        };
        // As in `set_end`.
        self.end.fetch_update(Ordering::AcqRel, Ordering::Relaxed, later).map(drop).map_err(|_| Error::Dead)
    }

    /// Whether the bucket's end has come. If so, it stays so.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        let over = |end| (end <= now || self.end_of_idleness() <= now).then_some(OVER);
        // As in `set_end`.
        self.end.fetch_update(Ordering::AcqRel, Ordering::Relaxed, over).is_ok()
    }

    /// The next moment at which something ends here.
    pub(crate) fn next(&self) -> u64 {
        self.end().min(self.keys.lock().next())
    }

    /// When a key ends.
    pub(crate) fn end_of(&self, hash: u64, key: &[u8]) -> u64 {
        self.keys.lock().find(hash, key).map_or(NEVER, |lease| lease.end)
    }

    /// Whether a key's end has come.
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.keys.lock().next() <= now
    }

    /// Some key whose end has come. For who has the bucket's lock and then deletes it.
    pub(super) fn take_due(&self, now: u64) -> Option<(u64, Box<[u8]>)> {
        self.change(|keys| keys.take_due(now))
    }

    /// Does with a key's time what a change of the key means for it. For who has the bucket's lock. Gives the moment of
    /// which the timer must know.
    pub(crate) fn apply(&self, hash: u64, key: &[u8], time: Time) -> Option<u64> {
        let end = self.change(|keys| {
            let lease = match time {
                Time::Keep => return None,
                Time::End => {
                    keys.remove(hash, key);
                    return None;
                }
                Time::Set(lease) => lease,
                Time::Renew(now) => keys.find(hash, key)?.renewed(now),
            };
            keys.set(hash, key, lease);
            Some(lease.end)
        })?;
        // Acquire: pairs with the timer's, which forgets what is planned before it looks at the keys, under their lock.
        (end < self.planned.load(Ordering::Acquire)).then_some(end)
    }

    /// Ends the times of all keys, and gives what is to be dropped for that. For who has the bucket's lock.
    pub(super) fn clear(&self) -> impl Send + 'static {
        self.change(std::mem::take)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Keys) -> R) -> R {
        let mut keys = self.keys.lock();
        let result = change(&mut keys);
        self.timed.store(keys.count, Ordering::Relaxed); // Relaxed: a hint
        result
    }

    /// The memory that it keeps, in bytes: about.
    pub(super) fn weight(&self) -> usize {
        const TIMED: usize = 160;
        size_of::<Times>() + TIMED * self.timed.load(Ordering::Relaxed) as usize // Relaxed: a hint
    }

    /// Tells the timer of a moment at which something ends here.
    pub(crate) fn plan(&self, end: u64) {
        timer::plan(self, end);
    }
}

/// What becomes of a key's time to live.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    Keep,
    End,
    Set(Lease),
    /// It begins again now.
    Renew(u64),
}

impl Time {
    /// Whether the key is timed afterwards.
    pub(super) fn is_timed(self, before: bool) -> bool {
        match self {
            Time::Keep | Time::Renew(_) => before,
            Time::End => false,
            Time::Set(_) => true,
        }
    }
}

/// The keys that have a time to live. Trees, not tables: no change takes long because a table grows.
#[derive(Default)]
struct Keys {
    /// Keys of one hash are as rare as can be.
    by_hash: BTreeMap<u64, SmallVec<[Timed; 1]>>,
    /// Ends and hashes; one for keys that have both in common.
    by_end: BTreeSet<(u64, u64)>,
    count: u64,
}

struct Timed {
    key: Box<[u8]>,
    lease: Lease,
}

impl Keys {
    fn find(&self, hash: u64, key: &[u8]) -> Option<Lease> {
        self.by_hash.get(&hash)?.iter().find(|timed| *timed.key == *key).map(|timed| timed.lease)
    }

    fn set(&mut self, hash: u64, key: &[u8], lease: Lease) {
        let keys = self.by_hash.entry(hash).or_default();
        match keys.iter_mut().find(|timed| *timed.key == *key) {
            Some(timed) => {
                let before = std::mem::replace(&mut timed.lease, lease).end;
                self.forget(before, hash);
            }
            None => {
                keys.push(Timed { key: key.into(), lease });
                self.count += 1;
            }
        }
        self.by_end.insert((lease.end, hash));
    }

    fn remove(&mut self, hash: u64, key: &[u8]) {
        let place = self.by_hash.get(&hash).and_then(|keys| keys.iter().position(|timed| *timed.key == *key));
        if let Some(place) = place {
            self.take(hash, place);
        }
    }

    fn next(&self) -> u64 {
        self.by_end.first().map_or(NEVER, |&(end, _)| end)
    }

    fn take_due(&mut self, now: u64) -> Option<(u64, Box<[u8]>)> {
        let &(end, hash) = self.by_end.first().filter(|&&(end, _)| end <= now)?;
        let place = self.by_hash[&hash].iter().position(|timed| timed.lease.end == end)?;
        Some((hash, self.take(hash, place).key))
    }

    fn take(&mut self, hash: u64, place: usize) -> Timed {
        let keys = self.by_hash.get_mut(&hash).expect("the caller found it");
        let timed = keys.swap_remove(place);
        if keys.is_empty() {
            self.by_hash.remove(&hash);
        }
        self.count -= 1;
        self.forget(timed.lease.end, hash);
        timed
    }

    /// Forgets an end, unless it is that of another key too.
    fn forget(&mut self, end: u64, hash: u64) {
        let others = self.by_hash.get(&hash);
        if !others.is_some_and(|others| others.iter().any(|timed| timed.lease.end == end)) {
            self.by_end.remove(&(end, hash));
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn lease(end: u64) -> Lease {
        Lease { end, length: 1 }
    }

    #[test]
    fn keys_of_one_hash_and_one_end_are_told_apart() {
        let mut keys = Keys::default();
        for name in ["a", "b", "c"] {
            keys.set(7, name.as_bytes(), lease(10));
        }
        keys.set(7, b"b", lease(20));
        assert_eq!((keys.count, keys.by_end.len(), keys.next()), (3, 2, 10));
        keys.remove(7, b"a");
        keys.remove(7, b"nobody");
        keys.remove(8, b"a");
        assert_eq!((keys.count, keys.next()), (2, 10));
        assert_eq!(keys.take_due(9), None);
        assert_eq!(keys.take_due(10), Some((7, b"c"[..].into())));
        assert_eq!((keys.take_due(19), keys.next()), (None, 20));
        assert_eq!(keys.take_due(20), Some((7, b"b"[..].into())));
        assert_eq!((keys.count, keys.next()), (0, NEVER));
        assert!(keys.by_hash.is_empty() && keys.by_end.is_empty());
    }

    #[test]
    fn a_time_that_is_set_again_takes_no_more_room() {
        let mut keys = Keys::default();
        (0..1_000_000).for_each(|end| keys.set(7, b"key", lease(end * 7 % 1_000_003)));
        assert_eq!((keys.by_hash.len(), keys.by_end.len(), keys.count), (1, 1, 1));
        for end in 0..1000 {
            keys.set(end, b"key", lease(end));
            keys.remove(end, b"key");
        }
        assert!(keys.by_hash.is_empty() && keys.by_end.is_empty() && keys.count == 0);
    }

    #[test]
    fn a_bucket_that_is_over_stays_so() {
        let times = Times::new(Registry::from_id(0), Bucket::from_id(0));
        assert!(!times.is_over(NEVER - 1));
        times.set_end(Some(lease(10))).unwrap();
        assert!(!times.is_over(9));
        times.renew(20).unwrap();
        assert_eq!((times.end(), times.is_over(20)), (21, false));
        times.set_end(None).unwrap();
        times.renew(30).unwrap();
        assert_eq!(times.end(), NEVER);
        times.set_end(Some(lease(40))).unwrap();
        assert!(times.is_over(40));
        assert_eq!(
            (times.set_end(None), times.renew(50), times.end()),
            (Err(Error::Dead), Err(Error::Dead), OVER)
        );
    }

    #[test]
    fn the_longest_time_is_no_overflow() {
        let longest = Lease::new(u64::MAX - 5, Duration::MAX);
        assert_eq!(longest.end, u64::MAX);
        assert!(Lease::new(1 << 60, Duration::from_millis(i64::MAX as u64)).end < NEVER);
        assert_eq!(Lease::new(0, Duration::ZERO).end, OVER + 1);
    }
}
