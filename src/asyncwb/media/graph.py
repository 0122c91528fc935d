"""Graphs of models: nodes, and edges between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError
from asyncwb.media.base import Media
from asyncwb.media.content import Content
from asyncwb.media.jsontext import json_in_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place

__all__ = ["Graph", "Node"]


class Node:
    """A node of a `Graph`.

    Args:
        id: What edges name it by; unique in its graph.
        name: Its name.
        attributes: Whatever else is known of it: `class_name`, `size`, `parameters`,
            `output_shape`, `is_output`, `num_parameters`.
    """

    def __init__(self, id: Any = None, name: str | None = None, **attributes: Any) -> None:  # noqa: A002  as in wandb
        self.id = id
        self.name = name
        self.attributes = attributes

    def to_json(self) -> dict[str, Any]:
        """What the file of a graph says about it."""
        named = {"name": self.name} if self.id is None else {"name": self.name, "id": self.id}
        return {**named, **self.attributes}


class Graph(Media):
    """A graph of a model. It may grow until it is logged.

    Args:
        format: How it is drawn: "keras", "torch".
    """

    json_type = "graph-file"
    folder = "graph"

    def __init__(self, format: str = "keras") -> None:  # noqa: A002  as in wandb
        super().__init__(None)
        self.format = format
        self.nodes: list[Node] = []
        self.edges: list[tuple[Node, Node]] = []

    def add_node(self, node: Node | None = None, **attributes: Any) -> Node:
        """Add a node, or one made of attributes.

        Raises:
            InvalidValueError: Both are given.
        """
        if node is not None and attributes:
            raise InvalidValueError("a node is given, or made of attributes: not both")
        found = Node(**attributes) if node is None else node
        self.nodes.append(found)
        return found

    def add_edge(self, from_node: Node, to_node: Node) -> None:
        """Add an edge between two nodes."""
        self.edges.append((from_node, to_node))

    def contents(self) -> Sequence[Content]:
        """Its file, as it is now."""
        return (Content(self._text(), ".graph.json"),)

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put its file into a place and describe it. Blocks for the disk."""
        (content,) = self.contents()
        return {"_type": self.json_type, **place.add(content, self.folder)}

    def _text(self) -> bytes:
        return b"".join(
            json_in_pieces(
                {
                    "format": self.format,
                    "nodes": [node.to_json() for node in self.nodes],
                    "edges": [[one.id, other.id] for one, other in self.edges],
                }
            )
        )
