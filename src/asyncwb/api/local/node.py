"""A run of this machine as the classes of the read side take it."""

from __future__ import annotations

from asyncwb.api.address import RunAddress
from asyncwb.graphql.api_answers import RunNode

__all__ = ["ENTITY", "LocalNode", "address_of"]

ENTITY = "local"
"""Entity of runs whose journal names none."""


class LocalNode(RunNode):
    """A run as the api's classes take it, with its own address."""

    entity: str = ENTITY
    project: str = ""


def address_of(node: RunNode, entity: str, project: str) -> RunAddress:
    """Where a listed run is: a local one says so itself."""
    if isinstance(node, LocalNode):
        return RunAddress(node.entity, node.project, node.name)
    return RunAddress(entity, project, node.name)
