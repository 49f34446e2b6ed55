//! What is done with the turn: children that ended are seen to, others are ended and started with them, and when it is too
//! much the supervisor gives up. See the invariants in `node`.

use super::child::End;
use super::deeds::Deeds;
use super::entry::{Entry, Key, Member, Phase};
use super::node::{Life, Locked, Node, State};
use super::rules::{Limits, Restart, Strategy};
use crate::log::Level;
use crate::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

/// How long it is waited before a start that failed is tried again.
const PAUSE: Duration = Duration::from_millis(1);

impl Node {
    /// Sees to all that is to be done, and lets go of the turn.
    pub(super) fn serve<'s>(self: &'s Arc<Node>, mut state: Locked<'s>, deeds: &mut Deeds) {
        while state.life == Life::Running {
            if let Some(place) = state.entries.iter().position(Entry::is_over) {
                if let Err(reason) = self.see_to(&mut state, place, deeds) {
                    return self.give_up(state, reason, deeds);
                }
            } else if let Some(entry) = state.entries.iter().find(|entry| entry.is_waiting()) {
                let key = entry.member.key();
                self.start(&mut state, key, deeds);
            } else {
                break;
            }
        }
        state.busy = false;
        self.changed.notify_all(); // the turn is free
    }

    /// Does what the end of a child asks for; an error if that is too much.
    fn see_to(
        self: &Arc<Node>,
        state: &mut Locked<'_>,
        place: usize,
        deeds: &mut Deeds,
    ) -> Result<(), String> {
        let entry = &mut state.entries[place];
        let end = entry.settle();
        if entry.removed {
            state.dismiss(place, self, deeds);
            self.changed.notify_all();
            return Ok(());
        }
        let (Some(end), label, restart) = (end, entry.member.label(), entry.restart) else { return Ok(()) };
        if end != End::Normal {
            deeds.write(Level::Warn, format!("{}: {label} {end}", self.name));
        }
        match restart {
            Restart::Temporary => state.dismiss(place, self, deeds),
            // It is done; but where others are restarted together, they may need it anew.
            Restart::Transient if end == End::Normal && self.strategy == Strategy::OneForOne => {
                state.dismiss(place, self, deeds);
            }
            Restart::Transient if end == End::Normal => {}
            _ if !state.recent.allow(self.limits, Instant::now()) => {
                let Limits { max_restarts, window } = self.limits;
                let window = window.as_millis();
                return Err(format!(
                    "{label} {end}; that is more than {max_restarts} restarts in {window} ms"
                ));
            }
            _ => {
                state.restarts += 1;
                self.restart(state, place, deeds)?;
            }
        }
        Ok(())
    }

    /// Ends whom the failure of the child in this place concerns, and has them started again.
    fn restart(
        self: &Arc<Node>,
        state: &mut Locked<'_>,
        failed: usize,
        deeds: &mut Deeds,
    ) -> Result<(), String> {
        let places = 0..state.entries.len();
        let concerned = places.filter(|&place| self.strategy.concerns(failed, place));
        let keys: Vec<Key> = concerned.map(|place| state.entries[place].member.key()).collect();
        for &key in keys.iter().rev() {
            if !self.end(state, key, deeds) {
                let label = state.find(key).map_or(String::new(), |entry| entry.member.label());
                return Err(format!("{label} did not end in time and cannot be restarted"));
            }
        }
        for key in keys {
            match state.find(key) {
                Some(entry) if entry.restart == Restart::Temporary => entry.removed = true, // and dismissed soon
                Some(entry) => entry.phase = Phase::Waiting,
                None => {}
            }
        }
        Ok(())
    }

    /// Starts a child.
    pub(super) fn start(self: &Arc<Node>, state: &mut Locked<'_>, key: Key, deeds: &mut Deeds) {
        let Some(entry) = state.find(key) else { return };
        if entry.starts != 0 {
            deeds.write(Level::Info, format!("{}: {} is restarted", self.name, entry.member.label()));
        }
        let result = match &entry.member {
            Member::Worker { .. } => self.launch(entry),
            Member::Node(node) => {
                let node = Arc::clone(node);
                let start = entry.begin();
                MutexGuard::unlocked(state, || node.begin(start, deeds))
            }
        };
        if let (Err(why), Some(entry)) = (result, state.find(key)) {
            entry.phase = Phase::Over(End::NotStarted(why));
            // It is tried again as often as the limits allow, but not without a pause, nor under the lock.
            let hurry = |state: &mut State| {
                state.life != Life::Running || state.find(key).is_none_or(|entry| entry.removed)
            };
            self.wait_for(state, Some(PAUSE), hurry);
        }
    }

    /// Starts a worker's thread. For who has the lock, which the thread takes before it says how it ended: so no turn is
    /// needed to start one that has just been added.
    pub(super) fn launch(self: &Arc<Node>, entry: &mut Entry) -> Result<(), &'static str> {
        let Member::Worker { child, work } = &entry.member else { return Ok(()) };
        let (child, work) = (Arc::clone(child), Arc::clone(work));
        child.bell.reset();
        let handle = child.start(self, work, entry.begin()).map_err(|_| "the system gives no thread")?;
        entry.handle = Some(handle);
        Ok(())
    }

    /// Ends a child if it runs, and waits for that as long as there is patience; false if in vain.
    fn end(self: &Arc<Node>, state: &mut Locked<'_>, key: Key, deeds: &mut Deeds) -> bool {
        let Some(entry) = state.find(key) else { return true };
        match &entry.member {
            Member::Worker { child, .. } if entry.is_running() => {
                child.bell.tell();
                if child.is_here() {
                    return true; // a thread of kvreg's own that ends its registry: it goes when it returns
                }
                // Once is enough.
                let patience = if entry.left { Some(Duration::ZERO) } else { entry.patience };
                self.wait_for(state, patience, |state| !state.runs(key));
            }
            Member::Worker { .. } => {}
            Member::Node(node) => {
                let node = Arc::clone(node);
                let all = MutexGuard::unlocked(state, || node.halt(false, deeds));
                if let Some(entry) = state.find(key) {
                    entry.phase = Phase::Idle;
                }
                return all;
            }
        }
        let Some(entry) = state.find(key) else { return true };
        if entry.is_running() {
            let (label, patience) = (entry.member.label(), entry.patience.unwrap_or_default().as_millis());
            // Of kvreg's own threads only that of a handler is not waited for, which is in a call.
            let is_own = matches!(&entry.member, Member::Worker { child, .. } if child.id == 0);
            if !std::mem::replace(&mut entry.left, true) && !is_own {
                let text = format!("{}: {label} did not end in {patience} ms and is left behind", self.name);
                deeds.write(Level::Error, text);
            }
            return false;
        }
        match entry.settle() {
            None | Some(End::Normal) => {}
            Some(end) => deeds.write(Level::Warn, format!("{}: {} {end}", self.name, entry.member.label())),
        }
        true
    }

    /// Ends all children, the last first. Tells whether all did.
    pub(super) fn end_all(self: &Arc<Node>, state: &mut Locked<'_>, deeds: &mut Deeds) -> bool {
        let keys: Vec<Key> = state.entries.iter().map(|entry| entry.member.key()).collect();
        // All of them, also after one that did not.
        keys.into_iter().rev().filter(|&key| !self.end(state, key, deeds)).count() == 0
    }

    /// Too much has failed.
    fn give_up<'s>(self: &'s Arc<Node>, mut state: Locked<'s>, reason: String, deeds: &mut Deeds) {
        if state.life != Life::Running {
            // It is being ended anyway.
            state.busy = false;
            self.changed.notify_all();
            return;
        }
        deeds.write(Level::Error, format!("{} gives up: {reason}", self.name));
        state.life = Life::Ending;
        state.reason.clone_from(&reason);
        let all = self.end_all(&mut state, deeds);
        state.life = Life::Failed;
        state.busy = false;
        let start = state.start;
        let parent = self.parent.upgrade();
        if parent.is_none() {
            state.over = Some(Life::Failed);
            state.left = !all;
            state.dismiss_all(self, deeds);
        }
        self.changed.notify_all();
        drop(state);
        if self.on_failure.is_some() {
            let (node, reason) = (Arc::clone(self), reason.clone());
            deeds.call(move || node.on_failure.iter().for_each(|tell| tell(&reason)));
        }
        if let Some(parent) = parent {
            parent.report(Key::of(&**self), start, End::GaveUp(reason), deeds);
        }
    }
}
