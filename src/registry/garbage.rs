//! What pinned threads may still see of names and buckets that are gone.

use crate::bucket::{BUCKETS, Contents};
use crate::epoch::Limbo;
use crate::name::Name;
use crate::tree::Entry;

pub(super) enum Garbage {
    /// A name that no version shows.
    Name(*const Name),
    /// The slot of a bucket that exited.
    Slot(u32),
    /// The contents of one, closed.
    Contents(*mut Contents),
}

// SAFETY: whoever has the garbage is the only one who will free it.
unsafe impl Send for Garbage {}

/// Frees what no pinned thread can see any more. Contents are handed to `free`, which may take its time with them.
pub(super) fn collect(limbo: &mut Limbo<Garbage>, mut free: impl FnMut(Box<Contents>)) {
    let mut busy = Vec::new();
    limbo.collect(|garbage| match garbage {
        // SAFETY: no version and no pin shows it any more, and each name is retired once.
        Garbage::Name(name) => unsafe { Name::release(name) },
        Garbage::Slot(index) => BUCKETS.give(index),
        // SAFETY: not freed yet, since it is here.
        Garbage::Contents(contents) if unsafe { (*contents).in_use() } => busy.push(contents),
        // SAFETY: closed, and neither pins nor users lead to it any more, so it is ours; it came out of a Box.
        Garbage::Contents(contents) => free(unsafe { Box::from_raw(contents) }),
    });
    busy.into_iter().for_each(|contents| limbo.push(Garbage::Contents(contents)));
}
