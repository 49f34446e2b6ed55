"""Get-or-create with a loader: one runs, and all share what comes of it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import kvreg
from test_threads import together


def never(bucket: kvreg.Bucket) -> None:
    raise AssertionError("the loader of a name that is there was called")


def test_the_loader_fills_what_nobody_sees_before(registry: kvreg.Registry) -> None:
    seen: list[kvreg.Bucket] = []

    def load(bucket: kvreg.Bucket) -> str:
        seen.append(bucket)
        assert bucket.alive and bucket.name == "profile" and bucket.registry == registry
        assert "profile" not in registry and len(registry) == 0
        bucket.update(city="Bern", visits=1)
        bucket.put("token", "x1", ttl=60)
        assert dict(bucket.items())["city"] == "Bern"
        return "what it returns does not count"

    profile = registry.get_or_create("profile", load)
    assert profile.id == seen[0].id and registry["profile"].id == profile.id
    assert profile["city"] == "Bern" and profile.remaining_key("token") is not None
    assert registry.get_or_create(b"profile", never).name == "profile"
    assert registry.get_or_create(name="profile", loader=never, timeout=1).id == profile.id
    assert registry.revision == 1
    assert len(registry.get_or_create("empty", lambda bucket: None)) == 0


@pytest.mark.parametrize("kind", [ValueError, KeyError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_error_comes_out_and_is_not_kept(registry: kvreg.Registry, kind: type[BaseException]) -> None:
    raised, seen = kind("no"), []

    def fail(bucket: kvreg.Bucket) -> None:
        bucket["key"] = 1
        seen.append(bucket)
        raise raised

    with pytest.raises(kind) as error:
        registry.get_or_create("name", fail)
    assert error.value is raised and "name" not in registry and not seen[0].alive
    registry.get_or_create("name", lambda bucket: bucket.put("key", 2))
    assert registry["name"] == {"key": 2}


def test_those_who_wait_get_the_error_as_the_cause(registry: kvreg.Registry) -> None:
    inside, go_on = threading.Event(), threading.Event()
    raised = ValueError("no connection")
    answers: list[BaseException] = []

    def fail(bucket: kvreg.Bucket) -> None:
        inside.set()
        assert go_on.wait(60)
        raise raised

    def first() -> None:
        with pytest.raises(ValueError) as error:
            registry.get_or_create("name", fail)
        assert error.value is raised

    def other() -> None:
        try:
            registry.get_or_create("name", lambda bucket: 1 / 0)
        except (kvreg.FailedError, ZeroDivisionError) as error:
            answers.append(error)

    loader = threading.Thread(target=first)
    loader.start()
    assert inside.wait(60)
    with pytest.raises(kvreg.TimedOutError):
        registry.get_or_create("name", never, timeout=0)
    others = [threading.Thread(target=other) for _ in range(4)]
    for thread in others:
        thread.start()
    go_on.set()
    for thread in (loader, *others):
        thread.join()
    assert len(answers) == 4 and "name" not in registry
    for answer in answers:  # one that came too late to wait ran its own loader
        assert isinstance(answer, ZeroDivisionError) or (isinstance(answer, kvreg.FailedError) and answer.__cause__ is not None)


def test_of_many_threads_one_loads(registry: kvreg.Registry) -> None:
    calls: list[str] = []

    def work(thread: int) -> None:
        for number in range(200):
            name = str(number)

            def load(bucket: kvreg.Bucket, name: str = name) -> None:
                calls.append(name)
                bucket["name"] = name

            assert registry.get_or_create(name, load)["name"] == name

    together(8, work)
    assert sorted(calls) == sorted(str(number) for number in range(200))


def test_a_loader_that_would_wait_for_itself(registry: kvreg.Registry) -> None:
    def outer(bucket: kvreg.Bucket) -> None:
        with pytest.raises(kvreg.DeadlockError):
            registry.get_or_create("outer", never)
        registry.get_or_create("inner", inner)

    def inner(bucket: kvreg.Bucket) -> None:
        with pytest.raises(kvreg.DeadlockError):
            registry.get_or_create("outer", never)
        bucket["key"] = 1

    registry.get_or_create("outer", outer)
    assert sorted(registry) == ["inner", "outer"]


def test_a_loader_may_end_what_it_loads(registry: kvreg.Registry) -> None:
    with pytest.raises(kvreg.DeadError):
        registry.get_or_create("name", lambda bucket: bucket.stop())
    assert "name" not in registry
    created: list[kvreg.Bucket] = []
    got = registry.get_or_create("name", lambda bucket: created.append(registry.create("name")))
    assert got.id == created[0].id
    with pytest.raises(kvreg.StoppedError):
        registry.get_or_create("other", lambda bucket: registry.stop())
    with pytest.raises(kvreg.StoppedError):
        registry.get_or_create("name", never)


def test_bad_arguments(registry: kvreg.Registry) -> None:
    with pytest.raises(TypeError):
        registry.get_or_create("name", 7)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        registry.get_or_create(7, never)  # type: ignore[arg-type]
    with pytest.raises(kvreg.InvalidArgumentError):
        registry.get_or_create("x" * 65536, never)
    with pytest.raises(kvreg.WrongTypeError):
        registry.get_or_create("name", never, timeout="1")  # type: ignore[arg-type]
    assert len(registry) == 0


def test_nothing_is_left_of_an_error(registry: kvreg.Registry) -> None:
    class Canary(Exception):
        pass

    def fail(bucket: kvreg.Bucket) -> None:
        error = Canary()
        alive.append(weakref.ref(error))
        raise error

    alive: list[Any] = []
    for _ in range(10):
        try:
            registry.get_or_create("name", fail)
        except Canary:
            pass
    gc.collect()
    assert [canary() for canary in alive] == [None] * 10


def test_the_child_of_a_fork(registry: kvreg.Registry, child: Callable[[Callable[[], Any]], Any]) -> None:
    registry.create("there")

    def load() -> list[str]:
        try:
            registry.get_or_create("fresh", never)
        except kvreg.ForkedError:
            return ["forked", registry.get_or_create("there", never).name]
        return []

    assert child(load) == ["forked", "there"]
