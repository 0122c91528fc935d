"""A run that has no folder to write to: rows in memory, freed as the server takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncwb.api import Api
from asyncwb.run import init
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_BYTES = 400_000


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


async def test_memory_is_freed_by_acknowledgements(
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASYNCWB_MEMORY_LIMIT_BYTES", str(LIMIT_BYTES))
    nowhere = tmp_path / "file"
    nowhere.write_text("a file where a folder should be")
    most = logged = 0
    async with init("p", dir=str(nowhere)) as run:
        journal = run._core.journal
        assert journal.path is None
        for _ in range(10):
            for _ in range(400):
                await run.log({"n": logged, "text": "x" * 200})
                logged += 1
            await run.flush(timeout=30)
            most = max(most, journal.status.memory_bytes)
        assert journal.end > 3 * LIMIT_BYTES
        assert journal.status.lost_rows == 0
        path = run.path
    assert most < LIMIT_BYTES
    warnings = [
        record.getMessage() for record in caplog.records if record.name.startswith("asyncwb")
    ]
    assert len([text for text in warnings if "kept in memory" in text]) == 1
    stored = await Api().run(path)
    rows = [row["n"] async for row in stored.scan_history(keys=["n"])]
    assert rows == list(range(logged))


async def test_what_does_not_fit_is_counted(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASYNCWB_MEMORY_LIMIT_BYTES", str(LIMIT_BYTES))
    nowhere = tmp_path / "file"
    nowhere.write_text("a file where a folder should be")
    run = await init("p", dir=str(nowhere))
    await run.flush(timeout=30)
    for n in range(3000):
        await run.log({"n": n, "text": "x" * 200})
    lost = run._core.journal.status.lost_rows
    await run.finish(timeout=30)
    stored = await Api().run(run.path)
    rows = [row["n"] async for row in stored.scan_history(keys=["n"])]
    assert 0 < lost < 3000
    assert len(rows) == 3000 - lost
    assert rows == sorted(rows)
