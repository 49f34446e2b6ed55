"""Checked by mypy, never run: what the stubs promise, and what they must refuse.

A line with an ignore is one that mypy has to complain about: an ignore that is not needed is an error in strict mode.
"""

from collections.abc import Mapping, MutableMapping
from typing import Optional, Union

from typing_extensions import assert_type

import kvreg

Value = Union[None, bool, int, float, str, bytes]

with kvreg.Registry() as registry:
    assert_type(registry, kvreg.Registry)
    shopping = registry.create("shopping")
    assert_type(shopping, kvreg.Bucket)
    assert_type(shopping, kvreg.Bucket[Value])
    assert_type(shopping["milk"], Value)
    assert_type(shopping.get("milk", 1), Value)
    assert_type(shopping.copy(), dict[str, Value])
    assert_type(registry["shopping"], kvreg.Bucket)
    assert_type(registry.lookup("shopping"), Optional[kvreg.Bucket])
    assert_type(registry.get("shopping", 7), Union[kvreg.Bucket, int])
    assert_type(list(registry), list[str])

    as_mapping: MutableMapping[str, Value] = shopping
    as_table: Mapping[str, kvreg.Bucket] = registry

    prices: kvreg.Bucket[float] = registry.create("prices")
    assert_type(prices["milk"], float)
    assert_type(prices.get("milk"), Optional[float])
    assert_type(prices.get("milk", "none"), Union[float, str])
    assert_type(prices.pop("milk"), float)
    assert_type(prices.pop("milk", None), Optional[float])
    assert_type(prices.setdefault("milk", 1.0), float)
    assert_type(prices.popitem(), tuple[str, float])
    assert_type(prices | {"tea": 1.5}, dict[str, float])
    assert_type(list(prices.items()), list[tuple[str, float]])
    prices.update({"tea": 1.5}, milk=2.0)
    prices.update([("tea", 1.5), (b"milk", 2.0)])
    prices.update(milk=2)
    prices |= {"tea": 1.5}
    prices[b"tea"] = 1

    shopping.put("milk", None)
    shopping.put("milk", [])  # type: ignore[arg-type]
    shopping[1] = 1  # type: ignore[index]
    prices["milk"] = "dear"  # type: ignore[assignment]
    prices.update({"milk": "dear"})  # type: ignore[dict-item]
    shopping.stop("boredom")  # type: ignore[arg-type]
    shopping.stop("killed")
    registry.create(7)  # type: ignore[arg-type]
    registry["a"] = shopping  # type: ignore[index]
    shopping.id = 7  # type: ignore[misc]

info = kvreg.core_info()
assert_type(info, kvreg.CoreInfo)
assert_type(info.abi, tuple[int, int])

try:
    pass
except kvreg.Error as error:
    assert_type(error.status, str)
