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
//! | `pool` | memory for tree nodes, given back to the system in chunks of 64 KiB |
//! | `tree` | the wide radix tree over hashes that tables and buckets are made of, and its versions |
//! | `slot` | ids, and the table of slots behind them |
//! | `name`, `value`, `hash` | names, values, the keyed hash |
//! | `table` | the map from names to buckets, published as immutable versions |
//! | `registry` | a table, the turn to change it, its thread |
//! | `bucket` | a bucket's life and its contents |
//! | `capi` | the C interface over all of it |

mod bucket;
#[cfg(feature = "capi")]
pub mod capi;
mod epoch;
mod error;
mod fork;
mod hash;
mod leave;
mod name;
mod pool;
mod registry;
mod slot;
mod sync;
mod table;
mod tree;
mod value;

pub use bucket::{Bucket, Reason};
pub use error::Error;
pub use name::MAX_LEN as NAME_MAX;
#[cfg(feature = "test-hooks")]
pub use registry::hooks;
pub use registry::{Options, Registry, Started};
pub use value::{Blob, Text, Value, ValueRef};
