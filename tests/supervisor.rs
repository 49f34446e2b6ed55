//! Supervisors and their workers: strategies, limits, order, time-outs, trees, and calls from everywhere.

use kvreg::{
    ChildId, Error, Life, Restart, Strategy, Supervisor, SupervisorOptions as Options, Worker, WorkerOptions,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const FOR_EVER: Option<Duration> = None;
const NOW: Option<Duration> = Some(Duration::ZERO);

/// What happened, in its order, and what workers shall do.
#[derive(Clone)]
struct Stage(Arc<(Mutex<Inner>, Condvar)>);

#[derive(Default)]
struct Inner {
    events: Vec<String>,
    orders: Vec<(String, Result<(), i32>)>,
}

impl Stage {
    fn new() -> Stage {
        Stage(Arc::default())
    }

    fn note(&self, event: impl Into<String>) {
        self.0.0.lock().unwrap().events.push(event.into());
        self.0.1.notify_all();
    }

    /// Waits until so many things have happened, and gives all.
    fn events(&self, count: usize) -> Vec<String> {
        let mut inner = self.0.0.lock().unwrap();
        while inner.events.len() < count {
            inner = self.0.1.wait(inner).unwrap();
        }
        std::mem::take(&mut inner.events)
    }

    /// Has a worker return with this.
    fn order(&self, name: &str, result: Result<(), i32>) {
        self.0.0.lock().unwrap().orders.push((name.to_owned(), result));
        self.0.1.notify_all();
    }

    /// Adds a worker that says when it begins and ends, and waits for orders and for its end.
    fn add(&self, supervisor: Supervisor, name: &'static str, restart: Restart) -> Worker {
        self.try_add(supervisor, name, restart).unwrap()
    }

    fn try_add(&self, supervisor: Supervisor, name: &'static str, restart: Restart) -> Result<Worker, Error> {
        let (stage, dropped) = (self.clone(), Dropped(self.clone(), name));
        let options = WorkerOptions { name, restart, patience: FOR_EVER };
        supervisor.add(options, move |worker| {
            let _ = &dropped;
            stage.note(format!("+{name}"));
            let mut inner = stage.0.0.lock().unwrap();
            loop {
                if let Some(i) = inner.orders.iter().position(|(who, _)| who == name) {
                    let (_, result) = inner.orders.remove(i);
                    drop(inner);
                    stage.note(format!("!{name}"));
                    return result;
                }
                if worker.wait(NOW) == Err(Error::Stopped) {
                    drop(inner);
                    stage.note(format!("-{name}"));
                    return Ok(());
                }
                inner = stage.0.1.wait_timeout(inner, Duration::from_millis(1)).unwrap().0;
            }
        })
    }
}

/// Says when a worker's function is dropped.
struct Dropped(Stage, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.note(format!("~{}", self.1));
    }
}

fn start(strategy: Strategy) -> Supervisor {
    Supervisor::start(Options { strategy, max_restarts: 1000, ..Options::default() }).unwrap()
}

fn three(stage: &Stage, strategy: Strategy) -> (Supervisor, [Worker; 3]) {
    let supervisor = start(strategy);
    let workers = ["a", "b", "c"].map(|name| {
        let worker = stage.add(supervisor, name, Restart::Permanent);
        assert_eq!(stage.events(1), [format!("+{name}")]);
        worker
    });
    (supervisor, workers)
}

fn ends(stage: &Stage, supervisor: Supervisor) {
    supervisor.stop().unwrap();
    assert_eq!(
        stage.events(6),
        ["-c", "-b", "-a", "~c", "~b", "~a"],
        "in reverse order, and all before stop returns"
    );
}

