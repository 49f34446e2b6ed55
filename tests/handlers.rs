//! Handlers: when they are called, what they may do, and what becomes of one that is slow or fails.

use kvreg::*;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough that only what hangs takes longer.
const SOON: Option<Duration> = Some(Duration::from_secs(60));

fn subscribe(registry: Registry) -> Subscription {
    Subscription::open(registry, SubscribeOptions::default()).unwrap()
}

#[test]
fn synchronous_handlers_ran_before_the_call_returns() {
    let registry = Registry::start().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        Handler::add(registry, HandlerOptions::default(), move |event| {
            seen.lock().unwrap().push(event.revision());
            Ok(())
        })
        .unwrap()
    };
    const EACH: u64 = 500;
    thread::scope(|scope| {
        for thread in 0..4 {
            let seen = &seen;
            scope.spawn(move || {
                for i in 0..EACH {
                    let bucket = registry.create(format!("{thread}/{i}")).unwrap();
                    let count = seen.lock().unwrap().len() as u64;
                    bucket.stop(Reason::Normal).unwrap();
                    assert!(seen.lock().unwrap().len() as u64 > count, "this exit was seen");
                }
            });
        }
    });
    let names: Vec<String> = (0..100).map(|i| format!("many{i}")).collect();
    registry.create_many(&names).unwrap();
    assert_eq!(seen.lock().unwrap().len() as u64, 8 * EACH + 100);
    assert!(seen.lock().unwrap().iter().copied().eq(1..=8 * EACH + 100), "in the table's order");
    handler.remove().unwrap();
    assert_eq!(handler.remove(), Err(Error::Dead));
    registry.create("after").unwrap();
    assert_eq!(seen.lock().unwrap().len() as u64, 8 * EACH + 100);
    assert_eq!(Arc::strong_count(&seen), 1, "the function is gone");
    registry.stop().unwrap();
}

/// The reference hangs for five seconds here, and then does it.
#[test]
fn a_handler_may_create_and_stop_on_its_own_registry() {
    let registry = Registry::start().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    Handler::add(registry, HandlerOptions::default(), move |event| {
        let name = String::from_utf8(event.name().to_vec()).unwrap();
        log.lock().unwrap().push((event.kind(), name.clone()));
        if event.kind() == EventKind::Create && name.len() < 4 {
            let inner = registry.create(format!("{name}+"))?;
            assert_eq!(registry.lookup(format!("{name}+"))?, Some(inner));
            event.bucket().stop(Reason::Normal)?;
        }
        assert_eq!(registry.sync(None), Err(Error::Deadlock));
        Ok(())
    })
    .unwrap();
    registry.create("a").unwrap();
    let (create, exit) = (EventKind::Create, EventKind::Exit);
    let expected = [
        (create, "a"),
        (create, "a+"),
        (exit, "a"),
        (create, "a++"),
        (exit, "a+"),
        (create, "a+++"),
        (exit, "a++"),
    ];
    let expected: Vec<_> = expected.iter().map(|&(kind, name)| (kind, name.to_owned())).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
    registry.stop().unwrap();
}

/// Two handlers in two threads create on each other's registries, and wait for nobody.
#[test]
fn handlers_that_create_crosswise_do_not_hang() {
    let registries = [Registry::start().unwrap(), Registry::start().unwrap()];
    for (mine, other) in [(0, 1), (1, 0)] {
        Handler::add(registries[mine], HandlerOptions::default(), move |event| {
            if event.kind() == EventKind::Create && !event.name().starts_with(b"echo") {
                let name = [b"echo", event.name()].concat();
                registries[other].create(&name)?.stop(Reason::Normal)?;
            }
            Ok(())
        })
        .unwrap();
    }
    thread::scope(|scope| {
        for registry in registries {
            scope.spawn(move || {
                for i in 0..2_000 {
                    registry.create(format!("{i}")).unwrap();
                }
            });
        }
    });
    for registry in registries {
        registry.sync(SOON).unwrap();
        assert_eq!(registry.count(), Ok(2_000));
        registry.stop().unwrap();
    }
}

#[test]
fn an_asynchronous_handler_is_called_on_its_own_thread() {
    let registry = Registry::start().unwrap();
    let me = thread::current().id();
    let (send, receive) = mpsc::channel();
    let options = HandlerOptions { mode: Mode::Asynchronous, ..Default::default() };
    let handler = Handler::add(registry, options, move |event| {
        assert_ne!(thread::current().id(), me);
        send.send(event.revision()).unwrap();
        Ok(())
    })
    .unwrap();
    for i in 0..100 {
        registry.create(format!("b{i}")).unwrap();
    }
    registry.sync(SOON).unwrap();
    assert_eq!(receive.try_iter().count(), 100, "a sync waits for asynchronous ones too");
    handler.remove().unwrap();
    assert!(matches!(receive.try_recv(), Err(mpsc::TryRecvError::Disconnected)));
    registry.stop().unwrap();
}

