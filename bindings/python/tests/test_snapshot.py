"""Snapshots: frozen, exact, mappings like any other, and closed when nobody needs them."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import sys
import threading
import types
import weakref
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import pytest

import kvreg

mapping_tests = pytest.importorskip(
    "test.mapping_tests",
    reason="this Python comes without its own tests (Debian package libpython{}.{}-testsuite)".format(*sys.version_info),
    exc_type=ImportError,
)


class TestProtocol(mapping_tests.BasicTestMappingProtocol):
    """CPython's own tests, as far as they only read."""

    test_write = test_pop = test_popitem = test_setdefault = test_update = None

    def setUp(self) -> None:
        self.registry = kvreg.Registry()
        self.addCleanup(self.registry.stop)
        self.names = itertools.count()

    def _full_mapping(self, data: Mapping[str, Any]) -> kvreg.BucketSnapshot:
        bucket = self.registry.create(f"bucket {next(self.names)}")
        bucket.update(data)
        return bucket.snapshot()

    def _empty_mapping(self) -> kvreg.BucketSnapshot:
        return self._full_mapping({})

    def _reference(self) -> dict[str, object]:
        return {"1": "2", "key1": "value1", "key2": "(1,2,3)"}


@pytest.fixture
def filled(bucket: kvreg.Bucket) -> kvreg.Bucket:
    bucket.update(nil=None, yes=True, n=7, f=1.5, text="grün", data=b"\xff" * 1000)
    return bucket


