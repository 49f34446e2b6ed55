"""The events that a `Subscription` gives, and how they are taken by asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Union

from . import _kvreg
from ._errors import DeadError, StoppedError

# So many events are taken before others of the loop have their turn.
_BREATH = 64


@dataclass(frozen=True)
class Created:
    """A bucket was created. `revision` is that of the table.

    >>> with registry.subscribe() as subscription:
    ...     bucket = registry.create("ada")
    ...     subscription.next() == kvreg.Created(registry.revision, "ada", bucket)
    True
    """

    revision: int
    name: str
    bucket: _kvreg.Bucket = field(hash=False)


@dataclass(frozen=True)
class Exited:
    """A bucket exited: it can no longer be looked up. `message` is what was said of a crash.

    The reason is "normal", "shutdown", "killed", "crash", "owner_closed" or "expired".

    >>> with registry.subscribe() as subscription:
    ...     shopping.stop("killed")
    ...     subscription.next().reason
    'killed'
    """

    revision: int
    name: str
    bucket: _kvreg.Bucket = field(hash=False)
    reason: str
    message: str


@dataclass(frozen=True)
class Lost:
    """So many events were dropped here, because the queue was full; the last of them of this revision.

    0: the subscription was disconnected, and all from this revision on are missing.

    >>> with registry.subscribe(capacity=1) as subscription:
    ...     buckets = registry.create_many(["ada", "bob", "eve"])
    ...     subscription.next().count
    2
    """

    count: int
    revision: int


@dataclass(frozen=True)
class Down:
    """A bucket exited that the monitor was set on. The reason "gone" says that it is not remembered.

    >>> with registry.subscribe() as subscription:
    ...     monitor = shopping.monitor(subscription)
    ...     registry.stop()
    ...     [event.reason for event in subscription if isinstance(event, kvreg.Down)]
    ['shutdown']
    """

    revision: int
    name: str
    bucket: _kvreg.Bucket = field(hash=False)
    reason: str
    message: str
    monitor: _kvreg.Monitor


@dataclass(frozen=True)
class KeyExpired:
    """A key was deleted, because its time to live had run out. `revision` is that of the bucket.

    >>> with registry.subscribe(events="key") as subscription:
    ...     shopping.put("tea", 1, ttl=0.001)
    ...     subscription.next().key
    'tea'
    """

    revision: int
    name: str
    bucket: _kvreg.Bucket = field(hash=False)
    key: str


Event = Union[Created, Exited, Lost, Down, KeyExpired]

for _class in (Created, Exited, Lost, Down, KeyExpired):
    _class.__module__ = "kvreg"  # where users find it


async def take(subscription: _kvreg.Subscription) -> AsyncIterator[Event]:
    """What `async for` does: waits for the descriptor, without a thread, until no more events will come."""
    loop = asyncio.get_running_loop()
    try:
        # One of this iteration's own: it stays when the subscription is closed, and is readable then.
        fd = os.dup(subscription.fileno())
    except DeadError:
        return
    try:
        count = 0
        while True:
            try:
                event = subscription.next(0)
            except (StoppedError, DeadError):
                return
            if event is None:
                await _readable(loop, fd)
                continue
            yield event
            count += 1
            if count % _BREATH == 0:
                await asyncio.sleep(0)
    finally:
        os.close(fd)


async def _readable(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    future = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    loop.add_reader(fd, wake)
    try:
        await future
    finally:
        loop.remove_reader(fd)
