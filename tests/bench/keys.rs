//! The keys: byte strings of 16 to 24 bytes, as names of sessions, users or rooms are.

use std::ops::Deref;

/// A key of up to 24 bytes, in place: reading keys one after the other is reading memory in order.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; 24],
    len: u8,
}

impl Deref for Key {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }
}

/// `count` different keys, the same ones in every run.
pub(crate) fn keys(count: usize) -> Vec<Key> {
    let mut random = Random::new(1);
    let key = |_| {
        let number = random.next(); // comes back after 2^64 - 1 others only, so no two keys are the same
        let text = format!("{number:016x}-session");
        let len = 16 + number % 9;
        let mut bytes = [0; 24];
        bytes.copy_from_slice(text.as_bytes());
        Key { bytes, len: len as u8 }
    };
    (0..count).map(key).collect()
}

/// Keys picked at random, for one thread to work through again and again. They are laid out in the order of use: no
/// row pays for making a key, nor for a cache miss on the caller's copy of it.
pub(crate) fn picks(keys: &[Key], thread: usize) -> Vec<Key> {
    /// Enough that no processor learns the order by heart.
    const AT_LEAST: usize = 4096;
    let mut random = Random::new(1000 + thread as u64);
    let count = keys.len().max(AT_LEAST);
    (0..count).map(|_| keys[(random.next() % keys.len() as u64) as usize]).collect()
}

/// Xorshift, 64 bits.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
