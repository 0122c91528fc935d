"""The keys that listings of sweeps are filtered and ordered by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asyncwb.server.problems import invalid
from asyncwb.server.storage.tables import sweeps

from .operators import NumberField, TextField, TimeField

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from .operators import Field

__all__ = ["sweep_fields"]

_TEXT = {
    "name": sweeps.c.name,
    "id": sweeps.c.name,
    "display_name": sweeps.c.display_name,
    "description": sweeps.c.description,
    "method": sweeps.c.method,
}
_TIME = {
    "created_at": sweeps.c.created_at,
    "updated_at": sweeps.c.updated_at,
    "heartbeat_at": sweeps.c.heartbeat_at,
}


def sweep_fields(key: str, state: ColumnElement[str], run_count: ColumnElement[int]) -> Field:
    """A field of sweeps.

    Args:
        key: Its name, in camel or snake case.
        state: The expression of a sweep's present state.
        run_count: The expression of the number of its runs.

    Raises:
        Problem: There is no such field (400).
    """
    name = re.sub(r"(?<=[a-z])[A-Z]", lambda m: "_" + m.group().lower(), key)
    if name in _TEXT:
        return TextField(_TEXT[name])
    if name in _TIME:
        return TimeField(_TIME[name])
    match name:
        case "state":
            return TextField(state)
        case "run_count":
            return NumberField(run_count)
        case _:
            raise invalid(f"unknown filter or order key {key!r} for sweeps")
