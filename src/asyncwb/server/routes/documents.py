"""Limits of GraphQL documents: how deep, how many fields, how much they may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    VariableNode,
)

from asyncwb.server.problems import invalid
from asyncwb.server.resolvers.paging import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import SelectionSetNode

__all__ = ["check_document"]

# Of all documents of asyncwb, and of those recorded of the SDK, the deepest has 11 levels, the
# longest 61 fields, and a page of 1,000 projects has up to 21,000 values; the page changes 50 runs
# at once by aliases.
_DEEPEST = 30
_MOST_FIELDS = 5_000
_MOST_ALIASES = 100
_MOST_NODES = 2_000_000
_USUAL_PAGE = 50


class _Cost:
    """What a selection asks for: levels, fields, aliases, and nodes of the answer at most."""

    __slots__ = ("aliases", "depth", "fields", "nodes")

    def __init__(self) -> None:
        self.depth = self.fields = self.aliases = self.nodes = 0

    def add(self, other: _Cost, times: int = 1, deeper: int = 0) -> None:
        self.depth = max(self.depth, other.depth + deeper)
        self.fields += other.fields
        self.aliases += other.aliases
        self.nodes += other.nodes * times


def check_document(
    document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
) -> None:
    """Refuse an operation that asks for more than anybody needs.

    Fragments count wherever they are spread. A list counts as many times as its `first` or `last`
    says, or a usual page.

    Raises:
        Problem: It is too deep, too long, has too many aliases or would answer too much (400).
    """
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    cost = _Walk(fragments, variables or {}).of(operation.selection_set)
    for found, most, what in (
        (cost.depth, _DEEPEST, "levels"),
        (cost.fields, _MOST_FIELDS, "fields"),
        (cost.aliases, _MOST_ALIASES, "aliases"),
        (cost.nodes, _MOST_NODES, "values in its answer"),
    ):
        if found > most:
            raise invalid(f"the operation may have {most} {what} at most, and has up to {found}")


class _Walk:
    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
    ) -> None:
        self._fragments, self._variables = fragments, variables
        # each fragment is counted once, however often it is spread: documents cannot take long
        self._known: dict[str, _Cost] = {}

    def of(self, selection: SelectionSetNode | None) -> _Cost:
        cost = _Cost()
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                inner = self.of(node.selection_set)
                cost.add(inner, self._times(node), 1)
                cost.depth = max(cost.depth, 1)
                cost.fields += 1
                cost.nodes += 1
                cost.aliases += node.alias is not None
            elif isinstance(node, InlineFragmentNode):
                cost.add(self.of(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                cost.add(self._fragment(node.name.value))
        return cost

    def _fragment(self, name: str) -> _Cost:
        # the document is valid: fragments exist, and none is inside of itself
        if name not in self._known:
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known[name]

    def _times(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value not in ("first", "last"):
                continue
            value: Any = None
            if isinstance(argument.value, IntValueNode):
                value = int(argument.value.value)
            elif isinstance(argument.value, VariableNode):
                value = self._variables.get(argument.value.name.value)
            if isinstance(value, int):
                return max(1, min(value, MOST))
        selected = field.selection_set.selections if field.selection_set else ()
        pages = any(isinstance(one, FieldNode) and one.name.value == "edges" for one in selected)
        return _USUAL_PAGE if pages else 1
