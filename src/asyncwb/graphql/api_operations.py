"""Operations of the read side."""

from __future__ import annotations

from functools import lru_cache

from asyncwb.graphql.api_answers import (
    CreateRunFilesData,
    FeaturesData,
    FilesData,
    HistoriesData,
    HistoryData,
    MutationData,
    OrganizationData,
    OrganizationsData,
    RunData,
    RunsData,
    StateData,
    UpdateRunData,
    ViewerData,
)
from asyncwb.graphql.operation import Operation

__all__ = [
    "CREATE_RUN_FILES",
    "DELETE_FILES",
    "DELETE_RUN",
    "FEATURES",
    "FIRST_PAGE",
    "HISTORY_PAGE",
    "LIGHT_FIELDS",
    "LIGHT_RUN",
    "LIGHT_RUNS",
    "LIVE_BOUNDS",
    "MARK_RUN_FILES_UPLOADED",
    "ORGANIZATION",
    "ORGANIZATIONS",
    "RECENT_LIGHT_RUNS",
    "RECENT_RUNS",
    "RUN",
    "RUNS",
    "RUN_EVENTS",
    "RUN_FILES",
    "RUN_HISTORY",
    "RUN_STATE",
    "SAMPLED_HISTORY",
    "SCAN_BOUNDS",
    "STOP_RUN",
    "UPDATE_RUN",
    "UPDATE_RUN_STATE",
    "UPDATE_SUMMARY",
    "USER_FIELDS",
    "VIEWER",
    "first_pages",
]

LIGHT_FIELDS = """
    id name projectId displayName description notes tags state group jobType sweepName
    commit readOnly createdAt heartbeatAt historyLineCount user { name username }
"""
_FULL_FIELDS = LIGHT_FIELDS + " config summaryMetrics systemMetrics historyKeys"


def _runs(name: str, fields: str) -> Operation[RunsData]:
    return Operation(
        name,
        f"""query {name}(
  $entity: String!, $project: String!, $cursor: String, $perPage: Int,
  $order: String, $filters: JSONString, $count: Boolean!
) {{
  project(entityName: $entity, name: $project) {{
    runCount(filters: $filters) @include(if: $count)
    runs(filters: $filters, order: $order, first: $perPage, after: $cursor) {{
      edges {{ cursor node {{ {fields} }} }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}""",
        RunsData,
    )


def _of_run(name: str, selection: str, declared: str = "") -> str:
    return f"""query {name}($entity: String!, $project: String!, $name: String!{declared}) {{
  project(entityName: $entity, name: $project) {{ run(name: $name) {{ {selection} }} }}
}}"""


RUNS = _runs("Runs", _FULL_FIELDS)
LIGHT_RUNS = _runs("LightRuns", LIGHT_FIELDS)
RECENT_RUNS = _runs("RecentRuns", _FULL_FIELDS + " updatedAt")
RECENT_LIGHT_RUNS = _runs("RecentLightRuns", LIGHT_FIELDS + " updatedAt")
RUN = Operation("Run", _of_run("Run", _FULL_FIELDS), RunData)
LIGHT_RUN = Operation("LightRun", _of_run("LightRun", LIGHT_FIELDS), RunData)
RUN_STATE = Operation("RunState", _of_run("RunState", "state"), StateData)

RUN_HISTORY = Operation(
    "RunHistory",
    _of_run("RunHistory", "history(samples: $samples)", ", $samples: Int"),
    HistoryData,
)
RUN_EVENTS = Operation(
    "RunEvents", _of_run("RunEvents", "events(samples: $samples)", ", $samples: Int"), HistoryData
)
SAMPLED_HISTORY = Operation(
    "SampledHistory",
    _of_run("SampledHistory", "sampledHistory(specs: $specs)", ", $specs: [JSONString!]!"),
    HistoryData,
)
SCAN_BOUNDS = Operation(
    "ScanBounds",
    _of_run(
        "ScanBounds",
        "historyKeys historyLineCount parquetHistory(liveKeys: $liveKeys) { parquetUrls liveData }",
        ", $liveKeys: [String!]!",
    ),
    HistoryData,
)
_FIRST_PAGE = """historyKeys historyLineCount
    parquetHistory(liveKeys: $liveKeys) { parquetUrls liveData }
    history(minStep: $minStep, maxStep: $maxStep, samples: $samples)"""
_FIRST_PAGE_VARIABLES = (
    ", $liveKeys: [String!]!, $minStep: Int64!, $maxStep: Int64!, $samples: Int!"
)
FIRST_PAGE = Operation(
    "FirstPage", _of_run("FirstPage", _FIRST_PAGE, _FIRST_PAGE_VARIABLES), HistoryData
)


