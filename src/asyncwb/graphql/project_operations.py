"""Operations of projects and their reports."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.api_answers import UserNode  # noqa: TC001 - msgspec reads it
from asyncwb.graphql.api_operations import USER_FIELDS
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads it

__all__ = [
    "CREATE_RUN",
    "DELETE_PROJECT",
    "DELETE_REPORT",
    "PROJECT",
    "PROJECTS",
    "REPORTS",
    "UPSERT_PROJECT",
    "UPSERT_REPORT",
    "ProjectNode",
    "ReportNode",
]


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the answers: camel case on the wire."""


class ProjectNode(_Answer, frozen=True):
    """A project."""

    id: str
    name: str
    entity_name: str = ""
    created_at: str | None = None
    is_benchmark: bool | None = None
    description: str | None = None
    user: UserNode | None = None


class ProjectAnswer(_Answer, frozen=True):
    """Answer of `PROJECT`."""

    project: ProjectNode | None = None


class _ProjectEdge(_Answer, frozen=True):
    node: ProjectNode | None = None


class _Projects(_Answer, frozen=True):
    page_info: PageInfo
    edges: list[_ProjectEdge] = []


class ProjectsAnswer(_Answer, frozen=True):
    """Answer of `PROJECTS`."""

    models: _Projects | None = None


class _Upserted(_Answer, frozen=True):
    project: ProjectNode | None = None
    inserted: bool | None = None


class UpsertProjectAnswer(_Answer, frozen=True):
    """Answer of `UPSERT_PROJECT`."""

    result: _Upserted | None = None


class _Success(_Answer, frozen=True):
    success: bool | None = None


class SuccessAnswer(_Answer, frozen=True):
    """Answer of the mutations of which only the success counts."""

    result: _Success | None = None


class ReportNode(_Answer, frozen=True):
    """A report: a view that is kept with a project."""

    id: str
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    user: UserNode | None = None
    spec: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class _ReportEdge(_Answer, frozen=True):
    cursor: str
    node: ReportNode | None = None


class _Reports(_Answer, frozen=True):
    page_info: PageInfo
    edges: list[_ReportEdge] = []


class _ReportsProject(_Answer, frozen=True):
    all_views: _Reports | None = None


class ReportsAnswer(_Answer, frozen=True):
    """Answer of `REPORTS`."""

    project: _ReportsProject | None = None


class _View(_Answer, frozen=True):
    view: ReportNode | None = None


class UpsertReportAnswer(_Answer, frozen=True):
    """Answer of `UPSERT_REPORT`."""

    result: _View | None = None


class _Made(_Answer, frozen=True):
    id: str
    name: str


class _Bucket(_Answer, frozen=True):
    bucket: _Made | None = None


class CreateRunAnswer(_Answer, frozen=True):
    """Answer of `CREATE_RUN`."""

    result: _Bucket | None = None


_PROJECT = f"id name entityName createdAt isBenchmark description user {{ {USER_FIELDS} }}"
_REPORT = """id name displayName description spec createdAt updatedAt
    user { name username email photoUrl }"""

PROJECT = Operation(
    "Project",
    f"""query Project($entity: String!, $project: String!) {{
  project(entityName: $entity, name: $project) {{ {_PROJECT} }}
}}""",
    ProjectAnswer,
)
PROJECTS = Operation(
    "Projects",
    f"""query Projects($entity: String!, $cursor: String, $perPage: Int) {{
  models(entityName: $entity, first: $perPage, after: $cursor) {{
    edges {{ node {{ {_PROJECT} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}""",
    ProjectsAnswer,
)
UPSERT_PROJECT = Operation(
    "UpsertProject",
    """mutation UpsertProject($input: UpsertModelInput!) {
  result: upsertModel(input: $input) { project { id name entityName } inserted }
}""",
    UpsertProjectAnswer,
)
DELETE_PROJECT = Operation(
    "DeleteProject",
    """mutation DeleteProject($id: String!) {
  result: deleteModel(input: {id: $id}) { success }
}""",
    SuccessAnswer,
)
CREATE_RUN = Operation(
    "CreateRun",
    """mutation CreateRun($entity: String, $project: String, $name: String!, $state: String) {
  result: upsertBucket(input: {
    entityName: $entity, modelName: $project, name: $name, state: $state
  }) { bucket { id name } }
}""",
    CreateRunAnswer,
)
REPORTS = Operation(
    "Reports",
    f"""query Reports(
  $entity: String!, $project: String!, $viewType: String, $viewName: String,
  $cursor: String, $perPage: Int
) {{
  project(entityName: $entity, name: $project) {{
    allViews(viewType: $viewType, viewName: $viewName, first: $perPage, after: $cursor) {{
      edges {{ cursor node {{ {_REPORT} }} }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}""",
    ReportsAnswer,
)
UPSERT_REPORT = Operation(
    "UpsertReport",
    f"""mutation UpsertReport($input: UpsertViewInput!) {{
  result: upsertView(input: $input) {{ view {{ {_REPORT} }} }}
}}""",
    UpsertReportAnswer,
)
DELETE_REPORT = Operation(
    "DeleteReport",
    """mutation DeleteReport($id: ID!) {
  result: deleteView(input: {id: $id}) { success }
}""",
    SuccessAnswer,
)
