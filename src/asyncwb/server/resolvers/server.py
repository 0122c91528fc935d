"""What the server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import (
    accounts,
    alerts,
    artifact_changes,
    artifact_collection_changes,
    artifact_collections,
    artifact_files,
    artifact_links,
    artifacts,
    automations,
    custom_charts,
    files,
    history,
    organizations,
    projects,
    registries,
    run_pages,
    runs,
    sweeps,
    teams,
    views,
)
from .registry import Resolvers, load_schema

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from .context import Info, Node

__all__ = ["make_schema"]

query = Resolvers("Query")

# only what is really served; clients leave out the requests of features that are not named here
_FEATURES = (
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_DIGEST_ALGORITHM",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_REGISTRY_SEARCH",
    "ARTIFACT_TAGS",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "AUTOMATION_ACTION_NO_OP",
    "AUTOMATION_EVENT_ADD_ARTIFACT_TAG",
    "AUTOMATION_EVENT_ADD_COLLECTION_TAG",
    "AUTOMATION_EVENT_REMOVE_ARTIFACT_TAG",
    "AUTOMATION_EVENT_REMOVE_COLLECTION_TAG",
    "AUTOMATION_EVENT_RUN_METRIC",
    "AUTOMATION_EVENT_RUN_METRIC_CHANGE",
    "AUTOMATION_EVENT_RUN_METRIC_ZSCORE",
    "AUTOMATION_EVENT_RUN_STATE",
    "AUTOMATION_EVENT_UNLINK_ARTIFACT",
    "AUTOMATION_LAST_EXECUTED_AT",
    "AUTOMATION_SCOPE_ENTITY",
    "CLIENT_IDS",
    "FILESTREAM_GZIP",
    "INCLUDE_ARTIFACT_TYPES_IN_REGISTRY_CREATION",
    "LARGE_FILENAMES",
    "MARK_RUN_FILES_UPLOADED",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "QUERY_AUTOMATIONS_ON_ENTITY",
    "STRUCTURED_CONSOLE_LOGS",
    "SWEEPS_QUERY_FILTERING",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
    "X_SMALL_FILE_BATCHES",
)

# Clients before 0.26 ask which of them fit, and cannot do without an answer.
_CLI_VERSIONS = {"min_cli_version": "0.12.0", "max_cli_version": "0.31.0"}


@query.field("serverInfo")
def _server_info(_root: Any, _info: Info) -> Node:
    return {
        "features": [{"name": name, "isEnabled": True} for name in _FEATURES],
        "cliVersionInfo": _CLI_VERSIONS,
    }


def make_schema() -> GraphQLSchema:
    """The schema with all resolvers attached."""
    return load_schema(
        query,
        accounts.query,
        accounts.mutation,
        accounts.user,
        accounts.entity,
        teams.entity,
        teams.mutation,
        projects.query,
        projects.mutation,
        projects.project,
        run_pages.run_connection,
        alerts.project,
        alerts.run,
        custom_charts.query,
        custom_charts.mutation,
        views.query,
        views.mutation,
        views.project,
        views.view,
        runs.run,
        runs.mutation,
        history.run,
        files.run,
        files.file,
        files.mutation,
        sweeps.project,
        sweeps.sweep,
        sweeps.agent,
        sweeps.mutation,
        artifacts.query,
        artifacts.project,
        artifacts.run,
        artifacts.artifact,
        artifacts.membership,
        artifacts.alias,
        artifacts.type_,
        *artifact_collections.bound,
        artifact_files.artifact,
        artifact_files.membership,
        artifact_files.manifest,
        artifact_changes.mutation,
        artifact_links.mutation,
        artifact_collection_changes.mutation,
        organizations.query,
        organizations.user,
        organizations.entity,
        organizations.organization,
        registries.project,
        registries.mutation,
        *automations.bound,
    )
