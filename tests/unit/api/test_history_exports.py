"""The Parquet files of a history, saved as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from api_fakes import ADDRESS, FakeService, HistoryServer

from asyncwb.api.history_exports import download_exports
from asyncwb.errors import IncompleteRunHistoryError, RunNotFoundError
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from pathlib import Path

URLS = [f"http://127.0.0.1:9/{number}.parquet" for number in range(6)]


def exporting(count: int) -> HistoryServer:
    server = HistoryServer([{"_step": 0}])
    server.parquet = URLS[:count]
    server.transport.files.update({url: url.encode() for url in URLS[:count]})
    return server


async def test_every_file_is_saved(tmp_path: Path) -> None:
    server = exporting(6)
    service = FakeService(server.transport)
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        result = await PORTAL.acall(download_exports, service, ADDRESS, folder, complete=True)
        assert [path.read_text() for path in result.paths] == URLS
        assert (result.errors, result.contains_live_data) == (None, False)
        assert sorted(folder.iterdir()) == sorted(result.paths)
    assert [path.name for path in result.paths] == [
        f"{ADDRESS.entity}_{ADDRESS.project}_{ADDRESS.run_id}_{n}.runhistory.parquet"
        for n in range(6)
    ]


async def test_rows_that_are_in_no_file(tmp_path: Path) -> None:
    server = exporting(1)
    server.live = [{"_step": 7}]
    service = FakeService(server.transport)
    with pytest.raises(IncompleteRunHistoryError, match="require_complete_history"):
        await PORTAL.acall(download_exports, service, ADDRESS, tmp_path, complete=True)
    assert list(tmp_path.iterdir()) == []
    result = await PORTAL.acall(download_exports, service, ADDRESS, tmp_path, complete=False)
    assert result.contains_live_data
    assert len(result.paths) == 1


async def test_a_file_that_fails_leaves_the_others(tmp_path: Path) -> None:
    server = exporting(3)
    del server.transport.files[URLS[1]]
    result = await PORTAL.acall(
        download_exports, FakeService(server.transport), ADDRESS, tmp_path, complete=True
    )
    assert [path.read_text() for path in result.paths] == [URLS[0], URLS[2]]
    assert result.errors is not None
    [(missing, reason)] = result.errors.items()
    assert reason
    assert not missing.exists()
    assert sorted(tmp_path.iterdir()) == sorted(result.paths)


async def test_a_server_that_makes_none(tmp_path: Path) -> None:
    result = await PORTAL.acall(
        download_exports, FakeService(exporting(0).transport), ADDRESS, tmp_path, complete=True
    )
    assert (result.paths, result.errors) == ([], None)


async def test_an_unknown_run(tmp_path: Path) -> None:
    server = exporting(1)
    server.transport.handlers["ScanBounds"] = lambda _: {"project": None}
    with pytest.raises(RunNotFoundError):
        await PORTAL.acall(
            download_exports, FakeService(server.transport), ADDRESS, tmp_path, complete=True
        )
