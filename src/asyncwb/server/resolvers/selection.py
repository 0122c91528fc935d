"""What an operation asks for below the field that is being resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import SelectionSetNode

    from .context import Info

__all__ = ["selected"]


def selected(info: Info, *path: str) -> frozenset[str]:
    """Names of the fields that are asked for along a path of fields; directives aside.

    A resolver of a list can so read at once what the resolvers of its members would read one by
    one.
    """
    fields = list(info.field_nodes)
    for name in path:
        fields = [field for field in _fields(info, fields) if field.name.value == name]
    return frozenset(field.name.value for field in _fields(info, fields))


def _fields(info: Info, parents: list[FieldNode]) -> Iterator[FieldNode]:
    for parent in parents:
        if parent.selection_set is not None:
            yield from _inside(info, parent.selection_set)


def _inside(info: Info, selections: SelectionSetNode) -> Iterator[FieldNode]:
    for selection in selections.selections:
        match selection:
            case FieldNode():
                yield selection
            case FragmentSpreadNode():
                yield from _inside(info, info.fragments[selection.name.value].selection_set)
            case InlineFragmentNode():
                yield from _inside(info, selection.selection_set)
            case _:
                pass
