//! A registry's threads, under a supervisor: one that dies is started anew and finds everything where it was, since
//! nothing that matters is a thread's own. When more die than the options allow, the registry makes no more changes;
//! reads go on.

use super::Shared;
use crate::error::Error;
use crate::slot::index_of;
use crate::supervisor::bell::Bell;
use crate::supervisor::{Inside, Limits, OwnThread};
use crate::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Threads(Mutex<Option<Arc<Inside>>>);

impl Threads {
    pub(super) fn new() -> Threads {
        Threads::default()
    }

    /// For a registry that starts, which has no threads yet.
    pub(super) fn start(&self, shared: &'static Shared, registry: u64, limits: Limits) {
        let name = format!("registry {}", index_of(registry));
        let fail = move |_: &str| {
            shared.turn.lock().fail(registry);
            shared.timer.fail(registry);
        };
        let supervisor = Inside::new(&name, limits, fail);
        *self.0.lock() = Some(Arc::new(supervisor));
    }

    /// Starts a thread `kvreg-<name>`: see [`Inside::child`]. A system shows the first 9 letters of the name.
    pub(super) fn child(
        &self,
        name: &str,
        bell: &Arc<Bell>,
        patience: Option<Duration>,
        run: impl Fn(&Bell) + Send + Sync + 'static,
    ) -> Result<OwnThread, Error> {
        self.supervisor().ok_or(Error::Stopped)?.child(name, bell, patience, run)
    }

    /// Ends them all and waits for that, but not for the thread that calls.
    pub(super) fn end(&self) {
        let supervisor = self.0.lock().take();
        if let Some(supervisor) = supervisor {
            supervisor.end();
        }
    }

    /// Why they have all ended, if they have.
    pub(super) fn reason(&self) -> String {
        self.supervisor().map_or(String::new(), |supervisor| supervisor.reason())
    }

    pub(super) fn supervisor(&self) -> Option<Arc<Inside>> {
        self.0.lock().clone()
    }
}
