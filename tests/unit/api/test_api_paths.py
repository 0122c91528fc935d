"""Paths, against what the wandb package 0.31.0 makes of them, and web addresses."""

from __future__ import annotations

import pytest

from asyncwb.api.paths import project_path, run_path
from asyncwb.errors import InvalidValueError


@pytest.mark.parametrize(
    ("path", "entity", "project", "expected"),
    [
        ("entity/project/runs/id", "E", "P", ("entity", "project", "id")),
        ("entity/project/id", "E", "P", ("entity", "project", "id")),
        ("/entity/project/runs/id", "E", "P", ("entity", "project", "id")),
        ("entity/project/runs/id/", "E", "P", ("entity", "project", "id")),
        ("entity/project/sweeps/id", "E", "P", ("entity", "project", "id")),
        ("entity/project:id", "E", "P", ("entity", "project", "id")),
        ("project/id", "E", "P", ("E", "project", "id")),
        ("project:id", "E", "P", ("E", "project", "id")),
        ("id", "E", "P", ("E", "P", "id")),
        ("/runs/id", "E", "P", ("E", "P", "id")),
        ("runs/id", "E", "P", ("E", "runs", "id")),
        ("entity/proj ect/id ", "E", "P", ("entity", "proj ect", "id")),
        (" entity / project / id ", "E", "P", ("entity", "project", "id")),
        ("entity/project/id", None, None, ("entity", "project", "id")),
        ("project/id", None, None, (None, "project", "id")),
        ("id", None, "P", (None, "P", "id")),
        ("runs/id", None, None, (None, "runs", "id")),
        # Addresses of pages, which the wandb package refuses.
        ("https://wandb.ai/entity/project/runs/id", None, None, ("entity", "project", "id")),
        (
            "https://wandb.ai/entity/my%20project/runs/id/overview?nw=1",
            None,
            None,
            ("entity", "my project", "id"),
        ),
        ("http://host:8080/prefix/e/p/runs/id/files/a/b", "E", "P", ("e", "p", "id")),
    ],
)
def test_a_run_path(path: str, entity: str, project: str, expected: tuple[str, ...]) -> None:
    assert tuple(run_path(path, entity, project)) == expected


@pytest.mark.parametrize(
    "path", ["", "/", "a/b/c/d", "entity/project/runs/id/overview", "a//b", "https://wandb.ai/"]
)
def test_a_malformed_run_path_is_named(path: str) -> None:
    with pytest.raises(InvalidValueError, match="Invalid path") as caught:
        run_path(path, "E", "P")
    assert repr(path) in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("path", ["id", "/runs/id"])
def test_a_missing_project_is_said(path: str) -> None:
    with pytest.raises(InvalidValueError, match="missing project"):
        run_path(path, None, None)


@pytest.mark.parametrize(
    ("path", "entity", "project", "expected"),
    [
        (None, "E", "P", ("E", "P")),
        (None, None, None, (None, "uncategorized")),
        ("project", "E", "P", ("E", "project")),
        ("entity/project", "E", "P", ("entity", "project")),
        ("https://wandb.ai/entity/project", "E", "P", ("entity", "project")),
        ("https://wandb.ai/entity/project/workspace?nw=x", "E", "P", ("entity", "project")),
        ("https://wandb.ai/entity/project/runs/abc", "E", "P", ("entity", "project")),
    ],
)
def test_a_project_path(
    path: str | None, entity: str, project: str, expected: tuple[str, ...]
) -> None:
    assert tuple(project_path(path, entity, project)) == expected


@pytest.mark.parametrize("path", ["", "/", "/project", "entity/", "entity/project/extra"])
def test_a_malformed_project_path_is_named(path: str) -> None:
    with pytest.raises(InvalidValueError, match="Invalid path"):
        project_path(path, "E", "P")
