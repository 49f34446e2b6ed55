"""The views of buckets and registries.

They are those of `collections.abc`, but an iteration comes from one moment: the ones there look up key after key,
and would trip over a key that another thread deletes meanwhile.
"""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, Protocol

from ._kvreg import _walk


class _Source(Protocol):
    """What a view needs of its mapping."""

    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, key: str, /) -> Any: ...


class Keys(KeysView[str]):
    """The keys of a mapping."""

    __slots__ = ()
    _mapping: _Source

    def __contains__(self, key: object) -> bool:
        # A set can be asked for anything: what cannot be a key is not in it.
        try:
            return key in self._mapping
        except (TypeError, ValueError):
            return False


class Values(ValuesView[Any]):
    """The values of a mapping."""

    __slots__ = ()
    _mapping: _Source

    def __iter__(self) -> Iterator[Any]:
        return _walk(self._mapping, False)

    def __contains__(self, value: object) -> bool:
        return any(each is value or each == value for each in self)


class Items(ItemsView[str, Any]):
    """The pairs of key and value of a mapping."""

    __slots__ = ()
    _mapping: _Source

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return _walk(self._mapping, True)

    def __contains__(self, item: object) -> bool:
        if not (isinstance(item, tuple) and len(item) == 2):
            return False
        try:
            value = self._mapping[item[0]]
        except (KeyError, TypeError, ValueError):
            return False
        return bool(value == item[1])
