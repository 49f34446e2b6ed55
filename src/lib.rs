//! kvreg: named buckets of typed keys and values, shared by all threads and all languages of one process.
//!
//! A [`Registry`] owns a table of names; each name leads to a [`Bucket`], a map from keys to typed [`Value`]s that
//! lives and exits like a process. Reads take no lock and wait for nobody. The C interface (`include/kvreg.h`) is
//! the main one; this crate is the same thing for Rust.
//!
//! ```
//! use kvreg::{Registry, Reason, Value};
//!
//! let registry = Registry::start()?;
//! let shopping = registry.create("shopping")?;
//! shopping.put("milk", 1)?;
//! assert_eq!(shopping.get("milk")?, Some(Value::Int(1)));
//! assert_eq!(registry.lookup("shopping")?, Some(shopping));
//!
//! shopping.stop(Reason::Normal)?;
//! assert_eq!(registry.lookup("shopping")?, None);
//! assert_eq!(shopping.get("milk"), Err(kvreg::Error::Dead));
//! registry.stop()?;
//! # Ok::<(), kvreg::Error>(())
//! ```
//!
//! # Map of the modules, from the ground up
//!
//! | module | noun |
//! |---|---|
//! | `sync` | the atomics and locks that everything below uses |
//! | `leave`, `fork` | what a thread holds when it ends; what a child may do |
//! | `epoch` | pins: what keeps memory alive under a reader that takes no lock |
//! | `pool` | memory for nodes, names and items: chunks of 64 KiB, many of them on huge pages, given back to the system |
//! | `prefetch` | asking the memory ahead |
//! | `tree` | the wide radix tree over hashes that tables and buckets are made of |
//! | `cuts` | the moments that snapshots show, and what is kept for them |
//! | `lock` | a lock in one word, for short changes and for long ones |
//! | `live` | a map that readers walk while one writer changes it, and whose past can be kept |
//! | `slot` | ids, and the table of slots behind them |
//! | `handle` | objects behind ids, counted |
//! | `name`, `value`, `hash` | names, values, the keyed hash |
//! | `table` | the map from names to buckets |
//! | `registry` | a table, the turn to change it, its threads: one keeps it, one ends what has a time; loaders |
//! | `owner` | a lifetime that buckets and others are tied to |
//! | `directory` | objects of others under composite keys |
//! | `bucket` | a bucket's life, its contents, the ways to change them, and when they end |
//! | `snapshot` | a registry or a bucket at one moment, as a value |
//! | `event` | what happens to buckets, for those who listen |
//! | `batch` | many changes as one |
//! | `thread` | threads of kvreg's own |
//! | `supervisor` | workers on such threads, which are restarted when they fail |
//! | `log` | what kvreg has to say for itself |
//! | `capi` | the C interface over all of it |
//!
//! The same code runs under the model checkers loom and shuttle: `models` has what they need in the place of some of these
//! modules, and the models.

mod batch;
mod bucket;
#[cfg(feature = "capi")]
pub mod capi;
mod cuts;
mod directory;
mod epoch;
mod error;
mod event;
mod fork;
mod handle;
mod hash;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/leave.rs")]
mod leave;
mod live;
mod lock;
mod log;
#[cfg(all(test, any(loom, shuttle)))]
mod models;
mod name;
mod owner;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/pool.rs")]
mod pool;
mod prefetch;
mod registry;
mod slot;
mod snapshot;
mod supervisor;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/sync.rs")]
mod sync;
mod table;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/thread.rs")]
mod thread;
mod tree;
mod value;

pub use batch::Batch;
pub use bucket::{Access, Bounds, Bucket, Reason, Update};
pub use directory::{Entry, Object, Register, Registration};
pub use error::Error;
pub use event::{
    Event, EventKind, Filter, Handler, HandlerOptions, Mode, Monitor, Of, Overflow, Start, SubscribeOptions,
    Subscription,
};
pub use log::{Level, clear_log, set_log};
pub use name::MAX_LEN as NAME_MAX;
pub use owner::Owner;
#[cfg(not(all(test, any(loom, shuttle))))]
pub use registry::RegistryStats;
#[cfg(feature = "test-hooks")]
pub use registry::hooks;
pub use registry::{Create, Options, Registry, Started};
pub use snapshot::{Cursor, Snapshot};
pub use supervisor::{
    ChildId, Life, Restart, Strategy, Supervisor, SupervisorOptions, SupervisorStats, Worker, WorkerOptions,
    WorkerStats,
};
pub use value::{Blob, Text, Value, ValueRef};
