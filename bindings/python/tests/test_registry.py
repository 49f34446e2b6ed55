"""Registries: names, life, and the mapping of names to buckets."""

import copy
import gc
import pickle
import weakref
from collections.abc import Mapping

import pytest

import kvreg


def test_is_a_mapping_of_names_to_buckets(registry: kvreg.Registry) -> None:
    assert isinstance(registry, Mapping)
    a, b = registry.create("a"), registry.create("b")
    assert len(registry) == 2 and sorted(registry) == ["a", "b"]
    assert registry.keys() == {"a", "b"} and "a" in registry.keys() and 1 not in registry.keys()
    assert sorted(bucket.name for bucket in registry.values()) == ["a", "b"] and a in registry.values()
    assert dict(registry.items()) == registry.copy() == dict(registry) == {"a": a, "b": b}
    assert ("a", a) in registry.items() and ("a", b) in registry.items()  # both are empty, so they are equal
    assert registry.get("a") == a and registry.get("nope") is None and registry.get("nope", 7) == 7


def test_create_gives_the_bucket_that_is_there(registry: kvreg.Registry) -> None:
    first = registry.create("shopping")
    assert registry.create(b"shopping").id == registry.create(name="shopping").id == first.id
    assert registry.lookup(b"shopping").id == registry["shopping"].id == first.id
    assert len(registry) == 1 and registry.revision == 1


def test_missing_name_is_a_key_error_that_carries_the_name(registry: kvreg.Registry) -> None:
    with pytest.raises(KeyError) as error:
        registry["nope"]
    assert isinstance(error.value, kvreg.NotFoundError) and error.value.args == ("nope",)


def test_names_are_bytes_of_any_kind(registry: kvreg.Registry) -> None:
    for name in (b"", b"\0", b"a\0b", b"\xff\xfe", "grün".encode(), b"x" * 65535):
        bucket = registry.create(name)
        assert bucket.name.encode("utf-8", "surrogateescape") == name
        assert registry[bucket.name] == registry[name] and name in registry
    assert sorted(registry, key=len)[:2] == ["", "\0"]


def test_a_name_is_the_text_that_the_core_gives_back(registry: kvreg.Registry) -> None:
    # Two escaped bytes that together are UTF-8 are one letter.
    assert registry.create("\udcc3\udca9").name == "é" == next(iter(registry))

    class Loud(str):
        pass

    assert type(registry.create(Loud("quiet")).name) is str


def test_with_stops_what_this_object_started() -> None:
    with kvreg.Registry("test-with") as mine:
        assert mine.name == "test-with" and mine.started and not kvreg.Registry.from_id(mine.id).started
        with kvreg.Registry("test-with", history=7) as joined:
            assert not joined.started
            bucket = joined.create("a")
            assert joined == mine and hash(joined) == hash(mine) and joined is not mine
        assert bucket.alive and mine["a"] == bucket
    assert not bucket.alive
    with kvreg.Registry("test-with") as again:  # the name is free again
        assert again != mine


def test_with_is_content_with_a_registry_that_was_stopped_inside() -> None:
    with kvreg.Registry() as registry:
        registry.stop()
    with pytest.raises(ValueError, match="inside"), kvreg.Registry() as registry:
        raise ValueError("inside")
    with pytest.raises(kvreg.StoppedError):
        registry.stop()


def test_anonymous_registries_are_their_own() -> None:
    with kvreg.Registry() as one, kvreg.Registry(None) as two:
        one.create("a")
        assert "a" not in two and one != two and one.name is None
        assert one != {} and one != 1 and not one == two


def test_stopped_registry_answers_stopped_everywhere() -> None:
    registry = kvreg.Registry()
    bucket = registry.create("a")
    views = [registry.keys(), registry.values(), registry.items()]
    registry.stop()
    calls = [
        lambda: registry.create("a"),
        lambda: registry.lookup("a"),
        lambda: registry.get("a"),
        lambda: registry["a"],
        lambda: "a" in registry,
        lambda: len(registry),
        lambda: bool(registry),
        lambda: list(registry),
        lambda: registry.copy(),
        lambda: registry.revision,
        lambda: registry.stop(),
        lambda: kvreg.Registry.from_id(registry.id),
        *(lambda view=view: list(view) for view in views),
        *(lambda view=view: len(view) for view in views),
    ]
    for call in calls:
        with pytest.raises(kvreg.StoppedError, match=f"registry #{registry.id}"):
            call()
    assert not bucket.alive and registry == registry and registry.name is None
    assert repr(registry) == f"<kvreg.Registry #{registry.id} stopped>"


def test_repr_says_what_it_is(registry: kvreg.Registry) -> None:
    assert repr(registry) == f"<kvreg.Registry #{registry.id} running, 0 buckets>"
    registry.create("a")
    assert repr(registry).endswith("running, 1 bucket>")
    with kvreg.Registry("test-repr") as named:
        assert repr(named) == f"<kvreg.Registry 'test-repr' #{named.id} running, 0 buckets>"
    assert repr(registry.keys()).startswith("Keys(<kvreg.Registry ")


def test_from_id_joins_by_number(registry: kvreg.Registry) -> None:
    bucket = registry.create("a")
    with kvreg.Registry.from_id(registry.id) as same:
        assert same == registry and same["a"] == bucket and same.name is None
    assert len(registry) == 1  # the `with` left it running


def test_a_registry_is_found_by_its_name(registry: kvreg.Registry) -> None:
    assert kvreg.Registry.find("found") is None
    for name in ("found", b"found\xff", ""):
        with kvreg.Registry(name) as mine:
            with kvreg.Registry.find(name) as found:  # type: ignore[union-attr]
                assert found == mine and found.name == mine.name and mine.started and not found.started
            assert kvreg.Registry.from_id(mine.id).name == mine.name and len(mine) == 0
            assert mine.create("a").registry.name == mine.name
            joined = kvreg.Registry.from_id(mine.id)
        assert kvreg.Registry.find(name) is None and joined.name is None
    with pytest.raises(TypeError):
        kvreg.Registry.find(7)  # type: ignore[arg-type]
    with pytest.raises(kvreg.InvalidArgumentError):
        kvreg.Registry.find("x" * 65536)


def test_iterating_shows_one_moment(registry: kvreg.Registry) -> None:
    for n in range(10):
        registry.create(str(n))
    for name in registry:
        registry.create("new " + name)
        registry[name].stop()
    assert sorted(registry) == sorted(f"new {n}" for n in range(10))


def test_a_registry_needs_no_object() -> None:
    identity = kvreg.Registry("test-forgotten").id
    gc.collect()
    joined = kvreg.Registry("test-forgotten")
    assert joined.id == identity
    joined.stop()


def test_weak_references(registry: kvreg.Registry) -> None:
    other = kvreg.Registry.from_id(registry.id)
    weak = weakref.ref(other)
    assert weak() is other
    del other
    assert weak() is None


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_is_no_value(registry: kvreg.Registry, copier: object) -> None:
    with pytest.raises(TypeError, match=r"kvreg\.Registry\(name\)") as error:
        copier(registry)  # type: ignore[operator]
    assert isinstance(error.value, kvreg.Error)


def test_classes_are_closed(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    for thing in (registry, bucket):
        with pytest.raises(AttributeError):
            thing.colour = "green"
        with pytest.raises(AttributeError):
            thing.id = 7
        with pytest.raises(TypeError):
            type("Sub", (type(thing),), {})
    with pytest.raises(TypeError):
        kvreg.Bucket()
