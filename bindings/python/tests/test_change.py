"""Changes in one step: what each does, what it refuses, and that nothing comes between."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

import kvreg
from test_threads import together


def test_put_new(bucket: kvreg.Bucket) -> None:
    assert bucket.put_new("a", None) is True and bucket.put_new("a", 1) is False and bucket.copy() == {"a": None}
    assert sum(together(16, lambda n: bucket.put_new("b", n))) == 1


def test_swap(bucket: kvreg.Bucket) -> None:
    assert bucket.swap("a", 1) is None and bucket.swap("b", 1, 7) == 7 and bucket.swap("b", "text", default=7) == 1
    assert bucket.swap("b", None) == "text" and bucket.swap("b", b"x", 7) is None and bucket["b"] == b"x"
    # Each value that goes in comes out once.
    got = together(8, lambda n: [bucket.swap("c", n * 100 + i) for i in range(100)])
    assert sorted([value for value in sum(got, []) if value is not None] + [bucket["c"]]) == list(range(800))


def test_a_revision_belongs_to_its_value(bucket: kvreg.Bucket) -> None:
    assert bucket.get_with_revision("a") == (None, 0) and bucket.get_with_revision("a", 3) == (3, 0)
    bucket["a"] = None
    value, first = bucket.get_with_revision("a", 3)
    assert value is None and first == bucket.revision > 0
    second = bucket.put_if_revision("a", first, 2)
    assert second > first and bucket.get_with_revision("a") == (2, second)
    bucket["b"] = 1
    assert bucket.get_with_revision("a") == (2, second)
    for call in (
        lambda: bucket.put_if_revision("a", first, 3),
        lambda: bucket.put_if_revision("a", 0, 3),
        lambda: bucket.put_if_revision("no", second, 3),
        lambda: bucket.delete_if_revision("a", first),
        lambda: bucket.delete_if_revision("no", second),
        lambda: bucket.put_if_equal("a", 1, 3),
        lambda: bucket.put_if_equal("a", 2.0, 3),
        lambda: bucket.put_if_equal("no", None, 3),
    ):
        with pytest.raises(kvreg.ConflictError, match="shopping") as error:
            call()
        assert error.value.status == "KVREG_CONFLICT"
    assert bucket.copy() == {"a": 2, "b": 1}
    assert bucket.put_if_revision(key="new", revision=0, value=7) == bucket.revision
    bucket.delete_if_revision("a", second)
    assert "a" not in bucket and bucket["new"] == 7


@pytest.mark.parametrize("value", [None, True, 7, 1.5, -0.0, math.nan, "text", b"bytes", "long " * 100])
def test_put_if_equal(bucket: kvreg.Bucket, value: Any) -> None:
    bucket["a"] = value
    bucket.put_if_equal("a", value, "new")
    assert bucket["a"] == "new"
    bucket["a"] = value
    with pytest.raises(kvreg.ConflictError):
        bucket.put_if_equal("a", "other", 1)


def test_compare_and_set_loses_no_change(bucket: kvreg.Bucket) -> None:
    bucket["n"] = 0

    def work(number: int) -> None:
        for _ in range(200):
            while True:
                value, seen = bucket.get_with_revision("n")
                try:
                    if number % 2:
                        bucket.put_if_revision("n", seen, value + 1)
                    else:
                        bucket.put_if_equal("n", value, value + 1)
                    break
                except kvreg.ConflictError:
                    pass

    together(4, work)
    assert bucket["n"] == 800


def test_add(bucket: kvreg.Bucket) -> None:
    assert bucket.add("a") == 1 and bucket.add("a", 5) == 6 and bucket.add(b"a", by=-10) == -4
    assert bucket.add("b", initial=100) == 101 and bucket.add("b", initial=5) == 102
    assert bucket.add("b", 10, max=105, clamp=True) == 105 and bucket.add("b", -1000, min=0, clamp=True) == 0
    for call in (lambda: bucket.add("b", 1, max=0), lambda: bucket.add("b", -1, min=0), lambda: bucket.add("c", 5, max=4)):
        with pytest.raises(kvreg.OutOfRangeError) as error:
            call()
        assert isinstance(error.value, OverflowError)
    assert bucket["b"] == 0 and "c" not in bucket
    bucket["big"] = 2**63 - 1
    with pytest.raises(OverflowError):
        bucket.add("big")
    assert bucket.add("big", clamp=True) == 2**63 - 1
    for other in (None, True, 1.0, "1", b"1"):
        bucket["other"] = other
        with pytest.raises(TypeError):
            bucket.add("other")
        assert bucket["other"] == other
    together(8, lambda _: [bucket.add("n") for _ in range(1000)])
    assert bucket["n"] == 8000


def test_add_refuses(bucket: kvreg.Bucket) -> None:
    for name in ("by", "initial", "min", "max"):
        with pytest.raises(kvreg.OutOfRangeError, match=name):
            bucket.add("a", **{name: 2**63})
        for wrong in ("1", 1.0, b"1", object(), *([None] if name in ("by", "initial") else [])):
            with pytest.raises(kvreg.WrongTypeError, match=f"{name} must be int"):
                bucket.add("a", **{name: wrong})
    with pytest.raises(kvreg.InvalidArgumentError):
        bucket.add("a", min=1, max=0)
    with pytest.raises(TypeError):
        bucket.add("a", 1, 2)  # type: ignore[misc]
    assert not bucket


@pytest.mark.parametrize("wrong", [None, "1", 1.0, object()])
def test_revisions_are_numbers(bucket: kvreg.Bucket, wrong: Any) -> None:
    for call in (lambda revision: bucket.put_if_revision("a", revision, 1), lambda revision: bucket.delete_if_revision("a", revision)):
        with pytest.raises(kvreg.WrongTypeError, match="revision must be int"):
            call(wrong)
        with pytest.raises(kvreg.InvalidArgumentError, match="negative"):
            call(-1)
        with pytest.raises(kvreg.OutOfRangeError):
            call(2**64)


def test_keys_and_values_are_judged(bucket: kvreg.Bucket) -> None:
    calls = [
        lambda key, value: bucket.put_new(key, value),
        lambda key, value: bucket.swap(key, value),
        lambda key, value: bucket.put_if_revision(key, 0, value),
        lambda key, value: bucket.put_if_equal(key, value, 1),
        lambda key, value: bucket.put_if_equal(key, 1, value),
        lambda key, value: bucket.put_many([(key, value)]),
        lambda key, value: bucket.update_with(key, lambda old: value),
        lambda key, value: bucket.registry.batch().put(bucket, key, value),
    ]
    for call in calls:
        with pytest.raises(kvreg.WrongTypeError, match="key must be"):
            call(1, 1)
        with pytest.raises(kvreg.WrongTypeError, match="value must be"):
            call("a", [])
        with pytest.raises(kvreg.OutOfRangeError):
            call("a", 2**63)
        with pytest.raises(kvreg.InvalidArgumentError):
            call("x" * 65536, 1)
    assert not bucket


def test_clear_is_one_change(bucket: kvreg.Bucket) -> None:
    bucket.update({str(n): n for n in range(1000)})
    before = bucket.revision
    assert bucket.clear() is None and bucket.revision == before + 1 and len(bucket) == 0


def test_popitem_gives_each_item_once(bucket: kvreg.Bucket) -> None:
    items = {str(n): n for n in range(400)}
    bucket.update(items)

    def drain(_: int) -> list[Any]:
        mine = []
        while bucket:
            try:
                mine.append(bucket.popitem())
            except KeyError:
                pass
        return mine

    taken = sum(together(4, drain), [])
    assert len(taken) == 400 and dict(taken) == items


def test_in_the_child_of_a_fork(bucket: kvreg.Bucket, child: Any) -> None:
    bucket["n"] = 7
    calls = [
        lambda: bucket.put_new("a", 1),
        lambda: bucket.swap("n", 1),
        lambda: bucket.put_if_revision("n", 1, 1),
        lambda: bucket.put_if_equal("n", 7, 1),
        lambda: bucket.delete_if_revision("n", 1),
        lambda: bucket.add("n"),
        lambda: bucket.put_many({"a": 1}),
        lambda: bucket.update_with("n", lambda old: old + 1),
        lambda: bucket.registry.create_many(["a"]),
        lambda: bucket.registry.batch(),
    ]

    def refused() -> list[bool]:
        answers = []
        for call in calls:
            try:
                call()
                answers.append(False)
            except kvreg.ForkedError:
                answers.append(True)
        return answers

    assert child(refused) == [True] * len(calls)
    assert child(lambda: (bucket.get_with_revision("n"), bucket.get_many(["n", "a"]))) == ((7, 1), {"n": 7})


def test_dead_is_dead(bucket: kvreg.Bucket) -> None:
    registry = bucket.registry
    batch = registry.batch()
    batch.put(bucket, "a", 1)
    called = threading.Event()
    bucket.stop()
    for call in (
        lambda: bucket.put_new("a", 1),
        lambda: bucket.swap("a", 1),
        lambda: bucket.get_with_revision("a"),
        lambda: bucket.put_if_revision("a", 0, 1),
        lambda: bucket.put_if_equal("a", 1, 1),
        lambda: bucket.delete_if_revision("a", 1),
        lambda: bucket.add("a"),
        lambda: bucket.update_with("a", lambda old: called.set()),
        lambda: bucket.put_many({"a": 1, "b": 2}),
        lambda: bucket.put_many({}),
        lambda: bucket.get_many(["a"]),
        lambda: bucket.get_many([]),
        lambda: batch.commit(),
    ):
        with pytest.raises(kvreg.DeadError):
            call()
    assert not called.is_set() and len(batch) == 1
