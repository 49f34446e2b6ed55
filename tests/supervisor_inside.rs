//! Supervisors that are used while they are at work, and from inside their workers.

use kvreg::{
    Error, Life, Restart, Strategy, Supervisor, SupervisorOptions as Options, Worker, WorkerOptions,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

const FOR_EVER: Option<Duration> = None;
const NOW: Option<Duration> = Some(Duration::ZERO);

fn start(strategy: Strategy, parent: Option<Supervisor>) -> Supervisor {
    Supervisor::start(Options { strategy, max_restarts: u32::MAX, parent, ..Options::default() }).unwrap()
}

fn sleep(worker: Worker) -> Result<(), i32> {
    worker.wait(FOR_EVER).or(Ok(()))
}

fn lasting() -> WorkerOptions<'static> {
    WorkerOptions { patience: FOR_EVER, ..WorkerOptions::default() }
}

/// A worker that waits for the message that lets it go, whatever it is told; the receiver hears when it begins.
fn stubborn(supervisor: Supervisor, patience: Option<Duration>) -> (Worker, Sender<()>, Receiver<()>) {
    let (let_go, gate) = channel();
    let (begins, began) = channel();
    let gate = Mutex::new(gate);
    let options = WorkerOptions { name: "stubborn", patience, ..WorkerOptions::default() };
    let worker = supervisor.add(options, move |_| {
        begins.send(()).unwrap();
        let _ = gate.lock().unwrap().recv();
        Ok(())
    });
    (worker.unwrap(), let_go, began)
}

/// Fails as often as there are messages.
fn failing(supervisor: Supervisor) -> (Worker, Sender<()>) {
    let (fail, orders) = channel();
    let orders = Mutex::new(orders);
    let worker = supervisor.add(lasting(), move |worker| {
        let orders = orders.lock().unwrap();
        loop {
            if orders.try_recv().is_ok() {
                return Err(1);
            }
            if worker.wait(Some(Duration::from_micros(100))) == Err(Error::Stopped) {
                return Ok(());
            }
        }
    });
    (worker.unwrap(), fail)
}

#[test]
fn who_is_left_behind_below_is_told_of_above() {
    let root = start(Strategy::OneForOne, None);
    let below = start(Strategy::OneForOne, Some(root));
    let (_, let_go, began) = stubborn(below, Some(Duration::from_millis(1)));
    began.recv().unwrap();
    assert_eq!(root.stop(), Err(Error::TimedOut));
    let_go.send(()).unwrap();
}

#[test]
fn who_was_left_behind_by_a_supervisor_that_gave_up_is_told_of_at_its_stop() {
    let root = Supervisor::start(Options { max_restarts: 0, ..Options::default() }).unwrap();
    let (_, let_go, began) = stubborn(root, Some(Duration::from_millis(1)));
    began.recv().unwrap();
    root.add(WorkerOptions::default(), |_| Err(1)).unwrap();
    assert_eq!(root.wait(FOR_EVER), Ok(Life::Failed));
    assert_eq!(root.stop(), Err(Error::TimedOut));
    let_go.send(()).unwrap();
}

#[test]
fn a_supervisor_that_is_started_while_the_one_above_restarts_others() {
    let root = start(Strategy::OneForAll, None);
    let (_, let_go, began) = stubborn(root, FOR_EVER);
    began.recv().unwrap();
    root.add(lasting(), {
        let failed = AtomicBool::new(false);
        move |worker| if failed.swap(true, SeqCst) { sleep(worker) } else { Err(1) }
    })
    .unwrap();
    while root.stats().unwrap().restarts == 0 {
        std::thread::yield_now();
    }
    // It waits for the stubborn one now.
    let below = start(Strategy::OneForOne, Some(root));
    let runs = Arc::new(AtomicUsize::new(0));
    let (count, (begins, begun)) = (Arc::clone(&runs), channel());
    below
        .add(lasting(), move |worker| {
            count.fetch_add(1, SeqCst);
            begins.send(()).unwrap();
            let end = sleep(worker);
            count.fetch_sub(1, SeqCst);
            end
        })
        .unwrap();
    begun.recv().unwrap();
    let_go.send(()).unwrap();
    began.recv().unwrap();
    while root.stats().unwrap().running != 3 {
        std::thread::yield_now();
    }
    assert_eq!(root.stats().unwrap().restarts, 1);
    let_go.send(()).unwrap();
    let_go.send(()).unwrap();
    root.stop().unwrap();
    assert_eq!(runs.load(SeqCst), 0);
}

