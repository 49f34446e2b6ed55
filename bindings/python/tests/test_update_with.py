"""Update functions: one at a time, whatever they do, and never a thread that waits for the interpreter with a turn."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

import kvreg
from test_threads import together


def test_what_a_function_sees_and_gives(bucket: kvreg.Bucket) -> None:
    seen: list[object] = []

    def keep(old: object) -> object:
        seen.append(old)
        return old

    for value in (None, True, 7, 1.5, "text", b"bytes", "long " * 100):
        bucket["a"] = value
        assert bucket.update_with("a", keep) == value == bucket["a"] and seen.pop() == value
    assert bucket.update_with("new", keep) is None and seen == [None] and "new" in bucket
    marker = object()
    with pytest.raises(kvreg.WrongTypeError):
        bucket.update_with("more", keep, marker)
    assert seen[-1] is marker and "more" not in bucket
    assert bucket.update_with(key="n", function=lambda old: old + 1, default=0) == 1 == bucket["n"]
    assert bucket.update_with("s", lambda old: "fresh " * 10 + str(old)) == bucket["s"] == "fresh " * 10 + "None"


def test_delete(bucket: kvreg.Bucket) -> None:
    bucket["a"] = 1
    assert bucket.update_with("a", lambda old: kvreg.DELETE) is kvreg.DELETE and not bucket
    assert bucket.update_with("a", lambda old: kvreg.DELETE) is kvreg.DELETE and not bucket
    assert repr(kvreg.DELETE) == "kvreg.DELETE"
    with pytest.raises(kvreg.WrongTypeError):
        bucket["a"] = kvreg.DELETE  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [ValueError, KeyError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_error_comes_out_and_changes_nothing(bucket: kvreg.Bucket, kind: type[BaseException]) -> None:
    bucket["a"] = 1
    before, raised = bucket.revision, kind("no")

    def fail(old: object) -> Any:
        raise raised

    with pytest.raises(kind) as error:
        bucket.update_with("a", fail)
    assert error.value is raised and bucket.copy() == {"a": 1} and bucket.revision == before
    bucket["a"] = 2  # the turn was given back


def test_answers_that_are_no_values(bucket: kvreg.Bucket) -> None:
    bucket["a"] = 1
    for wrong, kind in (([], TypeError), (2**63, OverflowError), ("\ud800", ValueError), (object(), kvreg.WrongTypeError)):
        with pytest.raises(kind):
            bucket.update_with("a", lambda old, wrong=wrong: wrong)  # type: ignore[misc]
    for no_function in (None, 7):
        with pytest.raises(TypeError):
            bucket.update_with("a", no_function)  # type: ignore[arg-type]
    assert bucket.copy() == {"a": 1}


def test_what_a_function_may_do(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    bucket.update(a=1, b=2)
    other = registry.create("other")

    def look(old: int) -> int:
        assert bucket["a"] == old == 1 and bucket.copy() == {"a": 1, "b": 2} and sorted(bucket) == ["a", "b"]
        with bucket.snapshot() as snapshot, registry.snapshot() as whole:
            assert snapshot == whole["shopping"] == {"a": 1, "b": 2}
        other["seen"] = old
        assert other.update_with("n", lambda n: n + 1, 0) == 1
        registry.create("made").put("a", 1)
        with registry.batch() as batch:
            batch.put(other, "batch", 1)
        gc.collect()
        return old + 1

    assert bucket.update_with("a", look) == 2 and bucket == {"a": 2, "b": 2}
    assert other == {"seen": 1, "n": 1, "batch": 1} and registry["made"] == {"a": 1}


def test_a_function_that_would_wait_for_itself(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    bucket.update(a=1, b=2)
    batch = registry.batch()
    batch.put(bucket, "a", 3)
    changes = [
        lambda: bucket.put("b", 3),
        lambda: bucket.__delitem__("b"),
        lambda: bucket.pop("b"),
        lambda: bucket.popitem(),
        lambda: bucket.add("b"),
        lambda: bucket.swap("b", 3),
        lambda: bucket.put_new("c", 3),
        lambda: bucket.setdefault("c", 3),
        lambda: bucket.update(b=3, c=3),
        lambda: bucket.clear(),
        lambda: bucket.update_with("b", lambda old: 3),
        lambda: batch.commit(),
    ]
    for change in changes:
        with pytest.raises(kvreg.DeadlockError, match="wait for itself"):
            bucket.update_with("a", lambda old, change=change: change())  # type: ignore[misc]
        assert bucket == {"a": 1, "b": 2}


def test_two_functions_that_want_each_others_buckets(registry: kvreg.Registry) -> None:
    one, two = registry.create_many(["one", "two"])
    inside = threading.Barrier(2)

    def work(number: int) -> object:
        mine, others = (one, two) if number else (two, one)

        def function(old: int) -> int:
            inside.wait()  # both have their turn now
            try:
                others["n"] = 1
            except kvreg.DeadlockError:
                return 1
            finally:
                inside.wait()
            return 2

        return mine.update_with("n", function)

    assert together(2, work) == [1, 1] and one == two == {"n": 1}


def test_no_update_is_lost(bucket: kvreg.Bucket) -> None:
    together(8, lambda _: [bucket.update_with("n", lambda old: old + 1, 0) for _ in range(300)])
    assert bucket["n"] == 2400


def test_others_run_while_a_function_does(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    bucket["a"] = 1
    other = registry.create("other")
    inside, seen = threading.Event(), threading.Event()

    def function(old: int) -> int:
        inside.set()
        assert seen.wait(60)
        return old + 1

    def look() -> None:
        assert inside.wait(60)
        assert bucket["a"] == 1 and bucket.copy() == {"a": 1}
        bucket.snapshot().close()
        other["a"] = 1
        seen.set()

    reader = threading.Thread(target=look)
    reader.start()
    assert bucket.update_with("a", function) == 2
    reader.join()


def test_the_interpreter_and_the_turn_never_wait_for_each_other(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    # A function that loses the interpreter has the turn still. Whoever gets the interpreter then, and wants the turn,
    # must give the interpreter back to wait; else this test would never end.
    other, third = registry.create_many(["other", "third"])
    rounds = 60

    def function(old: int) -> int:
        gate = threading.Event()
        helper = threading.Thread(target=gate.set)  # so another thread must run before the function goes on
        helper.start()
        gate.wait()
        helper.join()
        return old + 1

    shared = registry.batch()
    changes = [
        lambda n: bucket.update_with("n", function, 0),
        lambda n: bucket.update_with("n", function, 0),
        lambda n: other.update_with("n", function, 0),
        lambda n: bucket.put("put", n),
        lambda n: bucket.__setitem__("set", n),
        lambda n: bucket.pop("put", None),
        lambda n: bucket.add("sum"),
        lambda n: bucket.swap("swap", n),
        lambda n: bucket.put_new(f"new {n}", n),
        lambda n: bucket.setdefault(f"default {n}", n),
        lambda n: bucket.update(a=n, b=n),
        lambda n: bucket.put_if_revision("cas", bucket.get_with_revision("cas")[1], n),
        lambda n: (third.put("x", n), third.popitem()),
        lambda n: third.update_with(f"key {n}", lambda old: kvreg.DELETE),
        lambda n: (shared.put(bucket, "batch", n), shared.put(other, "batch", n), shared.commit()),
        lambda n: (shared.put(other, "batch 2", n), len(shared)),
        lambda n: (bucket.snapshot().close(), registry.snapshot().close(), list(bucket), bucket == {}),
        lambda n: registry.create(f"name {n}").stop(),
    ]
    together(len(changes), lambda number: [changes[number](n) for n in range(rounds)])
    assert bucket["n"] == 2 * rounds and bucket["sum"] == other["n"] == rounds and not third


def test_a_bucket_stopped_under_its_function(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    # The stop may come before the answer of the function or after it; either way both end, and the bucket is dead.
    bucket["a"] = 1
    stopper = threading.Thread(target=bucket.stop)

    def function(old: int) -> int:
        stopper.start()
        return old + 1

    try:
        assert bucket.update_with("a", function) == 2
    except kvreg.DeadError:
        pass
    stopper.join()
    assert not bucket.alive and registry.lookup("shopping") is None


def test_an_interpreter_that_ends_meanwhile(script: Callable[..., Any]) -> None:
    code = """
