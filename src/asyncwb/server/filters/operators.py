"""What comparisons mean for each kind of field.

A condition on a missing value is unknown, which selects nothing; `negated` takes it for false, so
that `$ne`, `$nin` and `$not` hold for it. Values compare with values of their own type only.
"""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    exists,
    false,
    func,
    literal,
    select,
)
from sqlalchemy import cast as sql_cast
from typing_extensions import override

from asyncwb.server.jsontext import is_list, is_object
from asyncwb.server.problems import invalid
from asyncwb.server.storage.dialects import Pattern, either
from asyncwb.server.storage.patterns import check_pattern
from asyncwb.server.storage.tables import run_tags, runs

from .chains import any_of, negated
from .documents import Document, Part

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Field", "JsonField", "NumberField", "TagsField", "TextField", "TimeField"]

_PLAIN = re.compile(r"[\w :,=@/-]+").fullmatch  # a pattern that means itself

_COMPARE: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class Field(Protocol):
    """A key of the filter language."""

    def equals(self, value: Any) -> ColumnElement[bool]:
        """The field has this value; null: it has none."""
        ...

    def one_of(self, values: list[Any]) -> ColumnElement[bool]:
        """The field has one of these values: `equals`, in one condition for all of a type."""
        ...

    def compares(self, symbol: str, value: Any) -> ColumnElement[bool]:
        """The field is on this side of a value of its own type."""
        ...

    def exists(self) -> ColumnElement[bool]:
        """The field has a value that is not null."""
        ...

    def matches(self, pattern: Any) -> ColumnElement[bool]:
        """A regular expression is found in the field's text."""
        ...

    def contains(self, value: Any) -> ColumnElement[bool]:
        """The field's text contains a text, or its list an element."""
        ...

    def sort_key(self) -> ColumnElement[Any]:
        """The expression that listings are ordered by."""
        ...


def _inside(part: str, text: Any) -> ColumnElement[bool]:
    """Whether a text contains another; case counts, which LIKE does not promise."""
    return either(sqlite=func.instr(text, part), postgresql=func.strpos(text, part)) > 0


