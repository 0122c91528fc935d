"""The read side: `Api`, runs, history, files, artifacts."""

from __future__ import annotations

from asyncwb.api.api import Api
from asyncwb.api.artifact_files import ArtifactFiles
from asyncwb.api.artifacts import ArtifactVersions, RunArtifacts
from asyncwb.api.collections import ArtifactCollection, ArtifactType
from asyncwb.api.files import File, Files
from asyncwb.api.history import HistoryScan
from asyncwb.api.listings import ProjectArtifactCollections, ProjectArtifactTypes
from asyncwb.api.registries.listings import Registries
from asyncwb.api.registries.members import MemberRole, Team, TeamMember, UserMember
from asyncwb.api.registries.queries import Organization
from asyncwb.api.registries.registry import Registry
from asyncwb.api.registries.search import Collections, Versions
from asyncwb.api.registries.types import AddOnlyArtifactTypesList
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.api.summary import Summary
from asyncwb.api.user import User

__all__ = [
    "AddOnlyArtifactTypesList",
    "Api",
    "ArtifactCollection",
    "ArtifactFiles",
    "ArtifactType",
    "ArtifactVersions",
    "Collections",
    "File",
    "Files",
    "HistoryScan",
    "MemberRole",
    "Organization",
    "ProjectArtifactCollections",
    "ProjectArtifactTypes",
    "Registries",
    "Registry",
    "Run",
    "RunArtifacts",
    "Runs",
    "Summary",
    "Team",
    "TeamMember",
    "User",
    "UserMember",
    "Versions",
]