@lru_cache(maxsize=128)
def first_pages(count: int) -> Operation[HistoriesData]:
    """`FIRST_PAGE` of so many runs of a project, `$name0` as `run0` and so on."""
    names = "".join(f", $name{index}: String!" for index in range(count))
    pages = "\n".join(
        f"    run{index}: run(name: $name{index}) {{ {_FIRST_PAGE} }}" for index in range(count)
    )
    return Operation(
        "FirstPages",
        f"""query FirstPages($entity: String!, $project: String!{names}{_FIRST_PAGE_VARIABLES}) {{
  project(entityName: $entity, name: $project) {{
{pages}
  }}
}}""",
        HistoriesData,
    )


LIVE_BOUNDS = Operation(
    "LiveBounds", _of_run("LiveBounds", "historyKeys historyLineCount"), HistoryData
)
HISTORY_PAGE = Operation(
    "HistoryPage",
    _of_run(
        "HistoryPage",
        "history(minStep: $minStep, maxStep: $maxStep, samples: $samples)",
        ", $minStep: Int64!, $maxStep: Int64!, $samples: Int!",
    ),
    HistoryData,
)

RUN_FILES = Operation(
    "RunFiles",
    _of_run(
        "RunFiles",
        """fileCount
    files(names: $names, pattern: $pattern, first: $perPage, after: $cursor) {
      edges { cursor node { id name url directUrl sizeBytes mimetype updatedAt md5 } }
      pageInfo { hasNextPage endCursor }
    }""",
        ", $names: [String], $pattern: String, $perPage: Int, $cursor: String",
    ),
    FilesData,
)

USER_FIELDS = """id name username email admin flags entity deletedAt
    apiKeys { edges { node { id name description } } } teams { edges { node { name } } }"""

VIEWER = Operation("Viewer", f"query Viewer {{ viewer {{ {USER_FIELDS} }} }}", ViewerData)
FEATURES = Operation(
    "Features", "query Features { serverInfo { features { name isEnabled } } }", FeaturesData
)

ORGANIZATIONS = Operation(
    "FetchOrgInfoFromEntity",
    """query FetchOrgInfoFromEntity($entity: String!) {
  entity(name: $entity) {
    organization { name orgEntity { name } }
    user { organizations { name orgEntity { name } } }
  }
}""",
    OrganizationsData,
)
ORGANIZATION = Operation(
    "FetchOrganization",
    """query FetchOrganization($org: String!) {
  organization(name: $org) { id name orgEntity { id name entityType } }
}""",
    OrganizationData,
)

UPDATE_RUN = Operation(
    "UpdateRun",
    f"""mutation UpdateRun(
  $id: String!, $displayName: String, $description: String, $notes: String, $tags: [String!],
  $group: String, $jobType: String, $config: JSONString!
) {{
  upsertBucket(input: {{
    id: $id, displayName: $displayName, description: $description, notes: $notes, tags: $tags,
    groupName: $group, jobType: $jobType, config: $config
  }}) {{ bucket {{ {_FULL_FIELDS} }} }}
}}""",
    UpdateRunData,
)
UPDATE_SUMMARY = Operation(
    "UpdateSummary",
    """mutation UpdateSummary($id: String!, $summary: JSONString!) {
  upsertBucket(input: {id: $id, summaryMetrics: $summary}) { bucket { id } }
}""",
    MutationData,
)
DELETE_RUN = Operation(
    "DeleteRun",
    """mutation DeleteRun($id: ID!, $deleteArtifacts: Boolean) {
  deleteRun(input: {id: $id, deleteArtifacts: $deleteArtifacts}) { clientMutationId }
}""",
    MutationData,
)
STOP_RUN = Operation(
    "StopRun",
    "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }",
    MutationData,
)
UPDATE_RUN_STATE = Operation(
    "UpdateRunState",
    """mutation UpdateRunState($input: UpdateRunStateInput!) {
  updateRunState(input: $input) { success }
}""",
    MutationData,
)
CREATE_RUN_FILES = Operation(
    "CreateRunFiles",
    """mutation CreateRunFiles(
  $entity: String!, $project: String!, $run: String!, $files: [String!]!
) {
  createRunFiles(input: {
    entityName: $entity, projectName: $project, runName: $run, files: $files
  }) { runID uploadHeaders files { name uploadUrl } }
}""",
    CreateRunFilesData,
)
MARK_RUN_FILES_UPLOADED = Operation(
    "MarkRunFilesUploaded",
    """mutation MarkRunFilesUploaded(
  $entity: String!, $project: String!, $run: String!, $files: [String!]!
) {
  markRunFilesUploaded(input: {
    entityName: $entity, projectName: $project, runName: $run, files: $files
  }) { success }
}""",
    MutationData,
)
DELETE_FILES = Operation(
    "DeleteFiles",
    """mutation DeleteFiles($files: [ID!]!, $projectId: Int) {
  deleteFiles(input: {files: $files, projectId: $projectId}) { success }
}""",
    MutationData,
)
