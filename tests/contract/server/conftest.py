"""A server inside the test's event loop, spoken to over HTTP messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from server_client import Client

from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def crashed_after() -> float:
    return 300.0


@pytest.fixture
async def client(tmp_path: Path, crashed_after: float) -> AsyncIterator[Client]:
    identity = ensure_first_user(tmp_path)
    app = create_app(ServerConfig(data_dir=str(tmp_path), crashed_after=crashed_after))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://server.test:1",
            auth=("api", identity.api_key),
        ) as http,
    ):
        yield Client(http, tmp_path)
