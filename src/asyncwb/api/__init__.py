"""The read side: `Api`, runs, history, files, artifacts."""

from __future__ import annotations

from asyncwb.api.api import Api
from asyncwb.api.artifact_files import ArtifactFiles
from asyncwb.api.artifacts import ArtifactVersions, RunArtifacts
from asyncwb.api.collections import ArtifactCollection, ArtifactType
from asyncwb.api.files import File, Files
from asyncwb.api.history import HistoryScan
from asyncwb.api.listings import ProjectArtifactCollections, ProjectArtifactTypes
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.api.summary import Summary
from asyncwb.api.user import User

__all__ = [
    "Api",
    "ArtifactCollection",
    "ArtifactFiles",
    "ArtifactType",
    "ArtifactVersions",
    "File",
    "Files",
    "HistoryScan",
    "ProjectArtifactCollections",
    "ProjectArtifactTypes",
    "Run",
    "RunArtifacts",
    "Runs",
    "Summary",
    "User",
]
