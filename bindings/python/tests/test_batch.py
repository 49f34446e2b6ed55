"""Batches: all or nothing, in order, over several buckets."""

from __future__ import annotations

import copy
import gc
import threading

import pytest

import kvreg
from test_threads import together


@pytest.fixture
def other(registry: kvreg.Registry) -> kvreg.Bucket:
    return registry.create("other")


def test_the_end_of_the_block_commits(registry: kvreg.Registry, bucket: kvreg.Bucket, other: kvreg.Bucket) -> None:
    bucket.update(a=1, b=1)
    before = bucket.revision
    with registry.batch() as batch:
        batch.put(bucket, "a", 2)
        batch.put(bucket, "a", 3)
        batch.delete(bucket, "b")
        batch.delete(bucket, "no")
        batch.put(other, b"bytes", b"\xff")
        batch.put(bucket=other, key="nil", value=None)
        assert len(batch) == 6 and bucket == {"a": 1, "b": 1} and not other
    assert bucket == {"a": 3} and other == {"bytes": b"\xff", "nil": None} and bucket.revision == before + 1


def test_an_exception_discards(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    with pytest.raises(ZeroDivisionError):
        with registry.batch() as batch:
            batch.put(bucket, "a", 1)
            raise ZeroDivisionError
    assert not bucket
    with pytest.raises(kvreg.DeadError):
        batch.commit()


def test_without_a_block(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    batch = registry.batch()
    batch.put(bucket, "a", 1)
    batch.commit()
    batch.commit()
    assert len(batch) == 0 and bucket == {"a": 1}
    batch.put(bucket, "b", 1)
    batch.clear()
    batch.commit()
    assert bucket == {"a": 1}
    batch.put(bucket, "c", 1)
    batch.close()
    batch.close()
    for call in (batch.commit, batch.clear, batch.__len__, lambda: batch.put(bucket, "a", 1), lambda: batch.delete(bucket, "a")):
        with pytest.raises(kvreg.DeadError, match="batch"):
            call()
    assert bucket == {"a": 1}


def test_an_error_at_the_end_changes_nothing(registry: kvreg.Registry, bucket: kvreg.Bucket, other: kvreg.Bucket) -> None:
    with pytest.raises(kvreg.DeadError):
        with registry.batch() as batch:
            batch.put(bucket, "a", 1)
            batch.put(other, "a", 1)
            other.stop()
    assert not bucket


def test_buckets_of_another_registry_are_refused(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    with kvreg.Registry() as elsewhere, registry.batch() as batch:
        with pytest.raises(kvreg.InvalidArgumentError):
            batch.put(elsewhere.create("a"), "a", 1)
        for wrong in (None, "shopping", bucket.id, registry, bucket.snapshot()):
            with pytest.raises(kvreg.WrongTypeError, match="kvreg.Bucket"):
                batch.put(wrong, "a", 1)  # type: ignore[arg-type]
            with pytest.raises(kvreg.WrongTypeError, match="kvreg.Bucket"):
                batch.delete(wrong, "a")  # type: ignore[arg-type]


def test_a_snapshot_shows_all_or_nothing(registry: kvreg.Registry, bucket: kvreg.Bucket, other: kvreg.Bucket) -> None:
    with registry.batch() as batch:
        batch.put(bucket, "n", 0)
        batch.put(other, "n", 0)
    done = threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            for n in range(1, 2000):
                with registry.batch() as batch:
                    batch.put(bucket, "n", n)
                    batch.put(other, "n", n)
            done.set()
            return True
        exact = True
        while not done.is_set():
            with registry.snapshot() as moment:
                exact &= moment["shopping"]["n"] == moment["other"]["n"]
        return exact

    assert all(together(3, work))


def test_batches_over_the_same_buckets_take_turns(registry: kvreg.Registry, bucket: kvreg.Bucket, other: kvreg.Bucket) -> None:
    def work(number: int) -> None:
        for n in range(300):
            with registry.batch() as batch:
                first, second = (bucket, other) if number % 2 else (other, bucket)
                batch.put(first, "n", (number * 1000) + n)
                batch.put(second, "n", (number * 1000) + n)

    together(4, work)
    assert bucket["n"] == other["n"]


def test_forgotten_batches_are_closed(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    for _ in range(100_000):
        registry.batch().put(bucket, "a", 1)
    gc.collect()
    assert not bucket
    with pytest.raises(TypeError):
        copy.copy(registry.batch())
    assert repr(registry.batch()) == f"<kvreg.Batch of registry #{registry.id}>"
    registry.stop()
    with pytest.raises(kvreg.StoppedError):
        registry.batch()
