"""What a table of runs and the history of one run hold, row by row, in little memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.server.ids import iso
from asyncwb.server.jsontext import decode, is_object, replaced, unwrap_config

from .history import pieces
from .ingest import parse_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from .parquet import Kind, Row

__all__ = ["HISTORY_COLUMNS", "RUN_COLUMNS", "history_pieces", "run_pieces"]

HISTORY_COLUMNS: Mapping[str, Kind] = {"_step": "int"}
RUN_COLUMNS: Mapping[str, Kind] = {
    "entity": "text",
    "project": "text",
    "run_id": "text",
    "name": "text",
    "state": "text",
    "created_at": "text",
    "heartbeat_at": "text",
    "user": "text",
    "group": "text",
    "job_type": "text",
    "tags": "json",
    "notes": "text",
    "sweep": "text",
    "commit": "text",
    "history_rows": "int",
    "last_step": "int",
}
"""Of every run, as `asyncwb export` names them; config and summary follow."""

_AT_ONCE = 50
_rows = msgspec.json.Decoder(list[dict[str, Any]])


def history_pieces(connection: Connection, run_id: int) -> Iterator[tuple[int, list[Row]]]:
    """The rows of a run in the order of their steps."""
    for lines in pieces(connection, run_id, "history"):
        whole = f"[{','.join(lines)}]"
        try:
            rows = _rows.decode(whole)
        except (msgspec.MsgspecError, RecursionError):
            rows = [_cleaned(line, parse_row(line)) for line in lines]  # NaN and its like
        yield len(whole), rows


def run_pieces(connection: Connection, query: Any) -> Iterator[tuple[int, list[Row]]]:
    """The rows of the runs that a query of `runs.run_query` selects, a few at a time."""
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    found = connection.execution_options(**options).execute(query)
    for part in found.mappings().partitions():
        size = sum(len(row["config"]) + len(row["summary"]) for row in part)
        yield size, [_run_row(row) for row in part]


def _run_row(run: Mapping[Any, Any]) -> Row:
    row: Row = {
        "entity": run["entity_name"],
        "project": run["project_name"],
        "run_id": run["name"],
        "name": run["display_name"],
        "state": run["state"],
        "created_at": iso(run["created_at"]),
        "heartbeat_at": iso(run["heartbeat_at"]),
        "user": run["username"],
        "group": run["group_name"],
        "job_type": run["job_type"],
        "tags": msgspec.json.decode(run["tags"]),
        "notes": run["notes"],
        "sweep": run["sweep_name"],
        "commit": run["commit"],
        "history_rows": run["history_lines"],
        "last_step": run["last_step"],
    }
    for prefix, document in (
        ("config", unwrap_config(decode(run["config"]))),
        ("summary", decode(run["summary"])),
    ):
        row.update(_flat(prefix, _cleaned(run[prefix], document)))
    return row


def _cleaned(text: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value of a JSON text without lone surrogates, which no text of a table holds."""
    return replaced(value) if "\\ud" in text.lower() else value


def _flat(prefix: str, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{prefix}.{key}"
        if is_object(value) and value:
            yield from _flat(name, value)
        else:
            yield name, value