#[test]
fn one_for_one_restarts_the_one() {
    let stage = Stage::new();
    let (supervisor, workers) = three(&stage, Strategy::OneForOne);
    stage.order("b", Err(7));
    assert_eq!(stage.events(2), ["!b", "+b"]);
    stage.order("a", Ok(()));
    assert_eq!(stage.events(2), ["!a", "+a"], "a permanent one is restarted after a normal end, too");
    let stats = workers.map(|worker| worker.stats().unwrap());
    assert_eq!(stats.each_ref().map(|stats| stats.restarts), [1, 1, 0]);
    assert_eq!(stats.each_ref().map(|stats| stats.status), [0, 7, 0]);
    assert_eq!(supervisor.stats().unwrap().restarts, 2);
    ends(&stage, supervisor);
    assert_eq!(workers[0].stats(), Err(Error::Dead));
}

#[test]
fn one_for_all_restarts_all() {
    let stage = Stage::new();
    let (supervisor, workers) = three(&stage, Strategy::OneForAll);
    stage.order("b", Err(1));
    let mut events = stage.events(6);
    assert_eq!(events[..3], ["!b", "-c", "-a"], "the last first");
    events[3..].sort(); // started in order, but their threads run as they like
    assert_eq!(events[3..], ["+a", "+b", "+c"]);
    assert_eq!(workers.map(|worker| worker.stats().unwrap().restarts), [1, 1, 1]);
    ends(&stage, supervisor);
}

#[test]
fn rest_for_one_restarts_those_after_it() {
    let stage = Stage::new();
    let (supervisor, workers) = three(&stage, Strategy::RestForOne);
    for (failing, ended, restarts) in
        [("b", vec!["-c"], [0, 1, 1]), ("c", vec![], [0, 1, 2]), ("a", vec!["-c", "-b"], [1, 2, 3])]
    {
        stage.order(failing, Err(1));
        let events = stage.events(2 + 2 * ended.len());
        assert_eq!(events[0], format!("!{failing}"));
        assert_eq!(events[1..=ended.len()], ended);
        assert_eq!(workers.map(|worker| worker.stats().unwrap().restarts), restarts);
    }
    ends(&stage, supervisor);
}

#[test]
fn restart_kinds() {
    let stage = Stage::new();
    let supervisor = start(Strategy::OneForOne);
    let transient = stage.add(supervisor, "transient", Restart::Transient);
    let temporary = stage.add(supervisor, "temporary", Restart::Temporary);
    stage.events(2);
    stage.order("transient", Err(1));
    assert_eq!(stage.events(2), ["!transient", "+transient"]);
    stage.order("transient", Ok(()));
    assert_eq!(stage.events(2), ["!transient", "~transient"], "done, and gone");
    stage.order("temporary", Err(1));
    assert_eq!(stage.events(2), ["!temporary", "~temporary"]);
    for gone in [transient, temporary] {
        // Its end was noted by the worker's thread, which may not have taken it out yet.
        while gone.stats().is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(gone.stats(), Err(Error::Dead));
        assert_eq!(gone.stop(FOR_EVER), Err(Error::Dead));
        assert_eq!(gone.wait(NOW), Err(Error::Dead));
    }
    assert_eq!(supervisor.children(), Ok(vec![]));
    supervisor.stop().unwrap();
}

#[test]
fn a_transient_one_that_is_done_begins_anew_with_the_others() {
    let stage = Stage::new();
    let supervisor = start(Strategy::OneForAll);
    let init = stage.add(supervisor, "init", Restart::Transient);
    let temporary = stage.add(supervisor, "temporary", Restart::Temporary);
    stage.add(supervisor, "server", Restart::Permanent);
    stage.events(3);
    stage.order("init", Ok(()));
    assert_eq!(stage.events(1), ["!init"]);
    while init.stats().unwrap().life != Life::Stopped {
        std::thread::yield_now();
    }
    stage.order("server", Err(1));
    let mut events = stage.events(5);
    assert_eq!(events[..2], ["!server", "-temporary"]);
    events[2..].sort();
    assert_eq!(events[2..], ["+init", "+server", "~temporary"], "a temporary one does not come back");
    assert_eq!(temporary.stats(), Err(Error::Dead));
    supervisor.stop().unwrap();
}

