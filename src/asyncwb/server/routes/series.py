"""`POST /-/series`: one metric of many runs, for a chart of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from sqlalchemy import select

from asyncwb.server.jsontext import decode_as, plain
from asyncwb.server.problems import Problem, invalid
from asyncwb.server.storage.policy import readable
from asyncwb.server.storage.tables import entities, projects, runs

from .answers import packed_body, read_body

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.storage.accounts import User
    from asyncwb.server.storage.chart import Chart

__all__ = ["SeriesEndpoint"]

_BINARY = "application/octet-stream"
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
        """Answer a `Chart`, in binary to those who accept that.

        Runs that do not exist, or that the user cannot see, are left out.
        """
        services = self._services
        user = await services.authenticator.user(request)
        body = await read_body(request, _LARGEST)
        try:
            asked = decode_as(_asked, body)
        except (msgspec.MsgspecError, Problem) as exc:
            raise invalid(f"not a request for a series: {exc}") from exc
        if len(asked.runs) > _MOST_RUNS:
            raise invalid(f"a chart has at most {_MOST_RUNS} runs")
        binary = _BINARY in request.headers.get("accept", "")

        def answer(db: Connection) -> bytes:
            chart = _chart(db, user, asked)
            return chart.as_bytes() if binary else plain(chart.as_json())

        columns = await services.database.read(answer)
        return await packed_body(columns, request, _BINARY if binary else "application/json")


def _chart(db: Connection, user: User, asked: _Asked) -> Chart:
    # It needs numpy, which a server that nobody looks at does without.
    from asyncwb.server.storage.chart import chart
    from asyncwb.server.storage.series import View, points_of

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
    view = View(
        x=asked.x,
        y=asked.y,
        stream=asked.stream,
        points=asked.points,
        low=asked.low,
        high=asked.high,
        logarithmic=asked.logarithmic,
    )
    found = ((name, points_of(db, run_id, view)) for name, run_id in db.execute(query).all())
    return chart(found, view.points, logarithmic=view.logarithmic)
