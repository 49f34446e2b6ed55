"""The directory: objects under a kind and a key."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import kvreg

KEY = ("worker", "7")


class Thing:
    pass


def test_what_is_registered_is_kept_and_found(registry: kvreg.Registry) -> None:
    thing = Thing()
    ended = weakref.ref(thing)
    entry = registry.register(KEY, thing)
    assert registry.whereis(KEY) is thing and entry.object is thing and entry.alive
    assert registry.whereis(("worker", b"7")) is thing and registry.whereis(("worker", "8")) is None
    del thing
    gc.collect()
    assert registry.whereis(KEY) is ended()
    entry.unregister()
    assert ended() is None and not entry.alive and registry.whereis(KEY, "none") == "none"
    assert repr(entry) == f"<kvreg.Entry #{entry.id} dead>"
    for call in (entry.unregister, lambda: entry.object, lambda: kvreg.Entry.from_id(entry.id)):
        with pytest.raises(kvreg.DeadError):
            call()
    with pytest.raises(kvreg.BadHandleError):
        kvreg.Entry.from_id(registry.id)


def test_a_taken_key_is_refused_and_its_object_let_go(registry: kvreg.Registry) -> None:
    first = registry.register(KEY, "first")
    for duplicate in (False, True):
        thing = Thing()
        ended = weakref.ref(thing)
        with pytest.raises(kvreg.ExistsError):
            registry.register(KEY, thing, duplicate=duplicate)
        del thing
        assert ended() is None
    assert registry.entries(KEY) == [first]
    first.unregister()
    many = [registry.register(KEY, i, duplicate=True) for i in range(5)]
    assert registry.whereis(KEY) == 0 and registry.entries(KEY) == many and len(set(many)) == 5


def test_owners_and_registries_let_go(registry: kvreg.Registry) -> None:
    ended = []

    def make(number: int) -> Thing:
        thing = Thing()
        weakref.finalize(thing, ended.append, number)
        return thing

    with kvreg.Owner() as owner:
        registry.register(KEY, make(1), owner=owner)
        registry.register(("worker", "8"), make(2))
        assert not ended
    assert ended == [1] and registry.whereis(KEY) is None
    with pytest.raises(kvreg.DeadError):
        registry.register(KEY, make(3), owner=owner)
    assert ended == [1, 3]
    registry.stop()
    assert ended == [1, 3, 2]
    for call in (lambda: registry.whereis(KEY), lambda: registry.entries(KEY), lambda: registry.register(KEY, 1)):
        with pytest.raises(kvreg.StoppedError):
            call()


@pytest.mark.parametrize("wrong", ["key", ("kind",), ("kind", "key", "more"), ["kind", "key"], None, 7])
def test_a_key_is_a_pair(registry: kvreg.Registry, wrong: Any) -> None:
    for call in (
        lambda: registry.register(wrong, 1),
        lambda: registry.whereis(wrong),
        lambda: registry.entries(wrong),
        lambda: registry.dispatch(wrong, print),
    ):
        with pytest.raises(kvreg.WrongTypeError):
            call()
    with pytest.raises(kvreg.WrongTypeError):
        registry.whereis(("kind", 7))  # type: ignore[arg-type]
    with pytest.raises(kvreg.InvalidArgumentError):
        registry.whereis(("kind", "x" * 65536))


def test_a_dispatch_sees_each(registry: kvreg.Registry) -> None:
    entries = [registry.register(KEY, i, duplicate=True) for i in range(4)]
    seen: list[int] = []

    def see(number: int) -> None:
        seen.append(number)
        registry.register(KEY, 10 + number, duplicate=True)
        if number == 1:
            entries[2].unregister()

    assert registry.dispatch(KEY, see) == 3 and seen == [0, 1, 3]
    with pytest.raises(ZeroDivisionError):
        registry.dispatch(KEY, lambda number: 1 // 0)
    assert registry.dispatch(("worker", "none"), see) == 0


def test_an_objects_end_may_use_the_registry(registry: kvreg.Registry) -> None:
    told = []

    class Ends:
        def __del__(self) -> None:
            told.append(registry.whereis(KEY))
            registry.register(("next", "1"), "next", duplicate=True)
            with kvreg.Owner() as owner:
                registry.create("tmp", owner=owner)

    registry.register(KEY, Ends()).unregister()
    with kvreg.Owner() as owner:
        registry.register(KEY, Ends(), owner=owner)
    assert told == [None, None] and len(registry.entries(("next", "1"))) == 2


def test_many_threads_let_go_of_everything(registry: kvreg.Registry) -> None:
    living = weakref.WeakSet[Thing]()

    def work(index: int) -> None:
        for i in range(200):
            thing = Thing()
            living.add(thing)
            with kvreg.Owner() as owner:
                registry.register(("many", "x"), thing, owner=owner, duplicate=True)
                entry = registry.register(("many", "x"), thing, duplicate=True)
                assert isinstance(registry.whereis(("many", "x")), Thing)
                registry.dispatch(("many", "x"), lambda found: isinstance(found, Thing))
                try:
                    registry.register(("one", "x"), thing, owner=owner)
                except kvreg.ExistsError:
                    pass
            entry.unregister()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not living and registry.entries(("many", "x")) == []


def test_objects_of_another_language(registry: kvreg.Registry) -> None:
    class Object(ctypes.Structure):
        _fields_ = [("pointer", ctypes.c_void_p), ("retain", ctypes.c_void_p), ("release", ctypes.c_void_p)]

    path = kvreg.core_info().path
    core = ctypes.CDLL(str(path))
    place = ctypes.c_int(7)
    foreign = Object(ctypes.addressof(place), None, None)
    out = ctypes.c_uint64()
    core.kvreg_register.restype = ctypes.c_int32
    status = core.kvreg_register(
        ctypes.c_uint64(registry.id), b"c", ctypes.c_size_t(1), b"k", ctypes.c_size_t(1), ctypes.byref(foreign), None,
        ctypes.byref(out),
    )
    if status == -4:
        pytest.skip("a private core is another one than ctypes finds")
    assert status == 0
    found = registry.whereis(("c", "k"))
    assert isinstance(found, kvreg.ForeignObject) and found.pointer == ctypes.addressof(place)
    assert f"{found.pointer:#x}" in repr(found)
    assert kvreg.Entry.from_id(out.value).object.pointer == found.pointer


def test_objects_outlive_the_interpreters_end_in_peace(script: Callable[..., Any]) -> None:
    script(
        """
import kvreg, threading
registry = kvreg.Registry()
class Thing:
    pass
registry.register(("a", "b"), Thing())
registry.register(("a", "c"), Thing(), owner=kvreg.Owner())
session = Thing()
registry.register(("a", "d"), Thing(), owner=kvreg.Owner.of(session))
registry.register(("a", "e"), Thing(), owner=kvreg.Owner.of_thread())
threading.Thread(target=lambda: registry.register(("t", "t"), Thing(), owner=kvreg.Owner.of_thread())).start()
"""
    )


def test_the_child_of_a_fork_is_refused(registry: kvreg.Registry, child: Callable[[Callable[[], Any]], Any]) -> None:
    entry = registry.register(KEY, Thing())

    def in_child() -> list[str]:
        told = []
        for call in (lambda: registry.whereis(KEY), entry.unregister, lambda: registry.register(KEY, 1)):
            try:
                call()
            except kvreg.ForkedError:
                told.append("forked")
        return told

    assert child(in_child) == ["forked"] * 3
    assert entry.alive
