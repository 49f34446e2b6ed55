"""Checked by mypy, never run: what the stubs promise, and what they must refuse.

A line with an ignore is one that mypy has to complain about: an ignore that is not needed is an error in strict mode.
"""

from collections.abc import Mapping, MutableMapping
from typing import Optional, Union

from typing_extensions import assert_type

import kvreg

Value = Union[None, bool, int, float, str, bytes]

with kvreg.Registry("sessions", history=10, max_restarts=1, restart_window=1.5) as registry:
    assert_type(registry.started, bool)
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

    with kvreg.Owner() as session:
        assert_type(registry.create("cart", owner=session, heir=None, access="private"), kvreg.Bucket)
        registry.create("cart", access="secret")  # type: ignore[arg-type]
        assert_type(shopping.owner, Optional[kvreg.Owner])
        shopping.give(session)
        shopping.give(None)
        assert_type(kvreg.Owner.of(shopping), kvreg.Owner)
    assert_type(shopping.reader().same(shopping), bool)
    entry = registry.register(("worker", b"7"), [], owner=None, duplicate=True)
    assert_type(entry, kvreg.Entry)
    assert_type(registry.entries(("worker", "7")), list[kvreg.Entry])
    assert_type(registry.dispatch(("worker", "7"), lambda worker: worker.stop()), int)
    registry.whereis("worker")  # type: ignore[arg-type]
    with registry.subscribe(events=["create", "key"], after=7) as subscription:
        assert_type(subscription.next(0), Optional[kvreg.Event])
        assert_type(shopping.monitor(subscription), kvreg.Monitor)
        for event in subscription:
            if isinstance(event, kvreg.Exited):
                assert_type(event.reason, str)
    registry.subscribe(events="creates")  # type: ignore[arg-type]
    assert_type(registry.on(print, keep=True, prefix="user/"), kvreg.Handler)
    registry.on(print).remove(timeout=1.5)
    registry.on(print).remove("soon")  # type: ignore[arg-type]

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

    assert_type(prices.swap("milk", 1.0), Optional[float])
    assert_type(prices.swap("milk", 1.0, "none"), Union[float, str])
    assert_type(prices.get_with_revision("milk"), tuple[Optional[float], int])
    assert_type(prices.put_new("milk", 1.0), bool)
    assert_type(prices.put_if_revision("milk", 7, 1.0), int)
    assert_type(prices.add("milk", 2, min=0, clamp=True), int)
    assert_type(prices.update_with("milk", lambda old: 2.5, default=0.0), float)
    if prices.update_with("milk", lambda old: None if old else kvreg.DELETE) is kvreg.DELETE:
        pass
    shopping.update_with("milk", lambda old: old + 1)
    shopping.update_with("milk", lambda old: [old])  # type: ignore[type-var]
    prices.put_many({"tea": 1.5})
    prices.put_many([("tea", 1.5), (b"milk", 2.0)])
    assert_type(prices.get_many(["tea", b"milk"]), dict[str, float])
    assert_type(registry.create_many(["a", "b"]), list[kvreg.Bucket])

    with registry.snapshot() as snapshot, prices.snapshot() as before:
        assert_type(snapshot, kvreg.Snapshot)
        assert_type(snapshot["shopping"], kvreg.BucketSnapshot)
        assert_type(snapshot.lookup("shopping"), Optional[kvreg.Bucket])
        assert_type(before, kvreg.BucketSnapshot[float])
        assert_type(before["milk"], float)
        assert_type(before.copy(), dict[str, float])
        as_frozen: Mapping[str, float] = before
        as_whole: Mapping[str, kvreg.BucketSnapshot] = snapshot
        before["milk"] = 1.0  # type: ignore[index]
    with registry.batch() as batch:
        batch.put(prices, "milk", 1.0)
        batch.put(prices, "milk", "dear")  # type: ignore[misc]
        batch.delete(prices, b"milk")
        batch.put("prices", "milk", 1.0)  # type: ignore[arg-type]

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

with kvreg.Supervisor("shop", strategy="one_for_all") as shop:
    worker = shop.add(lambda worker: worker.wait(), name="till", restart="transient", timeout=None)
    assert_type(worker, kvreg.Worker)
    assert_type(worker.wait(0), bool)
    assert_type(worker.stats(), kvreg.WorkerStats)
    assert_type(shop.stats().restarts, int)
    assert_type(shop.children(), list[kvreg.Worker | kvreg.Supervisor])
    shop.add("till")  # type: ignore[arg-type]
    kvreg.Supervisor(strategy="all")  # type: ignore[arg-type]
kvreg.set_log(print, "warn")
kvreg.set_log(None)

info = kvreg.core_info()
assert_type(info, kvreg.CoreInfo)
assert_type(info.abi, tuple[int, int])

try:
    pass
except kvreg.Error as error:
    assert_type(error.status, str)