def _matching(pattern: str, text: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a checked pattern is found in a text."""
    return text.regexp_match(literal(pattern, Pattern()))


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return value if isinstance(value, float) or -(2**63) <= value < 2**63 else float(value)


def _divide(values: list[Any], kind: type) -> tuple[list[Any], list[Any]]:
    """The values of a type, and the others."""
    return [v for v in values if isinstance(v, kind)], [
        v for v in values if not isinstance(v, kind)
    ]


class TextField(Field):
    """A text column."""

    def __init__(self, column: ColumnElement[Any]) -> None:
        self._column = column

    @override
    def equals(self, value: Any) -> ColumnElement[bool]:
        if value is None:
            return self._column.is_(None)
        return self._column == value if isinstance(value, str) else false()

    @override
    def one_of(self, values: list[Any]) -> ColumnElement[bool]:
        same = self._column.in_([v for v in values if isinstance(v, str)])
        return same | self._column.is_(None) if None in values else same

    @override
    def compares(self, symbol: str, value: Any) -> ColumnElement[bool]:
        return _COMPARE[symbol](self._column, value) if isinstance(value, str) else false()

    @override
    def exists(self) -> ColumnElement[bool]:
        return self._column.is_not(None)

    @override
    def matches(self, pattern: Any) -> ColumnElement[bool]:
        checked = check_pattern(pattern)
        # most patterns are what somebody types into a search: plain text, which needs no engine
        return (_inside if _PLAIN(checked) else _matching)(checked, self._column)

    @override
    def contains(self, value: Any) -> ColumnElement[bool]:
        if not isinstance(value, str):
            return false()
        return _inside(value, self._column)

    @override
    def sort_key(self) -> ColumnElement[Any]:
        return self._column


class NumberField(Field):
    """A numeric column or expression."""

    def __init__(self, column: ColumnElement[Any]) -> None:
        self._column = column

    def _value(self, value: Any) -> int | float | None:
        return _number(value)

    @override
    def equals(self, value: Any) -> ColumnElement[bool]:
        if value is None:
            return self._column.is_(None)
        known = self._value(value)
        return false() if known is None else self._column == known

    @override
    def one_of(self, values: list[Any]) -> ColumnElement[bool]:
        known = [self._value(v) for v in values if v is not None]
        same = self._column.in_([v for v in known if v is not None])
        return same | self._column.is_(None) if None in values else same

    @override
    def compares(self, symbol: str, value: Any) -> ColumnElement[bool]:
        known = self._value(value)
        return false() if known is None else _COMPARE[symbol](self._column, known)

    @override
    def exists(self) -> ColumnElement[bool]:
        return self._column.is_not(None)

    @override
    def matches(self, pattern: Any) -> ColumnElement[bool]:
        check_pattern(pattern)
        return false()

    @override
    def contains(self, value: Any) -> ColumnElement[bool]:
        return false()

    @override
    def sort_key(self) -> ColumnElement[Any]:
        return self._column


class TimeField(NumberField):
    """A moment, compared as answers show it: in whole seconds; ISO text or seconds since 1970."""

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(sql_cast(func.floor(column), Float))
        self._exact = column

    @override
    def _value(self, value: Any) -> int | float | None:
        if not isinstance(value, str):
            return _number(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as exc:
            raise invalid(f"not a time: {value!r}") from exc
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    @override
    def sort_key(self) -> ColumnElement[Any]:
        return self._exact


class TagsField(Field):
    """Tags, or whatever else a thing has several of: a comparison holds when any fulfils it.

    Args:
        tag: The column of the tags.
        mine: The condition that a row of their table belongs to a row of the listing.
        table: The table of the listing.
    """

    def __init__(
        self,
        tag: ColumnElement[str] = run_tags.c.tag,
        mine: ColumnElement[bool] = run_tags.c.run_id == runs.c.id,
        table: FromClause = runs,
    ) -> None:
        self._tag = tag
        self._mine = mine
        self._table = table

    def _any(self, condition: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
        query = exists().where(self._mine)
        return query if condition is None else query.where(condition)

    @override
    def equals(self, value: Any) -> ColumnElement[bool]:
        if value is None:
            return negated(self._any())
        if isinstance(value, str):
            return self._any(self._tag == value)
        if is_list(value):
            if not all(isinstance(tag, str) for tag in value):
                return false()
            tags = set(value)
            count = (
                select(func.count(self._tag)).where(self._mine).correlate(self._table)
            ).scalar_subquery()
            same = count == len(tags)
            for tag in sorted(tags):
                same = same & self._any(self._tag == tag)
            return same
        return false()

    @override
    def one_of(self, values: list[Any]) -> ColumnElement[bool]:
        texts, others = _divide(values, str)
        return any_of([self._any(self._tag.in_(texts)), *map(self.equals, others)])

    @override
    def compares(self, symbol: str, value: Any) -> ColumnElement[bool]:
        raise invalid(f"{symbol} cannot be used on tags")

    @override
    def exists(self) -> ColumnElement[bool]:
        return self._any()

    @override
    def matches(self, pattern: Any) -> ColumnElement[bool]:
        return self._any(_matching(check_pattern(pattern), self._tag))

    @override
    def contains(self, value: Any) -> ColumnElement[bool]:
        return self._any(self._tag == value) if isinstance(value, str) else false()

    @override
    def sort_key(self) -> ColumnElement[Any]:
        raise invalid("runs cannot be ordered by tags")


class JsonField(Field):
    """A value inside a JSON document: under the literal key, or else along its dots.

    Args:
        document: The JSON column.
        key: The key, not empty.
        prefix: Keys that lead to it.
        look: Told which part of the value is compared or ordered by.
    """

    def __init__(
        self,
        document: ColumnElement[Any],
        key: str,
        *prefix: str,
        look: Callable[[Part, Document], None] | None = None,
    ) -> None:
        self._value = Document(document, key, *prefix)
        self._look = look

    def number(self) -> ColumnElement[Any]:
        """The value where it is a number, else null."""
        self._note("number")
        return self._value.number

    def text(self) -> ColumnElement[Any]:
        """The value where it is a text, else null."""
        self._note("text")
        return self._value.text

    def _note(self, part: Part) -> None:
        if self._look is not None:
            self._look(part, self._value)

    @override
    def equals(self, value: Any) -> ColumnElement[bool]:
        if value is None:
            return negated(self.exists())
        if isinstance(value, bool):
            return self._value.kind == ("true" if value else "false")
        if is_list(value) or is_object(value):
            return self._value.is_inner(value)
        return self._scalar(operator.eq, value)

    @override
    def one_of(self, values: list[Any]) -> ColumnElement[bool]:
        texts, others = _divide(values, str)
        # Apart: bound together, integers become floats and lose what is beyond 2**53.
        floats, integers = _divide(
            [number for v in others if (number := _number(v)) is not None], float
        )
        rest = [v for v in others if _number(v) is None]
        return any_of(
            [
                self._value.text.in_(texts) if texts else false(),
                self._value.number.in_(floats) if floats else false(),
                self._value.number.in_(integers) if integers else false(),
                *map(self.equals, rest),
            ]
        )

    def _scalar(
        self, compare: Callable[[Any, Any], ColumnElement[bool]], value: Any
    ) -> ColumnElement[bool]:
        if isinstance(value, str):
            return compare(self.text(), value)
        number = _number(value)
        if number is None:
            return false()
        return compare(self.number(), number)

    @override
    def compares(self, symbol: str, value: Any) -> ColumnElement[bool]:
        return self._scalar(_COMPARE[symbol], value)

    @override
    def exists(self) -> ColumnElement[bool]:
        return self._value.kind != "null"

    @override
    def matches(self, pattern: Any) -> ColumnElement[bool]:
        return _matching(check_pattern(pattern), self._value.text)

    @override
    def contains(self, value: Any) -> ColumnElement[bool]:
        """A text contains a text; a list contains a text, number or truth value."""
        if isinstance(value, str):
            return _inside(value, self._value.text) | self._value.has(value)
        if isinstance(value, bool):
            return self._value.has(value)
        number = _number(value)
        return false() if number is None else self._value.has(number)

    @override
    def sort_key(self) -> ColumnElement[Any]:
        self._note("sort_key")
        return self._value.sort_key
