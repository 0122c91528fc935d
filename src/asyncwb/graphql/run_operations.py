"""Operations of the run side: creating, resuming, uploading, alerting, stopping."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.operation import Operation

__all__ = [
    "CREATE_RUN_FILES",
    "NOTIFY_ALERT",
    "RESUME_STATUS",
    "REWIND_RUN",
    "SERVER_FEATURES",
    "STOP_RUN",
    "UPSERT_BUCKET",
    "VIEWER",
    "AlertAnswer",
    "Bucket",
    "CreateRunFilesAnswer",
    "EntityRef",
    "FileUpload",
    "ProjectRef",
    "ResumeBucket",
    "ResumeStatusAnswer",
    "RewindAnswer",
    "ServerFeaturesAnswer",
    "StopRunAnswer",
    "UpsertBucketAnswer",
    "ViewerAnswer",
    "ViewerUser",
]


class EntityRef(msgspec.Struct, frozen=True):
    """A user or team."""

    name: str
    id: str | None = None


class ProjectRef(msgspec.Struct, frozen=True):
    """A project and whom it belongs to."""

    name: str
    entity: EntityRef | None = None
    id: str | None = None


class Bucket(msgspec.Struct, frozen=True, rename="camel"):
    """A run as the server answers after writing it.

    Attributes:
        id: Storage id, for later changes.
        name: The run id; may differ from the one asked for.
        display_name: Human label; the server invents one where none was given.
        history_line_count: Rows the server already has.
    """

    id: str
    name: str
    display_name: str | None = None
    description: str | None = None
    config: str | None = None
    sweep_name: str | None = None
    project: ProjectRef | None = None
    history_line_count: int | None = None


class _Upserted(msgspec.Struct, frozen=True):
    bucket: Bucket | None = None
    inserted: bool | None = None


class UpsertBucketAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `UPSERT_BUCKET`."""

    upsert_bucket: _Upserted | None = None


_BUCKET_FIELDS = """
    id
    name
    displayName
    description
    config
    sweepName
    project { id name entity { id name } }
    historyLineCount
"""

# Variable, its type, and the field of the input object where the names differ.
_UPSERT_VARIABLES = (
    ("id", "String", "id"),
    ("name", "String", "name"),
    ("project", "String", "modelName"),
    ("entity", "String", "entityName"),
    ("groupName", "String", "groupName"),
    ("jobType", "String", "jobType"),
    ("sweep", "String", "sweep"),
    ("displayName", "String", "displayName"),
    ("description", "String", "description"),
    ("notes", "String", "notes"),
    ("tags", "[String!]", "tags"),
    ("config", "JSONString", "config"),
    ("summaryMetrics", "JSONString", "summaryMetrics"),
    ("state", "String", "state"),
    ("debug", "Boolean", "debug"),
    ("host", "String", "host"),
    ("program", "String", "jobProgram"),
    ("repo", "String", "jobRepo"),
    ("commit", "String", "commit"),
)

UPSERT_BUCKET = Operation(
    "UpsertBucket",
    "mutation UpsertBucket("
    + ", ".join(f"${name}: {kind}" for name, kind, _ in _UPSERT_VARIABLES)
    + ") {\n  upsertBucket(input: {"
    + ", ".join(f"{field}: ${name}" for name, _, field in _UPSERT_VARIABLES)
    + "}) {\n    bucket {"
    + _BUCKET_FIELDS
    + "    }\n    inserted\n  }\n}",
    UpsertBucketAnswer,
)
"""Create a run, or change one; a null variable leaves its field alone."""


class ResumeBucket(msgspec.Struct, frozen=True, rename="camel"):
    """What a server knows about an existing run."""

    id: str
    name: str
    display_name: str | None = None
    summary_metrics: str | None = None
    config: str | None = None
    tags: list[str] | None = None
    notes: str | None = None
    history_line_count: int | None = None
    events_line_count: int | None = None
    log_line_count: int | None = None
    history_tail: str | None = None
    events_tail: str | None = None
    wandb_config: str | None = None


class _ResumeModel(msgspec.Struct, frozen=True):
    name: str | None = None
    entity: EntityRef | None = None
    bucket: ResumeBucket | None = None


class ResumeStatusAnswer(msgspec.Struct, frozen=True):
    """Answer of `RESUME_STATUS`; `model` or its bucket is None where there is no such run."""

    model: _ResumeModel | None = None


RESUME_STATUS = Operation(
    "RunResumeStatus",
    """query RunResumeStatus($name: String!, $project: String, $entity: String) {
  model(entityName: $entity, name: $project) {
    id
    name
    entity { id name }
    bucket(missingOk: true, name: $name) {
      id
      name
      displayName
      tags
      notes
      config
      wandbConfig(keys: ["t"])
      summaryMetrics
      historyLineCount
      eventsLineCount
      logLineCount
      historyTail
      eventsTail
    }
  }
}""",
    ResumeStatusAnswer,
)
"""Ask whether a run exists and where its rows end."""


