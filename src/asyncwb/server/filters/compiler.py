"""Filter texts to SQL conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, true

from asyncwb.server.jsontext import decode, is_list, is_object, replaced
from asyncwb.server.problems import invalid

from .chains import all_of, any_of, negated

if TYPE_CHECKING:
    from collections.abc import Callable

    from .operators import Field

__all__ = ["compile_fields"]

_MAX_DEPTH = 50
_MAX_CONDITIONS = 5000


def compile_fields(text: str | None, fields: Callable[[str], Field]) -> ColumnElement[bool]:
    """The condition of a filter text over whatever has fields; an empty one always holds.

    Args:
        text: JSON text of the filter, or None.
        fields: Finds the field of a key; raises a `Problem` for keys that are none.

    Raises:
        Problem: The text is not a filter, or names an unknown field or operator (400).
    """
    if not text:
        return true()
    tree = replaced(decode(text))
    if tree is None:
        return true()
    return _Compiler(fields).filter(tree, 0)


class _Compiler:
    def __init__(self, fields: Callable[[str], Field]) -> None:
        self._fields = fields
        self._conditions = 0

    def filter(self, tree: Any, depth: int) -> ColumnElement[bool]:
        """A whole filter: all members hold."""
        if not is_object(tree):
            raise invalid(f"a filter must be a JSON object, not {tree!r:.100}")
        if depth > _MAX_DEPTH:
            raise invalid("a filter is nested too deeply")
        return all_of([self._member(k, v, depth) for k, v in tree.items()])

    def _member(self, key: str, value: Any, depth: int) -> ColumnElement[bool]:
        match key:
            case "$and":
                return all_of(self._list(key, value, depth))
            case "$or":
                return any_of(self._list(key, value, depth))
            case "$nor":
                return negated(any_of(self._list(key, value, depth)))
            case "$not":
                return negated(self.filter(value, depth + 1))
            case _ if key.startswith("$"):
                raise invalid(f"unknown filter operator {key!r}")
            case _:
                return self._field(self._fields(key), value, depth)

    def _list(self, operator: str, value: Any, depth: int) -> list[ColumnElement[bool]]:
        if not is_list(value):
            raise invalid(f"{operator} takes a list of filters")
        # report tools write null for filters that are switched off
        trees = [tree for tree in value if tree is not None]
        return [self.filter(tree, depth + 1) for tree in trees]

    def _field(self, field: Field, value: Any, depth: int) -> ColumnElement[bool]:
        """One field: a plain value, or an object of operators that all hold."""
        if depth > _MAX_DEPTH:
            raise invalid("a filter is nested too deeply")
        if not is_object(value) or not any(k.startswith("$") for k in value):
            self._count(1)
            return field.equals(value)
        self._count(len(value))
        return all_of([self._operator(field, k, v, depth) for k, v in value.items()])

    def _operator(self, field: Field, operator: str, value: Any, depth: int) -> ColumnElement[bool]:
        match operator:
            case "$eq":
                return field.equals(value)
            case "$ne":
                return negated(field.equals(value))
            case "$gt" | "$gte" | "$lt" | "$lte":
                return field.compares(operator, value)
            case "$in":
                return self._any_equal(field, operator, value)
            case "$nin":
                return negated(self._any_equal(field, operator, value))
            case "$exists":
                return field.exists() if value else negated(field.exists())
            case "$regex":
                return field.matches(value)
            case "$contains":
                return field.contains(value)
            case "$not":
                return negated(self._field(field, value, depth + 1))
            case _:
                raise invalid(f"unknown filter operator {operator!r}")

    def _any_equal(self, field: Field, operator: str, value: Any) -> ColumnElement[bool]:
        if not is_list(value):
            raise invalid(f"{operator} takes a list of values")
        self._count(len(value))
        return field.one_of(value)

    def _count(self, more: int) -> None:
        self._conditions += more
        if self._conditions > _MAX_CONDITIONS:
            raise invalid(f"a filter has at most {_MAX_CONDITIONS} conditions")
