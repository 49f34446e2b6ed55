//! Supervisors: bells, and what happens to their children at the same time (`supervisor`).
//!
//! A worker's panic is its supervisor's to catch, so what is to be so is asserted by the model's first thread. loom knows
//! five threads for each run, those that have ended too: what needs more is for shuttle.

use super::{check, spawn};
use crate::epoch;
use crate::error::Error;
use crate::supervisor::bell::{Bell, Call};
use crate::supervisor::{Life, Restart, Strategy, Supervisor, SupervisorOptions, Worker, WorkerOptions};
use crate::sync::AtomicBool;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const FOR_EVER: Option<Duration> = None;

/// Who rings leaves something before: whoever hears it sees that, also if another's ring is not heard yet.
#[test]
fn a_bell_is_heard() {
    check(|| {
        let (bell, left) =
            (Arc::new(Bell::default()), Arc::new([AtomicBool::new(false), AtomicBool::new(false)]));
        let others = [0, 1].map(|i| {
            let (bell, left) = (Arc::clone(&bell), Arc::clone(&left));
            spawn(move || {
                left[i].store(true, Ordering::Relaxed);
                bell.ring();
            })
        });
        while !left.iter().all(|left| left.load(Ordering::Relaxed)) {
            assert_eq!(bell.hear(None), Call::Ring);
        }
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// To be told to stop comes before all, and stays.
#[test]
fn a_bell_tells_to_stop() {
    check(|| {
        let bell = Arc::new(Bell::default());
        let [ringer, teller] = [Bell::ring, Bell::tell].map(|call| {
            let bell = Arc::clone(&bell);
            spawn(move || call(&bell))
        });
        let mut heard = 0;
        while bell.hear(None) != Call::Stop {
            heard += 1;
        }
        assert!(heard <= 1);
        ringer.join().unwrap();
        teller.join().unwrap();
        assert_eq!(bell.hear(None), Call::Stop);
    });
}

/// What the workers of a model do.
#[derive(Default)]
struct Play {
    starts: AtomicU32,
    inside: AtomicU32,
    /// How often two threads did one worker's work.
    doubles: AtomicU32,
}

impl Play {
    /// Fails so often, and then waits for its end.
    fn fail_then_wait(&self, failures: u32, worker: Worker) -> Result<(), i32> {
        self.alone(|| {
            if self.starts.fetch_add(1, Ordering::Relaxed) < failures {
                return Err(1);
            }
            assert_eq!(worker.wait(FOR_EVER), Err(Error::Stopped));
            Ok(())
        })
    }

    fn alone<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.inside.fetch_add(1, Ordering::Relaxed) != 0 {
            self.doubles.fetch_add(1, Ordering::Relaxed);
        }
        let result = work();
        self.inside.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// Nobody does the work any more, nor will.
    fn is_over(self: &Arc<Play>) {
        assert_eq!(self.doubles.load(Ordering::Relaxed), 0, "two threads did one worker's work");
        assert_eq!(self.inside.load(Ordering::Relaxed), 0, "somebody still does the work");
        assert_eq!(Arc::strong_count(self), 1, "the function is still there");
    }
}

fn start(strategy: Strategy, max_restarts: u32, parent: Option<Supervisor>) -> Supervisor {
    Supervisor::start(SupervisorOptions { strategy, max_restarts, parent, ..Default::default() }).unwrap()
}

fn add(supervisor: Supervisor, restart: Restart, failures: u32) -> (Result<Worker, Error>, Arc<Play>) {
    let play = Arc::new(Play::default());
    let played = Arc::clone(&play);
    let options = WorkerOptions { restart, patience: None, ..Default::default() };
    (supervisor.add(options, move |worker| played.fail_then_wait(failures, worker)), play)
}

/// A worker fails while others are added: both are started, and all have ended after the stop.
#[test]
fn a_failure_beside_an_add() {
    check(|| {
        let supervisor = start(Strategy::OneForOne, 3, None);
        let (first, one) = add(supervisor, Restart::Permanent, 1);
        let (second, two) = add(supervisor, Restart::Permanent, 0);
        let ids: Vec<_> = supervisor.children().unwrap().iter().map(|child| child.id()).collect();
        assert_eq!(ids, [first.unwrap().id(), second.unwrap().id()]);
        supervisor.stop().unwrap();
        one.is_over();
        two.is_over();
        assert_eq!(supervisor.stop(), Err(Error::Stopped));
        epoch::flush();
    });
}

/// A worker is stopped while it fails: it is over when the call returns, and is not started again.
#[test]
fn a_failure_beside_the_workers_stop() {
    check(|| {
        let supervisor = start(Strategy::OneForOne, 3, None);
        let (worker, play) = add(supervisor, Restart::Permanent, 1);
        let worker = worker.unwrap();
        assert_eq!(worker.stop(FOR_EVER), Ok(()));
        play.is_over();
        assert_eq!(worker.stop(FOR_EVER), Err(Error::Dead));
        assert_eq!(supervisor.children().unwrap(), []);
        supervisor.stop().unwrap();
    });
}

/// A transient worker that is done ends beside two who stop it.
#[test]
fn an_end_beside_two_stops() {
    check(|| {
        let supervisor = start(Strategy::OneForOne, 3, None);
        let play = Arc::new(Play::default());
        let played = Arc::clone(&play);
        let options = WorkerOptions { restart: Restart::Transient, patience: None, ..Default::default() };
        let worker = supervisor.add(options, move |_| played.alone(|| Ok(()))).unwrap();
        let other = spawn(move || worker.stop(FOR_EVER));
        let answers = [worker.stop(FOR_EVER), other.join().unwrap()];
        assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(Error::Dead))), "{answers:?}");
        supervisor.stop().unwrap();
        play.is_over();
    });
}

