"""Connects resolver functions with the fields of the schema."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar, cast

from graphql import (
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Source,
    ValueNode,
    build_ast_schema,
    parse,
    value_from_ast_untyped,
)
from graphql.error import GraphQLError

from asyncwb.server.executor import COPIED

__all__ = ["Resolvers", "load_schema"]

F = TypeVar("F", bound=Callable[..., Any])


class Resolvers:
    """Resolver functions of one object type, collected by a decorator."""

    def __init__(self, type_name: str) -> None:
        self._type_name = type_name
        self._functions: dict[str, Callable[..., Any]] = {}
        self._copied: set[str] = set()

    def field(self, *names: str, copied: bool = False) -> Callable[[F], F]:
        """Resolve these fields with the decorated function.

        Args:
            names: The fields.
            copied: Not where the object has an entry of that name and no argument is given: the
                entry is the answer.
        """

        def register(function: F) -> F:
            for name in names:
                self._functions[name] = function
            if copied:
                self._copied.update(names)
            return function

        return register

    def bind(self, schema: GraphQLSchema) -> None:
        """Attach the functions to the schema's fields."""
        object_type = cast("GraphQLObjectType", schema.type_map[self._type_name])
        for name, function in self._functions.items():
            object_type.fields[name].resolve = function
            if name in self._copied:
                object_type.fields[name].extensions[COPIED] = True


def load_schema(*resolvers: Resolvers) -> GraphQLSchema:
    """The executable schema from the package's `.graphql` files.

    The files are checked by a test, so they are not validated again at every start.
    """
    folder = files("asyncwb.server").joinpath("schema")
    texts = [
        entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".graphql")
    ]
    document = parse(Source("\n".join(texts), "schema"), no_location=True)
    schema = build_ast_schema(document, assume_valid=True, assume_valid_sdl=True)
    for name, read in (("Int64", _int64), ("Duration", _int64)):
        scalar = cast("GraphQLScalarType", schema.type_map[name])
        scalar.parse_value = read  # type: ignore[method-assign]
        scalar.parse_literal = _literal(read)  # type: ignore[method-assign]
    for collected in resolvers:
        collected.bind(schema)
    return schema


def _int64(value: Any) -> int:
    """An Int64 is a JSON number without fraction, or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise GraphQLError(f"not a 64-bit integer: {value!r}")
    try:
        number = int(value)
    except (ValueError, OverflowError) as exc:
        raise GraphQLError(f"not a 64-bit integer: {value!r}") from exc
    if not -(2**63) <= number < 2**63:
        raise GraphQLError(f"not a 64-bit integer: {value!r}")
    return number


def _literal(read: Callable[[Any], Any]) -> Callable[..., Any]:
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        return read(value_from_ast_untyped(node, variables))

    return parse_literal