#[test]
fn too_many_failures_end_the_supervisor() {
    let stage = Stage::new();
    let supervisor = Supervisor::start(Options { name: "shop", ..Options::default() }).unwrap();
    let first = stage.add(supervisor, "first", Restart::Permanent);
    stage.events(1);
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    assert_eq!(supervisor.wait(NOW), Err(Error::TimedOut));
    supervisor
        .add(WorkerOptions { name: "bad", ..WorkerOptions::default() }, move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            panic!("on purpose")
        })
        .unwrap();
    assert_eq!(supervisor.wait(FOR_EVER), Ok(Life::Failed));
    assert_eq!(runs.load(Ordering::Relaxed), 4, "3 restarts in 5 s");
    assert_eq!(stage.events(2), ["-first", "~first"], "the others were ended in good order");
    let stats = supervisor.stats().unwrap();
    assert_eq!((stats.life, stats.children, stats.restarts), (Life::Failed, 0, 3));
    assert_eq!(stats.reason, "worker bad panicked: on purpose; that is more than 3 restarts in 5000 ms");
    assert!(supervisor.describe().unwrap().starts_with("supervisor shop: failed, one_for_one, 0 of 0 run"));
    assert_eq!(first.stats(), Err(Error::Dead));
    assert_eq!(stage.try_add(supervisor, "late", Restart::Permanent), Err(Error::Stopped));
    assert_eq!(stage.events(1), ["~late"], "what is refused is dropped");
    supervisor.stop().unwrap();
    for answer in [supervisor.stop(), supervisor.wait(NOW).map(drop), supervisor.stats().map(drop)] {
        assert_eq!(answer, Err(Error::Stopped));
    }
}

#[test]
fn limits_are_honoured() {
    for (max_restarts, expected) in [(0, 1), (1, 2), (500, 501)] {
        let options = Options { max_restarts, window: Duration::from_secs(1000), ..Options::default() };
        let supervisor = Supervisor::start(options).unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let work = move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Err(1)
        };
        supervisor.add(WorkerOptions::default(), work).unwrap();
        assert_eq!(supervisor.wait(FOR_EVER), Ok(Life::Failed));
        assert_eq!(runs.load(Ordering::Relaxed), expected);
        supervisor.stop().unwrap();
    }
    // Restarts that are further apart than the window never are too many.
    let options = Options { max_restarts: 1, window: Duration::ZERO, ..Options::default() };
    let supervisor = Supervisor::start(options).unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let work = move |worker: Worker| {
        if runs.fetch_add(1, Ordering::Relaxed) < 100 { Err(1) } else { worker.wait(FOR_EVER).or(Ok(())) }
    };
    let worker = supervisor.add(WorkerOptions::default(), work).unwrap();
    while worker.stats().unwrap().restarts < 100 {
        std::thread::yield_now();
    }
    assert_eq!(supervisor.wait(NOW), Err(Error::TimedOut));
    supervisor.stop().unwrap();
}

#[test]
fn children_come_and_go_at_run_time() {
    let supervisor = start(Strategy::OneForOne);
    let dropped = Arc::new(AtomicUsize::new(0));
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..100 {
                    let count = Count(Arc::clone(&dropped));
                    let worker = supervisor
                        .add(WorkerOptions::default(), move |worker: Worker| {
                            let _ = &count;
                            if i % 3 == 0 { Err(1) } else { worker.wait(FOR_EVER).or(Ok(())) }
                        })
                        .unwrap();
                    let ended = worker.stop(FOR_EVER);
                    assert!(ended == Ok(()) || (i % 3 == 0 && ended == Err(Error::Stopped)), "{ended:?}");
                    if supervisor.stats().is_ok_and(|stats| stats.life != Life::Running) {
                        return;
                    }
                    assert_eq!(worker.stop(FOR_EVER), Err(Error::Dead));
                }
            });
        }
    });
    let stats = supervisor.stats().unwrap();
    assert_eq!((stats.life, stats.children), (Life::Running, 0));
    assert_eq!(dropped.load(Ordering::Relaxed), 400, "each once, before stop returned");
    supervisor.stop().unwrap();
}

