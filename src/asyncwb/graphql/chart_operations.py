"""The operation of presets of custom charts."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.operation import Operation

__all__ = ["CREATE_CUSTOM_CHART"]


class _Chart(msgspec.Struct, frozen=True):
    id: str


class _Made(msgspec.Struct, frozen=True):
    chart: _Chart | None = None


class CustomChartAnswer(msgspec.Struct, frozen=True):
    """Answer of `CREATE_CUSTOM_CHART`."""

    result: _Made | None = None


CREATE_CUSTOM_CHART = Operation(
    "CreateCustomChart",
    """mutation CreateCustomChart(
  $entity: String!, $name: String!, $displayName: String!, $type: String!, $access: String!,
  $spec: JSONString!
) {
  result: createCustomChart(input: {
    entity: $entity, name: $name, displayName: $displayName, type: $type, access: $access,
    spec: $spec
  }) { chart { id } }
}""",
    CustomChartAnswer,
)
