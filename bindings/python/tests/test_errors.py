"""Errors: their family, and every wrong argument of every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kvreg

CLASSES = [value for value in vars(kvreg).values() if isinstance(value, type) and issubclass(value, BaseException)]


def test_every_error_derives_from_error() -> None:
    assert len(CLASSES) > 10 and all(issubclass(each, kvreg.Error) and each.__module__ == "kvreg" for each in CLASSES)
    assert all(each.__name__ in kvreg.__all__ for each in CLASSES)
    assert len({each.status for each in CLASSES}) == len(CLASSES)


def test_errors_are_also_what_python_raises() -> None:
    family = {
        kvreg.NotFoundError: KeyError,
        kvreg.InvalidArgumentError: ValueError,
        kvreg.WrongTypeError: TypeError,
        kvreg.OutOfRangeError: OverflowError,
        kvreg.OutOfMemoryError: MemoryError,
        kvreg.IoError: OSError,
        kvreg.AccessDeniedError: PermissionError,
        kvreg.UnsupportedError: NotImplementedError,
    }
    assert all(issubclass(own, builtin) for own, builtin in family.items())


KEY_CALLS: dict[str, Callable[[kvreg.Bucket, Any], object]] = {
    "put": lambda bucket, key: bucket.put(key, 1),
    "get": lambda bucket, key: bucket.get(key),
    "setdefault": lambda bucket, key: bucket.setdefault(key, 1),
    "pop": lambda bucket, key: bucket.pop(key),
    "pop with a default": lambda bucket, key: bucket.pop(key, 1),
    "getitem": lambda bucket, key: bucket[key],
    "setitem": lambda bucket, key: bucket.__setitem__(key, 1),
    "delitem": lambda bucket, key: bucket.__delitem__(key),
    "in": lambda bucket, key: key in bucket,
    "update": lambda bucket, key: bucket.update([(key, 1)]),
    "or": lambda bucket, key: bucket.__ior__([(key, 1)]),
}
NAME_CALLS: dict[str, Callable[[kvreg.Registry, Any], object]] = {
    "Registry": lambda registry, name: kvreg.Registry(name),
    "create": lambda registry, name: registry.create(name),
    "lookup": lambda registry, name: registry.lookup(name),
    "get": lambda registry, name: registry.get(name, 1),
    "getitem": lambda registry, name: registry[name],
    "in": lambda registry, name: name in registry,
}
NOT_TEXT = [1, 1.5, True, [], ("a",), object(), bytearray(b"a"), memoryview(b"a"), str]


@pytest.mark.parametrize("key", [None, *NOT_TEXT], ids=lambda key: type(key).__name__)
@pytest.mark.parametrize("call", KEY_CALLS.values(), ids=KEY_CALLS)
def test_keys_are_text(bucket: kvreg.Bucket, call: Callable[[kvreg.Bucket, Any], object], key: object) -> None:
    with pytest.raises(kvreg.WrongTypeError, match=f"key must be str or bytes, not {type(key).__name__}"):
        call(bucket, key)
    assert not bucket


@pytest.mark.parametrize("name", NOT_TEXT, ids=lambda name: type(name).__name__)
@pytest.mark.parametrize("call", NAME_CALLS.values(), ids=NAME_CALLS)
def test_names_are_text(registry: kvreg.Registry, call: Callable[[kvreg.Registry, Any], object], name: object) -> None:
    with pytest.raises(kvreg.WrongTypeError, match=f"name must be str or bytes, not {type(name).__name__}"):
        call(registry, name)
    assert not registry


@pytest.mark.parametrize(("text", "message"), [("x" * 65536, "65535 bytes, not 65536"), ("é" * 32768, "not 65536"),
                                               (b"x" * 70000, "not 70000"), ("\ud800", "UTF-8")])
def test_texts_that_cannot_be_keys_or_names(registry: kvreg.Registry, text: Any, message: str) -> None:
    bucket = registry.create("shopping")
    for call in KEY_CALLS.values():
        with pytest.raises(kvreg.InvalidArgumentError, match=message):
            call(bucket, text)
    for name_call in NAME_CALLS.values():
        with pytest.raises(kvreg.InvalidArgumentError, match=message):
            name_call(registry, text)
    assert not bucket and list(registry) == ["shopping"]


@pytest.mark.parametrize("wrong", [1, None, 1.5, object()], ids=lambda wrong: type(wrong).__name__)
def test_update_needs_pairs(bucket: kvreg.Bucket, wrong: Any) -> None:
    for call in (bucket.update, bucket.__ior__):
        with pytest.raises(kvreg.WrongTypeError, match=f"not {type(wrong).__name__}"):
            call(wrong)
        with pytest.raises(kvreg.WrongTypeError, match="element 1 is"):
            call([("a", 1), wrong])
    for pair, parts in ((("a",), 1), (("a", 1, 2), 3), ("abc", 3), ([], 0)):
        with pytest.raises(kvreg.InvalidArgumentError, match=f"element 0 has {parts} parts"):
            bucket.update([pair])


def test_foreign_errors_pass_through(bucket: kvreg.Bucket) -> None:
    class Boom(Exception):
        pass

    class Keys:
        def keys(self) -> list[str]:
            return ["a"]

        def __getitem__(self, key: str) -> int:
            raise Boom

    def pairs() -> Any:
        yield "b", 1
        raise Boom

    for source in (Keys(), pairs()):
        with pytest.raises(Boom):
            bucket.update(source)
    assert bucket == {"b": 1}


def test_reasons(bucket: kvreg.Bucket) -> None:
    for unknown in ("", "Normal", "owner_closed", "expired", "\ud800"):
        with pytest.raises(kvreg.InvalidArgumentError, match="'normal', 'shutdown', 'killed' or 'crash'"):
            bucket.stop(unknown)
    for wrong in (None, 0, b"normal", object()):
        with pytest.raises(kvreg.WrongTypeError, match="reason must be str"):
            bucket.stop(wrong)
    assert bucket.alive
    bucket.stop(reason="normal")


def test_ids(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    for make, other in ((kvreg.Registry.from_id, bucket.id), (kvreg.Bucket.from_id, registry.id)):
        for number in (0, -1, 1, 2**52 + 12345, 2**53, 2**64 - 1, 2**64, 10**80, other):
            with pytest.raises(kvreg.BadHandleError):
                make(number)
        for wrong in (None, "1", 1.0, b"1", object()):
            with pytest.raises(kvreg.WrongTypeError, match="id must be int"):
                make(wrong)


NO_ARGUMENTS = ["clear", "copy", "items", "keys", "popitem", "values"]


@pytest.mark.parametrize("method", NO_ARGUMENTS)
def test_methods_without_arguments(bucket: kvreg.Bucket, method: str) -> None:
    for arguments, named in (((None,), {}), ((), {"key": 1})):
        with pytest.raises(TypeError):
            getattr(bucket, method)(*arguments, **named)


@pytest.mark.parametrize(("method", "most"), [("put", 2), ("get", 2), ("setdefault", 2), ("pop", 2), ("update", 1)])
def test_numbers_of_arguments(bucket: kvreg.Bucket, method: str, most: int) -> None:
    with pytest.raises(TypeError):
        getattr(bucket, method)(*["a"] * (most + 1))
    if method != "update":
        with pytest.raises(TypeError):
            getattr(bucket, method)()
        with pytest.raises(TypeError):
            getattr(bucket, method)("a", colour="green")


@pytest.mark.parametrize("method", ["create", "lookup", "get", "copy", "keys", "values", "items", "stop"])
def test_numbers_of_arguments_of_a_registry(registry: kvreg.Registry, method: str) -> None:
    with pytest.raises(TypeError):
        getattr(registry, method)("a", "b", "c")
    with pytest.raises(TypeError):
        getattr(registry, method)(colour="green")


def test_messages_name_what_was_asked(registry: kvreg.Registry) -> None:
    bucket = registry.create("shopping")
    bucket.stop()
    with pytest.raises(kvreg.DeadError, match=rf"^bucket 'shopping' #{bucket.id}: .*\.$"):
        bucket["milk"]
