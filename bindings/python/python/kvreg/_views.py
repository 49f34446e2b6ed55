"""The views of buckets and registries.

They are those of `collections.abc`, but an iteration comes from one moment: the ones there look up key after key,
and would trip over a key that another thread deletes meanwhile.
"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Protocol


class _Source(Protocol):
    """What a view needs of its mapping."""

    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, key: str, /) -> Any: ...
    def copy(self) -> Mapping[str, Any]: ...


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
        return iter(self._mapping.copy().values())

    def __contains__(self, value: object) -> bool:
        return value in self._mapping.copy().values()


class Items(ItemsView[str, Any]):
    """The pairs of key and value of a mapping."""

    __slots__ = ()
    _mapping: _Source

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._mapping.copy().items())

    def __contains__(self, item: object) -> bool:
        if not (isinstance(item, tuple) and len(item) == 2):
            return False
        try:
            value = self._mapping[item[0]]
        except (KeyError, TypeError, ValueError):
            return False
        return bool(value == item[1])
