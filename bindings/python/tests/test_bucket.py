"""Buckets as mappings: what dict has, and what only a shared bucket needs."""

import copy
import pickle
import types
import weakref
from collections.abc import Mapping, MutableMapping

import pytest

import kvreg


def test_is_a_mutable_mapping(bucket: kvreg.Bucket) -> None:
    assert isinstance(bucket, MutableMapping)
    bucket.put("milk", 1)
    bucket.put(key="eggs", value=12)
    assert bucket["milk"] == 1 and bucket.get("eggs") == 12 and len(bucket) == 2
    del bucket["milk"]
    assert "milk" not in bucket and sorted(bucket) == ["eggs"]


def test_missing_key_is_a_key_error_that_carries_the_key(bucket: kvreg.Bucket) -> None:
    for call in (lambda: bucket["no"], lambda: bucket.pop("no"), lambda: bucket.__delitem__("no")):
        with pytest.raises(KeyError) as error:
            call()
        assert isinstance(error.value, kvreg.NotFoundError) and error.value.args == ("no",)
        assert str(error.value) == "'no'" and error.value.status == "KVREG_NOT_FOUND"
    with pytest.raises(kvreg.NotFoundError, match="empty"):
        bucket.popitem()


def test_bytes_are_the_same_key(bucket: kvreg.Bucket) -> None:
    bucket[b"milk"] = 1
    assert bucket["milk"] == bucket.get(b"milk") == 1 and b"milk" in bucket and list(bucket) == ["milk"]
    del bucket[b"milk"]
    assert not bucket


def test_no_byte_of_a_key_is_lost(bucket: kvreg.Bucket) -> None:
    keys = [b"", b"\0", b"\xff", b"a\xc3", "ключ".encode(), b"x" * 65535, bytes(range(256))]
    for number, key in enumerate(keys):
        bucket[key] = number
    assert sorted(key.encode("utf-8", "surrogateescape") for key in bucket) == sorted(keys)
    for key, number in bucket.items():
        assert keys[number] == key.encode("utf-8", "surrogateescape") and bucket[key] == number


def test_default_may_be_none(bucket: kvreg.Bucket) -> None:
    assert bucket.pop("no", None) is None and bucket.pop("no", default=3) == 3
    assert bucket.get("no", None) is None and bucket.get(key="no", default=3) == 3
    bucket["nil"] = None
    assert bucket.get("nil", 3) is None and bucket.setdefault("nil", 3) is None and bucket.pop("nil", 3) is None
    assert bucket.setdefault("made") is None and "made" in bucket


def test_every_way_to_call_get(bucket: kvreg.Bucket) -> None:
    class Text(str):
        pass

    bucket.update({"a": 1, "\udcff": 2, "nil": None})
    get = kvreg.Bucket.get
    assert bucket.get("a") == bucket.get(key="a") == bucket.get("a", default=7) == bucket.get(default=7, key="a") == 1
    assert get(bucket, "a") == get(bucket, Text("a"), 7) == bucket.get(b"a") == bucket.get(*["a"], **{"default": 7}) == 1
    assert bucket.get("\udcff") == bucket.get(b"\xff") == 2 and bucket.get("nil", 7) is None
    assert bucket.get("no") is None and bucket.get("no", 7) == bucket.get("no", default=7) == bucket.get(default=7, key="no") == 7
    assert list(map(bucket.get, ["a", "no"])) == [1, None] and list(map(bucket.get, ["a", "no"], [7, 8])) == [1, 8]
    for wrong in (
        lambda: bucket.get(),
        lambda: bucket.get("a", 1, 2),
        lambda: bucket.get("a", key="a"),
        lambda: bucket.get("a", colour="green"),
        lambda: bucket.get(7),
        lambda: bucket.get("x" * 65536),
        lambda: get(),
        lambda: get(7, "a"),
    ):
        with pytest.raises((TypeError, kvreg.InvalidArgumentError)):
            wrong()


