"""What registries, supervisors and workers say of themselves."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegistryStats:
    """A registry at one moment: what `Registry.stats` gives.

    >>> registry.stats().names
    1
    """

    state: Literal["running", "failed"]
    """"failed": too many of its threads have died, so that it makes no more changes to its table."""
    names: int
    """How many names the table has."""
    revision: int
    """How many creates and exits the table has seen."""
    snapshots: int
    """How many snapshots are held."""
    backlog: int
    """How many things wait to be freed since their snapshots were closed."""
    untidy: bool
    """Whether there is something to be freed by the registry's thread."""
    mailbox: int
    """How many changes wait for the turn to change the table."""
    keeper_restarts: int
    """How often the registry's thread was started anew."""
    timer_restarts: int
    """How often the thread was that ends what has a time to live."""
    timed_buckets: int
    """In how many buckets anything has a time to live."""
    subscriptions: int
    """How many subscriptions there are; handlers of Python's are among them."""
    handlers: int
    """How many handlers of other languages."""
    queued: int
    """How many events wait in the queues of both."""
    longest_queue: int
    """How many of them in the longest queue."""
    slowest_handler: float
    """How long the longest call of a handler took, in seconds."""
    handler_failures: int
    """How many calls of handlers failed."""
    node_bytes: int
    """Bytes of memory that the nodes, names and small items of all registries of this process have from the system."""
    handler_restarts: int
    """How often threads of handlers were started anew."""


@dataclass(frozen=True)
class SupervisorStats:
    """A supervisor at one moment: what `Supervisor.stats` gives.

    >>> with kvreg.Supervisor() as supervisor:
    ...     supervisor.stats().strategy
    'one_for_one'
    """

    state: Literal["running", "ending", "stopped", "failed"]
    """How far it is."""
    strategy: Literal["one_for_one", "one_for_all", "rest_for_one"]
    """What it does about failures."""
    children: int
    """How many children it has."""
    running: int
    """How many of them run."""
    left_behind: int
    """How many of these were told to stop, and did not in time."""
    restarts: int
    """How often it restarted something."""


@dataclass(frozen=True)
class WorkerStats:
    """A worker at one moment: what `Worker.stats` gives.

    >>> with kvreg.Supervisor() as supervisor:
    ...     supervisor.add(lambda worker: worker.wait()).stats().restarts
    0
    """

    state: Literal["running", "ending", "stopped"]
    """Whether it runs, was told to stop, or does not run at the moment."""
    restart: Literal["permanent", "transient", "temporary"]
    """Which of its ends are followed by another start."""
    restarts: int
    """How often it was started again."""
    status: int
    """What its function gave last: 0, its own number, or that of a status of the C interface."""


for _class in (RegistryStats, SupervisorStats, WorkerStats):
    _class.__module__ = "kvreg"  # where users find it
