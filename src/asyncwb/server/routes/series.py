"""`POST /-/series`: one metric of many runs, for a chart of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from sqlalchemy import select

from asyncwb.server.jsontext import decode_as
from asyncwb.server.problems import Problem, invalid
from asyncwb.server.storage.policy import readable
from asyncwb.server.storage.tables import entities, projects, runs

from .answers import packed_response, read_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.storage.accounts import User
    from asyncwb.server.storage.series import Series

__all__ = ["SeriesEndpoint"]

_LARGEST = 1024 * 1024
_MOST_RUNS = 1000


class _Asked(msgspec.Struct):
    """What to draw: `y` of runs over `x`; `x` may be `_step`, `_runtime`, `_timestamp` or a key."""

    entity: str
    project: str
    runs: list[str]
    y: str
    x: str = "_step"
    stream: Literal["history", "events"] = "history"
    points: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False


_asked = msgspec.json.Decoder(_Asked)


class SeriesEndpoint:
    """Columns of charts.

    Args:
        services: Database and configuration.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request) -> Response:
        """Answer a `Series`; runs that do not exist, or that the user cannot see, are left out."""
        services = self._services
        user = await services.authenticator.user(request)
        body = await read_body(request, _LARGEST)
        try:
            asked = decode_as(_asked, body)
        except (msgspec.MsgspecError, Problem) as exc:
            raise invalid(f"not a request for a series: {exc}") from exc
        if len(asked.runs) > _MOST_RUNS:
            raise invalid(f"a chart has at most {_MOST_RUNS} runs")
        series = await services.database.read(lambda db: _series(db, user, asked))
        return await packed_response(msgspec.to_builtins(series), request)


def _series(db: Connection, user: User, asked: _Asked) -> Series:
    # It needs numpy, which a server that nobody looks at does without.
    from asyncwb.server.storage.series import chart, columns

    query = (
        select(runs.c.name, runs.c.id)
        .join(projects, projects.c.id == runs.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(
            readable(user),
            entities.c.name == asked.entity,
            projects.c.name == asked.project,
            runs.c.name.in_(asked.runs),
        )
    )
    keys = list(dict.fromkeys((asked.x, asked.y)))
    span = (asked.low, asked.high)

    def read() -> Iterator[tuple[str, Any, Any]]:
        for name, run_id in db.execute(query).all():
            found = columns(db, run_id, asked.stream, keys, *span)
            yield name, found[0], found[-1]

    low, high = span
    return chart(read(), asked.points, low=low, high=high, logarithmic=asked.logarithmic)
