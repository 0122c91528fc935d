"""Files of runs: write them, and read what a server has of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from asyncwb.api import Api

if TYPE_CHECKING:
    from asyncwb.run.run import Run
    from asyncwb.testing import LocalServer

SECONDS = 40.0
OWN = {"config.yaml", "wandb-summary.json", "wandb-metadata.json", "requirements.txt", "output.log"}


def write(path: str | Path, data: str | bytes = "x") -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


async def stored(run: Run | str, server: LocalServer | None = None) -> dict[str, bytes]:
    """The users' files, as the server has them."""
    api = Api() if server is None else Api(overrides=server.settings)
    found = await api.run(run if isinstance(run, str) else run.path)
    return {file.name: await file.read() async for file in found.files() if file.name not in OWN}


async def arrives(run: Run, name: str, data: bytes) -> None:
    with anyio.fail_after(SECONDS):
        while (await stored(run)).get(name) != data:  # noqa: ASYNC110 - the server tells nobody
            await anyio.sleep(0.1)
