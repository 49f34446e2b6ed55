"""Subscriptions, monitors and handlers; and the guide's tests about events."""

from __future__ import annotations

import asyncio
import copy
import math
import os
import pickle
import queue
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import kvreg

SOON = 60


def told(subscription: kvreg.Subscription) -> list[tuple[str, str]]:
    """What waits to be taken, as class and name."""
    events = []
    while (event := subscription.next(0)) is not None:
        events.append((type(event).__name__, getattr(event, "name", "")))
    return events


def test_sends_events_on_create_and_crash(registry: kvreg.Registry) -> None:
    with registry.subscribe() as subscription:
        bucket = registry.create("shopping")
        assert subscription.next(SOON) == kvreg.Created(1, "shopping", bucket)
        bucket.crash("no milk")
        event = subscription.next(SOON)
        assert event == kvreg.Exited(2, "shopping", bucket, "crash", "no milk")
        assert isinstance(event, kvreg.Exited) and event.bucket.id == bucket.id and not event.bucket.alive
        assert subscription.next(0) is None and len(subscription) == 0


@pytest.mark.parametrize("reason", ["normal", "shutdown", "killed", "crash"])
def test_removes_buckets_on_exit_and_on_crash(registry: kvreg.Registry, reason: str) -> None:
    with registry.subscribe(events="exit") as subscription:
        registry.create("shopping").stop(reason)
        event = next(subscription)
        assert isinstance(event, kvreg.Exited) and event.reason == reason and event.message == ""
        assert event.name not in registry and registry.lookup("shopping") is None


