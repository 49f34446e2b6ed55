//! The keyed hash of names and keys.
//!
//! foldhash, seeded at random per registry and per bucket's registry: whoever chooses names cannot know which of them
//! fall together. The tree takes its path from the top bits and its tags from the bottom ones, so all 64 bits must be
//! good: hence the `quality` form, which mixes once more at the end.

use core::hash::{BuildHasher, Hasher};
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// A seed, and the function that it makes.
#[derive(Clone, Debug)]
pub(crate) struct Hash(SeedableRandomState);

impl Hash {
    pub(crate) fn random() -> Hash {
        Hash(SeedableRandomState::with_seed(random_seed(), SharedSeed::global_random()))
    }

    #[inline(always)]
    pub(crate) fn of(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

/// A number that another process, or another copy of this library, does not share.
pub(crate) fn random_seed() -> u64 {
    // The standard library draws the keys of each `RandomState` from the system's random numbers.
    std::hash::RandomState::new().build_hasher().finish()
}
