"""The same assertions over dict and Bucket, beyond those of CPython's own tests (test_mapping.py)."""

from __future__ import annotations

from typing import Any

import pytest

import kvreg


@pytest.fixture(params=["dict", "Bucket"])
def mapping(request: pytest.FixtureRequest, bucket: kvreg.Bucket) -> Any:
    return {} if request.param == "dict" else bucket


def test_as_dict_does(mapping: Any) -> None:
    mapping.update(a=1, b=2.5)
    mapping["c"] = None
    assert mapping == {"a": 1, "b": 2.5, "c": None} and {"c": None, "b": 2.5, "a": 1} == mapping
    assert dict(mapping) == dict(mapping.items()) == {**mapping} == mapping.copy()
    assert mapping | {"d": 1} == {"a": 1, "b": 2.5, "c": None, "d": 1} == {"d": 1} | mapping
    assert mapping.keys() == {"a", "b", "c"} and mapping.keys() & {"a", 5} == {"a"}
    assert mapping.items() >= {("a", 1)} and ("a", 2) not in mapping.items() and 5 not in mapping.keys()
    assert sorted(zip(mapping.keys(), mapping.values(), strict=True), key=str) == sorted(mapping.items(), key=str)
    assert mapping.pop("c", 5) is None and mapping.pop("c", 5) == 5 and mapping.get("c", 5) == 5
    mapping |= {"a": "new"}
    assert mapping["a"] == "new" and mapping.setdefault("a") == "new" and "a" in mapping
    assert bool(mapping) and len(mapping) == 2
    with pytest.raises(TypeError):
        hash(mapping)
    with pytest.raises(KeyError):
        del mapping["c"]
    mapping.clear()
    assert not mapping and list(mapping) == []
