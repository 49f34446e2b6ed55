"""Handlers in Python: `Registry.on`."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType

from . import _kvreg
from ._errors import Error, InvalidArgumentError, TimedOutError, WrongTypeError
from ._events import Event

# How long the end of the process waits for a call under way.
_AT_EXIT = 1.0

_handlers: weakref.WeakSet[Handler] = weakref.WeakSet()


def _seconds(timeout: float | timedelta | None) -> float | None:
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise WrongTypeError(f"timeout must be seconds (int or float), a timedelta or None, not {type(timeout).__name__}")
    if not timeout >= 0:
        raise InvalidArgumentError("timeout must not be negative, nor not a number")
    return None if timeout > threading.TIMEOUT_MAX else timeout


class Handler:
    """A function that is called with events, on a daemon thread of Python's; made by `Registry.on`.

    It ends with `remove()`, with the end of a `with`, with its registry, or when the function raises (unless it is to be
    kept). At the end of the process it is removed.

    >>> with registry.on(print) as handler:
    ...     handler.alive
    True
    >>> handler.alive
    False
    """

    def __init__(self, subscription: _kvreg.Subscription, callback: Callable[[Event], object], keep: bool = False) -> None:
        self._subscription = subscription
        self._callback = callback
        self._keep = keep
        self._failures = 0
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=f"kvreg-on-{subscription.id}", daemon=True)
        _handlers.add(self)
        try:
            self._thread.start()
        except BaseException:
            subscription.close()
            raise

    def _run(self) -> None:
        try:
            for event in self._subscription:
                try:
                    self._callback(event)
                except Exception as error:
                    self._failures += 1
                    arguments = (type(error), error, error.__traceback__, threading.current_thread())
                    threading.excepthook(threading.ExceptHookArgs(arguments))
                    if not self._keep:
                        break
        finally:
            self._subscription.close()

    @property
    def alive(self) -> bool:
        """Whether the function is called for what happens.

        >>> handler = registry.on(print)
        >>> handler.alive
        True
        """
        return self._thread.is_alive() and not self._subscription.closed

    @property
    def failures(self) -> int:
        """How often the function has raised.

        >>> registry.on(print).failures
        0
        """
        return self._failures

    def remove(self, timeout: float | timedelta | None = None) -> None:
        """End it: when this returns the function is not running and never will be called again. A second time does nothing.

        From inside the function itself it returns at once, and that call is the last. So it is if a call under way takes
        longer than `timeout` seconds: then a TimedOutError. Two handlers that remove each other wait for ever without one.

        >>> handler = registry.on(print)
        >>> handler.remove()
        >>> handler.alive
        False
        """
        seconds = _seconds(timeout)
        self._subscription.close()
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)
            if self._thread.is_alive():
                raise TimedOutError(f"{self!r}: the call under way is its last")

    def __enter__(self) -> Handler:
        """Give this object."""
        return self

    def __exit__(self, *exception: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Remove it. In the child of a fork it is the parent's, and left alone."""
        if self._process == os.getpid():
            self.remove()

    def __repr__(self) -> str:
        state = "alive" if self.alive else "removed"
        return f"<kvreg.Handler of {self._callback!r} {state}>"


Handler.__module__ = "kvreg"  # where users find it


def _end_all() -> None:
    """No thread of ours shall be in Python code while that is taken down."""
    for handler in list(_handlers):
        if handler._process != os.getpid():
            continue
        try:
            handler._subscription.close()
        except Error:
            continue
        if handler._thread is not threading.current_thread():
            handler._thread.join(_AT_EXIT)


atexit.register(_end_all)
