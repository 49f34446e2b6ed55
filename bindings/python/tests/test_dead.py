"""Dead handles: they answer, always the same, and stay dead."""

import gc

import pytest

import kvreg


def uses(bucket: kvreg.Bucket) -> list:
    views = [bucket.keys(), bucket.values(), bucket.items()]
    return [
        lambda: bucket.put("a", 1),
        lambda: bucket.get("a"),
        lambda: bucket.get("a", 1),
        lambda: bucket["a"],
        lambda: bucket.__setitem__("a", 1),
        lambda: bucket.__delitem__("a"),
        lambda: "a" in bucket,
        lambda: len(bucket),
        lambda: bool(bucket),
        lambda: iter(bucket),
        lambda: list(bucket),
        lambda: dict(bucket),
        lambda: bucket.pop("a"),
        lambda: bucket.pop("a", 1),
        lambda: bucket.popitem(),
        lambda: bucket.setdefault("a", 1),
        lambda: bucket.update(a=1),
        lambda: bucket.update({"a": 1}),
        lambda: bucket.clear(),
        lambda: bucket.copy(),
        lambda: bucket | {},
        lambda: {} | bucket,
        lambda: bucket.__ior__({"a": 1}),
        lambda: {}.update(bucket),
        lambda: bucket.revision,
        lambda: bucket.stop(),
        lambda: kvreg.Bucket.from_id(bucket.id),
        *(lambda view=view: list(view) for view in views),
        *(lambda view=view: len(view) for view in views),
        lambda: "a" in views[0],
        lambda: 1 in views[1],
        lambda: ("a", 1) in views[2],
    ]


@pytest.mark.parametrize("end", ["normal", "shutdown", "killed", "crash", "registry"])
def test_any_use_is_a_dead_error(end: str) -> None:
    with kvreg.Registry() as registry:
        bucket = registry.create("shopping")
        bucket.update(a=1, b="text", c=b"bytes")
        calls = uses(bucket)
        registry.stop() if end == "registry" else bucket.stop(end)
        for call in calls * 2:
            with pytest.raises(kvreg.DeadError, match=f"#{bucket.id}"):
                call()
        assert not bucket.alive


def test_what_a_dead_bucket_still_tells(registry: kvreg.Registry) -> None:
    bucket = registry.create("shopping")
    identity = bucket.id
    bucket.stop()
    assert (bucket.id, bucket.name, bucket.registry, bucket.alive) == (identity, "shopping", registry, False)
    assert repr(bucket) == f"<kvreg.Bucket 'shopping' #{identity} dead>"
    other = registry.create("shopping")
    assert bucket == bucket and bucket != other and other != bucket and bucket != {} and {} != bucket


def test_arguments_are_judged_before_the_bucket(registry: kvreg.Registry) -> None:
    bucket = registry.create("shopping")
    bucket.stop()
    with pytest.raises(kvreg.WrongTypeError):
        bucket.get(1)
    with pytest.raises(kvreg.WrongTypeError):
        bucket.put("a", [])


def test_numbers_are_never_given_again(registry: kvreg.Registry) -> None:
    seen = set()
    dead = []
    for _ in range(2000):
        bucket = registry.create("shopping")
        assert bucket.id not in seen
        seen.add(bucket.id)
        dead.append(bucket)
        bucket.stop()
    assert not any(bucket.alive for bucket in dead) and len(registry) == 0


def test_forgetting_an_object_does_not_end_the_bucket(registry: kvreg.Registry) -> None:
    registry.create("shopping")["milk"] = 1
    gc.collect()
    assert registry["shopping"]["milk"] == 1
