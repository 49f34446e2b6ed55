"""What the function of `Bucket.update_with` returns to delete the key."""

import enum
from typing import Final


class Delete(enum.Enum):
    """The type of `kvreg.DELETE`."""

    DELETE = "DELETE"

    def __repr__(self) -> str:
        return "kvreg.DELETE"


DELETE: Final = Delete.DELETE
"""Returned by the function of `Bucket.update_with`, it deletes the key."""
