"""What the answers of the read side hold; field names are camel case on the wire."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "ApiKeyNode",
    "CreateRunFilesData",
    "Feature",
    "FeaturesData",
    "FileConnection",
    "FileEdge",
    "FileNode",
    "FilesData",
    "FilesRun",
    "HistoriesData",
    "HistoryData",
    "HistoryRun",
    "KeyedData",
    "MutationData",
    "OrganizationData",
    "OrganizationNode",
    "OrganizationsData",
    "OrganizationsNode",
    "ParquetHistory",
    "RunConnection",
    "RunData",
    "RunEdge",
    "RunFilesCreated",
    "RunNode",
    "RunProject",
    "RunsData",
    "RunsProject",
    "StateData",
    "UpdateRunData",
    "UploadFile",
    "UserNode",
    "ViewerData",
]


T = TypeVar("T")


class _Node(msgspec.Struct, rename="camel", gc=False):
    """Base of the answers: camel case on the wire, and no cycles."""


class _Name(_Node):
    name: str


class _NameEdge(_Node):
    node: _Name


class _Names(_Node):
    edges: list[_NameEdge] = []


class ApiKeyNode(_Node):
    """A key; the name is what may be shown of it."""

    id: str
    name: str
    description: str | None = None


class _KeyEdge(_Node):
    node: ApiKeyNode | None = None


class _Keys(_Node):
    edges: list[_KeyEdge] = []


class UserNode(_Node):
    """A user; of the user of a run only the names are asked for."""

    name: str | None = None
    username: str | None = None
    id: str | None = None
    email: str | None = None
    admin: bool | None = None
    entity: str | None = None
    flags: str | None = None
    deleted_at: str | None = None
    photo_url: str | None = None
    teams: _Names | None = None
    api_keys: _Keys | None = None


class RunNode(_Node):
    """A run; the last four fields are asked for in a full load only."""

    id: str
    name: str
    created_at: str
    project_id: int | str | None = None
    display_name: str | None = None
    description: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    state: str | None = None
    group: str | None = None
    job_type: str | None = None
    sweep_name: str | None = None
    commit: str | None = None
    read_only: bool | None = None
    heartbeat_at: str | None = None
    updated_at: str | None = None
    history_line_count: int | None = None
    user: UserNode | None = None
    config: str | msgspec.UnsetType | None = msgspec.UNSET
    summary_metrics: str | msgspec.UnsetType | None = msgspec.UNSET
    system_metrics: str | msgspec.UnsetType | None = msgspec.UNSET
    history_keys: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET


class RunEdge(_Node):
    """One run of a listing."""

    node: RunNode
    cursor: str


class RunConnection(_Node):
    """One page of runs."""

    page_info: PageInfo
    edges: list[RunEdge] = []


class FileNode(_Node):
    """A file of a run."""

    id: str
    name: str
    direct_url: str | None = None
    url: str | None = None
    size_bytes: int | str = 0
    mimetype: str | None = None
    updated_at: str | None = None
    md5: str | None = None


class FileEdge(_Node):
    """One file of a listing."""

    node: FileNode
    cursor: str


class FileConnection(_Node):
    """One page of files."""

    page_info: PageInfo
    edges: list[FileEdge] = []


class ParquetHistory(_Node):
    """History that the server has moved to Parquet files."""

    parquet_urls: list[str] | None = None
    live_data: list[dict[str, Any]] | None = None


class HistoryRun(_Node):
    """What the history operations ask of a run; each fills its own part."""

    history: list[str] | None = None
    events: list[str] | None = None
    sampled_history: list[list[dict[str, Any]] | None] | None = None
    history_keys: dict[str, Any] | None = None
    history_line_count: int | None = None
    parquet_history: ParquetHistory | None = None


class _KeyedRun(_Node, Generic[T]):
    sampled_history: list[list[T] | None] | None = None


class _KeyedProject(_Node, Generic[T]):
    run: _KeyedRun[T] | None = None


class KeyedData(_Node, Generic[T]):
    """Answer of `SAMPLED_HISTORY` whose rows are read as structs."""

    project: _KeyedProject[T] | None = None


class FilesRun(_Node):
    """Files of a run."""

    file_count: int | None = None
    files: FileConnection | None = None


class _State(_Node):
    state: str | None = None


class RunsProject(_Node):
    """Runs of a project."""

    run_count: int | None = None
    runs: RunConnection | None = None


class RunsData(_Node):
    """Answer of `RUNS`."""

    project: RunsProject | None


class RunProject(_Node):
    """One run of a project."""

    run: RunNode | None


class RunData(_Node):
    """Answer of `RUN`."""

    project: RunProject | None


class _StateProject(_Node):
    run: _State | None


class StateData(_Node):
    """Answer of `RUN_STATE`."""

    project: _StateProject | None


class HistoriesData(_Node):
    """Answer of `first_pages`: histories by the names of the operation."""

    project: dict[str, HistoryRun | None] | None


class _HistoryProject(_Node):
    run: HistoryRun | None


class HistoryData(_Node):
    """Answer of the history operations."""

    project: _HistoryProject | None


class _FilesProject(_Node):
    run: FilesRun | None


class FilesData(_Node):
    """Answer of `RUN_FILES`."""

    project: _FilesProject | None


class ViewerData(_Node):
    """Answer of `VIEWER`."""

    viewer: UserNode | None


class Feature(_Node):
    """One switch of the server."""

    name: str
    is_enabled: bool


class _ServerInfo(_Node):
    features: list[Feature] | None = None


class FeaturesData(_Node):
    """Answer of `FEATURES`."""

    server_info: _ServerInfo | None = None


class _Bucket(_Node):
    bucket: RunNode | None = None


class UpdateRunData(_Node):
    """Answer of `UPDATE_RUN`."""

    upsert_bucket: _Bucket | None = None


class _Success(_Node):
    success: bool | None = None


class MutationData(_Node):
    """Answer of the mutations of which only the success counts."""

    upsert_bucket: dict[str, Any] | None = None
    delete_run: dict[str, Any] | None = None
    stop_run: _Success | None = None
    update_run_state: _Success | None = None
    delete_files: _Success | None = None
    mark_run_files_uploaded: _Success | None = None


class UploadFile(_Node):
    """Where to put one file."""

    name: str
    upload_url: str


class RunFilesCreated(_Node):
    """Where to put files of a run; `run_id` is empty where the run cannot be written."""

    run_id: str | None = msgspec.field(name="runID", default=None)
    upload_headers: list[str] | None = None
    files: list[UploadFile] | None = None


class CreateRunFilesData(_Node):
    """Answer of `CREATE_RUN_FILES`."""

    create_run_files: RunFilesCreated | None = None


class _OrganizationEntity(_Node):
    name: str
    id: str | None = None
    entity_type: str | None = None


class OrganizationNode(_Node):
    """An organization, and the entity that owns its registries."""

    name: str
    org_entity: _OrganizationEntity | None = None
    id: str | None = None


class _Member(_Node):
    organizations: list[OrganizationNode] = []


class OrganizationsNode(_Node):
    """To which organizations an entity belongs: a team to one, a user to any number."""

    organization: OrganizationNode | None = None
    user: _Member | None = None

    def all(self) -> list[OrganizationNode]:
        """All of them that own an entity."""
        found = [] if self.organization is None else [self.organization]
        found += [] if self.user is None else self.user.organizations
        return [one for one in found if one.org_entity is not None]


class OrganizationsData(_Node):
    """Answer of `ORGANIZATIONS`."""

    entity: OrganizationsNode | None = None


class OrganizationData(_Node):
    """Answer of `ORGANIZATION`."""

    organization: OrganizationNode | None = None