import threading, kvreg
bucket = kvreg.Registry().create("a")
running = threading.Semaphore(0)
def work():
    while True:
        bucket.update_with("n", lambda old: old + 1, 0)
        running.release()
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
for _ in range(20):
    running.acquire()
"""
    script(code)


def test_a_change_waits_no_longer_for_a_function_of_another_language_than_asked() -> None:
    for wrong in (-1, float("nan")):
        with pytest.raises(kvreg.InvalidArgumentError):
            kvreg.Registry(busy_timeout=wrong)
    with pytest.raises(kvreg.WrongTypeError):
        kvreg.Registry(busy_timeout="long")  # type: ignore[arg-type]
    core = ctypes.CDLL(kvreg.core_info().path)
    update_function = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    keep = 0
    for busy_timeout in (0, 0.01):
        with kvreg.Registry(busy_timeout=busy_timeout) as registry:
            bucket = registry.create("bucket")
            bucket["a"] = 1
            refused: list[type[kvreg.Error]] = []

            def change(_: int, bucket: kvreg.Bucket = bucket, refused: list = refused) -> None:
                try:
                    bucket["a"] = 2
                except kvreg.Error as error:
                    refused.append(type(error))

            @update_function
            def slow(_data: object, _old: object, _new: object, change: Callable[[int], None] = change) -> int:
                together(1, change)
                return keep

            key = b"a"
            status = core.kvreg_bucket_update(
                ctypes.c_uint64(bucket.id), key, ctypes.c_size_t(len(key)), slow, None, None
            )
            assert status == 0 and refused == [kvreg.TimedOutError] and bucket["a"] == 1
            bucket["a"] = 3
