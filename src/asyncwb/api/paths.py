"""Paths that users write: `entity/project/run_id` and its shorter forms, and web addresses."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.errors import InvalidValueError

__all__ = ["ProjectPath", "RunPath", "project_path", "run_path"]

DEFAULT_PROJECT = "uncategorized"

_RUN_FORMS = (
    "entity/project/{kind}_id, project/{kind}_id, {kind}_id, or the address of a {kind}'s page"
)
_PROJECT_FORMS = "entity/project, project, or the address of a project's page"
_KINDS = frozenset({"runs", "sweeps"})


class ProjectPath(NamedTuple):
    """Where a project is; an entity of None means the default one of the account."""

    entity: str | None
    project: str


class RunPath(NamedTuple):
    """Where a run is; an entity of None means the default one of the account."""

    entity: str | None
    project: str
    run_id: str


def run_path(path: str, entity: str | None, project: str | None, kind: str = "run") -> RunPath:
    """Read the path of a run, or of a sweep.

    Args:
        path: `entity/project/run_id`, `project/run_id`, `run_id`; `/runs/` may stand before the
            id, and `project:run_id` is an older way to write `project/run_id`. A web address
            works too.
        entity: Used where the path names none.
        project: Used where the path names none.
        kind: What it is the path of, for messages: "run" or "sweep".

    Raises:
        InvalidValueError: The path has another form, or names no project where there is no
            default one.
    """
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(f"Invalid path: {path!r}. It is a text")
    parts = _address_parts(path) if _is_address(path) else _run_parts(path)
    found_entity, found_project = entity, project
    if len(parts) == 3:
        found_entity, found_project, run_id = parts
    elif len(parts) == 2:
        found_project, run_id = parts
    else:
        run_id = parts[0] if len(parts) == 1 else ""
    if not run_id or len(parts) > 3 or found_project == "" or found_entity == "":
        raise InvalidValueError(
            f"Invalid path: {path!r}. A {kind} is named by {_RUN_FORMS.format(kind=kind)}"
        )
    if found_project is None:
        raise InvalidValueError(
            f"Invalid path: {path!r} (missing project). Write project/{kind}_id, or set a project: "
            'Api({"project": ...}) or WANDB_PROJECT'
        )
    return RunPath(found_entity, found_project, run_id)


def project_path(path: str | None, entity: str | None, project: str | None) -> ProjectPath:
    """Read the path of a project; None means the default entity and project.

    Raises:
        InvalidValueError: The path has another form.
    """
    if path is None:
        return ProjectPath(entity, project or DEFAULT_PROJECT)
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(f"Invalid path: {path!r}. It is a text")
    if _is_address(path):
        parts = _address_parts(path)[:2]
    else:
        parts = [part.strip() for part in path.split("/")]
    if len(parts) > 2 or not all(parts):
        raise InvalidValueError(f"Invalid path: {path!r}. A project is named by {_PROJECT_FORMS}")
    if len(parts) == 2:
        return ProjectPath(parts[0], parts[1])
    # an organization owns a registry
    return ProjectPath(None if parts[0].startswith(REGISTRY_PREFIX) else entity, parts[0])


def _run_parts(path: str) -> list[str]:
    plain = path.replace("/runs/", "/").replace("/sweeps/", "/").strip("/ ")
    parts = [part.strip("/ ") for part in plain.split("/")]
    if ":" in parts[-1] and len(parts) < 3:
        parts[-1:] = [part.strip() for part in parts[-1].split(":", 1)]
    return parts


def _is_address(path: str) -> bool:
    return path.lstrip().startswith(("https://", "http://"))


def _address_parts(path: str) -> list[str]:
    """Entity, project and, where it names one, the id in a web address."""
    parts = [unquote(part) for part in urlsplit(path.strip()).path.split("/") if part]
    for index, part in enumerate(parts):
        # A page of a run may have tabs behind the id; a server may live under a path prefix.
        if part in _KINDS and index >= 2 and index + 1 < len(parts):
            return [*parts[index - 2 : index], parts[index + 1]]
    for ending in ("workspace", "overview", "table", "runs", "sweeps", "reports"):
        if ending in parts[2:]:
            parts = parts[: parts.index(ending, 2)]
    return parts[-2:] if len(parts) >= 2 else parts
