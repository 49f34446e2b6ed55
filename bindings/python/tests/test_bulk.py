"""Many at once: the same as one after the other, but for less, and a put of many is one change."""

from __future__ import annotations

import types
from typing import Any

import pytest

import kvreg
from test_threads import together

VALUES: dict[str, Any] = {
    "nil": None, "no": False, "yes": True, "n": -(2**63), "f": -0.5, "text": "grün\0", "data": b"\xff\0" * 2000, "": "", "b": b"",
}  # fmt: skip


def test_create_many(registry: kvreg.Registry) -> None:
    one = registry.create("one")
    made = registry.create_many(["one", b"two", "one", "\udcff", ""])
    assert [bucket.name for bucket in made] == ["one", "two", "one", "\udcff", ""]
    assert made[0] == one == made[2] and registry["two"] == made[1] and len(registry) == 4
    assert registry.create_many([]) == [] and len(registry.create_many(str(n) for n in range(1000))) == 1000
    registry.stop()
    with pytest.raises(kvreg.StoppedError):
        registry.create_many(["one"])


def test_create_many_refuses(registry: kvreg.Registry) -> None:
    for wrong in ("abc", b"abc", 7, None, ["a", 7], [None]):
        with pytest.raises(kvreg.WrongTypeError):
            registry.create_many(wrong)
    with pytest.raises(kvreg.InvalidArgumentError):
        registry.create_many(["a", "x" * 65536])
    assert not registry


def test_many_threads_create_the_same(registry: kvreg.Registry) -> None:
    names = [str(n) for n in range(500)]
    made = together(4, lambda _: [bucket.id for bucket in registry.create_many(names)])
    assert made[0] == made[1] == made[2] == made[3] and len(registry) == registry.revision == 500


@pytest.mark.parametrize("source", [dict, types.MappingProxyType, lambda d: d.items(), lambda d: iter(list(d.items()))])
def test_put_many(bucket: kvreg.Bucket, source: Any) -> None:
    bucket["n"] = 1
    before = bucket.revision
    assert bucket.put_many(source(VALUES)) is None
    assert bucket == VALUES and bucket.revision == before + 1
    assert all(bucket.get_with_revision(key)[1] == before + 1 for key in VALUES)


def test_put_many_of_ones_own(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    bucket.put_many(VALUES)
    other = registry.create("other")
    other.put_many(bucket)
    assert other == VALUES
    other.clear()
    other.put_many(bucket.snapshot())
    other.put_many(other)
    assert other == VALUES
    bucket.put_many([("twice", 1), ("twice", 2)])
    assert bucket["twice"] == 2


def test_put_many_is_all_or_nothing(bucket: kvreg.Bucket) -> None:
    for wrong in ({"a": 1, "b": []}, [("a", 1), ("b", 2**63)], [("a", 1), (1, 1)], {"a": 1, "x" * 65536: 1}, [("a", 1), 7]):
        with pytest.raises(kvreg.Error):
            bucket.put_many(wrong)
    assert not bucket and bucket.revision == 0
    for nothing in ({}, []):
        bucket.put_many(nothing)
    assert bucket.revision == 0


def test_an_update_from_a_dict_is_one_change(bucket: kvreg.Bucket) -> None:
    bucket.update({"a": 1, "b": 2, "c": 3})
    assert bucket.revision == 1
    bucket.update(a=2, b=3)
    bucket |= {"a": 1, "c": 2}
    assert bucket.revision == 3 and bucket == {"a": 1, "b": 3, "c": 2}
    with pytest.raises(TypeError):
        bucket.update({"a": 5, "b": []})
    assert bucket["a"] == 1
    bucket.update(iter([("x", 1), ("y", 2)]))
    assert bucket.revision == 5


def test_get_many(bucket: kvreg.Bucket) -> None:
    bucket.update(VALUES)
    assert bucket.get_many(VALUES) == VALUES and bucket.get_many(iter(VALUES)) == VALUES
    assert bucket.get_many(["n", "missing", b"f", "n"]) == {"n": -(2**63), b"f": -0.5} and bucket.get_many([]) == {}
    assert list(bucket.get_many(["text", "nil", "missing", "data"])) == ["text", "nil", "data"]
    for wrong in ("abc", b"abc", 7, None, ["a", 7], [None]):
        with pytest.raises(kvreg.WrongTypeError):
            bucket.get_many(wrong)
    with pytest.raises(kvreg.InvalidArgumentError):
        bucket.get_many(["a", "x" * 65536])


def test_very_many(registry: kvreg.Registry) -> None:
    bucket, keys = registry.create("big"), [str(n) for n in range(100_000)]
    bucket.put_many(dict.fromkeys(keys, "a value that is longer than most"))
    assert len(bucket) == len(keys) and bucket.revision == 1
    assert bucket.get_many(keys) == bucket.copy() == bucket == dict.fromkeys(keys, "a value that is longer than most")
    seen = 0
    for key in bucket:
        del bucket[key]
        seen += 1
    assert seen == len(keys) and not bucket