#[test]
fn an_asynchronous_handler_does_not_wait_for_a_slow_one_that_was_added_before_it() {
    let registry = Registry::start().unwrap();
    let (heard, hears) = mpsc::channel();
    let hears = Mutex::new(hears);
    let options = HandlerOptions { limit: None, ..Default::default() };
    // It returns when the other one was called for the same event.
    let slow =
        move |_: &Event| hears.lock().unwrap().recv_timeout(SOON.unwrap()).map_err(|_| Error::TimedOut);
    let slow = Handler::add(registry, options, slow).unwrap();
    let options = HandlerOptions { mode: Mode::Asynchronous, ..Default::default() };
    Handler::add(registry, options, move |_| heard.send(()).map_err(|_| Error::Failed)).unwrap();
    for name in ["a", "b", "c"] {
        registry.create(name).unwrap();
        registry.sync(SOON).unwrap();
    }
    slow.remove().unwrap(); // it has not failed
    registry.stop().unwrap();
}

#[test]
fn a_handler_that_fails_is_removed_and_the_others_go_on() {
    let registry = Registry::start().unwrap();
    let calls = [const { AtomicU64::new(0) }; 3].map(Arc::new);
    let add = |i: usize, keep: bool, answer: fn() -> Result<(), Error>| {
        let calls = Arc::clone(&calls[i]);
        let options = HandlerOptions { keep, ..Default::default() };
        Handler::add(registry, options, move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            answer()
        })
        .unwrap()
    };
    let failing = add(0, false, || Err(Error::NotFound));
    let panicking = add(1, true, || std::panic::resume_unwind(Box::new(())));
    let fine = add(2, false, || Ok(()));
    for i in 0..3 {
        registry.create(format!("b{i}")).unwrap();
    }
    assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::Relaxed)), [1, 3, 3]);
    assert_eq!(failing.remove(), Err(Error::Dead));
    panicking.remove().unwrap();
    fine.remove().unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_remover_waits_no_longer_than_a_call_may_take() {
    let registry = Registry::start().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let options = HandlerOptions { limit: Some(Duration::from_millis(30)), keep: true, ..Default::default() };
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        Handler::add(registry, options, move |_| {
            entered.wait();
            release.wait();
            Ok(())
        })
        .unwrap()
    };
    thread::scope(|scope| {
        scope.spawn(move || registry.create("first").unwrap());
        entered.wait();
        assert_eq!(handler.remove(), Err(Error::TimedOut));
        assert_eq!(handler.remove(), Err(Error::Dead));
        registry.create("second").unwrap();
        release.wait();
    });
    assert_eq!(Arc::strong_count(&release), 1);
    registry.stop().unwrap();
}

/// Nobody waits for a handler that does not return; it is removed, and its function ends when it does return.
#[test]
fn a_handler_that_hangs_holds_others_up_once() {
    let registry = Registry::start().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let options = HandlerOptions { limit: Some(Duration::from_millis(30)), ..Default::default() };
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        Handler::add(registry, options, move |_| {
            entered.wait();
            release.wait();
            Ok(())
        })
        .unwrap()
    };
    thread::scope(|scope| {
        scope.spawn(move || registry.create("first").unwrap());
        entered.wait();
        for i in 0..100 {
            registry.create(format!("b{i}")).unwrap();
        }
        assert_eq!(handler.remove(), Err(Error::Dead), "it was removed");
        assert_eq!(Arc::strong_count(&release), 2, "its function is running still");
        release.wait();
    });
    assert_eq!(Arc::strong_count(&release), 1);
    registry.stop().unwrap();
}

#[test]
fn a_handler_removes_itself_and_a_remover_waits() {
    let registry = Registry::start().unwrap();
    let own = Arc::new(Mutex::new(None::<Handler>));
    let mine = Arc::clone(&own);
    let handler = Handler::add(registry, HandlerOptions::default(), move |_| {
        mine.lock().unwrap().take().unwrap().remove()
    })
    .unwrap();
    *own.lock().unwrap() = Some(handler);
    registry.create("b").unwrap();
    registry.create("c").unwrap();
    assert_eq!(Arc::strong_count(&own), 1);

    let (entered, running) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU64::new(0)));
    let (at, runs) = (Arc::clone(&entered), Arc::clone(&running));
    let handler = Handler::add(registry, HandlerOptions::default(), move |_| {
        runs.store(1, Ordering::SeqCst);
        at.wait();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {}
        runs.store(0, Ordering::SeqCst);
        Ok(())
    })
    .unwrap();
    thread::scope(|scope| {
        scope.spawn(move || registry.create("d").unwrap());
        entered.wait();
        handler.remove().unwrap();
        assert_eq!(running.load(Ordering::SeqCst), 0, "it is not running any more");
    });
    registry.stop().unwrap();
}

