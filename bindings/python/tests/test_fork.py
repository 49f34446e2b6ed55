"""fork: the child reads on from what was there; changes are refused at once; nothing hangs, nothing warns."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

import kvreg

Child = Callable[[Callable[[], Any]], Any]

# CPython 3.12 and later warn of a fork in a process with threads, whoever's they are.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except kvreg.ForkedError:
        return True
    return False


@pytest.fixture
def filled(bucket: kvreg.Bucket) -> kvreg.Bucket:
    bucket.update(nil=None, yes=True, n=7, f=1.5, text="grün", data=b"\xff" * 1000)
    return bucket


def test_reads_go_on(registry: kvreg.Registry, filled: kvreg.Bucket, child: Child) -> None:
    def read() -> object:
        found = registry["shopping"]
        values = [found[key] for key in ("nil", "yes", "n", "f", "text", "data")]
        facts = [found.alive, found.id, found.name, found.revision, len(found), "n" in found, found.get("no"), repr(found)]
        return values, facts, len(registry), list(registry), registry.lookup("no"), registry.revision, repr(registry)

    assert child(read) == read()


def test_changes_are_refused(registry: kvreg.Registry, filled: kvreg.Bucket, child: Child) -> None:
    calls = [
        lambda: registry.create("new"),
        lambda: registry.stop(),
        lambda: kvreg.Registry(),
        lambda: kvreg.Registry("test-fork"),
        lambda: filled.put("n", 8),
        lambda: filled.update(n=8),
        lambda: filled.setdefault("new", 8),
        lambda: filled.__setitem__("n", 8),
        lambda: filled.__delitem__("n"),
        lambda: filled.pop("n"),
        lambda: filled.popitem(),
        lambda: filled.clear(),
        lambda: filled.__ior__({"n": 8}),
        lambda: filled.stop(),
    ]
    assert child(lambda: [refused(call) for call in calls]) == [True] * len(calls)
    assert child(lambda: (filled["n"], filled.alive, list(registry))) == (7, True, ["shopping"])
    assert filled["n"] == 7 and list(registry) == ["shopping"]


def test_iterating_goes_on(registry: kvreg.Registry, filled: kvreg.Bucket, child: Child) -> None:
    def read() -> object:
        same = registry["shopping"] == filled == kvreg.Bucket.from_id(filled.id) == filled.copy()
        return same, sorted(filled), sorted(filled.items(), key=str), filled | {"n": 8}, filled == {}

    assert child(read) == read()


def test_the_parent_goes_on(registry: kvreg.Registry, filled: kvreg.Bucket, child: Child) -> None:
    def leave() -> object:
        with registry:
            pass  # the registry belongs to the parent, so leaving it does nothing, and says nothing
        return gc.collect() >= 0

    for n in range(10):
        assert child(leave) is True
        filled["n"] = n
        registry.create(f"name {n}")
    assert filled["n"] == 9 and len(registry) == 11


def test_what_the_parent_does_after_the_fork_is_not_seen(filled: kvreg.Bucket, child: Child) -> None:
    reading, writing = os.pipe()

    def wait_and_read() -> object:
        os.close(writing)
        os.read(reading, 1)  # returns when the parent has changed the bucket
        return filled["n"]

    answers: list[object] = []
    forked = threading.Event()
    os.register_at_fork(after_in_parent=forked.set)
    parent = threading.Thread(target=lambda: answers.append(child(wait_and_read)))
    parent.start()
    forked.wait()
    filled["n"] = 8
    os.write(writing, b"x")
    parent.join()
    assert answers == [7] and filled["n"] == 8
    os.close(reading)
    os.close(writing)


@pytest.mark.skipif(
    os.environ.get("KVREG_TEST_SANITIZER") == "address",
    reason="AddressSanitizer's own locks may be taken at the fork, and its child waits for them",
)
def test_fork_while_other_threads_write(registry: kvreg.Registry, filled: kvreg.Bucket, child: Child) -> None:
    done = threading.Event()

    def write(number: int) -> None:
        n = 0
        while not done.is_set():
            n += 1
            filled["n"] = n
            registry.create(f"{number} {n % 100}").stop()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            read = child(lambda: (filled["text"], filled.copy()["text"], refused(lambda: filled.put("n", 0)), filled.alive))
            assert read == ("grün", "grün", True, True)
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_no_word_is_printed(script: Callable[..., Any]) -> None:
    code = """
import gc, os, sys, warnings
warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # CPython's own
import kvreg
registry = kvreg.Registry("sessions")
bucket = registry.create("ada")
with kvreg.Registry() as other:
    if os.fork() == 0:
        bucket.get("n")
        del bucket, registry
        gc.collect()
        sys.exit(0)
assert os.wait()[1] == 0
bucket["n"] = 1
"""
    done = script(code)
    assert done.stdout == done.stderr == ""


def test_a_process_that_forks_before_its_first_registry(script: Callable[..., Any]) -> None:
    code = """
import os, warnings
warnings.filterwarnings("ignore", "This process", DeprecationWarning)
import kvreg
if os.fork() == 0:
    with kvreg.Registry("sessions") as registry:
        registry.create("a")["n"] = 1
        assert registry["a"].copy() == {"n": 1}
    os._exit(0)
assert os.wait()[1] == 0
"""
    script(code)


_inherited: kvreg.Bucket | None = None


def _in_forked_child(queue: Any) -> None:
    assert _inherited is not None
    queue.put((_inherited["n"], refused(lambda: _inherited.put("n", 8))))


def _in_new_process(queue: Any) -> None:
    with kvreg.Registry("test-fork") as registry:
        bucket = registry.create("a")
        bucket["n"] = 7
        queue.put((_inherited is None, bucket.copy()))


def _answer(method: str, target: Callable[[Any], None]) -> Any:
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=target, args=(queue,))
    process.start()
    answer = queue.get()
    process.join()
    assert process.exitcode == 0
    return answer


def test_multiprocessing_fork(filled: kvreg.Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}._inherited", filled)
    assert _answer("fork", _in_forked_child) == (7, True)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_with_a_new_process(filled: kvreg.Bucket, method: str) -> None:
    assert _answer(method, _in_new_process) == (True, {"n": 7})
