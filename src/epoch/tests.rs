use super::*;
use crate::sync::{AtomicBool, AtomicU64};
use std::sync::mpsc::channel;

/// Counts what was freed.
fn counted(freed: &'static AtomicU64) -> Garbage {
    unsafe fn count(freed: usize) {
        // SAFETY: the address of a static.
        unsafe { (*ptr::with_exposed_provenance::<AtomicU64>(freed)).fetch_add(1, Ordering::SeqCst) };
    }
    // SAFETY: counting needs no pin.
    unsafe { Garbage::new(ptr::from_ref(freed).expose_provenance(), count, 100) }
}

#[test]
fn garbage_waits_for_those_who_pinned_before_it() {
    static FREED: AtomicU64 = AtomicU64::new(0);
    retire(counted(&FREED));
    while FREED.load(Ordering::SeqCst) < 1 {
        flush(); // other tests may be pinned for a moment
    }

    let (to_thread, from_main) = channel::<()>();
    let (to_main, from_thread) = channel::<()>();
    let reader = std::thread::spawn(move || {
        let pin = pin();
        to_main.send(()).unwrap();
        from_main.recv().unwrap();
        drop(pin);
        to_main.send(()).unwrap();
        from_main.recv().unwrap();
    });
    from_thread.recv().unwrap();
    for _ in 0..1000 {
        retire(counted(&FREED));
    }
    flush();
    assert!(!wait(), "a pin is held");
    assert_eq!(FREED.load(Ordering::SeqCst), 1, "the pin is still held");
    to_thread.send(()).unwrap();
    from_thread.recv().unwrap();
    while FREED.load(Ordering::SeqCst) < 1001 {
        flush();
    }
    to_thread.send(()).unwrap();
    reader.join().unwrap();
}

#[test]
fn who_waits_for_writers_waits_for_those_who_announced_before() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let (to_main, from_thread) = channel::<()>();
    let writer = std::thread::spawn(move || {
        let pin = pin();
        let writing = pin.announce();
        to_main.send(()).unwrap();
        for _ in 0..100 {
            std::thread::yield_now();
        }
        DONE.store(true, Ordering::Relaxed);
        drop(writing);
    });
    from_thread.recv().unwrap();
    wait_for_writers();
    assert!(DONE.load(Ordering::Relaxed), "it had announced itself and not ended");
    writer.join().unwrap();
}