def test_monitors_existing_entries(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    with registry.subscribe(events=()) as subscription:
        first, second, third = (bucket.monitor(subscription) for _ in range(3))
        assert first != second and len({first, second, third}) == 3 and first.id != second.id
        assert third.cancel() is True and third.cancel() is False
        bucket.stop("killed")
        downs = [subscription.next(SOON), subscription.next(SOON)]
        assert downs == [kvreg.Down(2, "shopping", bucket, "killed", "", monitor) for monitor in (first, second)]
        assert first.cancel() is False and subscription.next(0) is None
        late = bucket.monitor(subscription)
        event = subscription.next(SOON)
        assert isinstance(event, kvreg.Down) and event.monitor == late and event.reason == "killed"
    with registry.subscribe() as subscription, kvreg.Registry() as other:
        gone = other.create("b")
        with pytest.raises(kvreg.InvalidArgumentError):
            gone.monitor(subscription)
        gone.stop()
        gone.monitor(subscription)
        event = subscription.next(SOON)
        assert isinstance(event, kvreg.Down) and event.reason == "gone" and event.name == ""


def test_events_are_values(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    event: Any = kvreg.Created(1, "shopping", bucket)
    with pytest.raises(AttributeError):
        event.name = "other"
    assert hash(event) == hash(kvreg.Created(1, "shopping", bucket)) and event != kvreg.Created(2, "shopping", bucket)
    match event:
        case kvreg.Created(revision, name, found):
            assert (revision, name, found) == (1, "shopping", bucket)
    assert kvreg.Exited.__match_args__ == ("revision", "name", "bucket", "reason", "message")
    assert kvreg.Lost.__match_args__ == ("count", "revision")
    assert "Created(revision=1, name='shopping'" in repr(event)


def test_an_iteration_ends_with_the_registry() -> None:
    registry = kvreg.Registry()
    subscription = registry.subscribe()
    registry.create_many(["a", "b"])
    registry.stop()
    assert [type(event).__name__ for event in subscription] == ["Created", "Created", "Exited", "Exited"]
    with pytest.raises(kvreg.StoppedError):
        subscription.next()
    subscription.close()
    subscription.close()
    assert list(subscription) == [] and subscription.closed and "closed" in repr(subscription)
    assert len(subscription) == 0 and subscription
    for use in (lambda: subscription.next(0), subscription.fileno, subscription.snapshot):
        with pytest.raises(kvreg.DeadError):
            use()
    with pytest.raises(kvreg.StoppedError):
        registry.subscribe()
    with pytest.raises(kvreg.StoppedError):
        registry.sync()


def test_filters(registry: kvreg.Registry) -> None:
    user = registry.create("user/2")
    subscriptions = [
        registry.subscribe(name="user/1"),
        registry.subscribe(prefix=b"user/", events=("create", "exit")),
        registry.subscribe(bucket=user),
        registry.subscribe(events=["exit"]),
    ]
    registry.create("user/1").stop()
    registry.create("host")
    user.stop()
    first = [("Created", "user/1"), ("Exited", "user/1")]
    last = [("Exited", "user/2")]
    assert [told(each) for each in subscriptions] == [first, first + last, last, first[1:] + last]
    for each in subscriptions:
        each.close()


def test_overflow(registry: kvreg.Registry) -> None:
    dropping = registry.subscribe(capacity=2)
    ending = registry.subscribe(capacity=2, overflow="disconnect")
    blocking = registry.subscribe(capacity=2, overflow="block", block=0)
    registry.create_many(["a", "b", "c"])
    for each in (dropping, blocking):
        assert each.next() == kvreg.Lost(1, 1) and told(each) == [("Created", "b"), ("Created", "c")]
    assert [type(event).__name__ for event in ending] == ["Created", "Created", "Lost"]
    for each in (dropping, ending, blocking):
        each.close()
    taken = []
    with registry.subscribe(capacity=1, overflow="block", block=SOON) as subscription:
        writer = threading.Thread(target=lambda: [registry.create(f"{i}") for i in range(500)])
        writer.start()
        for _ in range(500):
            event = subscription.next(SOON)
            assert isinstance(event, kvreg.Created)
            taken.append(event.name)
        writer.join()
    assert taken == [f"{i}" for i in range(500)]


def test_a_start_in_the_past(registry: kvreg.Registry) -> None:
    registry.subscribe().close()  # from the first one on it is remembered
    with registry.snapshot() as snapshot:
        registry.create_many(["a", "b"])
        with registry.subscribe(after=snapshot) as since, registry.subscribe(after=1) as later:
            assert told(since) == [("Created", "a"), ("Created", "b")] and told(later) == [("Created", "b")]
    with pytest.raises(kvreg.InvalidArgumentError):
        registry.subscribe(after=3)
    with pytest.raises(kvreg.DeadError):
        registry.subscribe(after=snapshot)
    with registry.subscribe() as subscription:
        registry.create("c")
        with subscription.snapshot() as now:
            assert sorted(now) == ["a", "b", "c"] and len(subscription) == 0
        registry.create("d")
        assert told(subscription) == [("Created", "d")]


def test_a_history_from_the_beginning() -> None:
    with kvreg.Registry() as registry, pytest.raises(kvreg.OutOfRangeError):
        registry.create("a")  # before anybody listens
        registry.subscribe(after=0)
    with kvreg.Registry(history=2) as registry:
        registry.create_many(["a", "b"])
        with registry.subscribe(after=0) as subscription:
            assert told(subscription) == [("Created", "a"), ("Created", "b")]
        registry.create("c")
        with pytest.raises(kvreg.OutOfRangeError):
            registry.subscribe(after=0)
    for wrong in (0, -1, 1 << 64):
        with pytest.raises(kvreg.InvalidArgumentError):
            kvreg.Registry(history=wrong)
    with pytest.raises(TypeError):
        kvreg.Registry(history="all")  # type: ignore[arg-type]


def test_a_key_expires(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    with registry.subscribe(events="key") as subscription:
        bucket.put("tea", 1, ttl=0.001)
        assert subscription.next(SOON) == kvreg.KeyExpired(2, "shopping", bucket, "tea")


def test_keys_of_a_private_bucket_are_told_only_to_who_reads_it(registry: kvreg.Registry) -> None:
    secret = registry.create("secret", access="private")
    with pytest.raises(kvreg.AccessDeniedError):
        registry.subscribe(events="key", bucket=registry["secret"])
    with registry.subscribe(events="key", bucket=secret) as own, registry.subscribe(events="key") as all_others:
        secret.put("tea", 1, ttl=0.001)
        event = own.next(SOON)
        assert isinstance(event, kvreg.KeyExpired) and event.key == "tea"
        assert all_others.next(0) is None


@pytest.mark.parametrize(
    "options",
    [
        {"events": 7},
        {"events": "creates"},
        {"events": ["create", 7]},
        {"name": 7},
        {"name": "a" * 65536},
        {"name": "a", "prefix": "b"},
        {"bucket": "a"},
        {"capacity": 0},
        {"capacity": -1},
        {"capacity": 1 << 64},
        {"capacity": "many"},
        {"overflow": "explode"},
        {"overflow": 1},
        {"block": -1, "overflow": "block"},
        {"block": "long"},
        {"after": "then"},
        {"after": -1},
        {"owner": 7},
    ],
)
def test_bad_options_are_refused(registry: kvreg.Registry, options: dict[str, Any]) -> None:
    with pytest.raises((kvreg.WrongTypeError, kvreg.InvalidArgumentError)):
        registry.subscribe(**options)
    with pytest.raises((kvreg.WrongTypeError, kvreg.InvalidArgumentError)):
        registry.on(print, **options)


def test_bad_arguments_are_refused(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    wrong: Any = "no"
    with registry.subscribe() as subscription:
        for call in (
            lambda: subscription.next(wrong),
            lambda: subscription.next(-1),
            lambda: registry.sync(-1),
            lambda: registry.sync(wrong),
            lambda: bucket.monitor(wrong),
            lambda: bucket.crash(wrong and 7),  # type: ignore[arg-type]
            lambda: bucket.crash("x" * 65536),
            lambda: registry.on(wrong),
            lambda: pickle.dumps(subscription),
            lambda: copy.copy(bucket.monitor(subscription)),
        ):
            with pytest.raises((kvreg.WrongTypeError, kvreg.InvalidArgumentError)):
                call()
        with pytest.raises(TypeError):
            registry.on(print, nonsense=1)
        assert subscription and weakref.ref(subscription)() is subscription
    with pytest.raises(kvreg.DeadError):
        bucket.monitor(subscription)


def test_threads_that_wait_are_woken(registry: kvreg.Registry) -> None:
    subscription = registry.subscribe()
    ended: queue.Queue[Any] = queue.Queue()
    begun = threading.Barrier(5)

    def wait() -> None:
        begun.wait()
        ended.put(list(subscription))

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    for i in range(200):
        registry.create(f"{i}")
    while len(subscription):
        select.select([], [], [], 0)
    subscription.close()
    for thread in threads:
        thread.join()
    events = [event for _ in threads for event in ended.get()]
    assert sorted(event.revision for event in events) == list(range(1, 201))


def test_writers_are_told_in_order(registry: kvreg.Registry) -> None:
    with registry.subscribe(capacity=10_000) as subscription:
        threads = [
            threading.Thread(target=lambda t=t: [registry.create(f"{t}/{i}").stop() for i in range(200)]) for t in range(4)
        ]
        for thread in threads:
            thread.start()
        revisions = []
        while len(revisions) < 1600:
            event = subscription.next(SOON)
            assert event is not None
            revisions.append(event.revision)
        for thread in threads:
            thread.join()
    assert revisions == list(range(1, 1601))


def test_select_and_dispatch(registry: kvreg.Registry) -> None:
    with registry.subscribe() as subscription:
        assert select.select([subscription], [], [], 0)[0] == []
        registry.create_many(["a", "b", "c", "d"])
        assert select.select([subscription.fileno()], [], [], SOON)[0]
        seen: list[str] = []
        assert subscription.dispatch(lambda event: (seen.append(event.name), event.name != "b")[1]) == 2  # type: ignore
        with pytest.raises(ZeroDivisionError):
            subscription.dispatch(lambda event: 1 // 0)
        assert subscription.dispatch(lambda event: seen.append(event.name), timeout=0) == 1  # type: ignore
        assert seen == ["a", "b", "d"]
        registry.create("e")
        assert subscription.dispatch(lambda event: subscription.close()) == 1
        with pytest.raises(kvreg.DeadError):
            subscription.dispatch(print)


def test_async_for(registry: kvreg.Registry) -> None:
    async def take(subscription: kvreg.Subscription) -> list[int]:
        return [event.revision async for event in subscription]

    async def main() -> None:
        subscription = registry.subscribe(capacity=10_000)
        threads = threading.active_count()
        tasks = [asyncio.create_task(take(subscription)) for _ in range(3)]
        await asyncio.sleep(0)
        for i in range(500):
            registry.create(f"{i}")
            if i % 100 == 0:
                await asyncio.sleep(0)
        assert threading.active_count() == threads
        while len(subscription):
            await asyncio.sleep(0)
        subscription.close()
        taken = await asyncio.wait_for(asyncio.gather(*tasks), SOON)
        assert sorted(sum(taken, [])) == list(range(1, 501))
        assert await take(subscription) == []

    asyncio.run(main())


def test_async_for_is_woken_by_other_threads_and_ends_with_owner_and_registry() -> None:
    async def with_a_writer() -> None:
        with kvreg.Registry() as registry, kvreg.Owner() as owner:
            subscription = registry.subscribe(owner=owner)
            writer = threading.Thread(target=lambda: [registry.create("a"), owner.close()])
            events = []
            asyncio.get_running_loop().call_soon(writer.start)
            async for event in subscription:
                events.append(event)
            writer.join()
            assert len(events) <= 1
        registry = kvreg.Registry()
        subscription = registry.subscribe()
        stopper = threading.Thread(target=lambda: [registry.create("a"), registry.stop()])
        asyncio.get_running_loop().call_soon(stopper.start)
        names = [type(event).__name__ async for event in subscription]
        stopper.join()
        assert names == ["Created", "Exited"]

    asyncio.run(asyncio.wait_for(with_a_writer(), SOON))


def test_a_task_that_waits_can_be_cancelled(registry: kvreg.Registry) -> None:
    async def main() -> None:
        before = len(os.listdir("/proc/self/fd"))
        subscription = registry.subscribe()

        async def take() -> None:
            async for _ in subscription:
                raise AssertionError

        task = asyncio.create_task(take())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        registry.create("a")
        assert told(subscription) == [("Created", "a")]
        subscription.close()
        assert len(os.listdir("/proc/self/fd")) == before

    asyncio.run(main())


def test_handlers(registry: kvreg.Registry) -> None:
    seen: queue.Queue[Any] = queue.Queue()
    with registry.on(seen.put, prefix="user/") as handler:
        assert handler.alive and "alive" in repr(handler)
        registry.create("host")
        registry.create("user/1").stop()
        assert [type(seen.get(timeout=SOON)).__name__ for _ in range(2)] == ["Created", "Exited"]
    assert not handler.alive and handler.failures == 0
    handler.remove()
    registry.create("user/2")
    assert seen.empty()
    # It may remove itself, and stop its registry.
    mine: queue.Queue[kvreg.Handler] = queue.Queue()
    done = threading.Event()

    def once(event: kvreg.Event) -> None:
        mine.get().remove()
        done.set()

    mine.put(registry.on(once))
    registry.create("a")
    registry.create("b")
    assert done.wait(SOON)
    own = kvreg.Registry()
    events: queue.Queue[Any] = queue.Queue()
    own.on(lambda event: (events.put(event), own.stop() if isinstance(event, kvreg.Created) else None))
    own.create("a")
    assert [type(events.get(timeout=SOON)).__name__ for _ in range(2)] == ["Created", "Exited"]


@pytest.mark.parametrize("keep", [False, True])
def test_a_handler_that_raises(registry: kvreg.Registry, monkeypatch: pytest.MonkeyPatch, keep: bool) -> None:
    reported: queue.Queue[Any] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", reported.put)
    handler = registry.on(lambda event: 1 // 0, keep=keep)
    registry.create_many(["a", "b"])
    for _ in range(1 + keep):
        assert reported.get(timeout=SOON).exc_type is ZeroDivisionError
    if not keep:
        handler._thread.join(SOON)
        assert not handler.alive
    handler.remove()
    assert handler.failures == 1 + keep and reported.empty()


def test_who_removes_a_handler_waits_as_long_as_it_wants(registry: kvreg.Registry) -> None:
    calls: queue.Queue[str] = queue.Queue()
    go_on = threading.Event()

    def hang(event: Any) -> None:
        calls.put(event.name)
        assert go_on.wait(SOON)

    handler = registry.on(hang)
    wrong: Any
    for wrong in ("soon", True):
        with pytest.raises(kvreg.WrongTypeError):
            handler.remove(wrong)
    for wrong in (-1, math.nan, timedelta(-1)):
        with pytest.raises(kvreg.InvalidArgumentError):
            handler.remove(timeout=wrong)
    assert handler.alive
    registry.create_many(["a", "b"])
    assert calls.get(timeout=SOON) == "a"
    for soon in (0, 0.001, timedelta(0)):
        with pytest.raises(kvreg.TimedOutError):
            handler.remove(soon)
        assert not handler.alive
    go_on.set()
    handler.remove(math.inf)
    handler.remove(10**400)
    assert calls.empty(), "its last call was that under way"


def test_changes_let_others_run(registry: kvreg.Registry) -> None:
    """Whoever waits for room waits without the GIL, or the one who takes could not run."""
    with registry.subscribe(capacity=1, overflow="block", block=SOON) as subscription:
        taker = threading.Thread(target=lambda: [next(subscription) for _ in range(600)])
        taker.start()
        for i in range(100):
            bucket = registry.create(f"{i}")
            bucket.stop() if i % 2 else bucket.crash()
            registry.create_many([f"{i}/{k}" for k in range(4)])
        taker.join(SOON)
        assert not taker.is_alive()


def test_the_child_of_a_fork(registry: kvreg.Registry, bucket: kvreg.Bucket, child: Callable[..., Any]) -> None:
    subscription = registry.subscribe()
    monitor = bucket.monitor(subscription)
    registry.create("a")
    event = subscription.next()
    with registry.on(print):
        def use() -> list[str]:
            names = []
            for call in (
                lambda: subscription.next(),
                lambda: next(subscription),
                lambda: len(subscription),
                subscription.fileno,
                subscription.snapshot,
                subscription.close,
                monitor.cancel,
                registry.subscribe,
                registry.sync,
                bucket.crash,
                lambda: bucket.monitor(subscription),
                lambda: registry.on(print),
                lambda: asyncio.run(anext(aiter(subscription))),  # type: ignore[arg-type]
            ):
                try:
                    call()
                except kvreg.Error as error:
                    names.append(type(error).__name__)
            with subscription:
                return [*names, event.name]  # type: ignore[union-attr]

        assert child(use) == ["ForkedError"] * 13 + ["a"]
    subscription.close()


WAITS = """
import kvreg, signal, sys, threading
registry = kvreg.Registry()
subscription = registry.subscribe()
try:
    print("ready", flush=True)
    {wait}
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("wait", ["subscription.next()", "next(subscription)", "subscription.dispatch(print)", "subscription.next(600)"])
def test_ctrl_c_ends_a_wait(wait: str) -> None:
    command = [sys.executable, "-c", WAITS.format(wait=wait)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=SOON)[0] == "interrupted\n"
        assert process.returncode == 0


@pytest.mark.parametrize(
    "code",
    [
        "threading.Thread(target=list, args=(subscription,), daemon=True).start()",
        "registry.on(print)",
        "registry.on(lambda event: threading.Event().wait()); registry.create('a')",
        "registry.on(lambda event: registry.create(event.name + '+')); registry.create('a'); registry.sync()",
        "registry.on(print); registry.stop()",
    ],
)
def test_the_interpreter_ends_while_threads_wait(script: Callable[..., Any], code: str) -> None:
    done = script(f"import kvreg, threading\nregistry = kvreg.Registry()\nsubscription = registry.subscribe()\n{code}\n")
    assert done.stderr == ""
