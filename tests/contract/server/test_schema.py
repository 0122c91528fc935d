"""The schema and the functions behind it agree."""

from __future__ import annotations

import inspect

from graphql import GraphQLObjectType

from asyncwb.server.resolvers.server import make_schema


def test_every_argument_of_a_field_is_taken_by_its_resolver() -> None:
    missing: list[str] = []
    for kind in make_schema().type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            if field.resolve is None:
                continue
            taken = inspect.signature(field.resolve).parameters.values()
            if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken):
                continue
            names = {one.name for one in taken}
            missing += [f"{kind.name}.{name}({a})" for a in field.args if a not in names]
    assert missing == []


def test_every_operation_has_a_resolver() -> None:
    schema = make_schema()
    missing = [
        f"{root}.{name}"
        for root in (schema.query_type, schema.mutation_type)
        if root is not None
        for name, field in root.fields.items()
        if field.resolve is None
    ]
    assert missing == []
