//! In the place of `thread.rs` under a model checker, whose threads are none of the system's: there are none.

use crate::error::Error;
use std::thread::JoinHandle;

pub(crate) fn start(_name: String, _work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    Err(Error::Unsupported)
}

pub(crate) fn has_deadlines() -> bool {
    false
}
