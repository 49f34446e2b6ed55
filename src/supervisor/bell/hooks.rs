//! What a test wants of a thread of kvreg's own: feature `test-hooks`, never for production.

use super::Bell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default, PartialEq, Clone, Copy)]
enum Order {
    #[default]
    Run,
    Suspend,
    Suspended,
    Die,
}

#[derive(Default)]
pub(crate) struct Hooks {
    order: Mutex<Order>,
    changed: Condvar,
}

/// What a thread dies with.
pub(crate) struct Killed;

impl Hooks {
    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the thread: stands still or dies if it must.
    pub(super) fn obey(&self) {
        let mut order = self.order();
        if *order == Order::Suspend {
            *order = Order::Suspended;
            self.changed.notify_all();
        }
        while *order == Order::Suspended {
            order = self.changed.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
        if *order == Order::Die {
            *order = Order::Run;
            self.changed.notify_all();
            drop(order);
            std::panic::resume_unwind(Box::new(Killed)); // without a message
        }
    }

    /// Returns when the thread stands still, at its next checkpoint; false if it ends before.
    pub(crate) fn suspend(&self, bell: &Bell, lives: &dyn Fn() -> bool) -> bool {
        *self.order() = Order::Suspend;
        bell.ring();
        self.wait_while(Order::Suspend, lives)
    }

    pub(crate) fn resume(&self) {
        let mut order = self.order();
        if *order == Order::Suspend || *order == Order::Suspended {
            *order = Order::Run;
        }
        self.changed.notify_all();
    }

    /// Returns when the thread dies, at its next checkpoint; a suspended one dies, too. False if it ends before.
    pub(crate) fn kill(&self, bell: &Bell, lives: &dyn Fn() -> bool) -> bool {
        *self.order() = Order::Die;
        self.changed.notify_all();
        bell.ring();
        self.wait_while(Order::Die, lives)
    }

    fn wait_while(&self, given: Order, lives: &dyn Fn() -> bool) -> bool {
        let mut order = self.order();
        while *order == given {
            let (now, late) = self
                .changed
                .wait_timeout(order, Duration::from_millis(10))
                .unwrap_or_else(PoisonError::into_inner);
            order = now;
            if late.timed_out() && *order == given {
                drop(order); // it may want to obey
                let lives = lives();
                order = self.order();
                if !lives && *order == given {
                    *order = Order::Run;
                    return false;
                }
            }
        }
        true
    }
}
