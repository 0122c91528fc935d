"""GraphQL execution that spends little on plain values.

graphql-core gives each field of each object a path, an info object and several calls, although
most fields in a listing are entries of a dict that are answered as they are. Those are copied
here, whole trees of them at once. A field with arguments, or with a resolver that its object
cannot do without, goes graphql-core's way, and so does a value that is not what its type says:
errors are always graphql-core's.
"""

from __future__ import annotations

from collections.abc import Awaitable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
)
from graphql.execution.incremental.incremental_executor import IncrementalExecutor
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import GraphQLField
    from graphql.pyutils import Path

__all__ = ["COPIED", "Executor"]

COPIED = "copied"
"""Extension of fields whose resolver is for what the object lacks, and for arguments."""

# The Python type whose values a scalar answers unchanged.
_UNCHANGED: dict[str, type] = {
    GraphQLString.name: str,
    GraphQLID.name: str,
    GraphQLBoolean.name: bool,
    GraphQLFloat.name: float,
    GraphQLInt.name: int,
    "DateTime": str,
    "JSON": dict,
    "JSONString": str,
}
_LARGEST = 2**31 - 1  # of GraphQL's Int
_ABSENT: Any = object()


class _Leaf:
    """A member of a list of plain values."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def copy(self, value: Any) -> Any:
        """The value; `_ABSENT` if it is not of its type."""
        return value if _fits(value, self._kind, False) else _ABSENT


class _Tree:
    """An object, or a list of objects or plain values.

    Attributes:
        plan: How each of them is copied.
        listed: None for one object, else whether members may be null.
    """

    def __init__(
        self, name: str, key: str, plan: _Plan | _Leaf, *, nullable: bool, listed: bool | None
    ) -> None:
        self.name = name
        self.key = key
        self.plan = plan
        self.nullable = nullable
        self.listed = listed

    def copy(self, value: Any) -> Any:
        """The answer for a value; `_ABSENT` if it cannot be copied."""
        if value is None and self.nullable:
            return None
        if self.listed is None:
            return self.plan.copy(value)
        if type(value) is not list:
            return _ABSENT
        answers: list[Any] = []
        for member in cast("Any", value):
            answer = None if member is None and self.listed else self.plan.copy(member)
            if answer is _ABSENT:
                return _ABSENT
            answers.append(answer)
        return answers


class _Plan:
    """Which fields of a selection can be copied, and which have to be executed.

    Attributes:
        template: Every field of the answer in its order.
        executed: The fields that have to be executed.
    """

    def __init__(self, fields: dict[str, list[Any]]) -> None:
        self.fields = fields  # kept: plans are found by its identity
        self.template: dict[str, Any] = dict.fromkeys(fields)
        self.scalars: list[tuple[str, str, type, bool]] = []
        self.trees: list[_Tree] = []
        self.executed: dict[str, list[Any]] = {}
        self._names: list[str] = []
        self._get: Callable[[Any], tuple[Any, ...]] | None = None
        self._ints: list[int] = []
        self._known: set[tuple[type, ...]] = set()

    def complete(self) -> _Plan:
        """The plan, ready for `copy`."""
        if len(self.scalars) > 1:
            self._names = [name for name, *_ in self.scalars]
            self._get = itemgetter(*(key for _, key, *_ in self.scalars))
            self._ints = [at for at, (*_, kind, _) in enumerate(self.scalars) if kind is int]
        return self

    def copy(self, source: Any) -> Any:
        """The answer for an object; `_ABSENT` if it cannot be copied."""
        if self.executed or type(source) is not dict:
            return _ABSENT
        answer = self.template.copy()
        if not self._copy_scalars(cast("dict[str, Any]", source), answer):
            return _ABSENT
        get = cast("dict[str, Any]", source).get
        for tree in self.trees:
            copied = tree.copy(get(tree.key, _ABSENT))
            if copied is _ABSENT:
                return _ABSENT
            answer[tree.name] = copied
        return answer

    def _copy_scalars(self, source: dict[str, Any], answer: dict[str, Any]) -> bool:
        """Add the plain values; whether all of them fit."""
        kinds: tuple[type, ...] = ()
        if self._get is not None:
            try:
                values = self._get(source)
            except KeyError:
                return False
            # The objects of a list are mostly alike: what fitted once is not looked at again.
            kinds = tuple(map(type, values))
            if kinds in self._known and all(_is_small(values[at]) for at in self._ints):
                answer.update(zip(self._names, values, strict=True))
                return True
        for name, key, kind, nullable in self.scalars:
            value = source.get(key, _ABSENT)
            if not _fits(value, kind, nullable):
                return False
            answer[name] = value
        self._known.add(kinds)
        return True


def _is_small(value: int | None) -> bool:
    return value is None or -_LARGEST <= value <= _LARGEST


def _fits(value: Any, kind: type[Any], nullable: bool) -> bool:  # noqa: FBT001 - once per value
    if type(value) is kind:
        return kind is not int or -_LARGEST <= value <= _LARGEST
    return value is None and nullable


class Executor(IncrementalExecutor):
    """Executes operations over objects that are dicts."""

    @override
    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: dict[str, list[Any]],
        position_context: Any,
    ) -> Any:
        """The fields of one object."""
        if type(source_value) is not dict:
            return super().execute_fields(
                parent_type, source_value, path, grouped_field_set, position_context
            )
        source = cast("dict[str, Any]", source_value)
        plan = self._plan(parent_type, grouped_field_set)
        answer = plan.template.copy()
        executed = plan.executed.copy()
        for name, key, kind, nullable in plan.scalars:
            value = source.get(key, _ABSENT)
            if _fits(value, kind, nullable):
                answer[name] = value
            else:
                executed[name] = grouped_field_set[name]
        for tree in plan.trees:
            copied = tree.copy(source.get(tree.key, _ABSENT))
            if copied is _ABSENT:
                executed[tree.name] = grouped_field_set[tree.name]
            else:
                answer[tree.name] = copied
        if not executed:
            return answer
        rest = super().execute_fields(parent_type, source, path, executed, position_context)
        if isinstance(rest, Awaitable):
            return _joined(answer, rest)
        answer.update(rest)
        return answer

    def _plan(self, parent: GraphQLObjectType, fields: dict[str, list[Any]]) -> _Plan:
        plans: dict[int, _Plan] = self.__dict__.setdefault("_plans", {})
        plan = plans.get(id(fields))
        if plan is None:
            plan = _Plan(fields)
            for name, details in fields.items():
                node = details[0].node
                known = parent.fields.get(node.name.value)
                if known is None or node.arguments or not _is_copied(known):
                    plan.executed[name] = details
                else:
                    self._add(plan, name, node.name.value, known.type, details)
            plans[id(fields)] = plan.complete()
        return plan

    def _add(self, plan: _Plan, name: str, key: str, declared: Any, details: list[Any]) -> None:
        nullable, kind = _unwrapped(declared)
        unchanged = _UNCHANGED.get(kind.name) if isinstance(kind, GraphQLScalarType) else None
        if unchanged is not None:
            plan.scalars.append((name, key, unchanged, nullable))
            return
        listed: bool | None = None
        if isinstance(kind, GraphQLList):
            listed, kind = _unwrapped(cast("Any", kind).of_type)
            member = _UNCHANGED.get(kind.name) if isinstance(kind, GraphQLScalarType) else None
            if member is not None:
                leaf = _Leaf(member)
                plan.trees.append(_Tree(name, key, leaf, nullable=nullable, listed=listed))
                return
        if isinstance(kind, GraphQLObjectType):
            inner = self._plan(kind, self.collect_subfields(kind, details).grouped_field_set)
            if not inner.executed:
                plan.trees.append(_Tree(name, key, inner, nullable=nullable, listed=listed))
                return
        plan.executed[name] = details


def _unwrapped(kind: Any) -> tuple[bool, Any]:
    """Whether a type may be null, and what it is otherwise."""
    inner: Any = getattr(kind, "of_type", None)
    return (False, inner) if isinstance(kind, GraphQLNonNull) else (True, kind)


def _is_copied(field: GraphQLField) -> bool:
    extensions: Mapping[str, Any] = field.extensions
    return field.resolve is None or COPIED in extensions


async def _joined(answer: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    answer.update(await rest)
    return answer
