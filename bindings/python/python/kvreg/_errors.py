"""The errors of kvreg. Each stands for one status of the C interface, and is also what Python would raise there."""

from typing import ClassVar, Final


class Error(Exception):
    """The base of all errors that kvreg raises.

    `status` is the name of the status in the C interface.

    >>> try:
    ...     shopping["nope"]
    ... except kvreg.Error as error:
    ...     print(type(error).__name__, error.status)
    NotFoundError KVREG_NOT_FOUND
    """

    status: ClassVar[str] = "KVREG_?"


class NotFoundError(Error, KeyError):
    """No such name or key.

    >>> issubclass(kvreg.NotFoundError, KeyError)
    True
    """

    status = "KVREG_NOT_FOUND"


class ExistsError(Error):
    """The key is taken.

    >>> entry = registry.register(("worker", "7"), object())
    >>> registry.register(("worker", "7"), object())
    Traceback (most recent call last):
    kvreg.ExistsError: ...
    """

    status = "KVREG_EXISTS"


class AccessDeniedError(Error, PermissionError):
    """The handle does not allow it: see `Registry.create` and `Bucket.reader`.

    >>> shopping.reader().clear()
    Traceback (most recent call last):
    kvreg.AccessDeniedError: ...
    """

    status = "KVREG_ACCESS_DENIED"


class InvalidArgumentError(Error, ValueError):
    """An argument of the right type that cannot be: a key of more than 65,535 bytes, an unknown reason.

    >>> shopping.stop("boredom")
    Traceback (most recent call last):
    kvreg.InvalidArgumentError: a reason must be 'normal', 'shutdown', 'killed' or 'crash'
    """

    status = "KVREG_INVALID_ARGUMENT"


class BadHandleError(Error, ValueError):
    """An id that no registry or bucket ever had, or one of the other kind.

    >>> kvreg.Bucket.from_id(registry.id)
    Traceback (most recent call last):
    kvreg.BadHandleError: ...
    """

    status = "KVREG_BAD_HANDLE"


class DeadError(Error):
    """The bucket exited, or the snapshot, batch or owner was closed, or the entry unregistered.

    >>> shopping.stop()
    >>> shopping.put("milk", 1)
    Traceback (most recent call last):
    kvreg.DeadError: ...
    """

    status = "KVREG_DEAD"


class StoppedError(Error):
    """The registry was stopped.

    >>> registry.stop()
    >>> len(registry)
    Traceback (most recent call last):
    kvreg.StoppedError: ...
    """

    status = "KVREG_STOPPED"


class WrongTypeError(Error, TypeError):
    """An argument of a type that kvreg does not take.

    >>> shopping.put("milk", ["fresh"])
    Traceback (most recent call last):
    kvreg.WrongTypeError: a value must be None, bool, int, float, str or bytes, not list
    """

    status = "KVREG_WRONG_TYPE"


class ConflictError(Error):
    """The key has another revision or value than the one expected; nothing was changed.

    >>> shopping.put_if_equal("milk", 7, 8)
    Traceback (most recent call last):
    kvreg.ConflictError: ...
    """

    status = "KVREG_CONFLICT"


class OutOfRangeError(Error, OverflowError):
    """An int that does not fit into 64 bits, or a sum beyond the limits of `Bucket.add`.

    >>> shopping["atoms"] = 10**80
    Traceback (most recent call last):
    kvreg.OutOfRangeError: ...
    """

    status = "KVREG_OUT_OF_RANGE"


class DeadlockError(Error, RuntimeError):
    """The call would have waited for itself.

    >>> shopping.update_with("milk", lambda old: shopping.put("eggs", old))
    Traceback (most recent call last):
    kvreg.DeadlockError: ...
    """

    status = "KVREG_DEADLOCK"


class ForkedError(Error, RuntimeError):
    """A change was asked for in the child of a fork. Reads go on there, from what was there at the fork.

    >>> issubclass(kvreg.ForkedError, RuntimeError)
    True
    """

    status = "KVREG_FORKED"


class PanickedError(Error, RuntimeError):
    """A defect inside kvreg was caught; nothing was changed.

    >>> issubclass(kvreg.PanickedError, RuntimeError)
    True
    """

    status = "KVREG_PANICKED"


class TimedOutError(Error, TimeoutError):
    """The time given was not enough.

    >>> issubclass(kvreg.TimedOutError, TimeoutError)
    True
    """

    status = "KVREG_TIMED_OUT"


class FailedError(Error):
    """The function of another thread failed, such as the loader that this one waited for; its error is the cause.

    >>> issubclass(kvreg.FailedError, kvreg.Error)
    True
    """

    status = "KVREG_FAILED"


class OutOfMemoryError(Error, MemoryError):
    """No memory; nothing was changed.

    >>> issubclass(kvreg.OutOfMemoryError, MemoryError)
    True
    """

    status = "KVREG_OUT_OF_MEMORY"


class IoError(Error, OSError):
    """The system refused something, such as a thread for a new registry.

    >>> issubclass(kvreg.IoError, OSError)
    True
    """

    status = "KVREG_IO"


class UnsupportedError(Error, NotImplementedError):
    """Not available in this build, or in this version of the Python module.

    >>> issubclass(kvreg.UnsupportedError, NotImplementedError)
    True
    """

    status = "KVREG_UNSUPPORTED"


# A status that is not here is raised as the base class; its text still says what happened.
BY_STATUS: Final[dict[int, type[Error]]] = {
    -1: NotFoundError,
    -2: ExistsError,
    -3: InvalidArgumentError,
    -4: BadHandleError,
    -5: DeadError,
    -6: StoppedError,
    -7: WrongTypeError,
    -8: ConflictError,
    -9: OutOfRangeError,
    -10: DeadlockError,
    -11: TimedOutError,
    -13: ForkedError,
    -14: AccessDeniedError,
    -15: PanickedError,
    -16: OutOfMemoryError,
    -17: IoError,
    -19: UnsupportedError,
    -20: FailedError,
}

for _class in (Error, *BY_STATUS.values()):
    _class.__module__ = "kvreg"  # where users find it, and what a traceback should say
