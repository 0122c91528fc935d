"""One file-stream request into the database."""

from __future__ import annotations

import math
import time
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from sqlalchemy import Update, bindparam, select, update

from asyncwb.server.automations.acting import rows_came, state_changed, watched
from asyncwb.server.jsontext import decode, decode_as, is_object, plain, query_form
from asyncwb.server.problems import Problem, invalid

from .lines import Stream, write_lines
from .tables import runs
from .writers import ENDED, combine_summary, join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

__all__ = [
    "Chunk",
    "FileStreamRequest",
    "HistoryLines",
    "KeyCounts",
    "apply",
    "parse_request",
    "prepare",
    "whole_step",
]

KeyCounts = Counter[tuple[str, str]]  # (dotted key, type name) -> rows


class Chunk(msgspec.Struct):
    """Lines of one stream file."""

    offset: int = 0
    content: list[str] | None = None


class FileStreamRequest(msgspec.Struct):
    """The body of a file-stream request; members that are not listed are ignored."""

    files: dict[str, Chunk] | None = None
    uploaded: list[str] | None = None
    preempting: bool | None = None
    complete: bool | None = None
    exitcode: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None

    def lines(self, name: str) -> tuple[int, list[str]]:
        """Offset and lines of a stream file; no lines where it is not named."""
        chunk = (self.files or {}).get(name) or Chunk()
        return chunk.offset, chunk.content or []


class HistoryLines(msgspec.Struct):
    """A history chunk, checked and measured outside of the transaction."""

    offset: int
    lines: list[str]
    steps: list[int]
    rows: list[dict[str, Any]]
    counts: KeyCounts  # of all rows


_MAX_OFFSET = 2**48
_request = msgspec.json.Decoder(FileStreamRequest)
_row = msgspec.json.Decoder(dict[str, Any])
_STREAMS: dict[str, Stream] = {"wandb-events.jsonl": "events", "output.log": "output"}


def parse_request(body: bytes) -> FileStreamRequest:
    """Decode a request body.

    Raises:
        Problem: The body is not a file-stream request (400).
    """
    if not body.strip():
        return FileStreamRequest()
    try:
        request = decode_as(_request, body)
    except (msgspec.MsgspecError, Problem) as exc:
        raise invalid(f"not a file stream request: {exc}") from exc
    for name, chunk in (request.files or {}).items():
        if not 0 <= chunk.offset < _MAX_OFFSET:
            raise invalid(f"{name}: the offset {chunk.offset} is out of range")
        chunk.content = [
            line if "\n" not in line else line.replace("\n", " ") for line in chunk.content or ()
        ]
    return request


def parse_row(line: str) -> dict[str, Any]:
    """Decode one history row.

    Raises:
        Problem: The line is not a JSON object (400).
    """
    try:
        return _row.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        row = decode(line)
        if not is_object(row):
            raise invalid(f"a history row must be a JSON object, not {line[:80]!r}") from None
        return row


def prepare(request: FileStreamRequest) -> HistoryLines | None:
    """Decode the history rows of a request; the costly part, safe to run in a thread."""
    offset, lines = request.lines("wandb-history.jsonl")
    if not lines:
        return None
    rows = [parse_row(line) for line in lines]
    steps = [_step(row, offset + i) for i, row in enumerate(rows)]
    return HistoryLines(offset, lines, steps, rows, count_keys(rows))


def _step(row: dict[str, Any], line_number: int) -> int:
    step = row.get("_step")
    if type(step) is int and -(2**63) <= step < 2**63:
        return step
    if isinstance(step, bool) or not isinstance(step, int | float):
        return line_number
    return whole_step(step)


def whole_step(step: float) -> int:
    """A step as the database holds it: 64 bits; NaN and infinities are 0."""
    if isinstance(step, float) and not math.isfinite(step):
        return 0
    return max(-(2**63), min(int(step), 2**63 - 1))


def count_keys(rows: Sequence[dict[str, Any]]) -> KeyCounts:
    """How often each key occurs with which type; nested keys are joined by dots."""
    counts: KeyCounts = Counter()
    # Most rows are alike: counted by their keys and types, they need few steps each.
    alike = Counter([(tuple(row), tuple(map(_type_of, row.values()))) for row in rows])
    for (keys, types), count in alike.items():
        for key, python_type in zip(keys, types, strict=True):
            if python_type is not dict:
                counts[key, _TYPES[python_type]] += count
    if any(dict in types for _, types in alike):
        for row in rows:
            for key, value in row.items():
                if is_object(value):
                    _count_nested(counts, key, value)
    return counts


_type_of: Callable[[Any], Any] = type
_TYPES: dict[type, str] = {
    int: "number",
    float: "number",
    str: "string",
    bool: "boolean",
    list: "list",
    type(None): "nil",
}


def _count_nested(counts: KeyCounts, prefix: str, value: dict[str, Any]) -> None:
    media = value.get("_type")
    if isinstance(media, str):
        counts[prefix, media] += 1
        return
    for key, inner in value.items():
        if is_object(inner):
            _count_nested(counts, f"{prefix}.{key}", inner)
        else:
            counts[f"{prefix}.{key}", _TYPES[type(inner)]] += 1


