"""The documented surface of `wandb` 0.31.0: what of it is here, in both faces, and what is not.

`api_surface.json` holds its classes and members: name, kind, parameters.
"""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import asyncwb.api
import asyncwb.sync.api

TESTS = Path(__file__).parents[2]
SURFACE: dict[str, list[tuple[str, str, list[str]]]] = json.loads(
    (TESTS / "support/api_surface.json").read_text()
)
FACES = {"async": asyncwb.api, "blocking": asyncwb.sync.api}

INSIDE = "how the package's listings work inside; ours have one base, and none is made by users"
LAUNCH = "launch: no server of ours runs queued jobs"

# Classes that are another thing here, or not there.
CLASSES_NOT_THERE = {
    "Paginator": INSIDE,
    "SizedPaginator": INSIDE,
    "RelayPaginator": INSIDE,
    "SizedRelayPaginator": INSIDE,
    "Attrs": "attributes are declared, not looked up by name",
    "ArtifactManifest": "artifact.manifest maps paths to entries, and is not made by users",
    "Job": LAUNCH,
    "QueuedRun": LAUNCH,
    "RunQueue": LAUNCH,
}
NOT_THERE = {
    **{f"Api.{name}": LAUNCH for name in (
        "create_run_queue", "job", "list_jobs", "queued_run", "run_queue", "upsert_run_queue",
    )},
    "Api.sync_tensorboard": "runs read event files: init(sync_tensorboard=True)",
    "Projects.length": "counts here, where the package says None",
    "HTTPSummary.load": "there is nothing to load",
    "HTTPSummary.open_h5": "values of HDF5 files: no server has them any more",
    "Artifact.__getitem__": "artifact.get(name), which waits",
    "Artifact.json_encode": "how artifacts name each other inside of JSON is no matter of users",
    "ArtifactManifestEntry.digest_algorithm": "artifact.digest_algorithm, one for all entries",
    "ArtifactManifestEntry.name": "an older name of path",
    "ArtifactManifestEntry.parent_artifact": "the artifact that the entry was taken from",
    "ArtifactManifestEntry.to_json": "how manifests are written is no matter of users",
    "Registry.create": "Api.create_registry",
    "HistoryScan.__next__": "iterations have their own place: next(iter(scan))",
}  # fmt: skip
INNER_MEMBERS = {"convert_objects", "update_variables", "__init__"}

# Parameters that are not there, and why.
PARAMETERS_NOT_THERE = {
    "ArtifactCollection.load": (
        {"entity", "project", "type_", "name"},
        "loads an object that a listing gave; Api.artifact_collection finds one",
    ),
    "Sweep.get": ({"order", "query", "kwargs"}, "sweep.runs has its own order; documents are ours"),
    "File.download": ({"api"}, "a file belongs to the Api that listed it"),
    "Artifact.save": ({"project", "settings"}, "a draft is saved by a run"),
    "ArtifactManifestEntry.download": ({"executor"}, "files come at once by themselves"),
}
# Constants and members of instances that a class does not show.
ON_INSTANCES = {("Run", "name"), ("File", "size"), ("Member", "team")}


def cases() -> list[Any]:
    found: list[Any] = []
    for kind, members in SURFACE.items():
        if kind in CLASSES_NOT_THERE:
            continue
        for name, sort, parameters in members:
            if name not in INNER_MEMBERS or (kind, name) == ("Api", "__init__"):
                found.append(pytest.param(kind, name, sort, parameters, id=f"{kind}.{name}"))
    return found


@cache
def names_in_tests() -> frozenset[str]:
    """Members that some test uses: `.name`."""
    names: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        if path != Path(__file__) and path.parent.name != "run":
            names.update(re.findall(r"\.(\w+)", path.read_text()))
    return frozenset(names)


def member(face: Any, kind: str, name: str) -> object:
    return inspect.getattr_static(getattr(face, kind), name, None)


@pytest.mark.parametrize(("kind", "name", "sort", "parameters"), cases())
def test_a_member(kind: str, name: str, sort: str, parameters: list[str]) -> None:
    path = f"{kind}.{name}"
    for label, face in FACES.items():
        found = member(face, kind, name)
        dunder = name.startswith("__")
        if path in NOT_THERE:
            assert found is None or path == "Projects.length", f"{label}: it is there"
            continue
        if dunder and name != "__init__":
            # Only the blocking face has these; the other one has aiter, get, length, next.
            if label == "blocking":
                assert found is not None, label
            continue
        if (kind, name) not in ON_INSTANCES or label == "blocking":
            assert found is not None, label
        if isinstance(found, property):
            assert "method" not in sort, label
            assert "rw" not in sort or found.fset is not None or path == "Run.id", label
            continue
        if callable(found) or isinstance(found, classmethod):
            function = getattr(found, "__func__", found)
            missing, _ = PARAMETERS_NOT_THERE.get(path, (set(), ""))
            known = set(inspect.signature(function).parameters)
            assert set(parameters) - known <= missing, label
            assert not known & missing, f"{label}: it is there"
    if path not in NOT_THERE and not dunder:
        assert name in names_in_tests(), "no test uses it"


@pytest.mark.parametrize("kind", SURFACE)
def test_a_class(kind: str) -> None:
    for label, face in FACES.items():
        assert hasattr(face, kind) == (kind not in CLASSES_NOT_THERE), label


def test_nothing_is_said_of_what_is_not_documented() -> None:
    known = {f"{kind}.{name}" for kind, members in SURFACE.items() for name, _, _ in members}
    assert set(NOT_THERE) | set(PARAMETERS_NOT_THERE) <= known
    assert set(CLASSES_NOT_THERE) <= set(SURFACE)
