"""Operations of what belongs to a run: its console lines, and how far it is."""

from __future__ import annotations

from typing import Any

import msgspec

from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads it

__all__ = ["CONSOLE_PAGE", "CONSOLE_TAIL", "PROGRESS", "LineNode", "Progress"]


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the answers: camel case on the wire."""


class LineNode(_Answer, frozen=True):
    """A line of the console."""

    number: int
    line: str
    timestamp: str | None = None
    level: str | None = None
    label: str | None = None


class _LineEdge(_Answer, frozen=True):
    node: LineNode | None = None


class _Lines(_Answer, frozen=True):
    edges: list[_LineEdge] = []
    page_info: PageInfo | None = None


class _LinesRun(_Answer, frozen=True):
    log_line_count: int | None = None
    log_lines: _Lines | None = None


class _LinesProject(_Answer, frozen=True):
    run: _LinesRun | None = None


class LinesAnswer(_Answer, frozen=True):
    """Answer of `CONSOLE_PAGE` and `CONSOLE_TAIL`."""

    project: _LinesProject | None = None


class Progress(_Answer, frozen=True):
    """How far a run is."""

    state: str | None = None
    history_line_count: int | None = None
    history_keys: dict[str, Any] | None = None

    @property
    def last_step(self) -> int:
        """Step of the last row; -1 without rows."""
        last = (self.history_keys or {}).get("lastStep", -1)
        return last if isinstance(last, int) else -1


class _ProgressProject(_Answer, frozen=True):
    run: Progress | None = None


class ProgressAnswer(_Answer, frozen=True):
    """Answer of `PROGRESS`."""

    project: _ProgressProject | None = None


_LINE = "number timestamp level label line"

CONSOLE_PAGE = Operation(
    "ConsolePage",
    f"""query ConsolePage(
  $entity: String!, $project: String!, $name: String!, $first: Int, $after: String
) {{
  project(entityName: $entity, name: $project) {{ run(name: $name) {{
    logLineCount
    logLines(first: $first, after: $after, useImprovedPagination: true) {{
      edges {{ node {{ {_LINE} }} }} pageInfo {{ endCursor hasNextPage }}
    }}
  }} }}
}}""",
    LinesAnswer,
)
CONSOLE_TAIL = Operation(
    "ConsoleTail",
    f"""query ConsoleTail($entity: String!, $project: String!, $name: String!, $last: Int!) {{
  project(entityName: $entity, name: $project) {{ run(name: $name) {{
    logLineCount logLines(last: $last) {{ edges {{ node {{ {_LINE} }} }} }}
  }} }}
}}""",
    LinesAnswer,
)
PROGRESS = Operation(
    "Progress",
    """query Progress($entity: String!, $project: String!, $name: String!) {
  project(entityName: $entity, name: $project) {
    run(name: $name) { state historyLineCount historyKeys }
  }
}""",
    ProgressAnswer,
)
