//! What a registry consists of, and where it is found by its id.

use super::keeper::Keeper;
use super::mailbox::Mailbox;
use super::threads::Threads;
use super::timer::Timer;
use super::turn::Turn;
use crate::directory::Directory;
use crate::epoch::Pin;
use crate::error::Error;
use crate::event::Waits;
use crate::slot::{Home, Kind, SlotData, Slots};
use crate::sync::{AtomicPtr, Mutex, Ordering, global, memory};
use crate::table::Table;

global! {
    pub(crate) static REGISTRIES: Slots<RegistrySlot> = Slots::new();
}

#[derive(Default)]
pub(crate) struct RegistrySlot {
    /// Held while the registry runs.
    pub(super) table: AtomicPtr<Table>,
    shared: AtomicPtr<Shared>,
}

// SAFETY: NULLs, without a destructor.
unsafe impl SlotData for RegistrySlot {
    const KIND: Kind = Kind::Registry;
}

impl Home for RegistrySlot {
    fn slots() -> &'static Slots<RegistrySlot> {
        &REGISTRIES
    }
}

impl RegistrySlot {
    /// The table, alive while the pin is under which this slot was resolved.
    #[inline(always)]
    pub(super) fn table<'p>(&self, _pin: &'p Pin) -> &'p Table {
        // SAFETY: set before the slot came to life, and freed only when no pin is left that saw it alive.
        // Relaxed: the slot was seen to be alive, which publishes it.
        unsafe { &*self.table.load(Ordering::Relaxed) }
    }
}

/// What changes a registry. Never freed: the next registry of its slot takes it over, and everything in it says whose
/// it is at the moment.
pub(crate) struct Shared {
    /// The right to change the table.
    pub(super) turn: Mutex<Turn>,
    /// Changes that found the turn busy.
    pub(super) mailbox: Mailbox,
    /// What a change waits for after its turn.
    pub(super) waits: Waits,
    pub(super) threads: Threads,
    pub(super) keeper: Keeper,
    /// Objects of others, under keys of their own.
    pub(super) directory: Directory,
    pub(super) timer: Timer,
}

#[inline(always)]
pub(super) fn slot_of(id: u64) -> Result<&'static RegistrySlot, Error> {
    REGISTRIES.resolve(id).map_err(|error| if error == Error::Dead { Error::Stopped } else { error })
}

impl Shared {
    pub(super) fn of(id: u64) -> Result<&'static Shared, Error> {
        // Acquire: see the Shared that was published.
        // SAFETY: never freed, and set before the slot came to life.
        Ok(unsafe { &*slot_of(id)?.shared.load(Ordering::Acquire) })
    }

    /// That of a registry that ran, or of the one that has its slot now.
    pub(super) fn of_any(id: u64) -> Option<&'static Shared> {
        // SAFETY: never freed. Acquire: see the Shared that was published.
        unsafe { REGISTRIES.slot(id).shared.load(Ordering::Acquire).as_ref() }
    }

    /// Waits until nobody has the right to change the table that this registry had: if it is being stopped, that is done
    /// then. (Its slot may be another's by now, whose turn is then waited for in vain.)
    pub(super) fn wait_for_end(id: u64) {
        if let Some(shared) = Shared::of_any(id) {
            drop(shared.turn.lock());
        }
    }

    /// The Shared of a slot that was taken: the last registry's, or a new one.
    pub(super) fn in_slot(slot: &'static RegistrySlot) -> &'static Shared {
        let mut shared = slot.shared.load(Ordering::Relaxed); // Relaxed: the slot is the caller's alone
        if shared.is_null() {
            shared = memory::keep(Shared {
                turn: Mutex::new(Turn::nobodys()),
                mailbox: Mailbox::new(),
                waits: Waits::new(),
                threads: Threads::new(),
                keeper: Keeper::new(),
                directory: Directory::new(),
                timer: Timer::new(),
            });
            slot.shared.store(shared, Ordering::Release); // Release: publishes it
        }
        // SAFETY: never freed.
        unsafe { &*shared }
    }
}
