//! What can be asked about a registry as a whole.

use super::{Registry, Shared, slot_of};
use crate::epoch;
use crate::error::Error;
use crate::fork;
use crate::pool;
use crate::supervisor::Life;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// A registry at one moment; what its threads and callers change meanwhile may be of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryStats {
    /// [`Life::Running`], or [`Life::Failed`] if it makes no more changes to its table.
    pub life: Life,
    /// Why it makes none, or nothing.
    pub reason: String,
    /// How many names the table has.
    pub names: u64,
    /// How many changes the table has seen.
    pub revision: u64,
    /// How many snapshots are held, counting those that were taken out of another one.
    pub snapshots: u64,
    /// How many things wait to be sorted out and freed since their snapshots were closed.
    pub backlog: u64,
    /// Whether there is something to be freed by the registry's thread.
    pub untidy: bool,
    /// How many changes wait for the turn.
    pub mailbox: u64,
    /// How often the registry's thread was started anew.
    pub keeper_restarts: u64,
    /// How often the timer's thread was.
    pub timer_restarts: u64,
    /// In how many buckets anything has a time to live.
    pub timed_buckets: u64,
    /// How many subscriptions there are.
    pub subscriptions: u64,
    /// How many handlers.
    pub handlers: u64,
    /// How many events wait in all queues of both.
    pub queued: u64,
    /// How many wait in the longest of them.
    pub longest_queue: u64,
    /// How long the longest call of a handler took.
    pub slowest_handler: Duration,
    /// How many calls of handlers failed.
    pub handler_failures: u64,
    /// Bytes of memory that the nodes, names and small items of all registries of this process have from the system.
    pub node_bytes: u64,
    /// How often threads of handlers were started anew.
    pub handler_restarts: u64,
}

/// How those who listen to a registry stand.
struct Listening {
    /// How much is in the queue of each, by its id.
    depths: BTreeMap<u64, u64>,
    /// The ids of the handlers among them; of each, how long its longest call took in nanoseconds, how many have failed,
    /// and how often its thread was started anew.
    handlers: Vec<(u64, [u64; 3])>,
}

impl Listening {
    /// Of all handlers together.
    fn total(&self) -> [u64; 3] {
        self.handlers.iter().fold([0; 3], |[most, failures, restarts], (_, [slowest, failed, restarted])| {
            [most.max(*slowest), failures + failed, restarts + restarted]
        })
    }

    /// A line about each.
    fn write(mut self, text: &mut String) {
        for (id, [slowest, failures, restarts]) in self.handlers {
            let queued = self.depths.remove(&id).unwrap_or(0); // one that is just being removed has no queue
            let _ = writeln!(
                text,
                "handler {id} queued {queued} slowest_ns {slowest} failures {failures} restarts {restarts}"
            );
        }
        for (id, queued) in self.depths {
            let _ = writeln!(text, "subscription {id} queued {queued}");
        }
    }
}

impl Registry {
    /// What there is to say about the registry. It waits for changes under way.
    pub fn stats(self) -> Result<RegistryStats, Error> {
        self.look().map(|(stats, _)| stats)
    }

    /// The same, and about each who listens.
    fn look(self) -> Result<(RegistryStats, Listening), Error> {
        fork::check()?;
        let shared = Shared::of(self.0)?;
        let turn = shared.turn.lock();
        let failed = turn.is_failed(self.0)?;
        let reason = if failed { shared.threads.reason() } else { String::new() };
        let listening = Listening {
            depths: turn.hub.as_ref().map_or(BTreeMap::new(), |hub| hub.depths()),
            handlers: shared.waits.figures(),
        };
        let (depths, handlers) = (&listening.depths, listening.handlers.len() as u64);
        let [slowest, handler_failures, handler_restarts] = listening.total();
        let pin = epoch::pin();
        let table = slot_of(self.0)?.table(&pin);
        let (snapshots, backlog) = table.cuts.figures();
        let stats = RegistryStats {
            life: if failed { Life::Failed } else { Life::Running },
            reason,
            names: table.names.count(),
            revision: table.names.revision(),
            snapshots,
            backlog,
            untidy: table.cuts.is_untidy(),
            mailbox: shared.mailbox.len() as u64,
            keeper_restarts: shared.keeper.bell.restarts(),
            timer_restarts: shared.timer.restarts(),
            timed_buckets: shared.timer.planned() as u64,
            subscriptions: (depths.len() as u64).saturating_sub(handlers),
            handlers,
            queued: depths.values().sum(),
            longest_queue: depths.values().max().copied().unwrap_or(0),
            slowest_handler: Duration::from_nanos(slowest),
            handler_failures,
            node_bytes: pool::bytes(),
            handler_restarts,
        };
        Ok((stats, listening))
    }

    /// The same as text: a line `name value` for each, always in this order, then one about each handler and subscription,
    /// by their ids; the reason, if there is one, is the last.
    pub fn describe(self) -> Result<String, Error> {
        let (stats, listening) = self.look()?;
        let mut text = format!("state {}\n", stats.life.name());
        for (name, value) in [
            ("names", stats.names),
            ("revision", stats.revision),
            ("snapshots", stats.snapshots),
            ("backlog", stats.backlog),
            ("untidy", stats.untidy.into()),
            ("mailbox", stats.mailbox),
            ("keeper_restarts", stats.keeper_restarts),
            ("timer_restarts", stats.timer_restarts),
            ("timed_buckets", stats.timed_buckets),
            ("subscriptions", stats.subscriptions),
            ("handlers", stats.handlers),
            ("queued", stats.queued),
            ("longest_queue", stats.longest_queue),
            ("slowest_handler_ns", stats.slowest_handler.as_nanos() as u64),
            ("handler_failures", stats.handler_failures),
            ("node_bytes", stats.node_bytes),
            ("handler_restarts", stats.handler_restarts),
        ] {
            let _ = writeln!(text, "{name} {value}");
        }
        listening.write(&mut text);
        if !stats.reason.is_empty() {
            let _ = writeln!(text, "reason {}", stats.reason.replace(['\n', '\r'], " "));
        }
        Ok(text)
    }
}
