//! Lookups and gets make no system call: a thread that the kernel would kill for one makes them, beside a writer.
#![cfg(target_os = "linux")]

use kvreg::{Reason, Registry};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static READS: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicBool = AtomicBool::new(false);

#[test]
#[cfg_attr(kvreg_sanitize, ignore = "a sanitizer makes calls of its own, and looks for the thread that left")]
fn reads_make_no_system_call() {
    const WANTED: u64 = 200_000;
    let registry = Registry::start().unwrap();
    let bucket = registry.create("name").unwrap();
    bucket.put("key", 7).unwrap();
    // Not joined: it leaves by the one exit that is allowed, without the runtime's farewell.
    std::thread::spawn(move || {
        // A thread's first reads set up its thread-local memory.
        let read = || {
            assert_eq!(registry.lookup("name"), Ok(Some(bucket)));
            assert_eq!(registry.lookup("nope"), Ok(None));
            assert_eq!(registry.count().map(|count| count > 0), Ok(true));
            assert_eq!(bucket.get_int("key"), Ok(Some(7)));
            assert_eq!(bucket.get_int("nope"), Ok(None));
            assert_eq!(bucket.check(), Ok(()));
        };
        read();
        // SAFETY: from here on the kernel ends this process at any call but read, write, exit and sigreturn.
        let strict = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) };
        if strict == 0 {
            for _ in 0..WANTED {
                read();
                READS.fetch_add(1, Ordering::Relaxed);
            }
        }
        DONE.store(true, Ordering::Release);
        // SAFETY: ends this thread alone.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    });
    for i in 0.. {
        if DONE.load(Ordering::Acquire) {
            break;
        }
        let other = registry.create(format!("other {i}")).unwrap();
        bucket.put(format!("key {}", i % 100), i).unwrap();
        other.stop(Reason::Normal).unwrap();
    }
    assert_eq!(READS.load(Ordering::Relaxed), WANTED, "0: this kernel has no strict mode for a thread");
    registry.stop().unwrap();
}