/// A worker that ends only when it is let go.
fn stubborn(supervisor: Supervisor, patience: Duration, stage: &Stage) -> (Worker, Sender<()>) {
    let (sender, receiver): (_, Receiver<()>) = channel();
    let (receiver, dropped) = (Mutex::new(receiver), Dropped(stage.clone(), "stubborn"));
    let options = WorkerOptions { name: "stubborn", patience: Some(patience), ..WorkerOptions::default() };
    let stage = stage.clone();
    let worker = supervisor.add(options, move |_| {
        let _ = &dropped;
        stage.note("+stubborn");
        let _ = receiver.lock().unwrap().recv();
        Ok(())
    });
    (worker.unwrap(), sender)
}

#[test]
fn a_worker_that_does_not_end_is_left_behind() {
    let stage = Stage::new();
    let supervisor = start(Strategy::OneForOne);
    let (worker, let_go) = stubborn(supervisor, Duration::from_millis(1), &stage);
    assert_eq!(stage.events(1), ["+stubborn"]);
    assert_eq!(supervisor.stop(), Err(Error::TimedOut));
    assert_eq!(supervisor.stop(), Err(Error::Stopped), "it has ended nevertheless");
    assert_eq!(worker.stop(NOW), Err(Error::Dead));
    assert_eq!(stage.events(0), [""; 0], "its function is still in use");
    let_go.send(()).unwrap();
    assert_eq!(stage.events(1), ["~stubborn"]);
}

#[test]
fn a_worker_can_be_stopped_again_when_the_time_was_not_enough() {
    let stage = Stage::new();
    let supervisor = start(Strategy::OneForOne);
    let (worker, let_go) = stubborn(supervisor, Duration::from_millis(1), &stage);
    assert_eq!(stage.events(1), ["+stubborn"]);
    assert_eq!(worker.stats().unwrap().life, Life::Running);
    assert_eq!(worker.stop(NOW), Err(Error::TimedOut));
    assert_eq!(worker.stop(Some(Duration::from_millis(1))), Err(Error::TimedOut));
    assert_eq!(worker.stats().unwrap().life, Life::Ending);
    let_go.send(()).unwrap();
    assert!(matches!(worker.stop(FOR_EVER), Ok(()) | Err(Error::Dead)));
    assert_eq!(stage.events(1), ["~stubborn"], "and it was not restarted");
    supervisor.stop().unwrap();
}

#[test]
fn two_threads_never_do_one_workers_work() {
    let stage = Stage::new();
    let supervisor = start(Strategy::OneForAll);
    let (_, let_go) = stubborn(supervisor, Duration::from_millis(1), &stage);
    assert_eq!(stage.events(1), ["+stubborn"]);
    supervisor
        .add(WorkerOptions { restart: Restart::Permanent, ..WorkerOptions::default() }, |_| Err(1))
        .unwrap();
    assert_eq!(supervisor.wait(FOR_EVER), Ok(Life::Failed));
    let reason = supervisor.stats().unwrap().reason;
    assert_eq!(reason, "worker stubborn did not end in time and cannot be restarted");
    let_go.send(()).unwrap();
    assert_eq!(stage.events(1), ["~stubborn"]);
    assert_eq!(supervisor.stop(), Err(Error::TimedOut), "it has ended without one of its workers");
}