/// Ends with a panic if two threads are in it.
struct Alone(AtomicBool);

impl Alone {
    fn during<R>(&self, failures: &AtomicUsize, work: impl FnOnce() -> R) -> R {
        if self.0.swap(true, SeqCst) {
            failures.fetch_add(1, SeqCst);
        }
        let result = work();
        self.0.store(false, SeqCst);
        result
    }
}

#[test]
fn a_worker_that_adds_others_while_one_fails() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let root = start(strategy, None);
        let doubles = Arc::new(AtomicUsize::new(0));
        let (alone, count, added) =
            (Alone(AtomicBool::new(false)), Arc::clone(&doubles), AtomicUsize::new(0));
        let (done, finished) = channel();
        root.add(lasting(), move |worker| {
            alone.during(&count, || {
                while worker.wait(NOW) == Err(Error::TimedOut) {
                    let options = WorkerOptions { restart: Restart::Temporary, ..lasting() };
                    match root.add(options, |_| Err(1)) {
                        Ok(_) | Err(Error::Stopped) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                    if added.fetch_add(1, SeqCst) == 3000 {
                        done.send(()).unwrap();
                    }
                }
            });
            Ok(())
        })
        .unwrap();
        root.add(lasting(), |_| Err(1)).unwrap();
        finished.recv().unwrap();
        root.stop().unwrap();
        assert_eq!(doubles.load(SeqCst), 0, "two threads did one worker's work");
    }
}

#[test]
fn a_worker_that_starts_and_stops_supervisors_while_one_fails() {
    let root = start(Strategy::OneForAll, None);
    let doubles = Arc::new(AtomicUsize::new(0));
    let (alone, count, rounds) = (Alone(AtomicBool::new(false)), Arc::clone(&doubles), AtomicUsize::new(0));
    let (done, finished) = channel();
    root.add(lasting(), move |worker| {
        alone.during(&count, || {
            while worker.wait(NOW) == Err(Error::TimedOut) {
                let below = start(Strategy::OneForOne, Some(root));
                // The other child may be in the middle of ending this one.
                match below.add(lasting(), sleep) {
                    Ok(_) | Err(Error::Stopped) => {}
                    Err(error) => panic!("{error:?}"),
                }
                below.stop().unwrap();
                if rounds.fetch_add(1, SeqCst) == 1000 {
                    done.send(()).unwrap();
                }
            }
        });
        Ok(())
    })
    .unwrap();
    root.add(lasting(), |_| Err(1)).unwrap();
    finished.recv().unwrap();
    root.stop().unwrap();
    assert_eq!(doubles.load(SeqCst), 0, "two threads did one worker's work");
}

#[test]
fn a_supervisor_that_gives_up_while_the_one_above_restarts_it() {
    let root = start(Strategy::OneForAll, None);
    let options = Options { max_restarts: 0, parent: Some(root), ..Options::default() };
    let below = Supervisor::start(options).unwrap();
    below.add(lasting(), |_| Err(1)).unwrap();
    root.add(lasting(), |_| Err(1)).unwrap();
    while root.stats().unwrap().restarts < 3000 {
        assert_eq!(root.stats().unwrap().reason, "");
        std::thread::yield_now();
    }
    root.stop().unwrap();
}

#[test]
fn a_temporary_worker_does_not_come_back_with_its_supervisor() {
    let root = start(Strategy::OneForOne, None);
    let options = Options { max_restarts: 0, parent: Some(root), ..Options::default() };
    let below = Supervisor::start(options).unwrap();
    let (starts, (begins, begun)) = (Arc::new(AtomicUsize::new(0)), channel());
    let count = Arc::clone(&starts);
    below
        .add(WorkerOptions { restart: Restart::Temporary, ..lasting() }, move |worker| {
            count.fetch_add(1, SeqCst);
            begins.send(()).unwrap();
            sleep(worker)
        })
        .unwrap();
    begun.recv().unwrap();
    let (_, fail) = failing(below);
    fail.send(()).unwrap();
    while root.stats().unwrap().restarts == 0 || below.stats().unwrap().life != Life::Running {
        std::thread::yield_now();
    }
    assert_eq!(begun.recv(), Err(std::sync::mpsc::RecvError), "its function is gone");
    assert_eq!(below.children().unwrap().len(), 1);
    root.stop().unwrap();
    assert_eq!(starts.load(SeqCst), 1);
}

