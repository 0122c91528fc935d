"""`POST /files/{entity}/{project}/{run}/file_stream`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncwb.server.storage import ingest
from asyncwb.server.storage.runs import run_row_id

from .answers import json_response, read_body, writer_of

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from asyncwb.server.resolvers.context import Services

__all__ = ["FileStreamEndpoint"]

# larger bodies are decoded in a thread, so that other requests do not wait
_THREAD_FROM = 512 * 1024
# what is counted of each stream: files of other names have none
_STREAMS = {
    "wandb-history.jsonl": "history",
    "wandb-events.jsonl": "events",
    "output.log": "output",
}


class FileStreamEndpoint:
    """Takes lines, heartbeats and the end of runs.

    Args:
        services: Database and configuration.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request) -> Response:
        """Answer one request after its changes are committed."""
        services = self._services
        user = await services.authenticator.user(request)
        body = await read_body(request, services.config.max_body_bytes)
        if len(body) >= _THREAD_FROM:
            stream, history = await asyncio.to_thread(_decode, body)
        else:
            stream, history = _decode(body)
        path = request.path_params
        writer = writer_of(request, "x-wandb-async-client-id")

        def change(db: Connection) -> tuple[int, bool]:
            run_id = run_row_id(db, user, path["entity"], path["project"], path["run"], change=True)
            return run_id, ingest.apply(db, run_id, stream, history, writer)

        # Two processes may have lines of one run, say those of its several writers.
        scope = f"run {path['entity']}/{path['project']}/{path['run']}"
        run_id, stopped = await services.database.write(change, scope)
        services.metrics.heard(run_id, ended=bool(stream.complete))
        for name, chunk in (stream.files or {}).items():
            if name in _STREAMS:
                services.metrics.rows.labels(_STREAMS[name]).inc(len(chunk.content or ()))
        answer: dict[str, object] = {"exitcode": stream.exitcode, "limits": {}}
        if stopped:
            answer["stopped"] = True
        return json_response(answer)


def _decode(body: bytes) -> tuple[ingest.FileStreamRequest, ingest.HistoryLines | None]:
    stream = ingest.parse_request(body)
    return stream, ingest.prepare(stream)
