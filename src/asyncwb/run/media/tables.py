"""Tables of a run: each is logged twice, as a file of its row and as an artifact."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.entry import CLIENT_SCHEME
from asyncwb.artifacts.objects.adding import ObjectWriter
from asyncwb.errors import UsageError
from asyncwb.media.tables.table import Table
from asyncwb.media.tables.tablelog import StoredTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.media.base import Media, Place
    from asyncwb.run.core import RunCore

__all__ = ["TableLog", "own_name"]

_TYPE = "run_table"
_INCREMENTAL_TYPE = "wandb-run-incremental-table"


class TableLog:
    """Publishes the tables of one run. Thread-safe.

    Args:
        core: The run.
    """

    def __init__(self, core: RunCore) -> None:
        self._core = core

    def publish(self, value: Media, place: Place, key: str, step: int | str) -> dict[str, Any]:
        """Log a table, and return its JSON in a row. Blocks for the disk.

        A table that has not changed since, and one that is to be logged once, is what it was.

        Args:
            value: A table as it was logged, or what is made of tables.
            place: Where the file of the row goes.
            key: Key of the value.
            step: Step of the row.
        """
        if not isinstance(value, Table):
            return {"_type": value.json_type, **self._paths(value, key, key, step)}
        state = value.log_state
        with state.lock:
            known = state.published(self)
            if known is not None and _is_same(known.version, value):
                return known.value
            if value.log_mode == "INCREMENTAL":
                found = self._increment(value, place, key, step)
            else:
                found = self._whole(value, place, key, step)
            return state.publish(self, value.version, found)

    def _whole(self, table: Table, place: Place, key: str, step: int | str) -> dict[str, Any]:
        paths = self._paths(table, key, key, step)
        return {"_type": "table-file", **table.shown(place), **paths, **_facts(table)}

    def _increment(self, table: Table, place: Place, key: str, step: int | str) -> dict[str, Any]:
        """Log the rows that were added since the last increment."""
        state = table.log_state
        known = state.published(self)
        if known is None:
            if state.other_runs:
                raise UsageError("an incremental table is logged to one run")
            last: Any = self._core.summary.get(key) if self._core.resumed else None
            if last is not None and last.get("_type") == "incremental-table-file":
                state.resume(cast("Mapping[str, Any]", last))
        else:
            state.previous.append(known.value["artifact_path"])
            state.increment = (state.increment or 0) + 1
        # Another thread may have logged some of them meanwhile.
        table.data = list(table.rows[state.rows - table.first_row :])
        milliseconds = time.time_ns() // 1_000_000
        paths = self._paths(table, key, f"{state.increment}-{milliseconds}.{key}", step)
        state.increment = state.increment or 0
        state.rows = table.total_rows
        return {
            "_type": "incremental-table-file",
            **table.shown(place),
            **paths,
            **_facts(table),
            "increment_num": state.increment,
            "previous_increments_paths": list(state.previous),
        }

    def _paths(self, value: Media, key: str, name: str, step: int | str) -> dict[str, Any]:
        """Log the artifact, and say where in it the value is."""
        run_id = self._core.names.id
        if isinstance(value, Table) and value.log_mode == "INCREMENTAL":
            draft = _draft(f"run-{run_id}-incr-{key}", _INCREMENTAL_TYPE)
            draft._incremental = True  # pyright: ignore[reportPrivateUsage]
        else:
            draft = _draft(f"run-{run_id}-{key}", _TYPE)
        contents = draft._open_contents("log()")  # pyright: ignore[reportPrivateUsage]
        stored = ObjectWriter(contents).put(value, name)
        client, sequence = draft._client_id, draft._sequence_client_id  # pyright: ignore[reportPrivateUsage]
        self._core.artifacts.log_now(
            draft, step=step if isinstance(step, int) else self._core.history.step
        )
        origin = value.origin
        own = f"{CLIENT_SCHEME}://{client}/{stored.path}"
        if isinstance(value, Table) and not draft.incremental and not self._core.artifacts.offline:
            value.log_state.store(value.version, StoredTable(stored.path, stored.digest, own))
        paths = {"artifact_path": own if origin is None else origin.ref_url()}
        if isinstance(value, Table):
            paths["_latest_artifact_path"] = f"{CLIENT_SCHEME}://{sequence}:latest/{stored.path}"
        return paths


def _draft(name: str, kind: str) -> Artifact:
    return Artifact._of_own_type(own_name(name), kind)  # pyright: ignore[reportPrivateUsage]


def _is_same(version: int, table: Table) -> bool:
    """Whether what is logged under a version is what a table would log."""
    if table.log_mode == "IMMUTABLE" or version == table.version:
        return True
    return table.log_mode == "INCREMENTAL" and table.total_rows <= table.log_state.rows


def _facts(table: Table) -> dict[str, Any]:
    return {
        "ncols": len(table.columns),
        "nrows": table.total_rows,
        "log_mode": table.log_mode,
    }


def own_name(name: str) -> str:
    """The name of an artifact that a run makes by itself: what a name cannot have is left out.

    A checksum then stands behind it, so that different keys stay different.
    """
    clean = re.sub(r"[^a-zA-Z0-9_\-.]+", "", name)
    if clean == name:
        return name
    checksum = crc32(name.encode()).to_bytes(4, "big")
    return f"{clean}-{urlsafe_b64encode(checksum).rstrip(b'=').decode()}"
