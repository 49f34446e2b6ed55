"""The end of the process: supervisors that were started here end before the interpreter does.

Their threads run Python code, and a thread that comes back from a wait when there is no interpreter any more would take
the process down."""

from __future__ import annotations

import atexit
import os

from . import _kvreg
from ._errors import Error

# Those that no other supervisor has, in the order of their starts, and the processes that started them.
_roots: dict[int, int] = {}


def started(id: int) -> None:
    _roots[id] = os.getpid()


def stopped(id: int) -> None:
    _roots.pop(id, None)


def _end_all() -> None:
    for id, process in reversed(list(_roots.items())):
        if process != os.getpid():
            continue
        try:
            _kvreg.Supervisor.from_id(id).stop()
        except Error:
            continue  # it was stopped elsewhere, or left workers behind


atexit.register(_end_all)
