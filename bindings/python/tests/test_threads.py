"""Threads: one name is one bucket, a change is seen at once, and a moment is a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import kvreg


def together(count: int, function: Callable[[int], object]) -> list:
    """Calls the function in so many threads that start at one moment, and gives what it answered."""
    start = threading.Barrier(count)

    def run(number: int) -> object:
        start.wait()
        return function(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_many_threads_one_name_one_bucket(registry: kvreg.Registry) -> None:
    for turn in range(20):
        before = registry.revision
        ids = together(64, lambda _: registry.create(f"name {turn}").id)
        assert len(set(ids)) == 1 and registry.revision == before + 1


def test_many_threads_one_process_wide_name() -> None:
    registries = together(32, lambda _: kvreg.Registry("test-threads"))
    assert len(set(registries)) == 1
    registries[0].stop()


def test_who_learns_of_a_bucket_finds_it(registry: kvreg.Registry) -> None:
    def work(number: int) -> bool:
        found = True
        for turn in range(200):
            name = f"{number} {turn}"
            made = registry.create(name)
            found &= registry.lookup(name).id == made.id
            made.stop()
            found &= registry.lookup(name) is None and not made.alive
        return found

    assert all(together(8, work)) and len(registry) == 0


def test_readers_see_each_write_in_order(bucket: kvreg.Bucket) -> None:
    last = 20_000
    bucket["n"] = 0

    def work(number: int) -> bool:
        if number == 0:
            for n in range(1, last + 1):
                bucket["n"] = n
            return True
        seen = 0
        while seen < last:
            now = bucket["n"]
            if now < seen:
                return False
            seen = now
        return True

    assert all(together(3, work))


def test_two_readers_two_writers_keep_text_whole(bucket: kvreg.Bucket) -> None:
    texts = [letter * length for letter, length in (("a", 3), ("b", 3000), ("c", 70_000), ("d", 0))]
    bucket["text"] = texts[0]
    writing = threading.Semaphore(0)
    done = threading.Event()

    def work(number: int) -> bool:
        if number < 2:
            for n in range(4000):
                bucket["text"] = texts[(n + number) % len(texts)]
            if not writing.acquire(blocking=False):
                writing.release()  # the first of the two to end
            else:
                done.set()
            return True
        whole = True
        while not done.is_set():
            whole &= bucket["text"] in texts
        return whole

    assert all(together(4, work))


def test_a_copy_is_of_one_moment(bucket: kvreg.Bucket) -> None:
    # The writer moves "a" first and "b" after it, so no moment shows "b" ahead, or "a" ahead by more than one.
    bucket.update(a=0, b=0)
    done = threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            for n in range(1, 10_000):
                bucket["a"] = n
                bucket["b"] = n
            done.set()
            return True
        exact = True
        while not done.is_set():
            moment = bucket.copy()
            exact &= moment["b"] <= moment["a"] <= moment["b"] + 1
        return exact

    assert all(together(3, work))


def test_each_key_is_popped_once(bucket: kvreg.Bucket) -> None:
    keys = [str(n) for n in range(2000)]
    bucket.update(dict.fromkeys(keys, 1))
    taken = together(8, lambda _: [key for key in keys if bucket.pop(key, None) is not None])
    assert sorted(sum(taken, [])) == sorted(keys) and not bucket

    bucket.update(dict.fromkeys(keys[:200], 1))

    def drain(_: int) -> list[str]:
        mine = []
        while True:
            try:
                mine.append(bucket.popitem()[0])
            except KeyError:
                return mine

    assert sorted(sum(together(4, drain), [])) == sorted(keys[:200])


def test_setdefault_gives_all_one_value(bucket: kvreg.Bucket) -> None:
    for turn in range(100):
        assert len(set(together(8, lambda number: bucket.setdefault(f"key {turn}", number)))) == 1


def test_a_bucket_stopped_under_its_users(registry: kvreg.Registry) -> None:
    bucket = registry.create("shopping")
    bucket["n"] = 1
    using = threading.Barrier(5)

    def work(number: int) -> bool:
        using.wait()
        if number == 0:
            bucket.stop("killed")
            return registry.lookup("shopping") is None
        try:
            while True:
                assert bucket["n"] == 1
                bucket["n"] = 1
        except kvreg.DeadError:
            return "shopping" not in registry

    assert all(together(5, work))


def test_a_registry_stopped_under_its_users() -> None:
    with kvreg.Registry() as registry:
        registry.create("shopping")

        def work(number: int) -> bool:
            if number == 0:
                registry.stop()
                return True
            try:
                while True:
                    registry.create("shopping")["n"] = number
            except (kvreg.StoppedError, kvreg.DeadError):
                return True

        assert all(together(5, work))
        with pytest.raises(kvreg.StoppedError):
            len(registry)


def test_create_lets_other_threads_run(registry: kvreg.Registry) -> None:
    # A thread that cannot get the interpreter while others create would never end the test.
    done = threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            done.set()
            return True
        n = 0
        while not done.is_set():
            registry.create(f"{number} {n}").stop()
            n += 1
        return True

    assert all(together(4, work))
