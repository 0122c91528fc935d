"""Console lines of a run as a server has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from seed import post

from asyncwb.api import Api

if TYPE_CHECKING:
    from asyncwb.run import Run
    from asyncwb.testing import LocalServer

ConsoleLine: TypeAlias = tuple[str | None, str]
"""Level ("error" or None) and text."""

# What `run.console_logs()` of the `wandb` package asks.
_PAGE = """query Lines($entity: String!, $project: String!, $run: String!, $after: String) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    logLineCount
    logLines(first: 1000, after: $after, useImprovedPagination: true) {
      edges { node { number timestamp level label line } }
      pageInfo { endCursor hasNextPage } } } } }"""


def nodes_of(server: LocalServer, path: str) -> list[dict[str, Any]]:
    """Every console line with number, timestamp, level, label and line."""
    entity, project, run = path.split("/")
    found: list[dict[str, Any]] = []
    after = None
    while True:
        variables = {"entity": entity, "project": project, "run": run, "after": after}
        answer = post(server, "/graphql", {"query": _PAGE, "variables": variables})
        page = answer["data"]["project"]["run"]["logLines"]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def lines_of(server: LocalServer, run: Run | str) -> list[ConsoleLine]:
    """Levels and texts in order; the numbers have no gap."""
    nodes = nodes_of(server, run if isinstance(run, str) else run.path)
    assert [node["number"] for node in nodes] == list(range(len(nodes)))
    return [(node["level"], node["line"].removesuffix("\n")) for node in nodes]


async def read_file(run: Run | str, name: str) -> str:
    """A file of the run, as the server has it."""
    found = await Api().run(run if isinstance(run, str) else run.path)
    file = await found.file(name)
    return (await file.read()).decode()
