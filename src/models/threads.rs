//! In the place of `registry/threads.rs` under a model checker: no threads.

use super::Shared;

pub(super) struct Threads;

impl Threads {
    pub(super) fn new() -> Threads {
        Threads
    }

    pub(super) fn start(&self, _: &'static Shared, _registry: u64, _limits: crate::supervisor::Limits) {}

    pub(super) fn end(&self) {}
}
