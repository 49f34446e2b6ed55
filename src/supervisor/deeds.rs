//! What is to be done when nothing is held any more: records of the log, and the ends of what the host gave.

use super::entry::Member;
use super::node::Node;
use crate::log::{self, Level};
use crate::sync::Arc;
use std::panic::{AssertUnwindSafe, catch_unwind};

enum Deed {
    Write(Level, String),
    /// A child that is not needed any more; its end may be the host's code.
    Dismiss(Member, Arc<Node>),
    /// kvreg's own.
    Call(Box<dyn FnOnce()>),
}

/// Done in their order when this is dropped. Whoever makes one drops it with nothing held: no lock, no turn.
#[derive(Default)]
pub(super) struct Deeds(Vec<Deed>);

impl Deeds {
    pub(super) fn write(&mut self, level: Level, text: String) {
        self.0.push(Deed::Write(level, text));
    }

    /// The supervisor has written down that this thread does it.
    pub(super) fn dismiss(&mut self, member: Member, node: Arc<Node>) {
        self.0.push(Deed::Dismiss(member, node));
    }

    pub(super) fn call(&mut self, call: impl FnOnce() + 'static) {
        self.0.push(Deed::Call(Box::new(call)));
    }
}

impl Drop for Deeds {
    fn drop(&mut self) {
        for deed in self.0.drain(..) {
            let _ = catch_unwind(AssertUnwindSafe(|| match deed {
                Deed::Write(level, text) => log::write(level, &text),
                Deed::Dismiss(member, node) => {
                    let _ = catch_unwind(AssertUnwindSafe(|| member.dismiss()));
                    node.dismissed();
                }
                Deed::Call(call) => call(),
            }));
        }
    }
}
