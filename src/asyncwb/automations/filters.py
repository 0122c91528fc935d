"""Filters of runs and of names, as Python expressions: `RunEvent.name.contains("x") & other`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeGuard

from asyncwb.errors import InvalidValueError

__all__ = ["ANY", "Filter", "FilterField", "all_of", "either_of", "filter_of"]


_CHAINS: Final = ("$and", "$or", "$nor")
_OPPOSITES: Final = {"$or": "$nor", "$nor": "$or"}


class Filter:
    """A filter in the manner of MongoDB; `&`, `|` and `~` combine them.

    Args:
        tree: The filter as a dict, e.g. `{"display_name": {"$eq": "x"}}`.

    Attributes:
        tree: As given.
    """

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.tree: dict[str, Any] = dict(tree)

    def __repr__(self) -> str:
        return f"Filter({self.tree!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and other.tree == self.tree

    def __hash__(self) -> int:
        return hash(repr(self.tree))

    def __and__(self, other: object) -> Filter:
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter({"$and": [self.tree, other.tree]})

    def __or__(self, other: object) -> Filter:
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter({"$or": [self.tree, other.tree]})

    def __invert__(self) -> Filter:
        operator = _operator(self.tree)
        inner: Any = self.tree[operator] if operator else None
        if operator == "$not" and _is_tree(inner):
            return Filter(inner)
        if operator in _OPPOSITES:
            return Filter({_OPPOSITES[operator]: inner})
        return Filter({"$not": self.tree})


ANY: Final = Filter({"$and": []})
"""Lets everything through."""


def filter_of(value: object) -> Filter:
    """A filter from one, or from a dict; None lets everything through.

    Raises:
        InvalidValueError: It is something else.
    """
    if value is None:
        return ANY
    if isinstance(value, Filter):
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):  # pyright: ignore[reportUnknownVariableType]
        return Filter(value)  # pyright: ignore[reportUnknownArgumentType]
    raise InvalidValueError(f"a filter is an expression or a dict, not {value!r}")


def all_of(given: Filter) -> dict[str, Any]:
    """The tree as one `$and`, which servers and web apps expect."""
    tree = _simple(given.tree)
    return tree if _operator(tree) == "$and" else {"$and": [tree]}


def either_of(given: Filter) -> dict[str, Any]:
    """The tree as an `$or` of one `$and`, which servers and web apps expect."""
    tree = _simple(given.tree)
    if _operator(tree) == "$or":
        tree = {"$and": [tree]}
    return {"$or": [tree if _operator(tree) == "$and" else {"$and": [tree]}]}


def _operator(tree: Mapping[str, Any]) -> str | None:
    return next(iter(tree)) if len(tree) == 1 else None


def _simple(tree: dict[str, Any]) -> dict[str, Any]:
    """Without chains in chains of their kind, and without those of one part."""
    operator = _operator(tree)
    inner: Any = tree[operator] if operator else None
    if operator == "$not" and _is_tree(inner):
        return {"$not": _simple(inner)}
    if operator not in _CHAINS or not isinstance(inner, list):
        return tree
    parts = [_simple(part) if _is_tree(part) else part for part in _flat(tree, operator)]
    if len(parts) == 1 and operator != "$nor" and _is_tree(parts[0]):
        return parts[0]
    return {operator: parts}


def _flat(tree: dict[str, Any], operator: str) -> list[Any]:
    found: list[Any] = []
    for part in tree[operator]:
        same = operator != "$nor" and _is_tree(part) and _operator(part) == operator
        found += _flat(part, operator) if same else [part]
    return found


def _is_tree(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


class FilterField:
    """A field that filters compare: `field == "x"`, `field.contains("x")`, `field.in_(["x"])`."""

    __hash__ = None  # type: ignore[assignment]  # `==` makes a filter

    def __init__(self, key: str) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"<field {self._key}>"

    def _compared(self, operator: str, value: object) -> Filter:
        if not isinstance(value, str | int | float):
            raise InvalidValueError(f"{self._key} is compared with a text or number, not {value!r}")
        return Filter({self._key: {operator: value}})

    def _one_of(self, operator: str, values: Iterable[object]) -> Filter:
        if isinstance(values, str) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"{self._key} is one of a list of values, not {values!r}")
        listed = list(values)
        for value in listed:
            self._compared(operator, value)
        return Filter({self._key: {operator: listed}})

    def eq(self, value: str | float, /) -> Filter:
        """Equal."""
        return self._compared("$eq", value)

    def ne(self, value: str | float, /) -> Filter:
        """Not equal."""
        return self._compared("$ne", value)

    def gt(self, value: str | float, /) -> Filter:
        """Greater."""
        return self._compared("$gt", value)

    def gte(self, value: str | float, /) -> Filter:
        """Greater or equal."""
        return self._compared("$gte", value)

    def lt(self, value: str | float, /) -> Filter:
        """Less."""
        return self._compared("$lt", value)

    def lte(self, value: str | float, /) -> Filter:
        """Less or equal."""
        return self._compared("$lte", value)

    def in_(self, values: Iterable[str | float], /) -> Filter:
        """One of several values."""
        return self._one_of("$in", values)

    def not_in(self, values: Iterable[str | float], /) -> Filter:
        """None of several values."""
        return self._one_of("$nin", values)

    def contains(self, text: str, /) -> Filter:
        """With this text in it."""
        return self._compared("$contains", text)

    def matches_regex(self, pattern: str, /) -> Filter:
        """With a place that a pattern matches."""
        return self._compared("$regex", pattern)

    def exists(self, exists: bool = True, /) -> Filter:
        """There at all, or not."""
        return Filter({self._key: {"$exists": bool(exists)}})

    def __eq__(self, other: object) -> Filter:  # type: ignore[override]
        return self._compared("$eq", other)

    def __ne__(self, other: object) -> Filter:  # type: ignore[override]
        return self._compared("$ne", other)

    def __gt__(self, other: str | float) -> Filter:
        return self.gt(other)

    def __ge__(self, other: str | float) -> Filter:
        return self.gte(other)

    def __lt__(self, other: str | float) -> Filter:
        return self.lt(other)

    def __le__(self, other: str | float) -> Filter:
        return self.lte(other)
