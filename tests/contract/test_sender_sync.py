"""Run folders sent to the embedded server: everything arrives, and nothing twice."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from journals import RunFolder, config_record, item, row_record, run_record

import asyncwb.journal.records as rec
from asyncwb.api import Api
from asyncwb.errors import (
    AuthenticationError,
    CommError,
    InvalidValueError,
    JournalError,
    UsageError,
)
from asyncwb.portal import PORTAL
from asyncwb.sender import RunOverrides, SyncResult, sync_folder, sync_many
from asyncwb.sender.ack import ack_path, load_ack, store_ack
from asyncwb.sender.locking import exclusive
from asyncwb.sender.offline import lost_parts
from asyncwb.settings import Settings
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def settings(server: LocalServer) -> Settings:
    return Settings(base_url=server.url, api_key=server.api_key)


def sync(folder: RunFolder | Path, settings: Settings, **options: Any) -> SyncResult:
    path = folder.path if isinstance(folder, RunFolder) else folder
    return PORTAL.call(sync_folder, path, settings, **options)


def stored(server: LocalServer, run_id: str, project: str = "demo") -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        api = Api(overrides=server.settings)
        run = await api.run(f"{server.entity}/{project}/{run_id}")
        return {
            "rows": [row async for row in run.scan_history()],
            "summary": dict(run.summary),
            "config": dict(run.config),
            "state": run.state,
            "name": run.name,
            "tags": list(run.tags),
            "files": sorted([file.name async for file in run.files()]),
        }

    return PORTAL.call(read)


def full(tmp_path: Path, run_id: str, rows: int = 50) -> RunFolder:
    folder = RunFolder(tmp_path, run_id)
    folder.add(run_record(run_id, display_name="full", tags=["t"], config=config_record(lr=0.1)))
    folder.add(*(row_record(n, loss=1 / (n + 1), x={"y": n}) for n in range(rows)))
    folder.add(config_record(late=2), rec.SummaryRecord(update=[item("best", 7)]))
    (folder.files / "sub").mkdir()
    (folder.files / "sub" / "a b.txt").write_text("content")
    folder.add(rec.FilesRecord(files=[rec.FileItem(path="sub/a b.txt", policy=1)]))
    return folder


def test_a_whole_run_arrives(tmp_path: Path, server: LocalServer, settings: Settings) -> None:
    folder = full(tmp_path, "whole")
    folder.add(rec.ExitRecord(exit_code=0, runtime=12))
    result = sync(folder, settings)
    assert (result.state, result.rows, result.error) == ("synced", 50, None)
    assert result.url is not None
    assert result.url.endswith(f"/{server.entity}/demo/runs/whole")
    found = stored(server, "whole")
    assert [row["_step"] for row in found["rows"]] == list(range(50))
    assert found["rows"][3]["loss"] == 0.25
    assert found["config"] == {"lr": 0.1, "late": 2}
    assert found["summary"]["best"] == 7
    assert found["summary"]["x"] == {"y": 49}
    assert found["summary"]["_wandb"] == {"runtime": 12}
    assert (found["state"], found["name"], found["tags"]) == ("finished", "full", ["t"])
    assert found["files"] == ["config.yaml", "sub/a b.txt", "wandb-summary.json"]
    assert (folder.path / "run-whole.wandb.synced").exists()
    assert json.loads((folder.files / "wandb-summary.json").read_text())["best"] == 7


def test_sending_again_changes_nothing(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    folder = full(tmp_path, "again")
    folder.add(rec.ExitRecord(exit_code=3))
    first = sync(folder, settings)
    before = stored(server, "again")
    assert before["state"] == "failed"
    assert sync(folder, settings).state == "skipped"
    assert sync(folder, settings, force=True).rows == 0
    # Without the ack the server's last row is found in the journal: the same line numbers again.
    ack_path(folder.journal).unlink()
    assert sync(folder, settings, force=True).rows == first.rows
    assert stored(server, "again") == before


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_crash_between_a_post_and_its_ack_repeats_the_same_lines(
    part: float, tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    run_id = f"crash{int(part * 10)}"
    folder = full(tmp_path, run_id, rows=300)
    folder.add(row_record(300, loss=0))
    sync(folder, settings)
    ack = load_ack(folder.journal)
    assert ack is not None
    (folder.path / f"run-{run_id}.wandb.synced").unlink()
    # Records end where they end: cut the ack back to one of them.
    from asyncwb.journal import JournalReader

    reader = JournalReader.open(folder.journal)
    ends = [record.end_position for record in reader.read_batch(1 << 30, 1 << 30)]
    reader.close()
    text = json.loads(ack_path(folder.journal).read_text())
    text |= {"position": ends[int(len(ends) * part)], "finished": False}
    ack_path(folder.journal).write_text(json.dumps(text))
    folder.add(row_record(301, loss=0), rec.ExitRecord(exit_code=0))
    result = sync(folder, settings)
    assert result.state == "synced"
    assert 0 < result.rows <= 302
    found = stored(server, run_id)
    assert [row["_step"] for row in found["rows"]] == list(range(302))
    assert found["state"] == "finished"


def test_a_journal_without_an_exit_is_a_crashed_run(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    folder = full(tmp_path, "noexit")
    with folder.journal.open("ab") as file:
        file.write(b"\x01\x02\x03torn")
    result = sync(folder, settings)
    assert (result.state, result.rows) == ("synced", 50)
    assert stored(server, "noexit")["state"] == "failed"


def test_a_journal_that_ends_before_what_was_delivered_leaves_the_summary_alone(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    # As after a full disk: the live run delivered its last rows from memory and was killed.
    folder = full(tmp_path, "short", rows=300)
    whole = folder.journal.read_bytes()
    sync(folder, settings)
    before = stored(server, "short")
    ack = load_ack(folder.journal)
    assert ack is not None
    ack.finished = False
    folder.journal.write_bytes(whole[: len(whole) // 2])
    store_ack(folder.journal, ack)
    sync(folder, settings, force=True)
    after = stored(server, "short")
    assert after["rows"] == before["rows"]
    assert after["summary"] == before["summary"]
    assert json.loads((folder.files / "wandb-summary.json").read_text())["best"] == 7


def test_damage_is_reported_with_its_offset_and_the_rest_arrives(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    folder = RunFolder(tmp_path, "damaged")
    start = folder.add(run_record("damaged"))
    folder.add(*(row_record(n, x=n) for n in range(1200)))
    folder.add(rec.ExitRecord())
    data = bytearray(folder.journal.read_bytes())
    data[start + 20] ^= 0xFF
    folder.journal.write_bytes(data)
    result = sync(folder, settings)
    assert result.state == "synced"
    assert result.damage
    assert result.damage[0].startswith(f"bytes {start} to ")
    assert result.damage[0].endswith("of the journal: wrong checksum")
    rows = stored(server, "damaged")["rows"]
    assert 0 < len(rows) < 1200
    assert [row["_step"] for row in rows] == list(range(1200 - len(rows), 1200))
    assert not (folder.path / "run-damaged.wandb.synced").exists()
    assert lost_parts(folder.journal) == 1
    assert sync(folder, settings).state == "skipped"


def test_every_row_once_through_a_bad_network(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    folder = full(tmp_path, "faults", rows=30_000)
    folder.add(rec.ExitRecord())
    with FaultProxy(server.url, rate=0.3, seed=5) as proxy:
        there = Settings(base_url=proxy.url, api_key=server.api_key, app_url=server.url)
        result = sync(folder, there)
        assert (result.state, result.rows) == ("synced", 30_000)
        assert proxy.faulted > 0
    found = stored(server, "faults")
    assert [row["_step"] for row in found["rows"]] == list(range(30_000))
    assert found["files"] == ["config.yaml", "sub/a b.txt", "wandb-summary.json"]


def test_lost_answers_repeat_nothing(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    folder = full(tmp_path, "lostanswer")
    folder.add(rec.ExitRecord())
    with FaultProxy(
        server.url,
        script=[Fault.RESET_AFTER, Fault.STATUS_502, Fault.TRUNCATE],
        match=lambda _, path: path.endswith("/file_stream"),
    ) as proxy:
        there = Settings(base_url=proxy.url, api_key=server.api_key)
        assert sync(folder, there).state == "synced"
        assert proxy.faulted == 3
    assert [row["_step"] for row in stored(server, "lostanswer")["rows"]] == list(range(50))


def test_a_run_resumed_offline_goes_on_behind_the_servers_last_step(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    first = full(tmp_path, "resumed", rows=10)
    first.add(rec.ExitRecord())
    second = RunFolder(tmp_path, "resumed", stamp="20261122_000000")
    second.add(run_record("resumed", resume=True, config=config_record(new=1)))
    second.add(*(row_record(n, at=1_795_300_000.5 + n, loss=5 + n) for n in range(3)))
    second.add(rec.ExitRecord())
    results = PORTAL.call(sync_many, [second.path, first.path], settings, jobs=2)
    assert [(r.state, r.rows) for r in results] == [("synced", 3), ("synced", 10)]
    found = stored(server, "resumed")
    assert [row["_step"] for row in found["rows"]] == list(range(13))
    assert found["config"] == {"lr": 0.1, "late": 2, "new": 1}
    assert found["summary"]["loss"] == 7
    assert found["summary"]["best"] == 7
    ack_path(second.journal).unlink()
    assert sync(second, settings, force=True).state == "synced"
    assert [row["_step"] for row in stored(server, "resumed")["rows"]] == list(range(13))


def test_many_folders_and_one_that_is_none(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    folders = [full(tmp_path, f"many{n}", rows=5) for n in range(6)]
    empty = tmp_path / "offline-run-20261121_012006-empty"
    empty.mkdir()
    seen: list[SyncResult] = []
    paths = [folders[0].path, empty, *(f.path for f in folders[1:])]
    results = PORTAL.call(sync_many, paths, settings, jobs=3, done=seen.append)
    assert [r.state for r in results] == ["synced", "failed", *["synced"] * 5]
    assert isinstance(results[1].error, UsageError)
    assert len(seen) == 7
    for n in range(6):
        assert len(stored(server, f"many{n}")["rows"]) == 5
    with pytest.raises(InvalidValueError, match="jobs"):
        PORTAL.call(sync_many, paths, settings, jobs=0)


def test_names_can_be_overridden(tmp_path: Path, server: LocalServer, settings: Settings) -> None:
    folder = RunFolder(tmp_path, "orig")
    folder.add(run_record("orig", entity="nobody"), row_record(0, x=1), rec.ExitRecord())
    names = RunOverrides(run_id="copied", project="elsewhere", entity=server.entity)
    result = sync(folder, settings, overrides=names)
    assert (result.run_id, result.project) == ("copied", "elsewhere")
    assert len(stored(server, "copied", "elsewhere")["rows"]) == 1


def test_refusals_are_in_the_result(tmp_path: Path, settings: Settings) -> None:
    folder = full(tmp_path, "refused")
    wrong = Settings(base_url=settings.base_url, api_key="x" * 40)
    assert isinstance(sync(folder, wrong).error, AuthenticationError)
    strange = RunFolder(tmp_path, "strange")
    strange.add(run_record("strange", entity="nobody"))
    result = sync(strange, settings)
    assert result.state == "failed"
    assert isinstance(result.error, CommError)
    nameless = RunFolder(tmp_path, "nameless")
    nameless.add(row_record(0, x=1))
    assert isinstance(sync(nameless, settings).error, JournalError)


def test_a_refusal_that_is_returned_is_not_logged_as_well(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    folder = RunFolder(tmp_path, "toldonce")
    folder.add(run_record("toldonce"), rec.ExitRecord())
    wrong = Settings(base_url=settings.base_url, api_key="0" * 40)
    assert isinstance(sync(folder, wrong).error, AuthenticationError)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_folder_in_use_is_refused(tmp_path: Path, settings: Settings) -> None:
    folder = full(tmp_path, "inuse")
    with folder.journal.open("ab"), pytest.raises(UsageError, match="still writing"):
        sync(folder, settings)
    with exclusive(folder.journal), pytest.raises(UsageError, match="being synced"):
        sync(folder, settings)
    assert sync(folder, settings).state == "synced"
