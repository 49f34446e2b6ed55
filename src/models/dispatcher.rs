//! In the place of `event/dispatcher.rs` under a model checker: no threads, so whoever waits for a handler runs it.

use super::called::Called;
use crate::error::Error;
use crate::sync::Arc;

pub(super) struct Dispatcher;

impl Dispatcher {
    pub(super) fn new() -> Dispatcher {
        Dispatcher
    }

    pub(super) fn begin(&self, _: &Arc<Called>) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    pub(super) fn ring(&self) {}

    pub(super) fn is_there(&self) -> bool {
        false
    }

    pub(super) fn end(&self, _wait: bool) {}

    pub(super) fn restarts(&self) -> u64 {
        0
    }
}
