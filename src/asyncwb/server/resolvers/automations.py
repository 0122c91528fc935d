"""Automations and integrations, of which this server has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .paging import connection
from .registry import Resolvers

if TYPE_CHECKING:
    from .context import Info, Node

__all__ = ["bound"]

project = Resolvers("Project")
entity = Resolvers("Entity")
organization = Resolvers("Organization")

bound = (project, entity, organization)
"""What belongs to the schema."""


@project.field("triggers")
def _of_project(_node: Node, _info: Info) -> list[Node]:
    return []


@organization.field("triggers")
@entity.field("triggers", "integrations")
def _none(_node: Node, _info: Info, **_: Any) -> Node:
    return connection([], lambda _row: None, str)
