"""Times to live, of buckets and keys. These tests wait for what must happen, however long it takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import kvreg


def happens(condition: Callable[[], bool]) -> bool:
    """A minute is only there so that a failure is a failure and no hang."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0)
    return condition()


def test_a_key_lives_for_a_time(bucket: kvreg.Bucket) -> None:
    bucket.put("long", 1, ttl=3600)
    bucket.put("delta", 1, ttl=timedelta(hours=1))
    bucket.put("ever", 1, ttl=None)
    bucket.put("inf", 1, ttl=math.inf)
    for key in ("long", "delta"):
        left = bucket.remaining_key(key)
        assert left is not None and 3500 < left <= 3600
    assert bucket.remaining_key("ever") is None and bucket.remaining_key("inf") is None
    bucket.put("short", 1, ttl=0.001)
    bucket.put("now", 1, ttl=0)
    assert happens(lambda: len(bucket) == 4) and "short" not in bucket
    assert bucket.expire_key("ever", 0.001) is True and bucket.expire_key("nobody", 1) is False
    assert happens(lambda: "ever" not in bucket)
    assert bucket.touch_key("long") is True and bucket.touch_key("nobody") is False
    assert bucket.expire_key("long", None) is True and bucket.remaining_key("long") is None
    with pytest.raises(KeyError) as error:
        bucket.remaining_key("nobody")
    assert error.value.args == ("nobody",)


def test_who_ends_a_time_and_who_keeps_it(bucket: kvreg.Bucket) -> None:
    keeps: list[Callable[[], Any]] = [
        lambda: bucket.add("key"),
        lambda: bucket.update_with("key", lambda old: old + 1),
        lambda: bucket.put_if_equal("key", 0, 1),
        lambda: bucket.put_if_revision("key", bucket.get_with_revision("key")[1], 1),
        lambda: bucket.setdefault("key", 7),
    ]
    ends: list[Callable[[], Any]] = [
        lambda: bucket.put("key", 1),
        lambda: bucket.__setitem__("key", 1),
        lambda: bucket.swap("key", 1),
        lambda: bucket.update(key=1),
        lambda: bucket.put_many({"key": 1}),
        lambda: (bucket.pop("key"), bucket.put_new("key", 1)),
    ]
    for change in keeps:
        bucket.put("key", 0, ttl=3600)
        change()
        assert bucket.remaining_key("key") is not None
    for change in ends:
        bucket.put("key", 0, ttl=3600)
        change()
        assert bucket.remaining_key("key") is None


def test_a_bucket_lives_for_a_time(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    assert bucket.remaining() is None
    bucket.touch()
    bucket.expire(timedelta(minutes=1, microseconds=1))
    left = bucket.remaining()
    assert left is not None and 59 < left <= 60.001
    bucket.expire(None)
    assert bucket.remaining() is None
    bucket.expire(0.002)
    # First it goes out of the table, then it dies.
    assert happens(lambda: not bucket.alive) and "shopping" not in registry
    for late in (lambda: bucket.expire(1), bucket.touch, bucket.remaining, lambda: bucket.put("a", 1, ttl=1)):
        with pytest.raises(kvreg.DeadError):
            late()


def test_a_bucket_is_made_with_times(registry: kvreg.Registry) -> None:
    left = registry.create("short", ttl=3600).remaining()
    assert left is not None and 3500 < left <= 3600
    idle = registry.create("idle", ttl=3600, idle=timedelta(minutes=10))
    left = idle.remaining()
    assert left is not None and left <= 600
    idle["key"] = 1
    assert registry["idle"] == {"key": 1} and registry["idle"].id == idle.id
    brief = registry.create("brief", idle=0.002)
    assert happens(lambda: not brief.alive) and "brief" not in registry
    with pytest.raises(kvreg.InvalidArgumentError):
        registry.create("bad", idle=-1)


def test_a_batch_puts_for_a_time(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    with registry.batch() as batch:
        batch.put(bucket, "short", 1, ttl=0.001)
        batch.put(bucket, "long", 1, ttl=3600)
        batch.put(bucket, "ever", 1)
    assert happens(lambda: len(bucket) == 2)
    assert bucket.remaining_key("long") is not None and bucket.remaining_key("ever") is None


@pytest.mark.parametrize("wrong", [-1, -0.5, math.nan, -math.inf, timedelta(seconds=-1), -(10**400)])
def test_times_that_cannot_be(bucket: kvreg.Bucket, registry: kvreg.Registry, wrong: Any) -> None:
    bucket["key"] = 1
    for call in (
        lambda: bucket.put("key", 2, ttl=wrong),
        lambda: bucket.expire(wrong),
        lambda: bucket.expire_key("key", wrong),
        lambda: registry.batch().put(bucket, "key", 2, ttl=wrong),
        lambda: registry.get_or_create("shopping", lambda made: None, timeout=wrong),
    ):
        with pytest.raises(kvreg.InvalidArgumentError):
            call()
    assert bucket == {"key": 1}


@pytest.mark.parametrize("wrong", ["1", b"1", [], True, object(), 1j])
def test_times_of_the_wrong_type(bucket: kvreg.Bucket, wrong: Any) -> None:
    for call in (lambda: bucket.put("key", 2, ttl=wrong), lambda: bucket.expire(wrong)):
        with pytest.raises(kvreg.WrongTypeError, match="must be seconds"):
            call()
    with pytest.raises(TypeError):
        bucket.put("key", 2, 3)  # type: ignore[misc]


def test_long_times(bucket: kvreg.Bucket) -> None:
    for ttl in (10**9, 1e300, 10**400, timedelta.max):
        bucket.put("key", 1, ttl=ttl)
        left = bucket.remaining_key("key")
        assert left is not None and left > 9e8
    bucket.put("key", 1, ttl=1.0004)
    left = bucket.remaining_key("key")
    assert left is not None and left <= 1.001


def test_the_child_of_a_fork(bucket: kvreg.Bucket, child: Callable[[Callable[[], Any]], Any]) -> None:
    bucket.put("key", 1, ttl=3600)

    def refused() -> list[str]:
        names = []
        for call in (lambda: bucket.expire(1), lambda: bucket.put("key", 2, ttl=1), lambda: bucket.touch_key("key")):
            try:
                call()
            except kvreg.ForkedError:
                names.append("forked")
        return [*names, str(bucket["key"])]

    assert child(refused) == ["forked", "forked", "forked", "1"]
