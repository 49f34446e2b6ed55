"""kvreg: named buckets of typed keys and values in one process, shared by all its threads and languages.

A registry is a table of names, each of which leads to a bucket. A bucket maps keys to values:

    >>> import kvreg
    >>> registry = kvreg.Registry()
    >>> shopping = registry.create("shopping")
    >>> shopping.put("milk", 1)
    >>> shopping["eggs"] = 12
    >>> shopping.get("milk"), shopping["eggs"], shopping.get("tea")
    (1, 12, None)

Both are mappings, so all that you know of dict works:

    >>> sorted(shopping.items())
    [('eggs', 12), ('milk', 1)]
    >>> shopping | {"tea": 7} == {"milk": 1, "eggs": 12, "tea": 7}
    True
    >>> registry["shopping"] == shopping, "nope" in registry
    (True, False)

Values are None, bool, int (64 bits), float, str and bytes: what every language has. Keys and names are text; bytes
are accepted as the same key, and bytes that are not UTF-8 come back with surrogateescape, so that none is lost.

Everything may be used from any thread. What one thread has put, every other sees. Reads wait for nobody, and an
iteration shows one moment while others go on writing:

    >>> for key in shopping:
    ...     shopping[key + "!"] = shopping[key]
    >>> len(shopping)
    4

Each call that changes a key does it in one step, so that threads need no lock of their own:

    >>> shopping.add("visits"), shopping.setdefault("tea", 7), shopping.swap("tea", 8), shopping.put_new("tea", 9)
    (1, 7, 7, False)
    >>> shopping.update_with("tea", lambda cups: cups * 2)
    16

Buckets and keys can have a time to live, in seconds or as a timedelta; and a function can fill a bucket before anybody
finds it, once, however many threads ask for it:

    >>> def load(profile):
    ...     profile.put("city", "Bern")
    ...     profile.put("token", "x1", ttl=30)
    ...     profile.expire(3600)
    >>> registry.get_or_create("profile", load)["city"]
    'Bern'

A snapshot is a bucket, or a whole registry, as it was at one moment. It costs next to nothing, whatever the size:

    >>> with registry.snapshot() as before:
    ...     shopping.clear()
    ...     before["shopping"]["milk"], len(shopping)
    (1, 0)

A batch changes several buckets as one: a snapshot shows all of it or nothing.

    >>> with registry.batch() as batch:
    ...     batch.put(shopping, "milk", 1)
    ...     batch.put(registry.create("fridge"), "milk", 0)

A bucket has a life. When it is stopped, its name is free and its contents are gone; who still holds it gets an error:

    >>> shopping.stop()
    >>> shopping.alive, registry.lookup("shopping")
    (False, None)
    >>> shopping["milk"]
    Traceback (most recent call last):
    kvreg.DeadError: ...

An owner is a lifetime that buckets are tied to: with it they end. And what only its maker may change is protected:

    >>> with kvreg.Owner() as session:
    ...     cart = registry.create("cart", owner=session, access="protected")
    ...     cart["milk"] = 1
    ...     registry["cart"]["milk"]
    1
    >>> "cart" in registry
    False

A registry also finds objects of yours, from any thread, under a kind and a key:

    >>> entry = registry.register(("worker", "7"), ["any", "object"])
    >>> registry.whereis(("worker", "7"))
    ['any', 'object']

A registry tells what happens to its buckets, in order. A subscription is a queue of events: iterate, also with `async
for`, or let `registry.on` call a function. A monitor tells of one bucket's exit:

    >>> with registry.subscribe() as subscription:
    ...     eve = registry.create("eve")
    ...     monitor = eve.monitor(subscription)
    ...     eve.crash("no milk")
    ...     print(*(type(subscription.next()).__name__ for _ in range(3)))
    Created Exited Down

A registry lives until it is stopped; a `with` statement does that. A named one is found by its name from everywhere
in the process, also from C, C++ and Rust, and only who started it stops it at the end of the `with`:

    >>> registry.stop()
    >>> with kvreg.Registry("sessions") as mine:
    ...     with kvreg.Registry("sessions") as joined:
    ...         ada = joined.create("ada")
    ...     ada.alive
    True
    >>> ada.alive
    False

A supervisor runs workers, functions on threads of kvreg's, and restarts those that fail:

    >>> def till(worker):
    ...     while not worker.wait(1.0):    # until it is told to stop
    ...         pass
    >>> with kvreg.Supervisor(strategy="one_for_one", max_restarts=3) as supervisor:
    ...     supervisor.add(till).alive
    True

The ids of registries and buckets are plain numbers that all languages of the process share: give `bucket.id` to C,
and make an object of one that you get with `kvreg.Bucket.from_id`.

After os.fork() the child can go on reading what was there; changes raise ForkedError. With multiprocessing, "spawn"
and "forkserver" give a child a process of its own, in which all works.

Every error is a `kvreg.Error`, and what Python would raise as well: a missing key is a KeyError, a wrong type a
TypeError, an int of more than 64 bits an OverflowError.
"""

from collections.abc import Mapping, MutableMapping
from typing import Union

from ._delete import DELETE
from ._errors import (
    AccessDeniedError,
    BadHandleError,
    ConflictError,
    DeadError,
    DeadlockError,
    Error,
    ExistsError,
    FailedError,
    ForkedError,
    InvalidArgumentError,
    IoError,
    NotFoundError,
    OutOfMemoryError,
    OutOfRangeError,
    PanickedError,
    StoppedError,
    TimedOutError,
    UnsupportedError,
    WrongTypeError,
)
from ._events import Created, Down, Event, Exited, KeyExpired, Lost
from ._handler import Handler
from ._info import CoreInfo
from ._kvreg import _C_API as _C_API
from ._kvreg import (
    Batch,
    Bucket,
    BucketSnapshot,
    Entry,
    ForeignObject,
    Monitor,
    Owner,
    Registry,
    Snapshot,
    Subscription,
    Supervisor,
    Worker,
    __version__,
    core_info,
)
from ._log import set_log
from ._stats import RegistryStats, SupervisorStats, WorkerStats

__all__ = [
    "DELETE",
    "AccessDeniedError",
    "BadHandleError",
    "Batch",
    "Bucket",
    "BucketSnapshot",
    "ConflictError",
    "CoreInfo",
    "Created",
    "DeadError",
    "DeadlockError",
    "Down",
    "Entry",
    "Error",
    "Event",
    "ExistsError",
    "Exited",
    "FailedError",
    "ForeignObject",
    "ForkedError",
    "Handler",
    "InvalidArgumentError",
    "IoError",
    "KeyExpired",
    "Lost",
    "Monitor",
    "NotFoundError",
    "OutOfMemoryError",
    "OutOfRangeError",
    "Owner",
    "PanickedError",
    "Registry",
    "RegistryStats",
    "Snapshot",
    "StoppedError",
    "Subscription",
    "Supervisor",
    "SupervisorStats",
    "TimedOutError",
    "UnsupportedError",
    "Value",
    "Worker",
    "WorkerStats",
    "WrongTypeError",
    "__version__",
    "core_info",
    "set_log",
]

Value = Union[None, bool, int, float, str, bytes]
"""What a bucket holds, for annotations."""

Mapping.register(Registry)
Mapping.register(Snapshot)
Mapping.register(BucketSnapshot)
MutableMapping.register(Bucket)