class FileUpload(msgspec.Struct, frozen=True, rename="camel"):
    """Where to put the bytes of one file."""

    name: str
    upload_url: str | None = None


class _CreatedFiles(msgspec.Struct, frozen=True, rename="camel"):
    run_id: str | None = msgspec.field(name="runID", default=None)
    upload_headers: list[str] | None = None
    files: list[FileUpload | None] | None = None


class CreateRunFilesAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `CREATE_RUN_FILES`."""

    create_run_files: _CreatedFiles | None = None


CREATE_RUN_FILES = Operation(
    "CreateRunFiles",
    """mutation CreateRunFiles(
  $run: String!, $project: String!, $entity: String!, $files: [String!]!
) {
  createRunFiles(
    input: {runName: $run, projectName: $project, entityName: $entity, files: $files}
  ) {
    runID
    files { name uploadUrl }
    uploadHeaders
  }
}""",
    CreateRunFilesAnswer,
)
"""Announce files of a run and get an upload URL for each."""


class _TeamNode(msgspec.Struct, frozen=True):
    node: EntityRef


class _Teams(msgspec.Struct, frozen=True):
    edges: list[_TeamNode] = []


class ViewerUser(msgspec.Struct, frozen=True):
    """The account behind the credentials.

    Attributes:
        entity: Where runs go by default.
        flags: JSON text.
    """

    id: str
    username: str | None = None
    entity: str | None = None
    email: str | None = None
    flags: str | None = None
    teams: _Teams | None = None


class ViewerAnswer(msgspec.Struct, frozen=True):
    """Answer of `VIEWER`; None without valid credentials."""

    viewer: ViewerUser | None = None


VIEWER = Operation(
    "Viewer",
    """query Viewer {
  viewer {
    id
    username
    entity
    email
    flags
    teams { edges { node { name } } }
  }
}""",
    ViewerAnswer,
)
"""Ask whose credentials these are."""


class _Feature(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    is_enabled: bool = False


class _ServerInfo(msgspec.Struct, frozen=True):
    features: list[_Feature | None] | None = None


class ServerFeaturesAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `SERVER_FEATURES`."""

    server_info: _ServerInfo | None = None

    @property
    def enabled(self) -> frozenset[str]:
        """Names of the features that are switched on."""
        features = (self.server_info.features if self.server_info else None) or []
        return frozenset(f.name for f in features if f is not None and f.is_enabled)


SERVER_FEATURES = Operation(
    "ServerFeaturesQuery",
    "query ServerFeaturesQuery {\n  serverInfo { features { name isEnabled } }\n}",
    ServerFeaturesAnswer,
)
"""Ask which optional features the server has."""


class _Success(msgspec.Struct, frozen=True):
    success: bool | None = None


class AlertAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `NOTIFY_ALERT`."""

    notify_scriptable_run_alert: _Success | None = None


_ALERT_FIELDS = (
    "entityName",
    "projectName",
    "runName",
    "title",
    "text",
    "severity",
    "waitDuration",
)

NOTIFY_ALERT = Operation(
    "NotifyScriptableRunAlert",
    """mutation NotifyScriptableRunAlert(
  $runName: String!, $projectName: String!, $entityName: String!,
  $title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration
) {
  notifyScriptableRunAlert(input: {"""
    + ", ".join(f"{name}: ${name}" for name in _ALERT_FIELDS)
    + "}) { success }\n}",
    AlertAnswer,
)
"""Send an alert; `waitDuration` is in milliseconds."""


class StopRunAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `STOP_RUN`."""

    stop_run: _Success | None = None


STOP_RUN = Operation(
    "StopRun",
    "mutation StopRun($id: ID!) {\n  stopRun(input: {id: $id}) { success }\n}",
    StopRunAnswer,
)
"""Ask a live run to stop; `id` is the storage id."""


class _Rewound(msgspec.Struct, frozen=True, rename="camel"):
    rewound_run: Bucket | None = None


class RewindAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of `REWIND_RUN`; None where there is no such run."""

    rewind_run: _Rewound | None = None


REWIND_RUN = Operation(
    "RewindRun",
    """mutation RewindRun(
  $runName: String!, $project: String, $entity: String,
  $metricName: String!, $metricValue: Float!
) {
  rewindRun(input: {runName: $runName, projectName: $project, entityName: $entity,
                    metricName: $metricName, metricValue: $metricValue}) {
    rewoundRun {"""
    + _BUCKET_FIELDS
    + "    }\n  }\n}",
    RewindAnswer,
)
"""Cut a run's history after a step."""
