//! Many creates under one turn, as one announced change of the table: what each of them would do alone is done once, and
//! what they miss in the caches is asked for at once.
//!
//! Besides, nothing is different from as many creates: each name has its revision and its event, in their order, and a
//! name that is there already, or occurs twice, has its bucket.
//!
//! Measured over the C interface, ns for a name of 13 bytes, 64 at once and one by one; each the median of 5 runs of some
//! registries one after the other, and the same where nothing is given back to the system in between, so that no page has to
//! come from it again. "Before" each name was a change of its own under one turn.
//!
//! | names | one by one, before, now | many, before, now | ratio | without page faults | ratio |
//! |---|--:|--:|--:|--:|--:|
//! | 10 k | 102, 97 | 89, 51 | 0.88, 0.53 | 82, 38 | 0.47 |
//! | 100 k | 136, 125 | 120, 65 | 0.88, 0.52 | 111, 51 | 0.46 |
//! | 1 M | 275, 263 | 212, 132 | 0.77, 0.50 | 256, 125 | 0.49 |
//!
//! What is left is the memory: a page fault for every 70 names takes 12 to 14 ns of each name, as in a single create; at a
//! million, lines of slots that were used before (a sixth of the time), of leaves and of the keys of leaves that are split.
//!
//! What it came from, in the order in which it was done (ratios at 10 k, 100 k and 1 M): one pin, announcement, reserve of
//! slots and search for all, 0.56, 0.61, 0.60; slots asked for ahead, 1 M to 0.51; leaves split in registers, 0.54, 0.52,
//! 0.52; of a leaf only the lines that are needed, and not found a second time, 0.53, 0.52, 0.50. Tried besides, and
//! dropped since it gained nothing: asking for the keys of full leaves ahead; the short way to a spare entry inlined
//! here; the names of the packed list kept from the check that it is well-formed.

use super::shared::Shared;
use super::tell::release;
use super::turn::Turn;
use crate::bucket::BUCKETS;
use crate::epoch::{self, Pin};
use crate::error::Error;
use crate::table::Table;
use crate::tree::Spot;
use smallvec::SmallVec;

/// So many names are created under one turn, so that nobody waits long for it.
pub(super) const CREATES: usize = 64;

/// So many names ahead the memory is asked for the place of one: its leaf has come by then, which says where that is.
const AHEAD: usize = 8;

/// Creates some names, [`CREATES`] at most, under one turn, and visits their buckets.
pub(super) fn create_many(
    shared: &'static Shared,
    registry: u64,
    names: &[&[u8]],
    visit: impl FnMut(u64),
) -> Result<(), Error> {
    let mut turn = shared.turn.lock();
    let result = turn.create_many(shared, registry, names, visit);
    turn.finish_for_others(shared);
    release(turn);
    shared.waits.settle();
    result
}

#[inline(always)]
fn ask_for(table: &Table, pin: &Pin, names: &[&[u8]]) -> [Spot; CREATES] {
    let mut spots = [Spot::nowhere(); CREATES];
    for (spot, name) in spots.iter_mut().zip(names) {
        *spot = table.ask(pin, name);
    }
    spots
}

impl Turn {
    fn create_many(
        &mut self,
        shared: &'static Shared,
        registry: u64,
        names: &[&[u8]],
        mut visit: impl FnMut(u64),
    ) -> Result<(), Error> {
        let table = self.table(registry)?;
        let may_change = self.table_to_change(registry).map(|_| ());
        let first_revision = table.names.revision() + 1;
        let mut made = SmallVec::<[(u64, &[u8]); CREATES]>::new();
        let mut slots = BUCKETS.reserve();
        let (result, unseen) = {
            let pin = epoch::pin(); // no longer than this: else it would hold back what we free
            let spots = ask_for(table, &pin, names);
            let mut adding = table.begin_adding(&pin);
            let mut each = |i: usize| {
                spots[(i + AHEAD) % CREATES].ask_for_place();
                let take = || {
                    may_change?;
                    #[cfg(feature = "test-hooks")]
                    super::hooks::maybe_panic();
                    slots.take(names.len() - i).map(|place| (place.id, place))
                };
                let (id, is_new) = adding.find_or_add(spots[i], names[i], take, |place, name| {
                    place.data.fill(registry, table, name);
                    place.bring_to_life();
                })?;
                visit(id);
                if is_new && self.hub.is_some() {
                    made.push((id, names[i]));
                }
                Ok(())
            };
            let result = (0..names.len()).try_for_each(&mut each);
            (result, adding.end())
        };
        if let Some(hub) = &mut self.hub {
            for (revision, (id, name)) in (first_revision..).zip(made) {
                hub.created(id, name, revision);
            }
        }
        self.discard(shared, registry, unseen)?;
        result
    }
}
