//! Where a change takes place.

use crate::tree::node::{BITS, FAN_OUT, Node};

/// The way from the root to a leaf. Inner nodes have inner children only when they have 2^8, so there are at most 8.
pub(super) struct Path {
    pub(super) steps: [Step; (BITS / FAN_OUT) as usize],
    pub(super) len: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) node: Node,
    /// Bits of the hash that were used up before this node.
    pub(super) base: u32,
    /// The child that was taken.
    pub(super) i: usize,
}

/// Neighbouring slots of one directory.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) width: usize,
}

impl Step {
    /// The slots that lead to the leaf of this depth.
    pub(super) fn span(self, depth: u32) -> Span {
        let width = 1 << (self.base + self.node.fan_out() - depth);
        Span { start: self.i & !(width - 1), width }
    }
}

impl Path {
    pub(super) fn last(&self) -> Option<Step> {
        self.len.checked_sub(1).map(|last| self.steps[last])
    }
}
