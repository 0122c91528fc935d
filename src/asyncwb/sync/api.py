"""The names of `asyncwb.api`, blocking."""

from __future__ import annotations

from asyncwb.api.console_logs import ConsoleLogLine
from asyncwb.api.expressions import PythonMongoishQueryGenerator
from asyncwb.api.history_exports import DownloadHistoryResult
from asyncwb.api.query_generator import PanelMetricsHelper, QueryGenerator
from asyncwb.api.registries.members import MemberRole
from asyncwb.api.registries.queries import Organization
from asyncwb.api.registries.types import AddOnlyArtifactTypesList
from asyncwb.automations import Automation
from asyncwb.errors import IncompleteRunHistoryError, RunNotFoundError
from asyncwb.sync._api import Api
from asyncwb.sync._api_artifact_files import ArtifactFiles
from asyncwb.sync._api_artifact_types import ArtifactType
from asyncwb.sync._api_artifacts import ArtifactVersions, RunArtifacts
from asyncwb.sync._api_automations import (
    Automations,
    Integrations,
    SlackIntegrations,
    WebhookIntegrations,
)
from asyncwb.sync._api_client import Client
from asyncwb.sync._api_collections import ArtifactCollection
from asyncwb.sync._api_console_logs import ConsoleLogs
from asyncwb.sync._api_files import File, Files
from asyncwb.sync._api_following import HistoryFollow
from asyncwb.sync._api_history import HistoryScan
from asyncwb.sync._api_listings import ProjectArtifactCollections, ProjectArtifactTypes
from asyncwb.sync._api_projects import Project, Projects
from asyncwb.sync._api_reports import BetaReport, Reports
from asyncwb.sync._api_run import Run
from asyncwb.sync._api_runs import Runs
from asyncwb.sync._api_summary import Summary
from asyncwb.sync._api_sweep_agents import Agent, AgentRuns
from asyncwb.sync._api_sweep_listing import Sweeps
from asyncwb.sync._api_sweeps import Sweep
from asyncwb.sync._api_team import Member, Team
from asyncwb.sync._api_user import User
from asyncwb.sync._api_watching import RunChange, RunWatch
from asyncwb.sync._artifact import Artifact
from asyncwb.sync._artifact_entry import ArtifactEntry
from asyncwb.sync._registries import Registries
from asyncwb.sync._registry import Registry
from asyncwb.sync._registry_members import TeamMember, UserMember
from asyncwb.sync._registry_search import Collections, Versions

# Names that the wandb package has had for the same things.
ArtifactTypes = ProjectArtifactTypes
ArtifactCollections = ProjectArtifactCollections
Artifacts = ArtifactVersions
ArtifactManifestEntry = ArtifactEntry
HTTPSummary = Summary
SampledHistoryScan = HistoryScan

__all__ = [
    "AddOnlyArtifactTypesList",
    "Agent",
    "AgentRuns",
    "Api",
    "Artifact",
    "ArtifactCollection",
    "ArtifactCollections",
    "ArtifactEntry",
    "ArtifactFiles",
    "ArtifactManifestEntry",
    "ArtifactType",
    "ArtifactTypes",
    "ArtifactVersions",
    "Artifacts",
    "Automation",
    "Automations",
    "BetaReport",
    "Client",
    "Collections",
    "ConsoleLogLine",
    "ConsoleLogs",
    "DownloadHistoryResult",
    "File",
    "Files",
    "HTTPSummary",
    "HistoryFollow",
    "HistoryScan",
    "IncompleteRunHistoryError",
    "Integrations",
    "Member",
    "MemberRole",
    "Organization",
    "PanelMetricsHelper",
    "Project",
    "ProjectArtifactCollections",
    "ProjectArtifactTypes",
    "Projects",
    "PythonMongoishQueryGenerator",
    "QueryGenerator",
    "Registries",
    "Registry",
    "Reports",
    "Run",
    "RunArtifacts",
    "RunChange",
    "RunNotFoundError",
    "RunWatch",
    "Runs",
    "SampledHistoryScan",
    "SlackIntegrations",
    "Summary",
    "Sweep",
    "Sweeps",
    "Team",
    "TeamMember",
    "User",
    "UserMember",
    "Versions",
    "WebhookIntegrations",
]
