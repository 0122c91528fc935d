"""Operations of sweeps and their agents."""

from __future__ import annotations

from typing import Any

import msgspec

from asyncwb import jsonx
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.run_operations import ProjectRef  # noqa: TC001 - msgspec reads it

__all__ = [
    "CREATE_AGENT",
    "CREATE_SWEEP",
    "GET_SWEEP",
    "HEARTBEAT",
    "SET_SWEEP_STATE",
    "Command",
    "SweepNode",
]


class SweepNode(msgspec.Struct, frozen=True, rename="camel"):
    """A sweep.

    Attributes:
        name: Its short id.
        id: Storage id, for changes.
        config: YAML text.
    """

    name: str
    id: str = ""
    state: str = ""
    config: str = ""
    project: ProjectRef | None = None


class Command(msgspec.Struct, frozen=True):
    """What an agent is told to do.

    Attributes:
        type: "run", "resume", "stop" or "exit".
        run_id: The run that is meant.
        program: The script of the sweep's config.
        args: Parameters, each as `{"value": ...}`.
    """

    type: str
    run_id: str = ""
    program: str | None = None
    args: dict[str, dict[str, Any]] = {}


class _Upserted(msgspec.Struct, frozen=True, rename="camel"):
    sweep: SweepNode
    config_validation_warnings: list[str] | None = None


class UpsertSweepAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `CREATE_SWEEP` and `SET_SWEEP_STATE`."""

    upsert_sweep: _Upserted


class _Project(msgspec.Struct, frozen=True):
    sweep: SweepNode | None = None


class SweepAnswer(msgspec.Struct, frozen=True):
    """Answer of `GET_SWEEP`."""

    project: _Project | None = None


class _Agent(msgspec.Struct, frozen=True):
    id: str


class _Created(msgspec.Struct, frozen=True):
    agent: _Agent


class AgentAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `CREATE_AGENT`."""

    create_agent: _Created


class _Beat(msgspec.Struct, frozen=True):
    commands: str | None = None

    def decoded(self) -> list[Command]:
        """The commands, which come as JSON text."""
        return jsonx.decode_as(list[Command], (self.commands or "[]").encode())


class HeartbeatAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `HEARTBEAT`."""

    agent_heartbeat: _Beat


CREATE_SWEEP = Operation(
    "UpsertSweep",
    """mutation UpsertSweep(
  $config: String, $description: String, $entityName: String, $projectName: String,
  $priorRunsFilters: JSONString, $displayName: String
) {
  upsertSweep(input: {
    config: $config, description: $description, entityName: $entityName,
    projectName: $projectName, priorRunsFilters: $priorRunsFilters, displayName: $displayName
  }) {
    sweep { id name project { name entity { name } } }
    configValidationWarnings
  }
}""",
    UpsertSweepAnswer,
)

SET_SWEEP_STATE = Operation(
    "UpsertSweep",
    """mutation UpsertSweep(
  $id: ID, $state: String, $entityName: String, $projectName: String
) {
  upsertSweep(input: {
    id: $id, state: $state, entityName: $entityName, projectName: $projectName
  }) { sweep { id name } }
}""",
    UpsertSweepAnswer,
)

GET_SWEEP = Operation(
    "GetSweep",
    """query GetSweep($entity: String, $project: String, $name: String!) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { id name state config project { name entity { name } } }
  }
}""",
    SweepAnswer,
)

CREATE_AGENT = Operation(
    "CreateAgent",
    """mutation CreateAgent(
  $host: String!, $projectName: String, $entityName: String, $sweep: String!
) {
  createAgent(input: {
    host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep
  }) { agent { id } }
}""",
    AgentAnswer,
)

HEARTBEAT = Operation(
    "Heartbeat",
    """mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: { id: $id, metrics: $metrics, runState: $runState }) {
    agent { id } commands
  }
}""",
    HeartbeatAnswer,
)
