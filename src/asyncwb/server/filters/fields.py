"""The keys of the filter language. Camel case and snake case are the same key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, and_
from sqlalchemy import cast as sql_cast

from asyncwb.server.problems import invalid
from asyncwb.server.storage.artifact_tables import (
    artifact_inputs,
    artifact_outputs,
    artifacts,
    collections,
)
from asyncwb.server.storage.search_indexes import Searched
from asyncwb.server.storage.tables import runs, users

from .operators import Field, JsonField, NumberField, TagsField, TextField, TimeField

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, Table

    from .documents import Document, Part

__all__ = ["RunFields"]

_TEXT = {
    "name": runs.c.name,
    "display_name": runs.c.display_name,
    "group": runs.c.group_name,
    "job_type": runs.c.job_type,
    "host": runs.c.host,
    "username": users.c.username,
    "user": users.c.username,
    "sweep": runs.c.sweep_name,
    "sweep_name": runs.c.sweep_name,
    "notes": runs.c.notes,
    "description": runs.c.description,
    "commit": runs.c.commit,
    "program": runs.c.program,
}
_TIME = {
    "created_at": runs.c.created_at,
    "heartbeat_at": runs.c.heartbeat_at,
    "updated_at": runs.c.updated_at,
}
_NUMBER = {
    "duration": runs.c.heartbeat_at - runs.c.created_at,
    "history_line_count": runs.c.history_lines,
    "exitcode": runs.c.exitcode,
}


_ARTIFACTS: dict[str, Table] = {
    "input_artifacts": artifact_inputs,
    "output_artifacts": artifact_outputs,
}


def _artifact_names(uses: Table) -> Field:
    """Names, as in `data:v3`, of the versions that a run read or made."""
    name = collections.c.name + ":v" + sql_cast(artifacts.c.version_index, String)
    mine = and_(
        uses.c.run_id == runs.c.id,
        artifacts.c.id == uses.c.artifact_id,
        collections.c.id == artifacts.c.sequence_id,
    )
    return TagsField(name, mine)


class RunFields:
    """The fields of runs, by key.

    Args:
        state: The expression of a run's present state.

    Attributes:
        searched: What was compared or ordered by inside of config and summary.
    """

    def __init__(self, state: ColumnElement[str]) -> None:
        self._state = state
        self.searched: dict[str, Searched] = {}

    def __call__(self, key: str) -> Field:
        """The field of a key.

        Raises:
            Problem: There is no such field (400).
        """
        return _resolve(key, self._state, self._inside)

    def _inside(self, column: ColumnElement[Any], key: str) -> Field:
        def look(part: Part, value: Document) -> None:
            seen = Searched(str(column.key), key, part, getattr(value, part))
            self.searched[seen.name] = seen

        return JsonField(column, key, look=look)


def _resolve(
    key: str, state: ColumnElement[str], inside: Callable[[ColumnElement[Any], str], Field]
) -> Field:
    head, dot, rest = key.partition(".")
    head = re.sub(r"(?<=[a-z])[A-Z]", lambda m: "_" + m.group().lower(), head)
    if dot and rest:
        match head:
            case "config":
                return inside(runs.c.config_doc, _without_value(rest))
            case "summary_metrics":
                return inside(runs.c.summary_doc, rest)
            case "keys_info" if rest.startswith("keys.") and len(rest) > 5:
                # history keys are kept flat, nested ones joined by dots
                return JsonField(runs.c.history_keys, rest[5:])
            case _:
                pass
    if not dot:
        if head in _TEXT:
            return TextField(_TEXT[head])
        if head == "state":
            return TextField(state)
        if head in _TIME:
            return TimeField(_TIME[head])
        if head in _NUMBER:
            return NumberField(_NUMBER[head])
        if head == "tags":
            return TagsField()
        if head in _ARTIFACTS:
            return _artifact_names(_ARTIFACTS[head])
    raise invalid(f"unknown filter or order key {key!r}")


def _without_value(rest: str) -> str:
    """`lr.value` and `lr` are the same; in `opt.value.name` the level is dropped, too."""
    key, _, inner = rest.partition(".")
    if inner == "value":
        return key
    return f"{key}.{inner[6:]}" if inner.startswith("value.") else rest
