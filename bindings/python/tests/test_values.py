"""Values: each type comes back as itself, exactly, and nothing else gets in."""

import decimal
import enum
import fractions
import math
import struct

import pytest

import kvreg

VALUES = [
    None,
    True,
    False,
    *(0, 1, -1, 255, 256, -257, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63)),
    *(0.0, -0.0, 1.5, -1e308, 5e-324, math.inf, -math.inf),
    *("", "a", "\0", "grün", "日本", "\U0001f600", "x" * 100_000),
    *(b"", b"\0", b"\xff\xfe", bytes(range(256)), b"x" * 100_000),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_comes_back_as_itself(bucket: kvreg.Bucket, value: kvreg.Value) -> None:
    bucket["key"] = value
    got = [bucket["key"], bucket.get("key"), bucket.copy()["key"], next(iter(bucket.values())), bucket.pop("key")]
    for one in got:
        assert one == value and type(one) is type(value)
        if isinstance(value, float):
            assert math.copysign(1, one) == math.copysign(1, value)


def test_every_bit_of_a_nan_is_kept(bucket: kvreg.Bucket) -> None:
    for bits in (0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8DEADBEEF0001):
        (nan,) = struct.unpack("<d", struct.pack("<Q", bits))
        bucket["nan"] = nan
        assert struct.pack("<d", bucket["nan"]) == struct.pack("<Q", bits)


def test_a_key_changes_its_type_freely(bucket: kvreg.Bucket) -> None:
    for first in VALUES:
        for second in (1, "text", None, b"bytes", 2.5):
            bucket["key"] = first
            bucket["key"] = second
            assert bucket["key"] == second and type(bucket["key"]) is type(second) and len(bucket) == 1


def test_subclasses_are_stored_as_what_they_derive_from(bucket: kvreg.Bucket) -> None:
    class Number(enum.IntEnum):
        SEVEN = 7

    class Text(str):
        def encode(self, *_: object) -> bytes:  # must not be called
            raise AssertionError

    class Real(float):
        pass

    class Data(bytes):
        pass

    for value, plain in ((Number.SEVEN, 7), (Text("text"), "text"), (Real(1.5), 1.5), (Data(b"x"), b"x")):
        bucket["key"] = value
        assert bucket["key"] == plain and type(bucket["key"]) is type(plain)
    bucket[Text("key")] = 1
    assert bucket[Text("key")] == 1 and [type(key) for key in bucket] == [str]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**80])
def test_int_beyond_64_bits(bucket: kvreg.Bucket, number: int) -> None:
    with pytest.raises(OverflowError, match="64 bits") as error:
        bucket["key"] = number
    assert isinstance(error.value, kvreg.OutOfRangeError) and "key" not in bucket


WRONG = [[], {}, (), set(), object(), 1j, bytearray(b"x"), memoryview(b"x"), decimal.Decimal(1), fractions.Fraction(1), int]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: type(value).__name__)
def test_no_other_type_gets_in(bucket: kvreg.Bucket, value: object) -> None:
    bucket["key"] = "old"
    calls = [
        lambda: bucket.put("key", value),
        lambda: bucket.__setitem__("key", value),
        lambda: bucket.setdefault("new", value),
        lambda: bucket.update(key=value),
        lambda: bucket.__ior__({"key": value}),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=f"not {type(value).__name__}") as error:
            call()
        assert isinstance(error.value, kvreg.WrongTypeError)
    assert bucket == {"key": "old"}


def test_text_must_be_utf8(bucket: kvreg.Bucket) -> None:
    for text in ("\ud800", "a\udcff"):
        with pytest.raises(ValueError, match="UTF-8") as error:
            bucket["key"] = text
        assert isinstance(error.value, kvreg.InvalidArgumentError)
        assert isinstance(error.value.__cause__, UnicodeEncodeError)
    assert not bucket


def test_what_was_got_outlives_the_bucket(registry: kvreg.Registry) -> None:
    bucket = registry.create("short")
    bucket.update(text="x" * 1000, data=b"y" * 1000)
    text, data, items = bucket["text"], bucket["data"], bucket.items().__iter__()
    bucket.stop()
    registry.create("short").update((str(n), "z" * 1000) for n in range(100))
    assert text == "x" * 1000 and data == b"y" * 1000 and dict(items) == {"text": text, "data": data}
