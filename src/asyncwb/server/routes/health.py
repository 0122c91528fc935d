"""`/healthz`, `/readyz` and `/metrics`: for those who watch over the server."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert
from starlette.responses import Response

from asyncwb.server.problems import forbidden, not_found
from asyncwb.server.storage.session_tables import spent_links

from .answers import json_response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlalchemy import Connection
    from starlette.requests import Request

    from asyncwb.server.resolvers.context import Services

__all__ = ["HealthEndpoints"]

_log = logging.getLogger("asyncwb.server")
_DEADLINE_SECONDS = 5.0
# so that nobody makes the disk busy by asking
_KEPT_SECONDS = 1.0


class HealthEndpoints:
    """Says whether the server lives, can serve, and what it does.

    Args:
        services: Database, blobs and counters.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looking = asyncio.Lock()
        self._looked_at = 0.0
        self._found: dict[str, str] = {}

    async def health(self, _request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """`GET /readyz`: 200 where database and blobs take a write within 5 seconds, else 503."""
        async with self._looking:
            if time.monotonic() - self._looked_at > _KEPT_SECONDS:
                database, blobs = await asyncio.gather(
                    _outcome("the database", self._write_row()),
                    _outcome("the folder of blobs", self._write_blob()),
                )
                self._found = {"database": database, "blobs": blobs}
                self._looked_at = time.monotonic()
            found = self._found
        ready = all(outcome == "ok" for outcome in found.values())
        status = {"status": "ready" if ready else "unavailable"}
        response = json_response({**status, **found}, 200 if ready else 503)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _write_row(self) -> None:
        def change(db: Connection) -> None:
            # a row of a small table: it is written, and gone with the same commit
            row = {"digest": secrets.token_hex(32), "expires_at": 0.0}
            db.execute(insert(spent_links).values(**row))
            db.execute(delete(spent_links).where(spent_links.c.digest == row["digest"]))

        await self._services.database.write(change)

    async def _write_blob(self) -> None:
        blobs = self._services.blobs
        (made,) = await blobs.store_small([b"ready"])
        await blobs.remove([made.name])

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: for administrators, or whom the setting `metrics` allows."""
        services = self._services
        if services.config.metrics == "off":
            raise not_found("this server has no metrics")
        if services.config.metrics == "admin":
            user = await services.authenticator.user(request)
            if not user.admin:
                raise forbidden("only administrators of the server read its metrics")
        return Response(
            services.metrics.text(),
            media_type="text/plain; version=0.0.4; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )


async def _outcome(what: str, work: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            await work
    except TimeoutError:
        _log.warning("%s did not take a write within %g seconds", what, _DEADLINE_SECONDS)
        return "slow"
    except Exception:  # noqa: BLE001 - whatever it is: the answer is that it does not work
        _log.warning("%s takes no writes", what, exc_info=True)
        return "failed"
    return "ok"
