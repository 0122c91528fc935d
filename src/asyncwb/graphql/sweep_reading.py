"""Operations that read sweeps and their agents."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.api_answers import RunConnection  # noqa: TC001 - msgspec reads it
from asyncwb.graphql.api_operations import LIGHT_FIELDS
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads it

__all__ = [
    "AGENT",
    "AGENTS",
    "AGENT_RUNS",
    "ENQUEUE_RUN",
    "SWEEP",
    "AgentNode",
    "SweepFields",
    "SweepsAnswer",
    "sweeps_operation",
]


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the answers: camel case on the wire."""


class SweepFields(_Answer, frozen=True):
    """A sweep; `name` is its short id, `config` YAML text."""

    id: str
    name: str
    display_name: str | None = None
    method: str | None = None
    state: str | None = None
    description: str | None = None
    best_loss: float | None = None
    config: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    run_count: int | None = None
    run_count_expected: int | None = None


class _SweepProject(_Answer, frozen=True):
    sweep: SweepFields | None = None


class SweepAnswer(_Answer, frozen=True):
    """Answer of `SWEEP`."""

    project: _SweepProject | None = None


class _SweepEdge(_Answer, frozen=True):
    node: SweepFields | None = None


class _Sweeps(_Answer, frozen=True):
    page_info: PageInfo
    edges: list[_SweepEdge] = []


class _SweepsProject(_Answer, frozen=True):
    total_sweeps: int | None = None
    sweeps: _Sweeps | None = None


class SweepsAnswer(_Answer, frozen=True):
    """Answer of a listing of sweeps."""

    project: _SweepsProject | None = None


class AgentNode(_Answer, frozen=True):
    """An agent of a sweep."""

    id: str
    name: str | None = None
    host: str | None = None
    state: str | None = None
    total_runs: int | None = None
    created_at: str | None = None
    heartbeat_at: str | None = None
    runs: RunConnection | None = None


class _AgentEdge(_Answer, frozen=True):
    node: AgentNode | None = None


class _Agents(_Answer, frozen=True):
    edges: list[_AgentEdge] = []
    page_info: PageInfo | None = None


class _AgentsSweep(_Answer, frozen=True):
    agents: _Agents | None = None
    agent: AgentNode | None = None


class _AgentsProject(_Answer, frozen=True):
    sweep: _AgentsSweep | None = None


class AgentsAnswer(_Answer, frozen=True):
    """Answer of `AGENTS`, `AGENT` and `AGENT_RUNS`."""

    project: _AgentsProject | None = None


class _Queued(_Answer, frozen=True):
    id: str
    run_queue_item_id: str | None = None


class QueuedAnswer(_Answer, frozen=True):
    """Answer of `ENQUEUE_RUN`."""

    result: _Queued | None = None


_SWEEP = """id name displayName method state description bestLoss config createdAt updatedAt
    runCount runCountExpected"""
_AGENT = "id name host state totalRuns createdAt heartbeatAt"


def sweeps_operation(*, filtered: bool, ordered: bool) -> Operation[SweepsAnswer]:
    """The listing of a project's sweeps; a server without filters must not see them."""
    declared = (", $filters: JSONString" if filtered else "") + (
        ", $order: String" if ordered else ""
    )
    given = (", filters: $filters" if filtered else "") + (", order: $order" if ordered else "")
    return Operation(
        "Sweeps",
        f"""query Sweeps(
  $entity: String!, $project: String!, $cursor: String, $perPage: Int{declared}
) {{
  project(entityName: $entity, name: $project) {{
    totalSweeps
    sweeps(first: $perPage, after: $cursor{given}) {{
      edges {{ node {{ {_SWEEP} }} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}""",
        SweepsAnswer,
    )


def _of_sweep(name: str, selection: str, declared: str = "") -> str:
    return f"""query {name}($entity: String!, $project: String!, $name: String!{declared}) {{
  project(entityName: $entity, name: $project) {{ sweep(sweepName: $name) {{ {selection} }} }}
}}"""


SWEEP = Operation("Sweep", _of_sweep("Sweep", _SWEEP), SweepAnswer)
AGENTS = Operation(
    "Agents", _of_sweep("Agents", f"agents {{ edges {{ node {{ {_AGENT} }} }} }}"), AgentsAnswer
)
AGENT = Operation(
    "Agent",
    _of_sweep("Agent", f"agent(agentName: $agent) {{ {_AGENT} }}", ", $agent: String!"),
    AgentsAnswer,
)
AGENT_RUNS = Operation(
    "AgentRuns",
    _of_sweep(
        "AgentRuns",
        f"""agent(agentName: $agent) {{ {_AGENT}
    runs(order: $order, first: $perPage, after: $cursor) {{
      edges {{ cursor node {{ {LIGHT_FIELDS} }} }} pageInfo {{ hasNextPage endCursor }}
    }} }}""",
        ", $agent: String!, $order: String, $perPage: Int, $cursor: String",
    ),
    AgentsAnswer,
)
ENQUEUE_RUN = Operation(
    "EnqueueRun",
    """mutation EnqueueRun($id: ID!, $config: JSONString!, $displayName: String) {
  result: enqueueSweepRun(input: {id: $id, config: $config, displayName: $displayName}) {
    id runQueueItemId
  }
}""",
    QueuedAnswer,
)
