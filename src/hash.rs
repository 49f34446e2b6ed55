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
        let mut hasher = FoldHasher::with_seed(self.seed, self.shared);
        hasher.write(bytes);
        let hash = hasher.finish();
        #[cfg(any(test, feature = "test-hooks"))]
        let hash = hash & self.mask;
        hash
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