def test_a_snapshot_never_changes(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    before = filled.copy()
    of_bucket, of_all, revision = filled.snapshot(), registry.snapshot(), filled.revision
    filled["n"] = 8
    filled["new"] = 1
    del filled["nil"]
    filled.update_with("text", lambda old: old + "!")
    for seen in (of_bucket, of_all["shopping"]):
        assert seen == before and before == seen and seen.copy() == before and seen.revision == revision
        assert len(seen) == 6 and "nil" in seen and "new" not in seen and seen["n"] == 7 and seen.get("new", 3) == 3
    filled.clear()
    filled.stop()
    registry.create("other")
    assert of_bucket == before and list(of_all) == ["shopping"] and of_all["shopping"] == before
    registry.stop()
    assert of_bucket == before and of_all == {"shopping": before} and of_all.revision == 1


def test_are_mappings_that_cannot_be_changed(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    for snapshot in (filled.snapshot(), registry.snapshot()):
        assert isinstance(snapshot, Mapping) and not isinstance(snapshot, MutableMapping)
        assert not hasattr(snapshot, "put") and not hasattr(snapshot, "__setitem__")
        with pytest.raises(TypeError):
            hash(snapshot)
        with pytest.raises(TypeError):
            reversed(snapshot)  # type: ignore[call-overload]
        with pytest.raises(AttributeError):
            snapshot.revision = 7  # type: ignore[misc]
        match snapshot:
            case {**everything}:
                assert len(everything) == len(snapshot)
            case _:
                pytest.fail("a snapshot is a mapping to `match`")
    assert isinstance(kvreg.BucketSnapshot[float], types.GenericAlias)


def test_equality(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    snapshot = filled.snapshot()
    assert snapshot == filled and filled == snapshot and snapshot == filled.snapshot() == snapshot
    assert snapshot == types.MappingProxyType(filled.copy()) and snapshot != {} and snapshot != 1 and snapshot != registry
    filled["n"] = 8
    assert snapshot != filled and filled != snapshot and snapshot != filled.snapshot() and snapshot != filled.copy()
    assert snapshot != {**snapshot, "more": 1} and snapshot != dict.fromkeys(snapshot)
    whole = registry.snapshot()
    assert whole == registry.snapshot() == {"shopping": filled} and whole != {"shopping": snapshot} and whole != {}
    assert whole == {"shopping": filled.copy()} and whole != registry and whole != {"shopping": 1}


def test_order_is_the_same_every_time(bucket: kvreg.Bucket) -> None:
    bucket.update({str(n): n for n in range(1000)})
    snapshot = bucket.snapshot()
    keys = list(snapshot)
    bucket.clear()
    assert keys == list(snapshot) == list(snapshot.keys()) == [str(n) for n in snapshot.values()]
    assert list(snapshot.items()) == list(snapshot.copy().items()) == [(key, int(key)) for key in keys]
    assert sorted(keys, key=int) == [str(n) for n in range(1000)]


def test_views(filled: kvreg.Bucket) -> None:
    snapshot = filled.snapshot()
    assert snapshot.keys() >= {"n", "f"} and "n" in snapshot.keys() and 7 not in snapshot.keys()
    assert ("n", 7) in snapshot.items() and ("n", 8) not in snapshot.items() and 7 in snapshot.values()
    assert len(snapshot.values()) == 6 and b"\xff" not in snapshot.values()
    assert snapshot.get_many(["n", "no", b"f"]) == {"n": 7, b"f": 1.5}
    assert snapshot.get_with_revision("n") == filled.get_with_revision("n")
    assert snapshot.get_with_revision("no") == (None, 0) and snapshot.get_with_revision("no", 3) == (3, 0)


def test_what_a_registrys_snapshot_leads_to(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    snapshot = registry.snapshot()
    assert snapshot.lookup("shopping") == filled and snapshot.lookup("no") is None and snapshot.lookup(b"shopping")
    assert snapshot.get("no") is None and snapshot.get("no", 3) == 3 and snapshot.get(b"shopping") == filled
    assert [each.name for each in snapshot.values()] == ["shopping"] == [name for name, _ in snapshot.items()]
    with pytest.raises(kvreg.NotFoundError) as error:
        snapshot["no"]
    assert error.value.args == ("no",)
    with pytest.raises(kvreg.WrongTypeError):
        snapshot[7]  # type: ignore[index]
    old = filled.id
    filled.stop()
    found = snapshot.lookup("shopping")
    assert found is not None and found.id == old and not found.alive


def test_no_byte_of_a_key_is_lost(bucket: kvreg.Bucket) -> None:
    keys = [b"", b"\0", b"\xff", "ключ".encode(), b"x" * 65535]
    bucket.update({key: n for n, key in enumerate(keys)})
    snapshot = bucket.snapshot()
    assert {key.encode("utf-8", "surrogateescape"): n for key, n in snapshot.items()} == dict(bucket.get_many(keys))


def closed_uses(snapshot: Any) -> list[Callable[[], object]]:
    views = [snapshot.keys(), snapshot.values(), snapshot.items()]
    return [
        lambda: snapshot["shopping"],
        lambda: snapshot.get("shopping"),
        lambda: "shopping" in snapshot,
        lambda: len(snapshot),
        lambda: list(snapshot),
        lambda: iter(snapshot),
        lambda: snapshot.copy(),
        lambda: snapshot == {},
        lambda: snapshot.revision,
        *(lambda view=view: list(view) for view in views),  # type: ignore[misc]
    ]


def test_closed_is_closed(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    for make in (registry.snapshot, filled.snapshot):
        with make() as snapshot:
            assert not snapshot.closed
            started, done = iter(snapshot), iter(snapshot)
            list(done)
            if len(snapshot) > 1:
                next(started)
        assert snapshot.closed and snapshot == snapshot
        for use in closed_uses(snapshot):
            with pytest.raises(kvreg.DeadError):
                use()
        with pytest.raises(kvreg.DeadError):
            next(started)
        assert list(done) == []
        snapshot.close()
        assert "closed" in repr(snapshot)


def test_a_buckets_snapshot_outlives_the_whole(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    with registry.snapshot() as whole:
        part = whole["shopping"]
    assert part["n"] == 7 and not part.closed


def test_repr_says_what_it_is(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    bucket["a"] = 1
    assert repr(bucket.snapshot()) == "<kvreg.BucketSnapshot 'shopping' at revision 1, 1 key>"
    assert repr(registry.snapshot()) == f"<kvreg.Snapshot of registry #{registry.id} at revision 1, 1 bucket>"


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_is_a_handle(registry: kvreg.Registry, bucket: kvreg.Bucket, copier: Callable[[object], object]) -> None:
    for snapshot in (registry.snapshot(), bucket.snapshot()):
        with pytest.raises(kvreg.WrongTypeError, match="copy()"):
            copier(snapshot)


def test_forgotten_snapshots_are_closed(registry: kvreg.Registry, filled: kvreg.Bucket) -> None:
    # More than there could be open at once, if each that is forgotten stayed open.
    for _ in range(200_000):
        filled.snapshot()
    weak = weakref.ref(registry.snapshot())
    gc.collect()
    assert weak() is None


def test_a_stopped_registry_gives_none(registry: kvreg.Registry, bucket: kvreg.Bucket) -> None:
    bucket.stop()
    with pytest.raises(kvreg.DeadError):
        bucket.snapshot()
    registry.stop()
    with pytest.raises(kvreg.StoppedError):
        registry.snapshot()


def test_closing_under_its_readers(bucket: kvreg.Bucket) -> None:
    bucket.update({f"a key of some length {n}" * 5: n for n in range(500)})
    expected = bucket.copy()
    for _ in range(20):
        snapshot, using = bucket.snapshot(), threading.Barrier(4)
        wrong: list[object] = []

        def read(snapshot: kvreg.BucketSnapshot = snapshot, using: threading.Barrier = using) -> None:
            using.wait()
            try:
                while True:
                    for key, value in snapshot.items():
                        if expected.get(key) != value:
                            wrong.append(key)
            except kvreg.DeadError:
                pass

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        using.wait()
        bucket.clear()
        snapshot.close()
        for reader in readers:
            reader.join()
        assert not wrong
        bucket.update(expected)


def test_one_iterator_of_many_threads_gives_each_item_once(bucket: kvreg.Bucket) -> None:
    bucket.update({str(n): n for n in range(5000)})
    walk, parts = iter(bucket), []
    threads = [threading.Thread(target=lambda: parts.append(list(walk))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sum(parts, []), key=int) == [str(n) for n in range(5000)]


def test_in_the_child_of_a_fork(registry: kvreg.Registry, filled: kvreg.Bucket, child: Callable[..., Any]) -> None:
    inherited, whole = filled.snapshot(), registry.snapshot()

    def read() -> object:
        return inherited.copy(), len(inherited), sorted(inherited), inherited == filled, inherited["n"], list(whole), len(whole)

    assert child(read) == read()

    def refused() -> list[bool]:
        answers = []
        for call in (filled.snapshot, registry.snapshot, lambda: whole["shopping"]):
            try:
                call()
                answers.append(False)
            except kvreg.ForkedError:
                answers.append(True)
        inherited.close()  # means the child's object only
        return answers

    assert child(refused) == [True] * 3
    assert inherited["n"] == 7


def test_one_moment_of_all_buckets(registry: kvreg.Registry) -> None:
    # The writer moves "a" first and "b" after it, so no moment shows "b" ahead, or "a" ahead by more than one.
    a, b = registry.create_many("ab"[i] for i in range(2))
    a["n"] = b["n"] = 0
    done = threading.Event()

    def write() -> None:
        for n in range(1, 5000):
            a["n"] = n
            b["n"] = n
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    exact = True
    while not done.is_set():
        with registry.snapshot() as moment:
            exact &= moment["b"]["n"] <= moment["a"]["n"] <= moment["b"]["n"] + 1
    writer.join()
    assert exact
