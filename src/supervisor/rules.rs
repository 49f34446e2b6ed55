//! The rules of supervision: whom a failure concerns, and how many are too many.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a supervisor does about a child that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// That child is restarted.
    #[default]
    OneForOne,
    /// All children are ended, last first, and started again in their order.
    OneForAll,
    /// That child and those added after it are.
    RestForOne,
}

/// Which ends of a child are followed by another start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Restart {
    /// All.
    #[default]
    Permanent,
    /// Failures.
    Transient,
    /// None.
    Temporary,
}

impl Strategy {
    /// As text, such as "one_for_one".
    pub fn name(self) -> &'static str {
        match self {
            Strategy::OneForOne => "one_for_one",
            Strategy::OneForAll => "one_for_all",
            Strategy::RestForOne => "rest_for_one",
        }
    }

    /// Whether the failure of the child in place `failed` concerns the one in `place`.
    pub(super) fn concerns(self, failed: usize, place: usize) -> bool {
        match self {
            Strategy::OneForOne => place == failed,
            Strategy::OneForAll => true,
            Strategy::RestForOne => place >= failed,
        }
    }
}

impl Restart {
    /// As text, such as "permanent".
    pub fn name(self) -> &'static str {
        match self {
            Restart::Permanent => "permanent",
            Restart::Transient => "transient",
            Restart::Temporary => "temporary",
        }
    }
}

/// More restarts than this, in this time, are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_restarts: u32,
    pub(crate) window: Duration,
}

/// As on the BEAM.
impl Default for Limits {
    fn default() -> Limits {
        Limits { max_restarts: 3, window: Duration::from_secs(5) }
    }
}

/// The restarts of the last time.
#[derive(Default)]
pub(super) struct Recent(VecDeque<Instant>);

impl Recent {
    /// Counts one more; false if that is one too many.
    pub(super) fn allow(&mut self, limits: Limits, now: Instant) -> bool {
        while self.0.front().is_some_and(|&then| now.duration_since(then) > limits.window) {
            self.0.pop_front();
        }
        if self.0.len() >= limits.max_restarts as usize {
            return false;
        }
        self.0.push_back(now);
        true
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_counted_within_the_window_only() {
        let limits = Limits { max_restarts: 3, window: Duration::from_millis(100) };
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut recent = Recent::default();
        assert!(recent.allow(limits, at(0)) && recent.allow(limits, at(50)) && recent.allow(limits, at(100)));
        assert!(!recent.allow(limits, at(100)), "the first is not older than the window");
        assert!(recent.allow(limits, at(101)), "now it is");
        assert!(!recent.allow(limits, at(150)));
        recent.clear();
        assert!(recent.allow(limits, at(150)));
        let none = Limits { max_restarts: 0, ..limits };
        assert!(!Recent::default().allow(none, at(0)));
    }

    #[test]
    fn whom_a_failure_concerns() {
        let concerned =
            |strategy: Strategy| (0..4).filter(|&place| strategy.concerns(2, place)).collect::<Vec<_>>();
        assert_eq!(concerned(Strategy::OneForOne), [2]);
        assert_eq!(concerned(Strategy::OneForAll), [0, 1, 2, 3]);
        assert_eq!(concerned(Strategy::RestForOne), [2, 3]);
    }
}
