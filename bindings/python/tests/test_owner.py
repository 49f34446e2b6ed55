"""Owners and access."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

import kvreg


class Session:
    """Something that weak references can be made to."""


def test_buckets_end_with_their_owner(registry: kvreg.Registry) -> None:
    with kvreg.Owner() as owner:
        buckets = [registry.create(f"{i}", owner=owner) for i in range(10)]
        other = registry.create("other")
        assert owner.count == 10 and owner.alive and buckets[0].owner == owner and other.owner is None
    assert not owner.alive and not any(bucket.alive for bucket in buckets) and list(registry) == ["other"]
    assert repr(owner) == f"<kvreg.Owner #{owner.id} closed>"
    owner.close()
    with pytest.raises(kvreg.DeadError):
        registry.create("new", owner=owner)
    with pytest.raises(kvreg.DeadError):
        kvreg.Owner.from_id(owner.id)
    with pytest.raises(kvreg.DeadError):
        owner.count
    assert "new" not in registry
    assert registry.create("other", owner=owner) == other  # the rest counts only for a new one


def test_a_gift_and_an_heir(registry: kvreg.Registry) -> None:
    first, second = kvreg.Owner(), kvreg.Owner()
    bucket = registry.create("b", owner=first, heir=second)
    given = registry.create("given", owner=first)
    given.give(None)
    first.close()
    assert bucket.owner == second and given.owner is None
    bucket.set_heir(None)
    second.close()
    assert not bucket.alive and given.alive
    with pytest.raises(kvreg.DeadError):
        given.give(second)


@pytest.mark.parametrize("wrong", [1, "owner", object()])
def test_what_is_no_owner_is_refused(registry: kvreg.Registry, bucket: kvreg.Bucket, wrong: Any) -> None:
    for call in (
        lambda: registry.create("new", owner=wrong),
        lambda: registry.create("new", heir=wrong),
        lambda: registry.create("new", access=wrong),
        lambda: bucket.give(wrong),
        lambda: bucket.set_heir(wrong),
        lambda: bucket.same(wrong),
    ):
        with pytest.raises((kvreg.WrongTypeError, kvreg.InvalidArgumentError)):
            call()
    with pytest.raises(kvreg.BadHandleError):
        kvreg.Owner.from_id(bucket.id)
    assert "new" not in registry


def test_an_owner_of_an_object_ends_with_it(registry: kvreg.Registry) -> None:
    session, other = Session(), Session()
    owner = kvreg.Owner.of(session)
    assert kvreg.Owner.of(session) == owner != kvreg.Owner.of(other)
    bucket = registry.create("cart", owner=owner)
    owner.close()
    again = kvreg.Owner.of(session)
    assert again != owner and not bucket.alive
    bucket = registry.create("cart", owner=again)
    session.self = session  # type: ignore[attr-defined]  # only the collector finds it
    del session
    assert bucket.alive
    gc.collect()
    assert not bucket.alive and not again.alive and kvreg.Owner.of(other).alive
    with pytest.raises(TypeError):
        kvreg.Owner.of(7)


def test_an_owner_of_an_object_is_one_for_all_threads() -> None:
    for _ in range(50):
        session, barrier, found = Session(), threading.Barrier(4), []

        def find() -> None:
            barrier.wait()
            found.append(kvreg.Owner.of(session))

        threads = [threading.Thread(target=find) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1 and found[0].alive


def test_a_thread_has_an_owner(registry: kvreg.Registry) -> None:
    found = []

    def work() -> None:
        found.append(registry.create("thread's", owner=kvreg.Owner.of_thread()))
        registry.register(("kind", "thread's"), Session(), owner=kvreg.Owner.of_thread())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    while found[0].alive:  # the thread ends a little later than join() thinks
        pass
    while registry.whereis(("kind", "thread's")) is not None:
        pass


def test_access(registry: kvreg.Registry) -> None:
    mine = registry.create("mine", access="private")
    mine["k"] = 1
    found = registry["mine"]
    assert found.id != mine.id and found.same(mine) and found == mine and found.alive and found.name == "mine"
    assert repr(found).endswith("alive, private>")
    for call in (
        lambda: found["k"],
        lambda: found.get("k"),
        lambda: len(found),
        lambda: list(found),
        lambda: found.put("k", 2),
        lambda: found.clear(),
        lambda: found.stop(),
        lambda: found.give(None),
        lambda: found.reader(),
        lambda: found.snapshot(),
        lambda: registry.snapshot()["mine"],
    ):
        with pytest.raises(kvreg.AccessDeniedError) as caught:
            call()
        assert isinstance(caught.value, PermissionError)
    reader = mine.reader()
    assert dict(reader) == {"k": 1} and reader == mine
    with registry.batch() as batch, pytest.raises(kvreg.AccessDeniedError):
        batch.put(reader, "k", 2)
    shown = registry.create("shown", access="protected")
    shown["k"] = 1
    assert registry["shown"]["k"] == 1
    with pytest.raises(kvreg.AccessDeniedError):
        registry["shown"]["k"] = 2
    shown.stop()
    assert found.same(mine) and not found.same(shown) and not registry.create("shown").same(shown)


def test_who_makes_a_bucket_is_told(registry: kvreg.Registry) -> None:
    with kvreg.Owner() as session, kvreg.Owner() as other:
        cart, made = registry.create_with("cart", owner=session, access="protected")
        assert made is True and cart.owner == session
        found, made = registry.create_with("cart", owner=other, access="private")
        assert made is False and found == cart and found.owner == session
        with pytest.raises(kvreg.AccessDeniedError):
            found["k"] = 1
        made_by: list[bool] = []
        start = threading.Barrier(8)

        def make() -> None:
            start.wait()
            made_by.append(registry.create_with("one")[1])

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made_by) == [False] * 7 + [True]
    with pytest.raises(kvreg.DeadError):
        registry.create_with("late", owner=session)
    with pytest.raises(TypeError):
        registry.create_with(7)  # type: ignore[arg-type]
    registry.stop()
    with pytest.raises(kvreg.StoppedError):
        registry.create_with("late")


def test_the_child_of_a_fork_closes_nothing(
    registry: kvreg.Registry, child: Callable[[Callable[[], Any]], Any]
) -> None:
    session = Session()
    bucket = registry.create("cart", owner=kvreg.Owner.of(session))

    def in_child() -> list[str]:
        nonlocal session
        told = []
        with kvreg.Owner.from_id(kvreg.Owner.of(session).id):
            pass
        for call in (kvreg.Owner, lambda: bucket.give(None), kvreg.Owner.of_thread):
            try:
                call()
            except kvreg.ForkedError:
                told.append("forked")
        del session
        return told

    assert child(in_child) == ["forked"] * 3
    assert bucket.alive
    del session
    assert not bucket.alive
