"""History, system metrics and console of a run."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from asyncwb.server.jsontext import decode, is_list, is_object
from asyncwb.server.problems import invalid
from asyncwb.server.storage import history as store

from .context import Info, Node, context_of
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

__all__ = ["run"]

run = Resolvers("Run")

_PLAIN_LINE = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT[0-9:.]+) (?:\[([^\]]*)\] )?(.*)", re.DOTALL)


@run.field("history")
async def _history(
    node: Node,
    info: Info,
    *,
    minStep: int | None = None,
    maxStep: int | None = None,
    samples: int | None = None,
) -> list[str]:
    """With a range of steps all rows in it, else a sample."""
    database = context_of(info).database
    if minStep is None and maxStep is None:
        return await database.read(lambda db: store.sample(db, node["_id"], "history", samples))
    return await database.read(lambda db: store.rows_between(db, node["_id"], minStep, maxStep))


@run.field("events")
async def _events(node: Node, info: Info, *, samples: int | None = None) -> list[str]:
    return await context_of(info).database.read(
        lambda db: store.sample(db, node["_id"], "events", samples)
    )


@run.field("sampledHistory")
async def _sampled(node: Node, info: Info, *, specs: list[str]) -> list[Any]:
    spikes = context_of(info).services.config.sampling == "minmax"
    return await context_of(info).database.read(
        lambda db: [
            store.rows_with_keys(db, node["_id"], _spec(text), spikes=spikes) for text in specs
        ]
    )


def _spec(text: str) -> dict[str, Any]:
    spec = decode(text)
    if not is_object(spec):
        raise invalid("a history spec must be a JSON object")
    known = spec
    keys = known.get("keys")
    if keys is not None and not (is_list(keys) and all(isinstance(key, str) for key in keys)):
        raise invalid("the keys of a history spec must be a list of texts")
    for name in ("samples", "minStep", "maxStep"):
        value = known.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise invalid(f"{name} of a history spec must be a number")
    return known


@run.field("parquetHistory")
def _parquet(_node: Node, _info: Info, **_: Any) -> Node:
    """No exports: everything comes from the live queries."""
    return {"parquetUrls": [], "liveData": []}


@run.field("historyTail")
async def _history_tail(node: Node, info: Info) -> str:
    return await context_of(info).database.read(
        lambda db: _tail(store.tail(db, node["_id"], "history"))
    )


@run.field("eventsTail")
async def _events_tail(node: Node, info: Info) -> str:
    return await context_of(info).database.read(
        lambda db: _tail(store.tail(db, node["_id"], "events"))
    )


def _tail(line: str | None) -> str:
    return msgspec.json.encode([] if line is None else [line]).decode()


@run.field("logLines")
async def _log_lines(
    node: Node,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    **_: Any,
) -> Node:
    total: int = node["logLineCount"]
    size = page_size(first, last)
    end = number_from(before)
    end = total if end is None else min(end, total)
    if first is None and last is not None:
        low = max(0, end - size)
    else:
        start = number_from(after)
        low = 0 if start is None else start + 1
    lines = await context_of(info).database.read(
        lambda db: store.console_lines(db, node["_id"], low, min(size, max(0, end - low)))
    )
    return connection(
        lines,
        _log_line,
        lambda line: cursor_of(line[0]),
        more=bool(lines) and lines[-1][0] + 1 < end,
        before=low > 0,
    )


def _log_line(numbered: tuple[int, str]) -> Node:
    """A console line in one of its two forms, split into its parts."""
    number, text = numbered
    node: Node = {"number": number, "timestamp": "", "level": None, "label": None, "line": text}
    structured = _structured(text)
    if structured is not None:
        node.update(
            timestamp=structured.get("ts", ""),
            level=structured.get("level"),
            label=structured.get("label"),
            line=structured["content"],
        )
    elif plain := _PLAIN_LINE.fullmatch(text):
        error, timestamp, label, content = plain.groups()
        node.update(
            timestamp=timestamp, level="error" if error else None, label=label, line=content
        )
    node["line"] += "\n"
    return node


def _structured(text: str) -> dict[str, str] | None:
    if not text.startswith("{"):
        return None
    try:
        parts = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        return None
    return parts if "content" in parts else None
