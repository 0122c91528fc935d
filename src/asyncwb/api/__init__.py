"""The read side: `Api`, projects, runs, history, files, sweeps, reports, teams, artifacts."""

from __future__ import annotations

from asyncwb.api.api import Api
from asyncwb.api.artifact_files import ArtifactFiles
from asyncwb.api.artifact_types import ArtifactType
from asyncwb.api.artifacts import ArtifactVersions, RunArtifacts
from asyncwb.api.automation_listings import (
    Automations,
    Integrations,
    SlackIntegrations,
    WebhookIntegrations,
)
from asyncwb.api.client import Client
from asyncwb.api.collections import ArtifactCollection
from asyncwb.api.console_logs import ConsoleLogLine, ConsoleLogs
from asyncwb.api.expressions import PythonMongoishQueryGenerator
from asyncwb.api.files import File, Files
from asyncwb.api.following import HistoryFollow
from asyncwb.api.history import HistoryScan
from asyncwb.api.history_exports import DownloadHistoryResult
from asyncwb.api.listings import ProjectArtifactCollections, ProjectArtifactTypes
from asyncwb.api.projects import Project, Projects
from asyncwb.api.query_generator import PanelMetricsHelper, QueryGenerator
from asyncwb.api.registries.listings import Registries
from asyncwb.api.registries.members import MemberRole, TeamMember, UserMember
from asyncwb.api.registries.queries import Organization
from asyncwb.api.registries.registry import Registry
from asyncwb.api.registries.search import Collections, Versions
from asyncwb.api.registries.types import AddOnlyArtifactTypesList
from asyncwb.api.reports import BetaReport, Reports
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.api.summary import Summary
from asyncwb.api.sweep_agents import Agent, AgentRuns
from asyncwb.api.sweep_listing import Sweeps
from asyncwb.api.sweeps import Sweep
from asyncwb.api.team import Member, Team
from asyncwb.api.user import User
from asyncwb.api.watching import RunChange, RunWatch
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.entry import ArtifactEntry
from asyncwb.automations import Automation
from asyncwb.errors import IncompleteRunHistoryError, RunNotFoundError

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
