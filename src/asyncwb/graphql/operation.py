"""One GraphQL document and the type of its answer."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

__all__ = ["Operation"]

T = TypeVar("T")


class Operation(msgspec.Struct, Generic[T], frozen=True):
    """A query or mutation.

    Attributes:
        name: Name of the operation, as in the document.
        document: The GraphQL text; holds exactly one operation.
        result: Type of the `data` member of the answer, a msgspec struct.
    """

    name: str
    document: str
    result: type[T]
