//! What is to be done when nothing is held any more: records of the log, and the ends of what the host gave.

use super::entry::Member;
use super::node::Node;
use crate::fork;
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
pub(super) struct Deeds {
    list: Vec<Deed>,
    /// Records of the list, and those that it has no room for.
    records: usize,
}

/// A thread that has very much to do, of workers that fail again and again, keeps no more records than this.
const RECORDS: usize = 1000;

impl Deeds {
    pub(super) fn write(&mut self, level: Level, text: String) {
        self.records += 1;
        if self.records <= RECORDS {
            self.list.push(Deed::Write(level, text));
        }
    }

    /// The supervisor has written down that this thread does it.
    pub(super) fn dismiss(&mut self, member: Member, node: Arc<Node>) {
        self.list.push(Deed::Dismiss(member, node));
    }

    pub(super) fn call(&mut self, call: impl FnOnce() + 'static) {
        self.list.push(Deed::Call(Box::new(call)));
    }
}

impl Drop for Deeds {
    fn drop(&mut self) {
        if self.records > RECORDS {
            let text = format!("{} more records were not kept", self.records - RECORDS);
            self.list.push(Deed::Write(Level::Warn, text));
        }
        for deed in self.list.drain(..) {
            if fork::check().is_err() {
                std::mem::forget(deed); // the one before was to fork: the child supervises nothing
                continue;
            }
            let _ = catch_unwind(AssertUnwindSafe(|| match deed {
                Deed::Write(level, text) => log::write(level, &text),
                Deed::Dismiss(member, node) => {
                    member.dismiss();
                    if fork::check().is_ok() {
                        node.dismissed();
                    }
                }
                Deed::Call(call) => call(),
            }));
        }
    }
}
