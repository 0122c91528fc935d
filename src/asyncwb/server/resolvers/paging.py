"""Connections: pages of a list with a cursor on each edge."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from asyncwb.server.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .context import Node

__all__ = ["MOST", "connection", "cursor_of", "number_from", "page_size"]

_DEFAULT = 50

MOST = 10_000
"""Edges that a page has at most."""


def page_size(first: int | None, last: int | None = None) -> int:
    """How many edges a page has.

    Raises:
        Problem: A negative number was asked for (400).
    """
    size = first if first is not None else (last if last is not None else _DEFAULT)
    if size < 0:
        raise invalid("a page cannot have a negative size")
    return min(size, MOST)


def cursor_of(number: int) -> str:
    """An opaque cursor for a number."""
    return base64.urlsafe_b64encode(f"after:{number}".encode()).decode()


def number_from(cursor: str | None) -> int | None:
    """The number in a cursor; None for no cursor.

    Raises:
        Problem: The cursor is not one of ours (400).
    """
    if not cursor:
        return None
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if kind == "after" and len(number) < 19:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise invalid("not a cursor of this listing")


def connection(
    rows: Sequence[Any],
    node: Callable[[Any], Node | None],
    cursor: Callable[[Any], str],
    *,
    more: bool = False,
    before: bool = False,
    **extra: Any,
) -> Node:
    """A connection over the rows of one page.

    Args:
        rows: The rows of this page.
        node: Makes the object of a row.
        cursor: Makes the cursor of a row.
        more: Whether rows follow.
        before: Whether rows precede.
        extra: Further fields of the connection.
    """
    edges = [{"cursor": cursor(row), "node": node(row)} for row in rows]
    return {
        "edges": edges,
        "pageInfo": {
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
            "hasNextPage": more,
            "hasPreviousPage": before,
        },
        **extra,
    }