#[test]
fn a_handler_may_stop_its_registry_and_is_told_of_all_exits() {
    for mode in [Mode::Synchronous, Mode::Asynchronous] {
        let registry = Registry::start().unwrap();
        let exits = [const { AtomicU64::new(0) }; 2].map(Arc::new);
        let (count, other_count) = (Arc::clone(&exits[0]), Arc::clone(&exits[1]));
        Handler::add(registry, HandlerOptions { mode, ..Default::default() }, move |event| {
            match event.kind() {
                EventKind::Create if event.name() == b"last" => registry.stop()?,
                EventKind::Create => {}
                _ => drop(count.fetch_add(1, Ordering::Relaxed)),
            }
            Ok(())
        })
        .unwrap();
        let (told, all_told) = mpsc::channel::<()>();
        let options = HandlerOptions { mode: Mode::Asynchronous, ..Default::default() };
        Handler::add(registry, options, move |event| {
            let _ends_with_this_function = &told;
            if event.kind() == EventKind::Exit {
                other_count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
        .unwrap();
        let subscription = subscribe(registry);
        for name in ["first", "second", "last"] {
            registry.create(name).unwrap();
        }
        let kinds: Vec<_> = (0..6).map(|_| subscription.next(SOON).unwrap().kind()).collect();
        assert_eq!(kinds[2..], [EventKind::Create, EventKind::Exit, EventKind::Exit, EventKind::Exit]);
        assert_eq!(subscription.next(SOON).unwrap_err(), Error::Stopped);
        assert_eq!(registry.create("c"), Err(Error::Stopped));
        assert!(all_told.recv().is_err(), "the other handler's function has ended");
        assert_eq!(exits[1].load(Ordering::Relaxed), 3);
        if mode == Mode::Synchronous {
            assert_eq!(exits[0].load(Ordering::Relaxed), 3);
            assert_eq!(Arc::strong_count(&exits[0]), 1);
        }
        subscription.close().unwrap();
    }
}

/// What a remover may rely on: it is the function's end, whoever was running it.
#[test]
fn a_removed_handlers_function_has_ended() {
    struct Hold(Arc<AtomicU64>);
    impl Drop for Hold {
        fn drop(&mut self) {
            for _ in 0..3 {
                thread::yield_now(); // so that others have the time to go on too early
            }
            self.0.store(1, Ordering::Relaxed);
        }
    }
    let registry = Registry::start().unwrap();
    for mode in [Mode::Synchronous, Mode::Asynchronous] {
        let stop = Arc::new(AtomicU64::new(0));
        thread::scope(|scope| {
            let stopped = &stop;
            scope.spawn(move || {
                for i in 0.. {
                    registry.create(format!("{i}")).unwrap().stop(Reason::Normal).unwrap();
                    if stopped.load(Ordering::Relaxed) != 0 {
                        break;
                    }
                }
            });
            for _ in 0..1_000 {
                let held = Arc::new(AtomicU64::new(0));
                let hold = Hold(Arc::clone(&held));
                let options = HandlerOptions { mode, ..Default::default() };
                let handler = Handler::add(registry, options, move |_| {
                    let _in_use = &hold;
                    Ok(())
                })
                .unwrap();
                thread::yield_now();
                handler.remove().unwrap();
                assert_eq!(held.load(Ordering::Relaxed), 1);
            }
            stop.store(1, Ordering::Relaxed);
        });
    }
    registry.stop().unwrap();
}

/// The limit counts for each call, also for who has been waiting since an earlier one.
#[test]
fn who_waits_for_a_second_call_does_not_wait_for_ever() {
    for _ in 0..20 {
        let registry = Registry::start().unwrap();
        let release = Arc::new(Barrier::new(2));
        let options = HandlerOptions { limit: Some(Duration::from_millis(20)), ..Default::default() };
        let (at, second) = (Arc::clone(&release), Arc::new(AtomicU64::new(0)));
        let calls = Arc::clone(&second);
        Handler::add(registry, options, move |event| {
            if event.name() == b"first" {
                while registry.revision()? < 2 {
                    thread::yield_now();
                }
            } else if event.name() == b"second" {
                calls.store(1, Ordering::Relaxed);
                at.wait();
            }
            Ok(())
        })
        .unwrap();
        let (done, two_are_done) = mpsc::channel();
        thread::scope(|scope| {
            for (after, name) in ["first", "second", "third"].into_iter().enumerate() {
                let done = done.clone();
                scope.spawn(move || {
                    while registry.revision().unwrap() < after as u64 {
                        thread::yield_now();
                    }
                    registry.create(name).unwrap();
                    done.send(()).unwrap();
                });
            }
            // All but the one that runs it.
            two_are_done.recv().unwrap();
            two_are_done.recv().unwrap();
            if second.load(Ordering::Relaxed) == 1 {
                release.wait();
            }
        });
        registry.stop().unwrap();
    }
}

/// A thread for which a handler waits does not wait for the handler, however long that may take.
#[test]
fn loaders_and_update_functions_do_not_wait_for_handlers_that_wait_for_them() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("b").unwrap();
    let (entered, loading) = (Arc::new(Barrier::new(2)), Arc::clone(&Arc::new(Barrier::new(2))));
    let options = HandlerOptions { limit: None, ..Default::default() };
    let (at, begun) = (Arc::clone(&entered), Arc::clone(&loading));
    let handler = Handler::add(registry, options, move |event| match event.name() {
        b"load" => {
            begun.wait();
            at.wait();
            registry.get_or_create("loaded", |_| panic!("another thread loads it")).map(drop)
        }
        b"update" => {
            begun.wait();
            at.wait();
            bucket.put("key", 1)
        }
        _ => Ok(()),
    })
    .unwrap();
    thread::scope(|scope| {
        let changing = scope.spawn(move || registry.create("load").unwrap());
        let loaded = registry.get_or_create("loaded", |_| {
            loading.wait();
            entered.wait();
            registry.create("x")?;
            assert_eq!(handler.remove(), Err(Error::Deadlock));
            assert_eq!(registry.sync(None), Err(Error::Deadlock));
            Ok(())
        });
        loaded.unwrap();
        changing.join().unwrap();
        let changing = scope.spawn(move || registry.create("update").unwrap());
        bucket
            .update("key", |_| {
                loading.wait();
                entered.wait();
                registry.create("y").unwrap();
                assert_eq!(registry.sync(None), Err(Error::Deadlock));
                Update::Put(ValueRef::Int(2))
            })
            .unwrap();
        changing.join().unwrap();
    });
    registry.sync(SOON).unwrap();
    handler.remove().unwrap();
    assert_eq!(bucket.get("key"), Ok(Some(Value::Int(1))));
    registry.stop().unwrap();
}

/// What a loader has changed, handlers have heard of when the load is over, whatever became of that.
#[test]
fn who_loaded_waits_for_handlers_also_if_the_load_failed() {
    let registry = Registry::start().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (at, go_on, names) = (Arc::clone(&entered), Arc::clone(&release), Arc::clone(&seen));
    let options = HandlerOptions { limit: None, ..Default::default() };
    Handler::add(registry, options, move |event| {
        if event.name() == b"held" && event.kind() == EventKind::Create {
            at.wait();
            go_on.wait();
            (0..100).for_each(|_| thread::yield_now()); // so that who does not wait is first
        }
        names.lock().unwrap().push(event.name().to_vec());
        Ok(())
    })
    .unwrap();
    let round = |fails: bool| {
        thread::scope(|scope| {
            let held = scope.spawn(move || registry.create("held").unwrap().stop(Reason::Normal));
            entered.wait();
            let load = |_| {
                registry.create("made inside")?.stop(Reason::Normal)?; // another thread is in the handler
                release.wait();
                if fails { Err(Error::Failed) } else { panic!("a loader that panics") }
            };
            let loaded = std::panic::catch_unwind(AssertUnwindSafe(|| registry.get_or_create("never", load)));
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            held.join().unwrap().unwrap();
            assert_eq!(loaded.ok(), fails.then_some(Err(Error::Failed)));
            assert_eq!(
                seen.iter().filter(|name| *name == b"made inside").count(),
                2,
                "its create and its exit"
            );
        });
    };
    round(true);
    round(false);
    registry.stop().unwrap();
}

/// An owner that ends in a handler, while another handler of it runs elsewhere, waits for nobody.
#[test]
fn an_owner_ends_inside_a_handler() {
    let (one, two) = (Registry::start().unwrap(), Registry::start().unwrap());
    let owner = Owner::open().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (at, until) = (Arc::clone(&entered), Arc::clone(&release));
    let options = HandlerOptions { owner: Some(owner), ..Default::default() };
    Handler::add(one, options, move |_| {
        at.wait();
        until.wait();
        Ok(())
    })
    .unwrap();
    Handler::add(two, HandlerOptions::default(), move |_| owner.close()).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || one.create("b").unwrap());
        entered.wait();
        two.create("b").unwrap();
        assert_eq!(owner.check(), Err(Error::Dead));
        release.wait();
    });
    assert_eq!(Arc::strong_count(&release), 1);
    one.stop().unwrap();
    two.stop().unwrap();
}
