"""Rows that a server has thinned out, and rows asked for by key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.api.history_pages import decode_rows
from asyncwb.errors import RunNotFoundError
from asyncwb.graphql.api_operations import RUN_EVENTS, RUN_HISTORY, SAMPLED_HISTORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.api.address import RunAddress
    from asyncwb.graphql import Operation
    from asyncwb.graphql.api_answers import HistoryData, HistoryRun
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["ask", "restore_numbers", "sampled", "sampled_rows"]

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


async def sampled_rows(
    service: Service,
    address: RunAddress,
    *,
    samples: int,
    keys: Sequence[str] | None,
    x_axis: str,
    stream: str,
) -> list[Row]:
    """Rows that the server has thinned out to `samples`."""
    if keys is not None:
        names = [x_axis, *(key for key in keys if key != x_axis)]
        return await sampled(service, address, {"keys": names, "samples": samples})
    operation = RUN_EVENTS if stream == "system" else RUN_HISTORY
    run = await ask(service, operation, address, {"samples": samples})
    return await decode_rows((run.events if stream == "system" else run.history) or [])


async def sampled(service: Service, address: RunAddress, spec: dict[str, Any]) -> list[Row]:
    """Rows that have all keys of a spec."""
    specs = [jsonx.encode(spec).decode()]
    run = await ask(service, SAMPLED_HISTORY, address, {"specs": specs})
    answers = run.sampled_history or []
    rows = cast("list[Row]", answers[0] or []) if answers else []
    for row in rows:
        restore_numbers(row)
    return rows


def restore_numbers(holder: dict[str, Any] | list[Any]) -> None:
    """Turn the texts that stand for NaN and infinities back into floats, in place.

    Rows asked for by key come as plain JSON, which has no such numbers. A text that was logged
    as "NaN" cannot be told from them; as a number it is far more common.
    """
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        kind = value.__class__
        if kind is str:
            if value in _NUMBERS:
                holder[key] = _NUMBERS[value]  # type: ignore[index]
        elif kind is dict or kind is list:
            restore_numbers(value)


async def ask(
    service: Service,
    operation: Operation[HistoryData],
    address: RunAddress,
    variables: dict[str, Any],
) -> HistoryRun:
    """Ask something of the history of a run.

    Raises:
        RunNotFoundError: The run is gone.
    """
    # The answers are large: HTTP/1.1 carries them at a fraction of the CPU that HTTP/2 takes.
    data = await service.execute(operation, {**address.variables, **variables}, lane="bulk")
    if data.project is None or data.project.run is None:
        raise RunNotFoundError(f"Could not find run {address}")
    return data.project.run
