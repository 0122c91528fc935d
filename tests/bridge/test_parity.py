"""Both faces have the same names, signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import asyncwb
import asyncwb.functions
import asyncwb.sync

ROOT = Path(__file__).parents[2]
TWINS = {
    "asyncwb.run.run.Run": "asyncwb.sync._run.Run",
    "asyncwb.api.api.Api": "asyncwb.sync._api.Api",
    "asyncwb.api.runs.Runs": "asyncwb.sync._api_runs.Runs",
    "asyncwb.api.run.Run": "asyncwb.sync._api_run.Run",
    "asyncwb.api.history.HistoryScan": "asyncwb.sync._api_history.HistoryScan",
    "asyncwb.api.files.File": "asyncwb.sync._api_files.File",
    "asyncwb.api.files.Files": "asyncwb.sync._api_files.Files",
    "asyncwb.api.media.MediaValue": "asyncwb.sync._api_media.MediaValue",
    "asyncwb.api.summary.Summary": "asyncwb.sync._api_summary.Summary",
    "asyncwb.api.client.Client": "asyncwb.sync._api_client.Client",
    "asyncwb.api.console_logs.ConsoleLogs": "asyncwb.sync._api_console_logs.ConsoleLogs",
    "asyncwb.api.following.HistoryFollow": "asyncwb.sync._api_following.HistoryFollow",
    "asyncwb.api.projects.Project": "asyncwb.sync._api_projects.Project",
    "asyncwb.api.projects.Projects": "asyncwb.sync._api_projects.Projects",
    "asyncwb.api.reports.BetaReport": "asyncwb.sync._api_reports.BetaReport",
    "asyncwb.api.reports.Reports": "asyncwb.sync._api_reports.Reports",
    "asyncwb.api.sweep_agents.Agent": "asyncwb.sync._api_sweep_agents.Agent",
    "asyncwb.api.sweep_agents.AgentRuns": "asyncwb.sync._api_sweep_agents.AgentRuns",
    "asyncwb.api.sweep_listing.Sweeps": "asyncwb.sync._api_sweep_listing.Sweeps",
    "asyncwb.api.sweeps.Sweep": "asyncwb.sync._api_sweeps.Sweep",
    "asyncwb.api.team.Member": "asyncwb.sync._api_team.Member",
    "asyncwb.api.team.Team": "asyncwb.sync._api_team.Team",
    "asyncwb.api.user.User": "asyncwb.sync._api_user.User",
    "asyncwb.api.watching.RunChange": "asyncwb.sync._api_watching.RunChange",
    "asyncwb.api.watching.RunWatch": "asyncwb.sync._api_watching.RunWatch",
    "asyncwb.api.registries.listings.Registries": "asyncwb.sync._registries.Registries",
    "asyncwb.api.registries.registry.Registry": "asyncwb.sync._registry.Registry",
    "asyncwb.api.registries.members.TeamMember": "asyncwb.sync._registry_members.TeamMember",
    "asyncwb.api.registries.members.UserMember": "asyncwb.sync._registry_members.UserMember",
    "asyncwb.api.registries.search.Collections": "asyncwb.sync._registry_search.Collections",
    "asyncwb.api.registries.search.Versions": "asyncwb.sync._registry_search.Versions",
    "asyncwb.api.artifacts.ArtifactVersions": "asyncwb.sync._api_artifacts.ArtifactVersions",
    "asyncwb.api.artifacts.RunArtifacts": "asyncwb.sync._api_artifacts.RunArtifacts",
    "asyncwb.api.artifact_files.ArtifactFiles": "asyncwb.sync._api_artifact_files.ArtifactFiles",
    "asyncwb.api.collections.ArtifactCollection": (
        "asyncwb.sync._api_collections.ArtifactCollection"
    ),
    "asyncwb.api.artifact_types.ArtifactType": "asyncwb.sync._api_artifact_types.ArtifactType",
    "asyncwb.api.automation_listings.Automations": "asyncwb.sync._api_automations.Automations",
    "asyncwb.api.automation_listings.Integrations": "asyncwb.sync._api_automations.Integrations",
    "asyncwb.api.automation_listings.SlackIntegrations": (
        "asyncwb.sync._api_automations.SlackIntegrations"
    ),
    "asyncwb.api.automation_listings.WebhookIntegrations": (
        "asyncwb.sync._api_automations.WebhookIntegrations"
    ),
    "asyncwb.api.listings.ProjectArtifactCollections": (
        "asyncwb.sync._api_listings.ProjectArtifactCollections"
    ),
    "asyncwb.api.listings.ProjectArtifactTypes": (
        "asyncwb.sync._api_listings.ProjectArtifactTypes"
    ),
    "asyncwb.artifacts.entry.ArtifactEntry": "asyncwb.sync._artifact_entry.ArtifactEntry",
    "asyncwb.artifacts.artifact.Artifact": "asyncwb.sync._artifact.Artifact",
}
ONLY_BLOCKING = {"from_async"}


def load(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("path", TWINS)
def test_a_class_and_its_twin(path: str) -> None:
    ours, twin = load(path), load(TWINS[path])
    assert public(ours) <= public(twin)
    for name in sorted(public(ours)):
        one, other = inspect.getattr_static(ours, name), inspect.getattr_static(twin, name)
        if isinstance(one, property):
            assert isinstance(other, property), name
            assert (one.fset is None) == (other.fset is None), name
            continue
        if isinstance(other, property):
            # Blocking code asks for it without parentheses.
            assert list(inspect.signature(one).parameters) == ["self"], name
            continue
        if isinstance(one, classmethod):
            assert isinstance(other, classmethod), name
            one, other = one.__func__, other.__func__
        given, there = inspect.signature(one), inspect.signature(other)
        assert list(given.parameters) == list(there.parameters), name
        for key, parameter in given.parameters.items():
            assert parameter.kind == there.parameters[key].kind, (name, key)
            assert parameter.default == there.parameters[key].default, (name, key)
        assert not inspect.iscoroutinefunction(other), name
        assert bool(inspect.getdoc(one)) == bool(inspect.getdoc(other)), name


@pytest.mark.parametrize("path", TWINS.values())
def test_blocking_docstrings_do_not_speak_async(path: str) -> None:
    twin = load(path)
    for name in public(twin):
        words = inspect.getdoc(inspect.getattr_static(twin, name)) or ""
        assert not re.search(r"\bawait \w|\basync (with|for)\b", words), name


@pytest.mark.parametrize(
    "name", ["init", "login", "finish", "restore", "sweep", "agent", *asyncwb.functions.__all__]
)
def test_module_level_functions(name: str) -> None:
    ours = inspect.signature(getattr(asyncwb, name))
    twin = inspect.signature(getattr(asyncwb.sync, name))
    assert list(ours.parameters.values()) == list(twin.parameters.values())


def test_the_public_names_are_the_same() -> None:
    assert set(asyncwb.__all__) - {"__version__"} == set(asyncwb.sync.__all__)
    for face in (asyncwb, asyncwb.sync):
        for name in face.__all__:
            assert hasattr(face, name), name


def test_the_names_of_the_read_side_are_the_same() -> None:
    import asyncwb.api
    import asyncwb.sync.api

    assert asyncwb.api.__all__ == asyncwb.sync.api.__all__
    for name in asyncwb.api.__all__:
        ours, twin = getattr(asyncwb.api, name), getattr(asyncwb.sync.api, name)
        path = f"{ours.__module__}.{ours.__name__}"
        assert twin is (load(TWINS[path]) if path in TWINS else ours), name


def test_the_tables_of_lazy_names_are_what_type_checkers_see() -> None:
    import ast

    for face in (asyncwb, asyncwb.sync):
        assert face.__file__ is not None
        tree = ast.parse(Path(face.__file__).read_text())
        block = next(node for node in tree.body if isinstance(node, ast.If))
        seen = {
            alias.asname: node.module
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert seen == face._HOMES


def test_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "gen_sync.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import asyncwb", {"asyncio", "ssl", "httpx", "numpy", "anyio", "msgspec"}),
        ("import asyncwb.sync", {"asyncio", "ssl", "httpx", "numpy", "anyio"}),
    ],
)
def test_an_import_loads_nothing_heavy_and_starts_no_thread(
    statement: str, heavy: set[str]
) -> None:
    program = (
        f"import sys, threading; {statement}; heavy = {heavy}; "
        "print(sorted(heavy & set(sys.modules)), "
        "threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] 1"


def test_the_portal_loads_no_asyncio_before_it_is_used() -> None:
    program = "import sys, asyncwb.portal; print('asyncio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