#[test]
fn a_failure_below_is_a_failure_of_the_supervisor_there() {
    let stage = Stage::new();
    let root = start(Strategy::OneForOne);
    let child = |name, max_restarts| {
        Supervisor::start(Options { name, max_restarts, parent: Some(root), ..Options::default() }).unwrap()
    };
    let (below, beside) = (child("below", 1), child("beside", 0));
    stage.add(beside, "calm", Restart::Permanent);
    stage.add(below, "kept", Restart::Permanent);
    stage.add(below, "bad", Restart::Permanent);
    stage.events(3);
    assert_eq!(root.children(), Ok(vec![ChildId::Supervisor(below), ChildId::Supervisor(beside)]));
    stage.order("bad", Err(1));
    assert_eq!(stage.events(2), ["!bad", "+bad"]);
    stage.order("bad", Err(1));
    let mut events = stage.events(4);
    assert_eq!(events[..2], ["!bad", "-kept"], "it gives up, and is restarted with all its children");
    events[2..].sort();
    assert_eq!(events[2..], ["+bad", "+kept"]);
    // Its thread may still be at it.
    while below.stats().unwrap().life != Life::Running || root.stats().unwrap().running != 2 {
        std::thread::yield_now();
    }
    assert_eq!(root.stats().unwrap().restarts, 1);
    assert!(below.stats().unwrap().reason.contains("worker bad failed with status 1"));
    assert_eq!(below.wait(NOW), Err(Error::TimedOut), "what is restarted has not ended for good");
    let tree = root.describe().unwrap();
    assert_eq!(tree.lines().count(), 6, "{tree}");
    assert!(tree.contains("\n    worker kept: running, permanent, restarts 1, status 0\n"), "{tree}");
    below.stop().unwrap();
    assert_eq!(stage.events(4), ["-bad", "-kept", "~bad", "~kept"]);
    while root.children() != Ok(vec![ChildId::Supervisor(beside)]) {
        std::thread::yield_now();
    }
    root.stop().unwrap();
    assert_eq!(stage.events(2), ["-calm", "~calm"]);
    assert_eq!(beside.stats(), Err(Error::Stopped), "it ended with the one above");
}

#[test]
fn a_tree_gives_up_to_its_root() {
    let root = Supervisor::start(Options { max_restarts: 1, ..Options::default() }).unwrap();
    let mut parent = root;
    for _ in 0..3 {
        let options = Options { max_restarts: 1, parent: Some(parent), ..Options::default() };
        parent = Supervisor::start(options).unwrap();
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let work = move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Err(1)
    };
    parent.add(WorkerOptions::default(), work).unwrap();
    assert_eq!(root.wait(FOR_EVER), Ok(Life::Failed));
    assert_eq!(runs.load(Ordering::Relaxed), 16, "twice at each of four levels");
    root.stop().unwrap();
    assert_eq!(parent.stats(), Err(Error::Stopped));
}

#[test]
fn calls_from_inside_a_worker() {
    let stage = Stage::new();
    let root = start(Strategy::OneForOne);
    let below = Supervisor::start(Options { parent: Some(root), ..Options::default() }).unwrap();
    let other = stage.add(below, "other", Restart::Permanent);
    assert_eq!(stage.events(1), ["+other"]);
    let (sender, receiver) = channel();
    let worker = below
        .add(WorkerOptions::default(), move |worker| {
            let answers = [
                below.stop(),
                root.stop(),
                below.wait(FOR_EVER).map(drop),
                root.wait(Some(Duration::from_secs(1))).map(drop),
                below.wait(NOW).map(drop),
                worker.wait(NOW),
                other.stop(FOR_EVER),
                below.add(WorkerOptions::default(), |worker| worker.wait(FOR_EVER).or(Ok(()))).map(drop),
                worker.stop(FOR_EVER), // itself: from now on it shall stop
                worker.wait(FOR_EVER),
            ];
            sender.send(answers).unwrap();
            Err(1) // not restarted, since it was stopped
        })
        .unwrap();
    let deadlock = Err(Error::Deadlock);
    let late = Err(Error::TimedOut);
    let answers =
        [deadlock, deadlock, deadlock, deadlock, late, late, Ok(()), Ok(()), Ok(()), Err(Error::Stopped)];
    assert_eq!(receiver.recv().unwrap(), answers);
    while worker.stats().is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(below.stats().unwrap().children, 1);
    root.stop().unwrap();
}

