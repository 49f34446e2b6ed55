//! Loads while others are known to wait for them.

use kvreg::{Bucket, Error, Reason, Registry, hooks};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

/// The number of those who wait is the process'.
static ALONE: Mutex<()> = Mutex::new(());

const WAITERS: usize = 7;

type Answer = Result<Bucket, Error>;

/// Loads a name while others wait for it. `load` runs when all of them do. Gives this thread's answer and theirs.
fn with_waiters(
    registry: Registry,
    load: impl FnOnce(Bucket) -> Result<(), Error>,
) -> (Option<Answer>, Vec<Answer>) {
    let _alone = ALONE.lock().unwrap();
    let want = move || registry.get_or_create("name", |_| panic!("another one loads"));
    thread::scope(|scope| {
        let mut waiters = Vec::new();
        let mine = catch_unwind(AssertUnwindSafe(|| {
            registry.get_or_create("name", |bucket| {
                waiters.extend((0..WAITERS).map(|_| scope.spawn(want)));
                while hooks::waiting_for_loads() < WAITERS {
                    thread::yield_now();
                }
                load(bucket)
            })
        }));
        (mine.ok(), waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect())
    })
}

#[test]
fn all_share_the_answer() {
    let registry = Registry::start().unwrap();
    for loaded in [Err(Error::Io), Err(Error::NotFound), Ok(())] {
        let (mine, theirs) = with_waiters(registry, |_| loaded);
        let mine = mine.unwrap();
        assert_eq!(mine.map(drop), loaded);
        assert_eq!(theirs, [mine; WAITERS]);
    }
    assert_eq!(registry.revision(), Ok(1), "a failure is no change");
    registry.stop().unwrap();
}

#[test]
fn a_panic_is_told_to_those_who_wait() {
    let registry = Registry::start().unwrap();
    let (mine, theirs) = with_waiters(registry, |_| panic!("a test asked for it"));
    assert_eq!((mine, theirs), (None, vec![Err(Error::Panicked); WAITERS]));
    registry.stop().unwrap();
}

#[test]
fn those_who_wait_get_the_bucket_that_was_created_meanwhile() {
    let registry = Registry::start().unwrap();
    let mut created = None;
    let (mine, theirs) = with_waiters(registry, |_| {
        created = Some(registry.create("name")?);
        Ok(())
    });
    let created = Ok(created.unwrap());
    assert_eq!((mine, theirs), (Some(created), vec![created; WAITERS]));
    registry.stop().unwrap();
}

#[test]
fn those_who_wait_learn_that_it_ended() {
    let registry = Registry::start().unwrap();
    let (mine, theirs) = with_waiters(registry, |bucket| bucket.stop(Reason::Normal));
    assert_eq!((mine, theirs), (Some(Err(Error::Dead)), vec![Err(Error::Dead); WAITERS]));
    // Of the registry's end they learn while the loader still runs.
    let (mine, theirs) = with_waiters(registry, |_| {
        registry.stop()?;
        while hooks::waiting_for_loads() != 0 {
            thread::yield_now();
        }
        Err(Error::Io)
    });
    assert_eq!((mine, theirs), (Some(Err(Error::Io)), vec![Err(Error::Stopped); WAITERS]));
}
