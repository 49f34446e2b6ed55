//! Work beside other threads that never stop.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Does `work` while each of the others runs again and again in a thread of its own, with the number of its round: at
/// least once, and until the work has ended, be it by a panic.
pub(crate) fn beside<R>(others: &[&(dyn Fn(i64) + Sync)], work: impl FnOnce() -> R) -> R {
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (done, start) = (AtomicBool::new(false), Barrier::new(others.len() + 1));
    thread::scope(|scope| {
        let _end = End(&done);
        for other in others {
            scope.spawn(|| {
                start.wait();
                for round in 0.. {
                    other(round);
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        start.wait();
        work()
    })
}
