//! A bucket's lock held for as long as its holder likes: by functions of the host, and by batches.

use super::change::{Step, Target, apply, clean_up};
use super::contents::Contents;
use super::item::Item;
use super::times::Time;
use super::{Right, access};
use crate::epoch;
use crate::error::Error;
use crate::fork;
use crate::lock::{Busy, Waited};
use crate::sync::memory;
use crate::tree::edit::Retired;
use std::ptr::NonNull;

/// A bucket whose lock is held for long. What it guards lives as long as this.
pub(crate) struct Long {
    contents: NonNull<Contents>,
}

impl Long {
    /// Takes a bucket's lock; [`Error::Deadlock`] instead of waiting if this thread has one already.
    pub(crate) fn take(bucket: u64) -> Result<Long, Error> {
        Long::take_next(bucket, 0, &mut Waited::default())
    }

    /// Takes the locks of several buckets, which stand in the order of their full handles.
    pub(crate) fn take_all(buckets: impl Iterator<Item = u64>) -> Result<Vec<Long>, Error> {
        let mut waited = Waited::default();
        buckets.zip(0..).map(|(bucket, taken)| Long::take_next(bucket, taken, &mut waited)).collect()
    }

    fn take_next(bucket: u64, taken: u32, waited: &mut Waited) -> Result<Long, Error> {
        fork::check()?;
        loop {
            let pin = epoch::pin();
            let slot = access::resolve(bucket, Right::Write)?;
            let contents: *const Contents = slot.contents_or_new(&pin)?;
            // SAFETY: alive while the pin is.
            let contents = unsafe { &*contents };
            match contents.lock().acquire_long(&pin) {
                Ok(()) => return Ok(Long { contents: NonNull::from(contents) }),
                Err(Busy) => {
                    let limit = slot.busy_limit(&pin);
                    contents.lock().wait(pin, taken, limit, waited)?;
                }
            }
        }
    }

    pub(crate) fn contents(&self) -> &Contents {
        memory::used(self.contents.as_ptr());
        // SAFETY: kept alive by the hold.
        unsafe { self.contents.as_ref() }
    }

    /// Looks at a key's item, lets `decide`, which may be anybody's and take its time, make something of a copy of
    /// what `look` sees in it, and does that. The key's time to live stays.
    pub(super) fn change<'a, L, R>(
        &self,
        bucket: u64,
        key: &[u8],
        look: impl FnOnce(Option<&Item>) -> Result<L, Error>,
        decide: impl FnOnce(L) -> Result<(Step<'a>, R), Error>,
    ) -> Result<R, Error> {
        let looked = {
            let pin = epoch::pin();
            look(self.contents().find(&pin, key))?
        };
        let (step, answer) = decide(looked)?;
        fork::check()?; // it may have forked
        let pin = epoch::pin();
        access::resolve(bucket, Right::Write)?; // it may have exited meanwhile
        let contents = self.contents();
        let (root, hash) = (contents.root(&pin), contents.hash().of(key));
        let target = Target { contents, root, seen: None, hash, key };
        let mut retired = Retired::new();
        let decide = |_: Option<&Item>, _| Ok((step, answer));
        let (answer, now) = apply(&pin, pin.announce(), (), target, Time::Keep, decide, &mut retired)?;
        clean_up(pin, contents, now, &retired);
        Ok(answer)
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        // SAFETY: this hold's contents, which are not touched again.
        unsafe { Contents::release_long(self.contents) }
    }
}
