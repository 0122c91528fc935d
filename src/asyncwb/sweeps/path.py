"""Where a sweep is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["DEFAULT_PROJECT", "SweepId", "SweepPath", "sweep_path"]

DEFAULT_PROJECT = "uncategorized"


class SweepId(str):
    """The id of a sweep, which also knows where the sweep is.

    A plain string to everybody else; `agent` finds the sweep by it without being told the project.

    Attributes:
        entity: Whose it is.
        project: The project it is in.
        url: Its page in the web app.
    """

    entity: str | None
    project: str
    url: str | None

    @classmethod
    def at(cls, sweep_id: str, entity: str | None, project: str, web_url: str) -> SweepId:
        """An id with its place."""
        found = cls(sweep_id)
        found.entity = entity
        found.project = project
        found.url = f"{web_url}/{entity}/{project}/sweeps/{sweep_id}" if entity else None
        return found


class SweepPath(NamedTuple):
    """Entity (None: the server's default), project and id."""

    entity: str | None
    project: str
    sweep_id: str

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


def sweep_path(
    sweep_id: str, entity: str | None, project: str | None, settings: Settings
) -> SweepPath:
    """Read `id`, `project/id` or `entity/project/id`; what is missing is looked for elsewhere.

    Raises:
        InvalidValueError: It has another form.
    """
    parts = [part for part in str(sweep_id).strip("/ ").split("/") if part != "sweeps"]
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise InvalidValueError(
            f"a sweep is named as id, project/id or entity/project/id, not {sweep_id!r}"
        )
    *above, name = parts
    named_project = above[-1] if above else None
    named_entity = above[0] if len(above) == 2 else None
    if isinstance(sweep_id, SweepId) and project is None and entity is None:
        named_entity, named_project = sweep_id.entity, sweep_id.project
    return SweepPath(
        named_entity or entity or settings.entity,
        named_project or project or settings.project or DEFAULT_PROJECT,
        name,
    )
