//! Where the pool's chunks come from: regions of 2 MiB, some of which lie on a huge page.
//!
//! A processor finds the address of a huge page in its tables where those of 512 small ones would not fit. But to make
//! one is to clear 2 MiB, which would stop whoever touches it first for a tenth of a millisecond. So that is done ahead,
//! by a registry's thread ([`stock`]): once there is much to keep, one region with its pages is ready. A writer that
//! needs a region while none is ready takes small pages, as they come, and never waits. If the system makes no huge
//! pages the ready region has small ones.
//!
//! Measured, a million names or keys, medians of one run, as ratios to what there was before (nodes on small pages, entries
//! from malloc): get 0.83, put of a number over a number 0.82, lookup 0.81, create 0.82, memory of a name with its bucket
//! 0.95; the slowest create of a million 0.16 ms and before 0.38 ms.
//!
//! Tried besides: the thread on whatever CPU it wakes (it wakes on the writer's where the other is thought to be busy, and
//! the slowest create takes 0.57 ms); SCHED_IDLE and SCHED_BATCH for it (it waits beside an idle CPU, so nothing is ready
//! in time); chunks of slots on huge pages too (create 0.96 and its p99 0.6, but 4 bytes more for a name and one
//! more call of the thread for every chunk, which p99.99 shows).
//!
//! Invariants:
//! 1. A chunk is in use, or without pages (in `bare` or `empty`), or it has pages and waits: behind `cut`, in `ready`,
//!    in `making`, or in the hands of who gives its pages back.
//! 2. A region is in `bare` if some of its chunks are without pages, with a bit for each of them, and in `empty` if all
//!    are.

use super::helpers::call_helper;
use crate::sync::Mutex;
use crate::thread;
use std::collections::BTreeMap;
use std::ptr::{self, NonNull};

pub(super) const CHUNK: usize = 64 << 10;
const REGION: usize = 2 << 20;
/// The system's page, or a part of it.
const PAGE: usize = 4 << 10;
/// A bit for each of a region's chunks.
type Mask = u32;
const WHOLE: Mask = Mask::MAX;
const _: () = assert!(REGION / CHUNK == Mask::BITS as usize);

/// So many chunks must be in use that one more region does not matter, before one is made ready …
const MANY: usize = (8 << 20) / CHUNK;
/// … and so few that it is given up.
const FEW: usize = MANY / 2;
/// When none could be made ready (there is one CPU), so many chunks more are taken before anybody is asked again.
const REST: usize = 1024;
/// Regions for which address space is reserved at once: at first one, then as many as there are, but no more than this.
const RESERVED: usize = 16;

struct Pages {
    /// How many chunks are in use.
    used: usize,
    /// How many regions there are.
    regions: usize,
    bare: BTreeMap<usize, Mask>,
    empty: Vec<usize>,
    /// From here to the end of its region chunks have pages. 0 if there is no such region.
    cut: usize,
    /// A region with pages, or 0.
    ready: usize,
    /// A region that gets its pages just now, or 0.
    making: usize,
    /// Where somebody asked for one last.
    cpu: usize,
    /// So many chunks more are taken before anybody is asked.
    rest: usize,
}

static PAGES: Mutex<Pages> = Mutex::new(Pages::new());

/// CHUNK bytes of address space, aligned to CHUNK, readable and writable. None if the system has none.
pub(super) fn take() -> Option<NonNull<u8>> {
    let mut pages = PAGES.lock();
    let chunk = pages.take()?;
    let ask = pages.asks();
    drop(pages);
    if ask {
        call_helper(); // if there is none, pages come as they are touched
    }
    NonNull::new(ptr::with_exposed_provenance_mut(chunk))
}

/// # Safety
/// `chunk` came from [`take`], and nobody uses it any more.
pub(super) unsafe fn give_back(chunk: NonNull<u8>) {
    let chunk = chunk.as_ptr().addr();
    // SAFETY: this function's contract.
    unsafe { discard(chunk, CHUNK) };
    let mut pages = PAGES.lock();
    pages.used -= 1;
    pages.add_bare(chunk, CHUNK);
    if pages.used >= FEW {
        return;
    }
    let spare = pages.take_spare();
    drop(pages);
    for (place, bytes) in spare.into_iter().filter(|&(place, _)| place != 0) {
        // SAFETY: ours since it was taken out, and no chunk was cut from it.
        unsafe { discard(place, bytes) };
        PAGES.lock().add_bare(place, bytes);
    }
}

/// How many bytes are the system's no more.
pub(super) fn bytes() -> usize {
    let pages = PAGES.lock();
    let ready = if pages.ready == 0 { 0 } else { REGION };
    pages.used * CHUNK + (pages.cut.next_multiple_of(REGION) - pages.cut) + ready
}

