"""GraphQL over a `Transport`: operations, executor, paginator. Knows queries, not runs' classes."""

from __future__ import annotations

from asyncwb.graphql.executor import READ_POLICY, GraphQL
from asyncwb.graphql.operation import Operation

__all__ = ["READ_POLICY", "GraphQL", "Operation"]
