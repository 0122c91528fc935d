"""Order texts, and cursors that stay valid while rows come and go.

A cursor holds the order value and the row id of the last run of a page; the next page starts
behind them, however many runs were added or removed in between.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import msgspec
from sqlalchemy import ColumnElement, and_, or_

from asyncwb.server.problems import invalid
from asyncwb.server.storage.tables import runs

from .fields import resolve

__all__ = ["Order", "compile_order"]

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_cursor = msgspec.json.Decoder(tuple[_Int64 | float | str | None, _Int64])
DEFAULT_ORDER = "+created_at"


class Order:
    """The order of a listing. Runs without the key come last, whatever the direction.

    Args:
        key: The expression runs are ordered by.
        descending: Whether large values come first.
    """

    def __init__(self, key: ColumnElement[Any], *, descending: bool) -> None:
        self.key = key
        self._descending = descending

    def clauses(self, *, backwards: bool = False) -> list[Any]:
        """For ORDER BY."""
        down = self._descending != backwards
        missing = self.key.is_(None)
        return [
            missing.desc() if backwards else missing,
            self.key.desc() if down else self.key,
            runs.c.id.desc() if down else runs.c.id,
        ]

    def after(self, cursor: str, *, backwards: bool = False) -> ColumnElement[bool]:
        """The condition that a run comes behind (or, backwards, before) a cursor.

        Raises:
            Problem: The cursor is not one of ours (400).
        """
        value, run_id = _decode(cursor)
        down = self._descending != backwards
        later_id = runs.c.id < run_id if down else runs.c.id > run_id
        if value is None:
            same_end = and_(self.key.is_(None), later_id)
            return or_(self.key.is_not(None), same_end) if backwards else same_end
        later = self.key < value if down else self.key > value
        tied = and_(self.key == value, later_id)
        if backwards:
            return or_(later, tied)
        return or_(later, tied, self.key.is_(None))


def compile_order(text: str | None, state: ColumnElement[str]) -> Order:
    """The order of a text `[+|-]key`; ascending without a sign, by creation when empty.

    Raises:
        Problem: An unknown key (400).
    """
    text = (text or "").strip() or DEFAULT_ORDER
    key = text[1:] if text[0] in "+-" else text
    return Order(resolve(key, state).sort_key(), descending=text[0] == "-")


def make_cursor(value: Any, run_id: int) -> str:
    """The cursor of a run in a listing."""
    return base64.urlsafe_b64encode(msgspec.json.encode((value, run_id))).decode()


def _decode(cursor: str) -> tuple[int | float | str | None, int]:
    try:
        return _cursor.decode(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as exc:
        raise invalid("not a cursor of this listing") from exc