/// Makes a region ready if there should be one. It takes some tenths of a millisecond, and holds nobody up: least of all
/// who asked for it, on whose CPU it is not done.
pub(crate) fn stock() {
    let Some((region, cpu)) = PAGES.lock().begin_making() else { return };
    let made = thread::away_from(cpu, || fill(region));
    if PAGES.lock().end_making(made.is_some()) {
        return;
    }
    // SAFETY: ours since it was taken out, and no chunk was cut from it.
    unsafe { discard(region, REGION) };
    PAGES.lock().empty.push(region);
}

/// Gives a region its pages.
fn fill(region: usize) {
    // SAFETY: a region of ours, in which there is nothing. If the system refuses, its pages are small.
    unsafe { libc::madvise(ptr::with_exposed_provenance_mut(region), REGION, libc::MADV_HUGEPAGE) };
    // Not by MADV_POPULATE_WRITE, which has the lock of the address space meanwhile: others may want to map memory.
    for page in (region..region + REGION).step_by(PAGE) {
        // SAFETY: as above.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(page).write_volatile(0) };
    }
    keep_small(region, REGION);
}

impl Pages {
    const fn new() -> Pages {
        Pages {
            used: 0,
            regions: 0,
            bare: BTreeMap::new(),
            empty: Vec::new(),
            cut: 0,
            ready: 0,
            making: 0,
            cpu: 0,
            rest: 0,
        }
    }

    fn take(&mut self) -> Option<usize> {
        let chunk = if self.cut != 0 {
            self.cut_chunk()
        } else if let Some(mut region) = self.bare.first_entry() {
            let i = region.get().trailing_zeros() as usize;
            *region.get_mut() &= !(1 << i);
            let chunk = region.key() + i * CHUNK;
            if *region.get() == 0 {
                region.remove();
            }
            chunk
        } else if self.ready != 0 {
            self.cut = std::mem::take(&mut self.ready);
            self.cut_chunk()
        } else {
            let region = self.take_empty()?;
            self.bare.insert(region, WHOLE & !1);
            region
        };
        self.used += 1;
        Some(chunk)
    }

    fn cut_chunk(&mut self) -> usize {
        let chunk = self.cut;
        self.cut += CHUNK;
        if self.cut.is_multiple_of(REGION) {
            self.cut = 0;
        }
        chunk
    }

    fn take_empty(&mut self) -> Option<usize> {
        if self.empty.is_empty() {
            self.reserve()?;
        }
        self.empty.pop()
    }

    /// Gets more address space.
    #[cold]
    fn reserve(&mut self) -> Option<()> {
        let regions = self.regions.clamp(1, RESERVED);
        // Where there is no room for as many there may still be for one.
        let (regions, first) = map(regions).map(|first| (regions, first)).or_else(|| Some((1, map(1)?)))?;
        keep_small(first, regions * REGION);
        self.empty.extend((0..regions).rev().map(|i| first + i * REGION));
        self.regions += regions;
        Some(())
    }

    /// Takes up chunks without pages, in one region.
    fn add_bare(&mut self, place: usize, bytes: usize) {
        let (region, first) = (place & !(REGION - 1), place % REGION / CHUNK);
        let mask = WHOLE >> (Mask::BITS as usize - bytes / CHUNK) << first;
        let all = self.bare.entry(region).or_default();
        *all |= mask;
        if *all == WHOLE {
            self.bare.remove(&region);
            self.empty.push(region);
        }
    }

    /// Whether a region should be made ready.
    fn wants_more(&self) -> bool {
        self.used >= MANY && self.ready == 0 && self.making == 0
    }

    /// For who has taken a chunk: whether a helper is to be called.
    fn asks(&mut self) -> bool {
        self.rest = self.rest.saturating_sub(1);
        let asks = self.rest == 0 && self.wants_more();
        if asks {
            // SAFETY: a plain call. If it fails, the CPU is none that there is.
            self.cpu = unsafe { libc::sched_getcpu() } as usize;
        }
        asks
    }

    /// A region, and the CPU of who asked for it.
    fn begin_making(&mut self) -> Option<(usize, usize)> {
        if self.rest == 0 && self.wants_more() {
            self.making = self.take_empty()?;
            return Some((self.making, self.cpu));
        }
        None
    }

    /// The region has its pages, or has got none. Tells whether it is taken up: not if there is little in use by now.
    fn end_making(&mut self, made: bool) -> bool {
        let region = std::mem::take(&mut self.making);
        match made {
            false => {
                self.rest = REST;
                self.empty.push(region);
            }
            true if self.used >= FEW => self.ready = region,
            true => return false,
        }
        true
    }

    /// Takes out what has pages and is not used: places, or 0, and how many bytes they have.
    fn take_spare(&mut self) -> [(usize, usize); 2] {
        let (cut, ready) = (std::mem::take(&mut self.cut), std::mem::take(&mut self.ready));
        [(cut, cut.next_multiple_of(REGION) - cut), (ready, REGION)]
    }
}

/// Address space for so many regions, aligned; None if the system has none.
fn map(regions: usize) -> Option<usize> {
    // SAFETY: an anonymous mapping at an address of the system's choice touches nothing that exists.
    let place = unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(ptr::null_mut(), (regions + 1) * REGION, access, flags, -1, 0)
    };
    // One region longer than what is used of it, which is aligned.
    (place != libc::MAP_FAILED).then(|| place.expose_provenance().next_multiple_of(REGION))
}

