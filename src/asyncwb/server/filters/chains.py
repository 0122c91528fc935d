"""Many conditions as one, however many they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, false, or_, true

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement

__all__ = ["all_of", "any_of", "negated"]

# SQLite takes expressions that are nested up to 1000 levels, and a chain of n is n levels deep
_CHAIN = 100


def all_of(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Every condition holds; true where there is none."""
    return and_(true(), *_shallow(conditions, all_of))


def any_of(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """A condition holds; false where there is none."""
    return or_(false(), *_shallow(conditions, any_of))


def negated(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition does not hold: it is false or unknown."""
    return condition.is_not(true())


def _shallow(
    conditions: list[ColumnElement[bool]],
    join: Callable[[list[ColumnElement[bool]]], ColumnElement[bool]],
) -> list[ColumnElement[bool]]:
    """Long chains as short chains of short chains; IS TRUE keeps them from being joined again."""
    while len(conditions) > _CHAIN:
        pieces = (conditions[i : i + _CHAIN] for i in range(0, len(conditions), _CHAIN))
        conditions = [join(piece).is_(true()) for piece in pieces]
    return conditions