/// All are restarted while a supervisor below is started, which is no failure, and told to stop with the others.
#[test]
fn a_restart_of_all_beside_a_start_below() {
    check(|| {
        let supervisor = start(Strategy::OneForAll, 1, None);
        let (_, one) = add(supervisor, Restart::Permanent, 0);
        let (_, two) = add(supervisor, Restart::Permanent, 1);
        let below = start(Strategy::OneForOne, 3, Some(supervisor));
        // A thread too many for loom.
        let three = if cfg!(loom) { None } else { Some(add(below, Restart::Permanent, 0).1) };
        assert_eq!(supervisor.stats().unwrap().life, Life::Running);
        supervisor.stop().unwrap();
        for play in [one, two].into_iter().chain(three) {
            play.is_over();
        }
        assert_eq!(below.stop(), Err(Error::Stopped));
    });
}

/// One fails too often while the other works: who waits for the end is woken, and all have ended then.
#[test]
fn who_waits_for_one_that_gives_up_is_woken() {
    check(|| {
        let supervisor = start(Strategy::OneForOne, 0, None);
        let (_, one) = add(supervisor, Restart::Permanent, 0);
        let (_, two) = add(supervisor, Restart::Permanent, 1);
        assert_eq!(supervisor.wait(FOR_EVER), Ok(Life::Failed));
        supervisor.stop().unwrap();
        one.is_over();
        two.is_over();
    });
}

/// Two stop a supervisor that is about to give up: nothing is left when either returns.
#[test]
fn two_stops_beside_giving_up() {
    check(|| {
        let supervisor = start(Strategy::OneForOne, 0, None);
        let (_, play) = add(supervisor, Restart::Permanent, 1);
        let other = spawn(move || supervisor.stop());
        let answers = [supervisor.stop(), other.join().unwrap()];
        assert!(answers.contains(&Ok(())), "{answers:?}");
        play.is_over();
    });
}

/// A supervisor below gives up, and is stopped from outside, or restarted by the one above: never both.
#[test]
fn giving_up_below_beside_a_stop() {
    check(|| {
        let root = start(Strategy::OneForOne, 3, None);
        let below = start(Strategy::OneForOne, 0, Some(root));
        let (_, play) = add(below, Restart::Permanent, 1);
        below.stop().unwrap();
        play.is_over();
        assert_eq!(root.children().unwrap(), []);
        assert_eq!(root.stats().unwrap().life, Life::Running);
        root.stop().unwrap();
    });
}

/// A supervisor below gives up while the one above ends it because of another: that is one failure of it, or none.
#[cfg(not(loom))]
#[test]
fn giving_up_below_beside_a_restart() {
    check(|| {
        let root = start(Strategy::OneForAll, 2, None);
        let below = start(Strategy::OneForOne, 0, Some(root));
        let (_, one) = add(below, Restart::Permanent, 1);
        let (_, two) = add(root, Restart::Permanent, 1);
        let (_, three) = add(below, Restart::Permanent, 0);
        assert_eq!(root.stats().unwrap().life, Life::Running);
        assert_eq!(root.stop(), Ok(()));
        for play in [one, two, three] {
            play.is_over();
        }
    });
}

/// A worker adds others, and starts and stops a supervisor, while one fails for which all are restarted.
#[cfg(not(loom))]
#[test]
fn a_worker_that_adds_beside_a_failure() {
    check(|| {
        let root = start(Strategy::OneForAll, 3, None);
        let play = Arc::new(Play::default());
        let played = Arc::clone(&play);
        let options = WorkerOptions { patience: None, ..Default::default() };
        root.add(options, move |worker| {
            played.alone(|| {
                let below = SupervisorOptions { parent: Some(root), ..Default::default() };
                if let Ok(below) = Supervisor::start(below) {
                    let _ = below.add(WorkerOptions::default(), |worker| worker.wait(FOR_EVER).or(Ok(())));
                    let _ = below.stop();
                }
                let options =
                    WorkerOptions { restart: Restart::Temporary, patience: None, ..Default::default() };
                let _ = root.add(options, |_| Ok(()));
                assert_eq!(worker.wait(FOR_EVER), Err(Error::Stopped));
            });
            Ok(())
        })
        .unwrap();
        let (_, other) = add(root, Restart::Permanent, 1);
        assert_eq!(root.stats().unwrap().life, Life::Running);
        assert_eq!(root.stop(), Ok(()));
        play.is_over();
        other.is_over();
    });
}
