//! How a registry is started.

use super::Registry;
use super::shared::{REGISTRIES, Shared};
use super::turn::Turn;
use crate::error::Error;
use crate::event::Hub;
use crate::supervisor::Limits;
use crate::sync::Ordering;
use crate::table::Table;
use std::time::Duration;

/// How a registry is started.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// A process-wide name under which it can be found, 0 to 65,535 bytes.
    pub name: Option<&'a [u8]>,
    /// How many events are remembered for subscriptions that begin in the past. None: 1,024, from the first
    /// subscription or handler on, so that nothing is spent when there is none.
    pub history: Option<usize>,
    /// When one of the registry's threads dies (those of asynchronous handlers are among them), it is started anew, but
    /// not more often than this within the window: then the registry makes no more changes to its table
    /// ([`Error::Stopped`]), reads go on, and what such handlers have not seen they are told in [`Registry::sync`] and
    /// [`Registry::stop`]. By default 3.
    pub max_restarts: u32,
    /// By default 5 s.
    pub restart_window: Duration,
    /// How long a change to a bucket waits while an update function or a commit in another thread has that bucket: then
    /// it gives [`Error::TimedOut`], and has changed nothing. None, the default: for ever.
    pub busy_timeout: Option<Duration>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        let Limits { max_restarts, window } = Limits::default();
        let restart_window = window;
        Options { name: None, history: None, max_restarts, restart_window, busy_timeout: None }
    }
}

/// Whether a start made the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// By this call.
    Now,
    /// It was running under this process-wide name.
    Before,
}

pub(super) fn start(options: Options<'_>) -> Result<Registry, Error> {
    let (index, slot) = REGISTRIES.take()?;
    let id = REGISTRIES.next_id(index);
    let shared = Shared::in_slot(slot);
    let table = Table::make(options.busy_timeout);
    let limits = Limits { max_restarts: options.max_restarts, window: options.restart_window };
    shared.threads.start(shared, id, limits);
    if let Err(error) = shared.keeper.start(shared, id, table) {
        shared.threads.end();
        // SAFETY: nobody else knows it.
        unsafe { Table::let_go(table) };
        REGISTRIES.give(index);
        return Err(error);
    }
    slot.table.store(table.as_ptr(), Ordering::Relaxed); // Relaxed: bringing the slot to life publishes it
    shared.timer.start(id);
    *shared.turn.lock() = Turn::new(id, table, options.history.map(Hub::new));
    shared.directory.begin(id);
    REGISTRIES.bring_to_life(index);
    Ok(Registry::from_id(id))
}
