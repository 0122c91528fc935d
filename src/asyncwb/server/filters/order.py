"""Order texts, and cursors that stay valid while rows come and go.

A cursor holds the order value and the row id of the last run of a page; the next page starts
behind them, however many runs were added or removed in between.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from sqlalchemy import Column, ColumnElement, Float, Integer, Numeric, String, and_, or_

from asyncwb.server.problems import invalid
from asyncwb.server.storage.tables import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from .operators import Field

__all__ = ["Order", "order_by"]

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_cursor = msgspec.json.Decoder(tuple[_Int64 | float | str | None, _Int64])


class Order:
    """The order of a listing. Runs without the key come last, whatever the direction.

    Args:
        key: The expression that is ordered by.
        descending: Whether large values come first.
        ids: Row ids, which decide between equal keys.
    """

    def __init__(
        self, key: ColumnElement[Any], *, descending: bool, ids: ColumnElement[int] = runs.c.id
    ) -> None:
        self.key = key
        self._descending = descending
        self._ids = ids
        self._nullable = not isinstance(key, Column) or bool(key.nullable)

    def clauses(self, *, backwards: bool = False) -> list[Any]:
        """For ORDER BY."""
        down = self._descending != backwards
        missing = self.key.is_(None)
        return [
            missing.desc() if backwards else missing,
            self.key.desc() if down else self.key,
            self._ids.desc() if down else self._ids,
        ]

    def parts(
        self, cursor: str | None, *, backwards: bool = False
    ) -> list[tuple[list[ColumnElement[bool]], list[Any]]]:
        """The listing behind (or, backwards, before) a cursor as lists that follow each other.

        Each is one read of an index: the rows that have the key, then those without.

        Returns:
            Conditions and ORDER BY of each list.

        Raises:
            Problem: The cursor is not one of ours (400).
        """
        down = self._descending != backwards
        ids = self._ids.desc() if down else self._ids
        having: tuple[list[ColumnElement[bool]], list[Any]] = (
            [self.key.is_not(None)] if self._nullable else [],
            [self.key.desc() if down else self.key, ids],
        )
        lacking: tuple[list[ColumnElement[bool]], list[Any]] = ([self.key.is_(None)], [ids])
        lists = [having, lacking] if self._nullable else [having]
        if backwards:
            lists.reverse()
        if not cursor:
            return lists
        value, row_id = _decode(cursor, self.key)
        behind = self._ids < row_id if down else self._ids > row_id
        if value is None:
            lacking[0].append(behind)
            return lists if backwards else [lacking]
        reached = self.key <= value if down else self.key >= value
        passed = self.key < value if down else self.key > value
        having[0].extend((reached, or_(passed, behind)))
        return [having] if backwards else lists

    def after(self, cursor: str, *, backwards: bool = False) -> ColumnElement[bool]:
        """The condition that a run comes behind (or, backwards, before) a cursor.

        Raises:
            Problem: The cursor is not one of ours (400).
        """
        value, row_id = _decode(cursor, self.key)
        down = self._descending != backwards
        later_id = self._ids < row_id if down else self._ids > row_id
        if value is None:
            same_end = and_(self.key.is_(None), later_id)
            return or_(self.key.is_not(None), same_end) if backwards else same_end
        later = self.key < value if down else self.key > value
        tied = and_(self.key == value, later_id)
        if backwards:
            return or_(later, tied)
        return or_(later, tied, self.key.is_(None))


def order_by(
    text: str, fields: Callable[[str], Field], ids: ColumnElement[int] = runs.c.id
) -> Order:
    """The order of a text `[+|-]key` over whatever has fields; ascending without a sign.

    Raises:
        Problem: An unknown key (400).
    """
    key = text[1:] if text[0] in "+-" else text
    return Order(fields(key).sort_key(), descending=text[0] == "-", ids=ids)


def make_cursor(value: Any, run_id: int) -> str:
    """The cursor of a run in a listing."""
    return base64.urlsafe_b64encode(msgspec.json.encode((value, run_id))).decode()


def _decode(cursor: str, key: ColumnElement[Any]) -> tuple[int | float | str | None, int]:
    try:
        value, row_id = _cursor.decode(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as exc:
        raise invalid("not a cursor of this listing") from exc
    # A cursor of another order: databases with types compare no text with a number.
    kind: type | tuple[type, ...] = object
    if isinstance(key.type, String):
        kind = str
    elif isinstance(key.type, Integer | Float | Numeric):
        kind = (int, float)
    if value is not None and not isinstance(value, kind):
        raise invalid("not a cursor of this listing")
    return value, row_id