def merge_counts(text: str, added: KeyCounts, removed: KeyCounts) -> str:
    """Apply changes to the stored `{key: {type: count}}` text."""
    keys: dict[str, dict[str, int]] = decode(text)
    for sign, counts in ((1, added), (-1, removed)):
        for (key, kind), count in counts.items():
            types = keys.setdefault(key, {})
            types[kind] = types.get(kind, 0) + sign * count
            if types[kind] <= 0:
                del types[kind]
                if not types:
                    del keys[key]
    return plain(keys).decode()


_RUN = select(
    runs.c.history_keys,
    runs.c.last_step,
    runs.c.history_lines,
    runs.c.events_lines,
    runs.c.log_lines,
    runs.c.summary,
    runs.c.summary_line,
    runs.c.state,
    runs.c.stop_requested,
    runs.c.preempting,
    watched().label("watched"),
).where(runs.c.id == bindparam("run"))


@cache
def _change(columns: frozenset[str]) -> Update:
    """The statement that sets these columns of a run; built once, as that costs more than it."""
    values: dict[str, Any] = {column: bindparam(column) for column in columns}
    return update(runs).where(runs.c.id == bindparam("run")).values(values)


def apply(
    connection: Connection,
    run_id: int,
    request: FileStreamRequest,
    history: HistoryLines | None,
    writer: str,
) -> bool:
    """Write a request inside a transaction.

    Returns:
        Whether the run was asked to stop.

    Raises:
        Problem: The summary is not a JSON object (400).
    """
    now = time.time()
    run = connection.execute(_RUN, {"run": run_id}).one()
    changes: dict[str, Any] = {"heartbeat_at": now, "updated_at": now}
    fresh: list[dict[str, Any]] = []
    if history is not None:
        written = write_lines(
            connection, run_id, "history", writer, history.offset, history.lines, history.steps
        )
        if written.fresh:
            counts, fresh = history.counts, history.rows
            if len(written.fresh) < len(history.rows):
                fresh = [history.rows[i] for i in written.fresh]
                counts = count_keys(fresh)
            replaced = [parse_row(text) for text in written.replaced]
            changes["history_keys"] = merge_counts(run.history_keys, counts, count_keys(replaced))
            newest = max(history.steps[i] for i in written.fresh)
            changes["last_step"] = max(run.last_step, newest)
            changes["history_lines"] = run.history_lines + written.grown_by
    for name, stream in _STREAMS.items():
        offset, lines = request.lines(name)
        if lines:
            written = write_lines(connection, run_id, stream, writer, offset, lines)
            column = "events_lines" if stream == "events" else "log_lines"
            changes[column] = getattr(run, column) + written.grown_by
    if writer:
        join(connection, run_id, writer)
        changes.update(_shared_summary(connection, run_id, writer, request, history, run.summary))
        changes.update(_shared_state(request, run))
    else:
        changes.update(_summary(request, run.summary_line))
        changes.update(_state(request, preempting=run.preempting))
    connection.execute(_change(frozenset(changes)), {**changes, "run": run_id})
    if run.watched:
        if fresh:
            rows_came(connection, run_id, fresh)
        if "state" in changes:
            state_changed(connection, run_id, run.state, changes["state"])
    return bool(run.stop_requested)


def _summary(request: FileStreamRequest, highest: int) -> dict[str, Any]:
    """The summary is the highest-numbered line; a client may rewrite that line."""
    offset, lines = request.lines("wandb-summary.json")
    number = offset + len(lines) - 1
    if not lines or number < highest:
        return {}
    text = lines[-1]
    return {**summary_columns(text), "summary_line": number}


def _shared_summary(
    connection: Connection,
    run_id: int,
    writer: str,
    request: FileStreamRequest,
    history: HistoryLines | None,
    stored: str,
) -> dict[str, Any]:
    """The summary of a run with several writers is put together from theirs."""
    _, lines = request.lines("wandb-summary.json")
    if not lines:
        return {}
    summary_columns(lines[-1])
    logged: dict[str, float] = {}
    for row in history.rows if history is not None else ():
        at = row.get("_timestamp")
        if isinstance(at, int | float):
            logged.update(dict.fromkeys(row, float(at)))
    text = combine_summary(connection, run_id, writer, stored, lines[-1], logged)
    return dict(summary_columns(text))


def summary_columns(text: str) -> dict[str, str]:
    """Column values for a summary text.

    Raises:
        Problem: The text is not a JSON object (400).
    """
    summary = decode(text)
    if not is_object(summary):
        raise invalid("a summary must be a JSON object")
    return {"summary": text, "summary_doc": query_form(summary)}


def _state(request: FileStreamRequest, *, preempting: bool) -> dict[str, Any]:
    """State after a request: any sign of life re-opens a run, only a new start ends preemption."""
    if request.complete:
        exitcode = request.exitcode or 0
        failed = "preempted" if preempting or request.preempting else "failed"
        return {
            "exitcode": exitcode,
            "state": failed if exitcode else "finished",
            "stop_requested": False,
        }
    if request.preempting or preempting:
        return {"preempting": True, "state": "preempting"}
    return {"state": "running"}


def _shared_state(request: FileStreamRequest, run: Any) -> dict[str, Any]:
    """The run ends with the writer that says so; others that go on do not open it again."""
    if not request.complete and run.state in ENDED:
        return {}
    changes = _state(request, preempting=run.preempting)
    # Not all writers may know of it yet.
    changes.pop("stop_requested", None)
    return changes


def last_values(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The summary that follows from history rows alone: the last value of every key."""
    summary: dict[str, Any] = {}
    for row in rows:
        summary.update(row)
    return summary
