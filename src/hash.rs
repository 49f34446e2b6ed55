//! The keyed hash of names and keys.
//!
//! foldhash, seeded at random per registry: whoever chooses names cannot know which of them
//! fall together. The tree takes its path from the top bits and its tags from the bottom ones, so all 64 bits must be
//! good: hence the `quality` form, which mixes once more at the end.

use crate::sync::MODELLED;
use core::hash::{BuildHasher, Hasher};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

/// A seed, and the function that it makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash {
    seed: u64,
    shared: &'static SharedSeed,
    /// Bits that are not set here are lost, to see what happens when many keys have one hash.
    #[cfg(any(test, feature = "test-hooks"))]
    mask: u64,
}

impl Hash {
    pub(crate) fn random() -> Hash {
        Hash {
            seed: random_seed(),
            shared: SharedSeed::global_random(),
            #[cfg(any(test, feature = "test-hooks"))]
            mask: weak::mask(),
        }
    }

    #[inline(always)]
    pub(crate) fn of(&self, bytes: &[u8]) -> u64 {
        let hash = if (17..=32).contains(&bytes.len()) { self.of_two(bytes) } else { self.of_any(bytes) };
        #[cfg(any(test, feature = "test-hooks"))]
        let hash = hash & self.mask;
        hash
    }

    #[inline(always)]
    fn of_any(&self, bytes: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, self.shared);
        hasher.write(bytes);
        hasher.finish()
    }

    /// For 17 to 32 bytes, as two numbers that overlap. For more than 16 foldhash makes a call, and then whatever it is
    /// inlined into keeps its registers. Which length it is goes into the seed, as there. A lookup of 16 to 24 bytes
    /// takes 0.9 of the time at 10,000 names, and a get over the C interface 212 instructions in place of 233.
    #[inline(always)]
    fn of_two(&self, bytes: &[u8]) -> u64 {
        let seed = self.seed.rotate_right(bytes.len() as u32);
        let mut hasher = FoldHasher::with_seed(seed, self.shared);
        if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            hasher.write_u128(u128::from_ne_bytes(*first));
            hasher.write_u128(u128::from_ne_bytes(*last));
        }
        hasher.finish()
    }

    /// For tests: a hash that keeps only some bits.
    #[cfg(test)]
    pub(crate) fn weakened(mask: u64) -> Hash {
        Hash { mask, ..Hash::random() }
    }
}

/// For tests: makes the hashes of registries that start from now on bad ones.
#[cfg(any(test, feature = "test-hooks"))]
pub(crate) mod weak {
    use crate::sync::Ordering;
    use crate::sync::plain::AtomicU64;

    static MASK: AtomicU64 = AtomicU64::new(u64::MAX);

    pub(super) fn mask() -> u64 {
        MASK.load(Ordering::Relaxed) // Relaxed: a setting
    }

    #[cfg(feature = "test-hooks")]
    pub(crate) fn set_mask(mask: u64) {
        MASK.store(mask, Ordering::Relaxed); // as above
    }
}

/// A number that another process, or another copy of this library, does not share.
pub(crate) fn random_seed() -> u64 {
    // A model needs the same number in every run. The standard library draws the keys of each `RandomState` from the system's random numbers.
    if MODELLED { 1 } else { std::hash::RandomState::new().build_hasher().finish() }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn what_differs_in_its_length_or_in_one_bit_has_another_hash() {
        let hash = Hash::random();
        let mut seen: HashSet<_> = (0..200).map(|len| hash.of(&vec![0; len])).collect();
        assert_eq!(seen.len(), 200, "of zero bytes, one more each time");
        seen.clear();
        let mut bits = 0;
        for len in 1..64 {
            for bit in 0..8 * len {
                let mut bytes = vec![0x55; len];
                bytes[bit / 8] ^= 1 << (bit % 8);
                seen.insert(hash.of(&bytes));
                bits += 1;
            }
        }
        assert_eq!(seen.len(), bits);
    }

    #[test]
    fn names_that_are_numbered_are_spread_over_directories_and_tags() {
        let hash = Hash::random();
        for width in [4, 8, 16, 20, 28, 40] {
            let hashes: Vec<_> =
                (0..1 << 16).map(|i| hash.of(format!("user {i:0width$}").as_bytes())).collect();
            // Of 65,536 thrown at random into as many places, 41,427 places are hit, give or take 127.
            for bits in [|hash: u64| hash >> 48, |hash: u64| hash & 0xffff] {
                let hit = hashes.iter().map(|&hash| bits(hash)).collect::<HashSet<_>>().len();
                assert!((40_000..43_000).contains(&hit), "{hit} places, width {width}");
            }
        }
    }
}