#[test]
fn what_a_destructor_may_call() {
    struct Calls(Supervisor, Sender<Result<(), Error>>);
    impl Drop for Calls {
        fn drop(&mut self) {
            self.1.send(self.0.stop()).unwrap();
            panic!("and it may panic");
        }
    }
    let (sender, receiver) = channel();
    let supervisor = start(Strategy::OneForOne);
    let calls = Calls(supervisor, sender);
    let options = WorkerOptions { restart: Restart::Temporary, ..WorkerOptions::default() };
    supervisor
        .add(options, move |_| {
            let _ = &calls;
            Ok(())
        })
        .unwrap();
    assert_eq!(receiver.recv(), Ok(Ok(())), "it runs with nothing held");
    assert_eq!(supervisor.stop(), Err(Error::Stopped));
}

#[test]
fn stops_beside_failures_and_adds() {
    for round in 0..50 {
        let root = start([Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne][round % 3]);
        let below =
            Supervisor::start(Options { parent: Some(root), max_restarts: 5, ..Options::default() }).unwrap();
        std::thread::scope(|scope| {
            for supervisor in [root, below] {
                scope.spawn(move || {
                    for i in 0.. {
                        let work = move |worker: Worker| match i % 4 {
                            0 => Err(1),
                            1 => panic!("on purpose"),
                            _ => worker.wait(FOR_EVER).or(Ok(())),
                        };
                        let restart = [Restart::Permanent, Restart::Transient, Restart::Temporary][i % 3];
                        let options =
                            WorkerOptions { restart, patience: FOR_EVER, ..WorkerOptions::default() };
                        match supervisor.add(options, work) {
                            Ok(worker) if i % 5 == 0 => drop(worker.stop(FOR_EVER)),
                            Ok(_) => {}
                            Err(error) => return assert_eq!(error, Error::Stopped),
                        }
                    }
                });
            }
            scope.spawn(move || {
                assert!(matches!(
                    below.wait(FOR_EVER),
                    Ok(Life::Stopped | Life::Failed) | Err(Error::Stopped)
                ))
            });
            std::thread::yield_now();
            assert_eq!(root.stop(), Ok(()));
        });
        assert_eq!(below.stop(), Err(Error::Stopped));
    }
}

#[test]
fn wrong_arguments() {
    let supervisor = start(Strategy::OneForOne);
    let name = "x".repeat(65_536);
    let options = WorkerOptions { name: &name, ..WorkerOptions::default() };
    assert_eq!(supervisor.add(options, |_| Ok(())).err(), Some(Error::InvalidArgument));
    let refused = |options| Supervisor::start(options).err();
    assert_eq!(refused(Options { name: &name, ..Options::default() }), Some(Error::InvalidArgument));
    let parent = |id| Options { parent: Some(Supervisor::from_id(id)), ..Options::default() };
    assert_eq!(refused(parent(1)), Some(Error::BadHandle));
    // Any name is legal for a thread.
    for name in ["", "\0", "é with \n", &name[1..]] {
        let options = WorkerOptions { name, ..WorkerOptions::default() };
        let worker = supervisor.add(options, |worker| worker.wait(FOR_EVER).or(Ok(()))).unwrap();
        assert_eq!(worker.stats().unwrap().name, name);
    }
    for id in [0, 1, u64::MAX, supervisor.id() + (1 << 28)] {
        assert_eq!(Supervisor::from_id(id).stop(), Err(Error::BadHandle));
        assert_eq!(Supervisor::from_id(id).wait(FOR_EVER), Err(Error::BadHandle));
        assert_eq!(Worker::from_id(id).wait(FOR_EVER), Err(Error::BadHandle));
        assert_eq!(Worker::from_id(id).stop(FOR_EVER), Err(Error::BadHandle));
    }
    assert_eq!(Worker::from_id(supervisor.id()).stop(FOR_EVER), Err(Error::BadHandle));
    supervisor.stop().unwrap();
    assert_eq!(refused(parent(supervisor.id())), Some(Error::Stopped));
}
