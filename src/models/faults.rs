//! One fault in one line of the code, planted from outside to see whether a model finds it: `KVREG_FAULT` is
//! `Weak:<file>:<line>`, or the same with `Missing` or `Late`.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::OnceLock;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Fault {
    /// The line's atomic operations order nothing: they are Relaxed.
    Weak,
    /// The line's store, fence or wake-up is not done; its load sees zero.
    Missing,
    /// The line's store is done after the thread's next one.
    Late,
}

struct Planted {
    fault: Fault,
    file: String,
    line: u32,
}

fn planted() -> &'static Option<Planted> {
    static PLANTED: OnceLock<Option<Planted>> = OnceLock::new();
    PLANTED.get_or_init(|| {
        let text = std::env::var("KVREG_FAULT").ok()?;
        let mut parts = text.split(':');
        let fault = match parts.next() {
            Some("Weak") => Fault::Weak,
            Some("Missing") => Fault::Missing,
            Some("Late") => Fault::Late,
            other => panic!("no such fault: {other:?}"),
        };
        let file = parts.next().expect("a file").to_owned();
        let line = parts.next().and_then(|line| line.parse().ok()).expect("a line");
        Some(Planted { fault, file, line })
    })
}

/// The fault at the caller's line.
#[track_caller]
pub(super) fn here() -> Option<Fault> {
    let planted = planted().as_ref()?;
    let here = Location::caller();
    (here.line() == planted.line && here.file().ends_with(&planted.file)).then_some(planted.fault)
}

type Store = Box<dyn FnOnce()>;

thread_local! {
    /// All threads of a model are one of the system's; they do not switch between two stores unless one is done.
    static LATE: RefCell<Option<Store>> = const { RefCell::new(None) };
}

pub(super) fn be_late(store: impl FnOnce() + 'static) {
    LATE.set(Some(Box::new(store)));
}

pub(super) fn take_late() -> Option<Store> {
    LATE.take()
}
