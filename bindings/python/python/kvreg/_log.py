"""The log in Python: `kvreg.set_log`."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Literal

from ._kvreg import _Log

# How long the end of the process waits for a call under way.
_AT_EXIT = 1.0

_lock = threading.Lock()
_current: tuple[_Log, threading.Thread, int] | None = None


def set_log(
    function: Callable[[str, str], object] | None, level: Literal["debug", "info", "warn", "error"] = "info"
) -> None:
    """Have all that kvreg has to say for itself given to `function(level, text)`, from this level on; None is silence.

    That is the start and stop of registries ("debug"), the restart of a thread or worker ("info"), what failed or is slow
    ("warn"), and what was given up ("error").
    There is one function for the process, all languages together. It is called on a daemon thread of Python's, shortly
    after; no thread of kvreg's waits for it. What it raises goes to `sys.unraisablehook`.

    >>> import queue
    >>> records = queue.Queue()
    >>> kvreg.set_log(lambda level, text: records.put((level, text)), "error")
    >>> with kvreg.Supervisor("shop", max_restarts=0) as shop:
    ...     worker = shop.add(lambda worker: 7, name="till")
    ...     shop.wait()
    'failed'
    >>> records.get()
    ('error', 'shop gives up: worker till failed with status 7; that is more than 0 restarts in 5000 ms')
    >>> kvreg.set_log(None)
    """
    global _current
    with _lock:
        if function is None:
            _Log.clear()
            new = None
        else:
            log = _Log(level)
            thread = threading.Thread(target=log.deliver, args=(function,), name="kvreg-log", daemon=True)
            try:
                thread.start()
            except BaseException:
                log.close()
                raise
            new = (log, thread, os.getpid())
        old, _current = _current, new
    if old is not None:
        _end(old, None)


set_log.__module__ = "kvreg"  # where users find it


def _end(log: tuple[_Log, threading.Thread, int], timeout: float | None) -> None:
    """What was written before is still delivered, unless that thread itself calls."""
    queue, thread, process = log
    queue.close()
    if process == os.getpid() and thread is not threading.current_thread():
        thread.join(timeout)


def _end_now() -> None:
    """No thread of ours shall be in Python code while that is taken down."""
    if _current is not None:
        _end(_current, _AT_EXIT)


atexit.register(_end_now)
