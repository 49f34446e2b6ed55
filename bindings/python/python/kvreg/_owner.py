"""Owners of Python objects: what `Owner.of` does."""

import weakref

from . import _kvreg

# By the object's id, which is another's only when the finaliser below has run.
_owners: dict[int, _kvreg.Owner] = {}


def of(object: object) -> _kvreg.Owner:
    key = id(object)
    known = _owners.get(key)
    if known is not None and known.alive:
        return known
    owner = _kvreg.Owner()
    try:
        finalizer = weakref.finalize(object, _end, key, owner)
    except BaseException:
        owner.close()
        raise
    finalizer.atexit = False  # the end of the process needs no help
    # Of several threads that were here at once, one is right; a closed one (of before) is nobody's.
    while (other := _owners.setdefault(key, owner)) is not owner:
        if other.alive:
            finalizer.detach()
            owner.close()
            return other
        _owners.pop(key, None)
    return owner


def _end(key: int, owner: _kvreg.Owner) -> None:
    if _owners.get(key) is owner:
        del _owners[key]
    owner.__exit__()  # forgives that it was closed, and leaves the parent's alone in the child of a fork
