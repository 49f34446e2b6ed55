"""Buckets against CPython's own tests of mappings, with every deviation from dict listed by name.

The tests of `BasicTestMappingProtocol` all run as they are; only the tuple in their sample data becomes text, for a
bucket holds no tuples. Of `TestMappingProtocol`, these differ:

| test | what differs | why |
|---|---|---|
| test_values, test_items, test_clear, test_update | run with text keys instead of ints | keys are what all languages have: byte strings |
| test_fromkeys | left out | a bucket is made by a registry, not by its class |
| test_copy | `copy()` gives a dict | a second bucket would need a second name |
| test_setdefault | run with values of a bucket, not with lists | values are copied, so there is nothing to change in place |
| test_popitem | run without the demand that two buckets have one order | a bucket has no order |

`TestHashMappingProtocol` is about dict itself (its repr, its errors on a change during iteration, keys whose
`__eq__` or `__hash__` raise), and does not apply: no code of a key ever runs in a bucket.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest

import kvreg

mapping_tests = pytest.importorskip(
    "test.mapping_tests",
    reason="this Python comes without its own tests (Debian package libpython{}.{}-testsuite)".format(*sys.version_info),
    exc_type=ImportError,
)


class _Sample:
    """A bucket in the place of the mapping under test."""

    def setUp(self) -> None:
        self.registry = kvreg.Registry()
        self.addCleanup(self.registry.stop)
        self.names = itertools.count()

    def type2test(self, *arguments: Any, **items: Any) -> kvreg.Bucket:
        bucket = self.registry.create(f"bucket {next(self.names)}")
        bucket.update(*arguments, **items)
        return bucket

    def _reference(self) -> dict[str, object]:
        return {"1": "2", "key1": "value1", "key2": "(1,2,3)"}


class TestBasicProtocol(_Sample, mapping_tests.BasicTestMappingProtocol):
    """Without exception."""


class TestProtocol(_Sample, mapping_tests.TestMappingProtocol):
    """With the exceptions above."""

    test_fromkeys = None

    def test_values(self) -> None:
        mapping_tests.BasicTestMappingProtocol.test_values(self)
        assert list(self._full_mapping({"1": 2}).values()) == [2]

    def test_items(self) -> None:
        mapping_tests.BasicTestMappingProtocol.test_items(self)
        assert list(self._full_mapping({"1": 2}).items()) == [("1", 2)]

    def test_clear(self) -> None:
        d = self._full_mapping({"1": 1, "2": 2, "3": 3})
        d.clear()
        assert d == {}
        with pytest.raises(TypeError):
            d.clear(None)

    def test_update(self) -> None:
        mapping_tests.BasicTestMappingProtocol.test_update(self)
        d = self._empty_mapping()
        d.update({"1": 100})
        d.update({"2": 20})
        d.update({"1": 1, "2": 2, "3": 3})
        assert d == {"1": 1, "2": 2, "3": 3}
        d.update()
        assert d == {"1": 1, "2": 2, "3": 3}
        d = self._full_mapping({"1": 3, "2": 4})
        d.update(self._full_mapping({"1": 2, "3": 4, "5": 6}).items())
        assert d == {"1": 2, "2": 4, "3": 4, "5": 6}
        d = self._empty_mapping()
        d.update([("x", 100), ("y", 20)], x=1, y=2)
        assert d == {"x": 1, "y": 2}

    def test_copy(self) -> None:
        d = self._full_mapping({"1": 1, "2": 2})
        copy = d.copy()
        assert copy == d and type(copy) is dict
        copy["1"] = 3
        assert d["1"] == 1
        with pytest.raises(TypeError):
            d.copy(None)

    def test_setdefault(self) -> None:
        mapping_tests.BasicTestMappingProtocol.test_setdefault(self)
        d = self._empty_mapping()
        assert d.setdefault("key0") is None
        assert d.setdefault("key0", 1) is None
        assert d.setdefault("key", 3) == 3
        assert d.setdefault("key", 4) == 3 and len(d) == 2

    def test_popitem(self) -> None:
        mapping_tests.BasicTestMappingProtocol.test_popitem(self)
        for size in (2**power for power in range(9)):
            a = self._full_mapping({repr(i): i for i in range(size)})
            b = a.copy()
            for _ in range(size):
                key, value = a.popitem()
                assert value == int(key) == b.pop(key)
            assert not a and not b
