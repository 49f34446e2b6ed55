"""What `kvreg.core_info()` answers."""

from typing import NamedTuple


class CoreInfo(NamedTuple):
    """The core that this process uses.

    >>> kvreg.core_info()._fields
    ('source', 'path', 'version', 'abi', 'instance_id')
    """

    source: str
    """How it was found: "KVREG_LIBRARY", "capsule", "soname", "symbol", "scan" or "bundled"."""
    path: str
    """The file that it is in."""
    version: str
    """Its version."""
    abi: tuple[int, int]
    """Major and minor number of its function table."""
    instance_id: int
    """A random number of this loaded copy: two tables with one number are one core."""


CoreInfo.__module__ = "kvreg"
