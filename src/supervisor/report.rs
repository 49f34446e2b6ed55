//! What can be asked about supervisors and workers.

use super::child::Child;
use super::entry::{Entry, Key, Member, Phase};
use super::node::{Life, Node, State};
use super::rules::{Restart, Strategy};
use super::{ChildId, Supervisor, Worker};
use crate::error::Error;
use crate::sync::Arc;
use std::fmt::Write;

/// A supervisor at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupervisorStats {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub life: Life,
    /// What it does about failures.
    pub strategy: Strategy,
    /// How many children it has.
    pub children: u64,
    /// How many of them run.
    pub running: u64,
    /// How many of them were told to stop and did not in time.
    pub left_behind: u64,
    /// How often it had to restart something.
    pub restarts: u64,
    /// Why it gave up last, or nothing.
    pub reason: String,
}

/// A worker at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its name.
    pub name: String,
    /// [`Life::Running`], [`Life::Ending`] if it was told to stop, or [`Life::Stopped`] if it does not run.
    pub life: Life,
    /// Which of its ends are followed by another start.
    pub restart: Restart,
    /// How often it was started again.
    pub restarts: u64,
    /// With which it ended last: 0, its own, [`Error::Panicked`]'s, or [`Error::Io`]'s if it got no thread.
    pub status: i32,
}

impl Life {
    /// As text, such as "running".
    pub fn name(self) -> &'static str {
        match self {
            Life::Running => "running",
            Life::Ending => "ending",
            Life::Stopped => "stopped",
            Life::Failed => "failed",
        }
    }
}

impl Entry {
    pub(super) fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }

    fn life(&self) -> Life {
        let told = self.member.bell().is_some_and(|bell| bell.is_told());
        match self.phase {
            Phase::Running if told => Life::Ending,
            Phase::Running => Life::Running,
            _ => Life::Stopped,
        }
    }
}

impl State {
    fn stats(&self, node: &Node) -> SupervisorStats {
        let count = |which: &dyn Fn(&&Entry) -> bool| self.entries.iter().filter(which).count() as u64;
        SupervisorStats {
            name: node.name.to_string(),
            life: self.life,
            strategy: node.strategy,
            children: self.entries.len() as u64,
            running: count(&|entry| entry.is_running()),
            left_behind: count(&|entry| entry.left && entry.is_running()),
            restarts: self.restarts,
            reason: self.reason.clone(),
        }
    }
}

impl Supervisor {
    /// What there is to say about it.
    pub fn stats(self) -> Result<SupervisorStats, Error> {
        crate::fork::check()?;
        let node = self.node()?;
        let state = node.state.lock();
        Ok(state.stats(&node))
    }

    /// Its children, in their order.
    pub fn children(self) -> Result<Vec<ChildId>, Error> {
        crate::fork::check()?;
        let node = self.node()?;
        let state = node.state.lock();
        Ok(state
            .entries
            .iter()
            .map(|entry| match &entry.member {
                Member::Worker { child, .. } => ChildId::Worker(Worker(child.id)),
                Member::Node(node) => ChildId::Supervisor(Supervisor(node.id)),
            })
            .collect())
    }

    /// The tree below it, as text for people: a line for each, indented by two more for each level.
    pub fn describe(self) -> Result<String, Error> {
        crate::fork::check()?;
        let mut text = String::new();
        describe(&self.node()?, 0, &mut text);
        Ok(text)
    }
}

fn describe(node: &Arc<Node>, depth: usize, text: &mut String) {
    let state = node.state.lock();
    let SupervisorStats { name, life, strategy, children, running, restarts, reason, .. } = state.stats(node);
    let (life, strategy, indent) = (life.name(), strategy.name(), 2 * depth);
    let _ = write!(text, "{:indent$}supervisor {name}: {life}, {strategy}", "");
    let _ = write!(text, ", {running} of {children} run, restarts {restarts}");
    let _ = if reason.is_empty() { writeln!(text) } else { writeln!(text, ", gave up: {reason}") };
    for entry in &state.entries {
        match &entry.member {
            // Its lock within ours: from above to below, as everywhere.
            Member::Node(below) => describe(below, depth + 1, text),
            Member::Worker { child, .. } => {
                let (life, restart, restarts) = (entry.life().name(), entry.restart.name(), entry.restarts());
                let (name, status, indent) = (&child.name, entry.status, indent + 2);
                let _ = writeln!(
                    text,
                    "{:indent$}worker {name}: {life}, {restart}, restarts {restarts}, status {status}",
                    ""
                );
            }
        }
    }
}

impl Worker {
    /// What there is to say about it.
    pub fn stats(self) -> Result<WorkerStats, Error> {
        crate::fork::check()?;
        let child = self.child()?;
        let node = child.node.upgrade().ok_or(Error::Dead)?;
        let mut state = node.state.lock();
        let entry = state.find(Key::of::<Child>(&child)).ok_or(Error::Dead)?;
        let (life, restart, restarts, status) = (entry.life(), entry.restart, entry.restarts(), entry.status);
        Ok(WorkerStats { name: child.name.to_string(), life, restart, restarts, status })
    }
}
