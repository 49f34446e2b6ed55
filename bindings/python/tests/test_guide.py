"""The tests of the guide that kvreg re-creates, and the example of the contract."""

import pytest

import kvreg


def test_spawns_buckets(registry: kvreg.Registry) -> None:
    assert registry.lookup("shopping") is None
    registry.create("shopping")
    bucket = registry.lookup("shopping")
    assert bucket is not None
    bucket.put("milk", 1)
    assert bucket.get("milk") == 1


def test_removes_buckets_on_exit(registry: kvreg.Registry) -> None:
    bucket = registry.create("shopping")
    bucket.stop()
    assert registry.lookup("shopping") is None


def test_removes_bucket_on_crash(registry: kvreg.Registry) -> None:
    for reason in ("shutdown", "killed", "crash"):
        bucket = registry.create("shopping")
        bucket.stop(reason)
        assert registry.lookup("shopping") is None
        assert not bucket.alive


def test_a_new_bucket_under_an_old_name_is_another_one(registry: kvreg.Registry) -> None:
    old = registry.create("shopping")
    old["milk"] = 1
    old.stop()
    new = registry.create("shopping")
    assert new.id != old.id and new != old and len(new) == 0
    assert registry["shopping"] == new and not old.alive


def test_contract() -> None:
    with kvreg.Registry() as registry:                 # Registry("name"): process-wide, found from any language
        shopping = registry.create("shopping")         # the bucket, new or existing
        shopping.put("milk", 1); shopping["eggs"] = 12
        assert shopping.get("milk") == 1 and registry["shopping"] == shopping
        assert registry.lookup("nope") is None and "nope" not in registry   # registry["nope"]: KeyError
        shopping.stop()                                 # reason="normal"
        assert "shopping" not in registry and not shopping.alive            # any use now: kvreg.DeadError
        with pytest.raises(KeyError):
            registry["nope"]
        with pytest.raises(kvreg.DeadError):
            shopping.get("milk")
    with pytest.raises(kvreg.StoppedError):
        registry.create("shopping")
