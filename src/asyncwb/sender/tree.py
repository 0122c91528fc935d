"""Nested dicts with string keys: the shape of config and summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tree", "get_path", "merge_leaves", "remove_path", "set_path"]

Tree = dict[str, object]


def set_path(tree: Tree, path: Sequence[str], value: object) -> None:
    """Set a leaf, making (or replacing by) the dicts that lead to it."""
    for key in path[:-1]:
        tree = _below(tree, key)
    tree[path[-1]] = value


def _below(tree: Tree, key: str) -> Tree:
    """The dict under a key, made where there is none."""
    below = tree.get(key)
    if isinstance(below, dict):
        return cast("Tree", below)
    made: Tree = {}
    tree[key] = made
    return made


def get_path(tree: Tree, path: Sequence[str]) -> object | None:
    """The value at a path, None where there is none."""
    value: object = tree
    for key in path:
        value = _child(value, key)
    return value


def _child(value: object, key: str) -> object | None:
    return cast("Tree", value).get(key) if isinstance(value, dict) else None


def remove_path(tree: Tree, path: Sequence[str]) -> None:
    """Remove a leaf, and the dicts that become empty by it; a missing one is fine."""
    trail: list[tuple[Tree, str]] = []
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            return
        trail.append((tree, key))
        tree = cast("Tree", below)
    tree.pop(path[-1], None)
    for above, key in reversed(trail):
        if above[key]:
            return
        del above[key]


def merge_leaves(tree: Tree, changes: Tree) -> None:
    """Merge nested dicts leaf by leaf; an object with a `_type` (a media value) is one leaf."""
    for key, value in changes.items():
        if isinstance(value, dict) and "_type" not in value:
            below = tree.get(key)
            if not isinstance(below, dict) or "_type" in below:
                below = tree[key] = {}
            merge_leaves(cast("Tree", below), cast("Tree", value))
        else:
            tree[key] = value