def test_update_takes_what_dict_takes(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    other = registry.create("other")
    other["bucket"] = 1
    sources = [{"dict": 1}, types.MappingProxyType({"proxy": 1}), [("pair", 1)], (["list", 1],), iter([("it", 1)]), other]
    for source in sources:
        bucket.update(source)
    bucket.update({b"bytes": 1}, self=1, other=1)
    bucket.update(key=1)
    bucket.update()
    bucket.update(bucket)
    assert bucket == dict.fromkeys("dict proxy pair list it bucket bytes self other key".split(), 1)


def test_update_stops_at_the_first_error(bucket: kvreg.Bucket) -> None:
    with pytest.raises(kvreg.WrongTypeError, match="not object"):
        bucket.update([("a", 1), ("b", object()), ("c", 1)])
    assert bucket == {"a": 1}


def test_merging_gives_dicts(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    bucket.update(a=1, b=1)
    other = registry.create("other")
    other.update(b=2, c=2)
    assert bucket | {"b": 2} == {"a": 1, "b": 2} and {"b": 2} | bucket == {"a": 1, "b": 1}
    assert bucket | other == {"a": 1, "b": 2, "c": 2} and other | bucket == {"a": 1, "b": 1, "c": 2}
    assert type(bucket | other) is dict and type({} | bucket) is dict
    assert types.MappingProxyType({"b": 2}) | bucket == {"a": 1, "b": 1}
    same = bucket
    bucket |= other
    bucket |= [("d", 3)]
    assert bucket is same and bucket == {"a": 1, "b": 2, "c": 2, "d": 3}
    for wrong in (1, [("a", 1)], None):
        with pytest.raises(TypeError):
            bucket | wrong
        with pytest.raises(TypeError):
            wrong | bucket


def test_equality_is_that_of_the_items(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    other = registry.create("other")
    assert bucket == other == {} and not bucket != other
    bucket["a"] = 1
    assert bucket != other and bucket != {} and bucket == {"a": 1} == bucket and bucket == registry["shopping"]
    assert bucket == types.MappingProxyType({"a": 1}) and types.MappingProxyType({"a": 1}) == bucket
    other["a"] = 1.0
    assert bucket == other
    assert bucket != 1 and bucket != [("a", 1)] and bucket is not None and not bucket == registry
    with pytest.raises(TypeError):
        hash(bucket)
    with pytest.raises(TypeError):
        bucket < other


def test_views_follow_the_bucket(bucket: kvreg.Bucket) -> None:
    keys, values, items = bucket.keys(), bucket.values(), bucket.items()
    assert not keys and not values and not items
    bucket.update(a=1, b=2)
    assert keys == {"a", "b"} and sorted(values) == [1, 2] and items == {("a", 1), ("b", 2)}
    assert keys & {"a", 1, None} == {"a"} and keys | {"c"} == {"a", "b", "c"} and keys - {"a"} == {"b"}
    assert items & [("a", 1), ("a", 2), "xx", 7] == {("a", 1)} and keys.isdisjoint("xyz")
    assert 1 in values and 3 not in values and len(keys) == len(values) == len(items) == 2
    assert ("a", 1) in items and ("a", 2) not in items and ("no", 1) not in items and ({}, 1) not in items
    assert ["a", 1] not in items and 1 not in keys and "x" * 65536 not in keys
    assert isinstance(keys.mapping if hasattr(keys, "mapping") else bucket, Mapping)


def test_one_iteration_shows_one_moment(bucket: kvreg.Bucket) -> None:
    bucket.update((str(n), n) for n in range(100))
    seen = []
    for key in bucket:
        seen.append(key)
        bucket["new " + key] = 1
        del bucket[key]
    assert sorted(seen, key=int) == [str(n) for n in range(100)] and len(bucket) == 100
    walk = bucket.items().__iter__()
    bucket.clear()
    assert len(list(walk)) == 100 and not bucket


def test_reversed_has_no_meaning(bucket: kvreg.Bucket) -> None:
    with pytest.raises(TypeError):
        reversed(bucket)


def test_popitem_and_clear(bucket: kvreg.Bucket) -> None:
    items = {str(n): n for n in range(50)}
    bucket.update(items)
    taken = dict(bucket.popitem() for _ in range(30))
    assert len(taken) == 30 and bucket | taken == items and not bucket.keys() & taken.keys()
    bucket.clear()
    assert len(bucket) == 0 and bucket.alive


def test_matches_patterns(bucket: kvreg.Bucket) -> None:
    bucket.update(milk=1, eggs=12)
    match bucket:
        case {"milk": milk, **rest}:
            assert milk == 1 and rest == {"eggs": 12}
        case _:
            pytest.fail("a bucket is a mapping to `match`")


def test_repr_says_what_it_is(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    assert repr(bucket) == f"<kvreg.Bucket 'shopping' #{bucket.id} alive, 0 keys>"
    bucket["a"] = 1
    assert repr(bucket) == str(bucket) == f"<kvreg.Bucket 'shopping' #{bucket.id} alive, 1 key>"
    assert repr(registry.create("it's")).startswith("<kvreg.Bucket \"it's\" #")
    assert repr(registry.create(b"\xff")).startswith("<kvreg.Bucket '\\udcff' #")


def test_knows_where_it_belongs(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    assert bucket.registry is registry and bucket.name == "shopping" and 0 < bucket.id < 2**53
    same = kvreg.Bucket.from_id(bucket.id)
    assert same == bucket and same.name == "shopping" and same.registry == registry and same is not bucket


def test_revision_counts_changes(bucket: kvreg.Bucket) -> None:
    start = bucket.revision
    bucket["a"] = 1
    bucket["a"] = 2
    assert bucket.revision == start + 2
    bucket.get("a")
    bucket.pop("no", None)
    assert bucket.revision == start + 2
    del bucket["a"]
    assert bucket.revision == start + 3


def test_weak_references_and_annotations(bucket: kvreg.Bucket, registry: kvreg.Registry) -> None:
    by_name = weakref.WeakValueDictionary(a=bucket)
    assert by_name["a"] is bucket
    other = registry["shopping"]
    weak = weakref.ref(other)
    del other
    assert weak() is None
    alias = kvreg.Bucket[float]
    assert isinstance(alias, types.GenericAlias) and alias.__origin__ is kvreg.Bucket and alias.__args__ == (float,)


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_is_no_value(bucket: kvreg.Bucket, copier: object) -> None:
    with pytest.raises(TypeError, match=r"bucket\.copy\(\)") as error:
        copier(bucket)  # type: ignore[operator]
    assert isinstance(error.value, kvreg.Error)
    bucket["a"] = 1
    assert pickle.loads(pickle.dumps(bucket.copy())) == {"a": 1}


def test_an_object_keeps_its_registrys_object() -> None:
    with kvreg.Registry() as outer:
        bucket = outer.create("a")
    registry = bucket.registry
    del outer
    assert registry is bucket.registry