#[test]
fn threads_of_a_worker_hear_that_it_is_over() {
    let root = start(Strategy::OneForOne, None);
    let (sender, helpers) = channel();
    root.add(WorkerOptions { restart: Restart::Temporary, ..lasting() }, move |worker| {
        let (waits, waiting) = channel();
        let helper = std::thread::spawn(move || {
            waits.send(()).unwrap();
            worker.wait(FOR_EVER)
        });
        waiting.recv().unwrap();
        sender.send(helper).unwrap();
        Ok(())
    })
    .unwrap();
    let answer = helpers.recv().unwrap().join().unwrap();
    assert!(matches!(answer, Err(Error::Stopped | Error::Dead)), "{answer:?}");
    root.stop().unwrap();
}

#[test]
fn ends_of_workers_that_stop_the_supervisor_do_not_wait_for_each_other() {
    struct Stops(Supervisor, Arc<Barrier>, Sender<Result<(), Error>>);
    impl Drop for Stops {
        fn drop(&mut self) {
            self.1.wait();
            self.2.send(self.0.stop()).unwrap();
        }
    }
    let supervisors = [start(Strategy::OneForOne, None), start(Strategy::OneForOne, None)];
    let (both, (sender, answers)) = (Arc::new(Barrier::new(2)), channel());
    for i in [0, 1] {
        let stops = Stops(supervisors[1 - i], Arc::clone(&both), sender.clone());
        let options = WorkerOptions { restart: Restart::Temporary, ..lasting() };
        supervisors[i]
            .add(options, move |_| {
                let _ = &stops;
                Ok(())
            })
            .unwrap();
    }
    assert_eq!([answers.recv(), answers.recv()], [Ok(Ok(())), Ok(Ok(()))]);
    let (both, (sender, answers)) = (Arc::new(Barrier::new(2)), channel());
    let supervisor = start(Strategy::OneForOne, None);
    for _ in [0, 1] {
        let stops = Stops(supervisor, Arc::clone(&both), sender.clone());
        let options = WorkerOptions { restart: Restart::Temporary, ..lasting() };
        supervisor
            .add(options, move |_| {
                let _ = &stops;
                Ok(())
            })
            .unwrap();
    }
    for _ in [0, 1] {
        assert!(matches!(answers.recv().unwrap(), Ok(()) | Err(Error::Stopped)));
    }
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let root = start(Strategy::OneForOne, None);
    let (mut parent, mut depth) = (root, 1);
    let refused = loop {
        match Supervisor::start(Options { parent: Some(parent), ..Options::default() }) {
            Ok(below) => parent = below,
            Err(error) => break error,
        }
        depth += 1;
        assert!(depth < 1_000_000);
    };
    assert_eq!(refused, Error::OutOfRange);
    assert!(depth >= 100);
    parent.add(lasting(), sleep).unwrap();
    // On a small stack, too.
    let small = std::thread::Builder::new().stack_size(512 << 10);
    small
        .spawn(move || assert_eq!(root.describe().unwrap().lines().count(), depth + 1))
        .unwrap()
        .join()
        .unwrap();
    root.stop().unwrap();
}

#[test]
fn many_that_fail_for_ever_do_not_keep_one_thread_at_it() {
    static RECORDS: AtomicUsize = AtomicUsize::new(0);
    kvreg::set_log(kvreg::Level::Warn, |_, _| {
        RECORDS.fetch_add(1, SeqCst);
    });
    let root = start(Strategy::OneForOne, None);
    for _ in 0..8 {
        root.add(lasting(), |_| Err(1)).unwrap();
    }
    // What happens is told of while it goes on.
    let mut worst = 0;
    for restarts in (0..30_000).step_by(500) {
        while root.stats().unwrap().restarts < restarts {
            std::thread::yield_now();
        }
        let seen = RECORDS.load(SeqCst) as u64;
        worst = worst.max(root.stats().unwrap().restarts.saturating_sub(seen));
    }
    println!("at most {worst} records behind");
    root.stop().unwrap();
    kvreg::clear_log();
    assert!(worst < 5000, "{worst} records are held back");
}
