"""Plain values are copied into answers: the answers are those of graphql-core."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLSchema, build_schema, execute, parse, validate

from asyncwb.server.executor import COPIED, Executor

SCHEMA = """
type Query { thing: Thing, missing: Thing, edges: [Edge!], nested: [[Int]], other: Other }
type Edge { cursor: String!, node: Thing }
type Thing {
  id: ID!, name: String, size: Int, ratio: Float, done: Boolean!, doc: JSON, tags: [String!],
  seen: [Int], strict: String!, late: String, with(argument: Int): String, inner: Thing
}
union Other = Thing | Edge
scalar JSON
"""
THING: dict[str, Any] = {
    "id": "x", "name": "n", "size": 3, "ratio": 0.5, "done": True, "doc": {"a": [1]},
    "tags": ["a", "b"], "seen": [1, None], "strict": "s", "with": "entry",
    "inner": {"id": "y", "done": False, "strict": "t", "tags": None, "late": "here"},
}  # fmt: skip
FIELDS = "id name size ratio done doc tags seen strict"


def schema() -> GraphQLSchema:
    made = build_schema(SCHEMA)
    thing: Any = made.type_map["Thing"]

    async def late(_source: Any, _info: Any) -> str:
        await asyncio.sleep(0)
        return "resolved"

    thing.fields["late"].resolve = late
    thing.fields["late"].extensions[COPIED] = True
    thing.fields["with"].resolve = lambda source, _info, argument=None: f"{argument}"
    other: Any = made.type_map["Other"]
    other.resolve_type = lambda *_: "Thing"
    return made


async def both(document: str, root: dict[str, Any]) -> tuple[ExecutionResult, ExecutionResult]:
    made, tree = schema(), parse(document)
    assert validate(made, tree) == []
    answers: list[ExecutionResult] = []
    for kind in (None, Executor):
        result: Any = execute(made, tree, root, executor_class=kind)
        answers.append(await result if asyncio.iscoroutine(result) else result)
    return answers[0], answers[1]


def told(result: ExecutionResult) -> Any:
    errors = [(str(e.message), e.path) for e in result.errors or ()]
    return result.data, errors


@pytest.mark.parametrize(
    ("document", "root"),
    [
        (f"{{ thing {{ {FIELDS} inner {{ id done tags }} }} missing {{ id }} }}", {"thing": THING}),
        (
            f"{{ edges {{ at: cursor node {{ ...T }} }} }} fragment T on Thing {{ {FIELDS} }}",
            {"edges": [{"cursor": "1", "node": THING}, {"cursor": "2", "node": None}]},
        ),
        ("{ thing { b: strict a: id with(argument: 3) w: with __typename } }", {"thing": THING}),
        ("{ other { ... on Thing { id size } } nested }", {"other": THING, "nested": [[1], None]}),
        ("{ thing { inner { id done late } late } }", {"thing": {"inner": THING["inner"]}}),
        ("{ thing { id @skip(if: true) size @include(if: true) } }", {"thing": THING}),
    ],
)
async def test_answers_agree(document: str, root: dict[str, Any]) -> None:
    plain, ours = await both(document, root)
    if "late" not in document:  # a copied field with a resolver: the point is that they differ
        assert told(ours) == told(plain)
    assert ours.errors is None
    assert ours.data is not None
    assert list(ours.data) == list(plain.data or {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"strict": None},
        {"id": None},
        {"done": None},
        {"size": 2**31},
        {"size": -(2**31) - 1},
        {"size": "three"},
        {"size": 3.0},
        {"size": True},
        {"ratio": 1},
        {"ratio": "x"},
        {"name": 5},
        {"name": ["a"]},
        {"done": 1},
        {"tags": "ab"},
        {"tags": ["a", None]},
        {"tags": ("a", "b")},
        {"seen": [1, "x"]},
        {"seen": 4},
        {"doc": [1, 2]},
        {"doc": "text"},
        {"id": 7},
    ],
)
async def test_values_of_other_types_are_treated_alike(wrong: dict[str, Any]) -> None:
    """Also deep in a list, where the rest of the list is plain."""
    root = {"thing": THING | wrong, "edges": [
        {"cursor": "1", "node": THING}, {"cursor": "2", "node": THING | wrong},
    ]}  # fmt: skip
    document = f"{{ thing {{ {FIELDS} }} edges {{ cursor node {{ {FIELDS} }} }} }}"
    plain, ours = await both(document, root)
    assert told(ours) == told(plain)


async def test_a_copied_field_is_resolved_where_the_object_lacks_it() -> None:
    _, ours = await both("{ thing { late inner { late } } }", {"thing": THING})
    assert ours.data == {"thing": {"late": "resolved", "inner": {"late": "here"}}}
