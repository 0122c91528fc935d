"""Runs that several processes write ("shared mode"): what each of them said last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from asyncwb.server.jsontext import decode, encode
from asyncwb.server.merging import merge_config, merge_summary
from asyncwb.server.statistics import Statistics

from .tables import runs, segments, shared_summaries, writers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["ENDED", "combine_config", "combine_summary", "join", "own_lines"]

ENDED = frozenset(("finished", "failed", "killed", "preempted"))

_MINE = (writers.c.run_id == bindparam("run")) & (writers.c.writer == bindparam("name"))
_LAST = select(writers.c.config, writers.c.summary).where(_MINE)
_CONFIG = select(runs.c.config).where(runs.c.id == bindparam("run"))
_TIMES = select(shared_summaries.c.times).where(shared_summaries.c.run_id == bindparam("run"))


def join(connection: Connection, run_id: int, writer: str) -> bool:
    """Note a writer of a run; True when it is a new one."""
    if connection.execute(_LAST, {"run": run_id, "name": writer}).first() is not None:
        return False
    connection.execute(insert(writers).values(run_id=run_id, writer=writer))
    return True


def combine_config(connection: Connection, run_id: int, writer: str, stored: str, sent: str) -> str:
    """The config of a run after a writer that joined it sent its own.

    Args:
        connection: A connection inside a write transaction.
        run_id: Row id of the run.
        writer: Id of the writer.
        stored: Config of the run, JSON.
        sent: What the writer sent, a JSON object.
    """
    before = _last(connection, run_id, writer).config
    _note(connection, run_id, writer, config=sent)
    return encode(merge_config(decode(stored), decode(before), decode(sent)))


def combine_summary(
    connection: Connection,
    run_id: int,
    writer: str,
    stored: str,
    sent: str,
    logged: dict[str, float],
) -> str:
    """The summary of a run after a writer that joined it sent its own; `logged` as it says there.

    Args:
        connection: A connection inside a write transaction.
        run_id: Row id of the run.
        writer: Id of the writer.
        stored: Summary of the run, JSON.
        sent: What the writer sent, a JSON object.
        logged: Keys of the rows that came with it, with their times.
    """
    before = _last(connection, run_id, writer).summary
    found = connection.execute(_TIMES, {"run": run_id}).scalar()
    times: dict[str, float] = decode(found) if found else {}
    of_run = {"run": run_id}
    statistics = Statistics(lambda: decode(connection.execute(_CONFIG, of_run).scalar_one()))
    merged = merge_summary(decode(stored), times, decode(before), decode(sent), logged, statistics)
    _note(connection, run_id, writer, summary=sent)
    change: Any = (
        insert(shared_summaries).values(run_id=run_id, times=encode(times))
        if found is None
        else update(shared_summaries)
        .where(shared_summaries.c.run_id == run_id)
        .values(times=encode(times))
    )
    connection.execute(change)
    return encode(merged)


def own_lines(connection: Connection, run_id: int, writer: str) -> int:
    """History lines of one writer: where its numbering goes on."""
    end = func.max(segments.c.first_line + segments.c.line_count)
    query = select(end).where(
        segments.c.run_id == run_id, segments.c.stream == "history", segments.c.writer == writer
    )
    return connection.execute(query).scalar() or 0


def _last(connection: Connection, run_id: int, writer: str) -> Any:
    return connection.execute(_LAST, {"run": run_id, "name": writer}).one()


def _note(connection: Connection, run_id: int, writer: str, **columns: str) -> None:
    change = update(writers).where(writers.c.run_id == run_id, writers.c.writer == writer)
    connection.execute(change.values(**columns))