/// Sees to it that no huge pages are made here from now on; those that there are stay. So who touches memory that was
/// given back does not have to make another.
fn keep_small(place: usize, bytes: usize) {
    // SAFETY: our own mapping; what is in it does not change. If the system knows no huge pages, there is nothing to do.
    unsafe { libc::madvise(ptr::with_exposed_provenance_mut(place), bytes, libc::MADV_NOHUGEPAGE) };
}

/// Gives pages back to the system. If it refuses, they stay resident.
///
/// # Safety
/// Whole pages of our own mapping, whose contents nobody needs.
unsafe fn discard(place: usize, bytes: usize) {
    // SAFETY: this function's contract.
    unsafe { libc::madvise(ptr::with_exposed_provenance_mut(place), bytes, libc::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As [`stock`], wherever this thread is.
    fn make_ready(pages: &mut Pages) -> bool {
        let Some((region, _)) = pages.begin_making() else { return false };
        assert_eq!(pages.begin_making(), None, "one at a time");
        fill(region);
        assert!(pages.end_making(true));
        true
    }

    fn give_back_all(pages: &mut Pages, chunks: impl IntoIterator<Item = usize>) {
        for chunk in chunks {
            pages.used -= 1;
            pages.add_bare(chunk, CHUNK);
        }
    }

    #[test]
    fn chunks_are_apart_and_regions_are_used_again() {
        let mut pages = Pages::new();
        let mut regions = 0;
        for round in 0..4 {
            let mut chunks = Vec::new();
            while chunks.len() < 10 * MANY {
                chunks.push(pages.take().unwrap());
                make_ready(&mut pages);
            }
            assert!(chunks.iter().all(|chunk| chunk.is_multiple_of(CHUNK)));
            chunks.sort_unstable();
            chunks.dedup();
            assert_eq!(chunks.len(), 10 * MANY);
            if round == 0 {
                regions = pages.regions;
            }
            assert_eq!(pages.regions, regions, "no more address space than the first time");
            // Every second one first, so that all regions are in part without pages.
            let (i, j): (Vec<_>, Vec<_>) =
                chunks.into_iter().partition(|chunk| (chunk / CHUNK).is_multiple_of(2));
            give_back_all(&mut pages, i);
            assert!(pages.bare.len() >= 10 * MANY / 32 - 2);
            give_back_all(&mut pages, j);
            for (place, bytes) in pages.take_spare().into_iter().filter(|&(place, _)| place != 0) {
                pages.add_bare(place, bytes);
            }
            assert!(pages.bare.is_empty());
            assert_eq!(pages.empty.len(), pages.regions);
        }
    }

    #[test]
    fn a_region_is_made_ready_once_there_is_much_and_what_was_given_back_is_used_first() {
        let mut pages = Pages::new();
        let mut chunks: Vec<_> = (0..MANY - 1).map(|_| pages.take().unwrap()).collect();
        assert!(!make_ready(&mut pages), "too little is in use");
        chunks.push(pages.take().unwrap());
        assert!(make_ready(&mut pages));
        assert!(!make_ready(&mut pages), "there is one");
        let ready = pages.ready;
        let back = chunks.swap_remove(5);
        give_back_all(&mut pages, [back]);
        assert_eq!(pages.take(), Some(back));
        assert_eq!((pages.take(), pages.ready), (Some(ready), 0));
        assert!(make_ready(&mut pages));
        let rest: Vec<_> = (1..REGION / CHUNK).map(|_| pages.take().unwrap()).collect();
        assert!(rest.iter().enumerate().all(|(i, &chunk)| chunk == ready + (i + 1) * CHUNK));
        assert_eq!(pages.cut, 0);
        assert_ne!(pages.ready, 0);
    }

    #[test]
    fn a_region_that_is_made_too_late_or_in_vain_is_given_up() {
        let mut pages = Pages::new();
        let mut chunks: Vec<_> = (0..MANY).map(|_| pages.take().unwrap()).collect();
        let (region, _) = pages.begin_making().unwrap();
        let rest = chunks.split_off(FEW - 1);
        give_back_all(&mut pages, rest);
        assert!(!pages.end_making(true), "there is little by now");
        assert_eq!((pages.ready, pages.making), (0, 0));
        pages.empty.push(region);
        chunks.extend((FEW - 1..MANY).map(|_| pages.take().unwrap()));
        assert!(pages.asks());
        assert!(pages.begin_making().is_some());
        assert!(pages.end_making(false), "nothing is to be given back");
        assert_eq!((pages.ready, pages.making), (0, 0));
        for _ in 1..REST {
            chunks.push(pages.take().unwrap());
            assert!(!pages.asks(), "it was in vain");
            assert_eq!(pages.begin_making(), None);
        }
        chunks.push(pages.take().unwrap());
        assert!(pages.asks() && pages.begin_making().is_some());
    }
}
