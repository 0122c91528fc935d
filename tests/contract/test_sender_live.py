"""Live runs: a journal that grows, delivered by one task per run."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from journals import config_record, item, run_record

import asyncwb.journal.records as rec
from asyncwb.api import Api
from asyncwb.errors import AuthenticationError, ClosedError, CommError, UsageError
from asyncwb.filestream import FileStream, StreamAnswer
from asyncwb.graphql import GraphQL
from asyncwb.graphql.run_operations import STOP_RUN
from asyncwb.journal import Journal
from asyncwb.journal.rows import RowEncoder
from asyncwb.portal import PORTAL
from asyncwb.sender import Sender, SenderStatus, sync_folder
from asyncwb.sender.access import transport_config
from asyncwb.sender.opening import Opener
from asyncwb.settings import Settings
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import FaultProxy
from asyncwb.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asyncwb.portal.background import Background


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


class Live:
    """A journal and the sender that follows it."""

    def __init__(
        self, parent: Path, run_id: str, url: str, key: str, project: str = "live", **changes: Any
    ) -> None:
        self.dir = parent / f"run-20261121_000000-{run_id}"
        (self.dir / "files").mkdir(parents=True)
        self.path = self.dir / f"run-{run_id}.wandb"
        self.journal = Journal.create(self.path)
        self.settings = settings = Settings(base_url=url, api_key=key, **changes)
        self.seen: list[SenderStatus] = []
        self.sender = Sender(
            self.journal.reader(),
            settings=settings,
            run_dir=self.dir,
            transport_config=transport_config(settings),
            on_status=self.seen.append,
        )
        self.journal.on_append = self.sender.wake
        self.encoder = RowEncoder()
        self.add(run_record(run_id, project))
        self.task: Background = PORTAL.spawn(self.sender.run, name=f"sender {run_id}")

    def add(self, *bodies: rec.Body) -> int:
        for body in bodies:
            self.journal.append(rec.encode(body))
        return self.journal.end

    def log(self, step: int, **values: float) -> None:
        row = self.encoder.encode(values, step=step, timestamp=1.7e9 + step, runtime=step / 10)
        self.journal.append(row)

    def wait(self, position: int | None = None) -> None:
        end = self.journal.end if position is None else position
        PORTAL.call(within, 20.0, self.sender.wait_acked, end)

    def finish(self, exit_code: int = 0) -> None:
        self.add(rec.ExitRecord(exit_code=exit_code))
        self.wait()
        self.close()

    def close(self) -> None:
        self.sender.stop()
        PORTAL.call(self.task.wait)
        self.journal.close()


async def within(seconds: float, fn: Any, *args: Any) -> None:
    with anyio.fail_after(seconds):
        await fn(*args)


@pytest.fixture
def live(tmp_path: Path, server: LocalServer) -> Iterator[Any]:
    made: list[Live] = []

    def make(run_id: str, url: str = server.url, key: str = server.api_key, **more: Any) -> Live:
        made.append(Live(tmp_path / str(len(made)), run_id, url, key, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def read(server: LocalServer, run_id: str, project: str = "live") -> tuple[list[int], Any]:
    async def fetch() -> tuple[list[int], Any]:
        run = await Api(overrides=server.settings).run(f"{server.entity}/{project}/{run_id}")
        return [row["_step"] async for row in run.scan_history()], run  # type: ignore[misc]

    return PORTAL.call(fetch)


def test_rows_are_there_while_the_run_lives_and_finish_ends_it(
    live: Any, server: LocalServer
) -> None:
    run = live("alive")
    PORTAL.call(run.sender.ready)
    status = run.sender.status
    assert (status.entity, status.project, status.run_id) == (server.entity, "live", "alive")
    assert status.storage_id
    run.log(0, loss=1.0)
    run.wait()
    steps, found = read(server, "alive")
    assert (steps, found.state) == ([0], "running")
    run.log(1, loss=0.5)
    run.add(config_record(lr=0.1), rec.SummaryRecord(update=[item("best", 1)]))
    run.wait()
    steps, found = read(server, "alive")
    assert (steps, found.config["lr"], found.summary["best"]) == ([0, 1], 0.1, 1)
    run.add(rec.RunRecord(run_id="alive", display_name="renamed", tags=["x"]))
    (run.dir / "files" / "now.txt").write_text("now")
    run.add(rec.FilesRecord(files=[rec.FileItem(path="now.txt")]))
    run.wait()
    _, found = read(server, "alive")
    assert (found.name, found.tags) == ("renamed", ["x"])
    assert run.sender.status.files_uploaded == 1
    run.finish(exit_code=0)
    assert run.sender.status.finished
    assert run.sender.status.phase == "finished"
    assert read(server, "alive")[1].state == "finished"
    phases = [status.phase for status in run.seen]
    assert phases == sorted(phases, key=["connecting", "streaming", "finishing", "finished"].index)


def test_the_first_row_arrives_within_a_second_without_a_flush(
    live: Any, server: LocalServer
) -> None:
    run = live("prompt")
    PORTAL.call(run.sender.ready)
    arrived = threading.Event()
    run.sender._on_status = lambda s: arrived.set() if s.rows_sent else None
    run.log(0, x=1)
    assert arrived.wait(1.0)


def test_many_runs_share_one_loop(live: Any, server: LocalServer) -> None:
    runs = [live(f"many{n}") for n in range(40)]
    for step in range(20):
        for run in runs:
            run.log(step, x=step)
    threads = threading.active_count()
    for run in runs:
        run.add(rec.ExitRecord())
    for run in runs:
        run.wait()
    assert threading.active_count() <= threads + 8
    for n in (0, 17, 39):
        assert read(server, f"many{n}")[0] == list(range(20))


def test_a_server_that_is_away_delays_and_loses_nothing(live: Any, server: LocalServer) -> None:
    with FaultProxy(None) as proxy:
        run = live("away", url=proxy.url)
        for step in range(2_000):
            run.log(step, x=step)
        deadline = time.monotonic() + 10
        while not run.sender.status.retries and time.monotonic() < deadline:
            time.sleep(0.01)
        assert run.sender.status.last_error
        assert run.sender.status.phase == "connecting"
        proxy.upstream = server.url
        run.finish()
    assert read(server, "away")[0] == list(range(2_000))
    assert run.sender.status.last_error == ""


def test_a_cancelled_waiter_harms_nobody(live: Any, server: LocalServer) -> None:
    with FaultProxy(None) as proxy:
        run = live("cancelled", url=proxy.url)
        run.log(0, x=1)
        with pytest.raises(TimeoutError):
            PORTAL.call(within, 0.05, run.sender.wait_acked, run.journal.end)
        with pytest.raises(TimeoutError):
            PORTAL.call(within, 0.05, run.sender.ready)
        proxy.upstream = server.url
        run.finish()
    assert read(server, "cancelled")[0] == [0]


def test_a_stopped_sender_lets_go_who_waits(live: Any) -> None:
    with FaultProxy(None) as proxy:
        run = live("stopped", url=proxy.url)
        run.log(0, x=1)
        threading.Timer(0.05, run.sender.stop).start()
        with pytest.raises(ClosedError, match="journal"):
            run.wait()
        with pytest.raises(ClosedError):
            PORTAL.call(run.sender.ready)
        assert run.sender.status.phase == "stopped"


def test_a_wrong_key_is_raised_by_ready_and_wait(live: Any) -> None:
    run = live("wrongkey", key="x" * 40)
    run.log(0, x=1)
    for _ in range(2):
        with pytest.raises(AuthenticationError):
            PORTAL.call(run.sender.ready)
        with pytest.raises(AuthenticationError):
            run.wait()
    assert run.sender.status.phase == "failed"
    assert "x" * 40 not in repr(run.sender.status)


def test_resume_modes(live: Any, server: LocalServer) -> None:
    must = live("modes", resume="must")
    with pytest.raises(UsageError, match="modes"):
        PORTAL.call(must.sender.ready)
    first = live("modes", resume="never")
    first.add(config_record(old=1))
    for step in range(5):
        first.log(step, loss=step)
    first.finish()
    never = live("modes", resume="never")
    with pytest.raises(UsageError, match="exists"):
        PORTAL.call(never.sender.ready)
    again = live("modes", resume="must")
    PORTAL.call(again.sender.ready)
    point = again.sender.resumed
    assert (point.starting_step, point.history_lines) == (5, 5)
    assert point.config["old"] == {"value": 1}
    again.add(rec.RunRecord(run_id="modes", resumed=True, starting_step=point.starting_step))
    again.log(5, other=1)
    again.finish()
    steps, found = read(server, "modes")
    assert steps == list(range(6))
    assert found.config["old"] == 1
    assert (found.summary["loss"], found.summary["other"]) == (4, 1)


def test_rows_logged_before_the_server_answered_a_resume_move_behind(
    live: Any, server: LocalServer
) -> None:
    first = live("late")
    for step in range(3):
        first.log(step, x=step)
    first.finish()
    with FaultProxy(None) as proxy:
        second = live("late", url=proxy.url, resume="allow")
        for step in range(3):
            second.log(step, x=10 + step)
        proxy.upstream = server.url
        second.finish()
    assert read(server, "late")[0] == list(range(6))


def test_a_killed_and_restarted_server_gets_every_row_once(tmp_path: Path) -> None:
    with local_server(tmp_path / "data") as server:
        run = Live(tmp_path, "restarted", server.url, server.api_key)
        for step in range(500):
            run.log(step, x=step)
        run.wait()
        server.kill()
        for step in range(500, 1_000):
            run.log(step, x=step)
        server.restart()
        run.finish()
        assert read(server, "restarted")[0] == list(range(1_000))


def test_silence_is_broken_by_heartbeats(live: Any) -> None:
    run = live("quiet", heartbeat_seconds=0.2)
    run.log(0, x=1)
    run.wait()
    before = run.sender.status.bytes_sent
    deadline = time.monotonic() + 5
    while run.sender.status.bytes_sent < before + 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    # A heartbeat is two bytes.
    assert run.sender.status.bytes_sent >= before + 4


def test_a_stop_on_the_server_is_seen(live: Any, server: LocalServer) -> None:
    run = live("asked", heartbeat_seconds=0.2)
    run.log(0, x=1)
    run.wait()
    assert not run.sender.status.stop_requested

    async def stop() -> None:
        transport = await Transport.shared(transport_config(run.settings))
        await GraphQL(transport).execute(STOP_RUN, {"id": run.sender.status.storage_id})

    PORTAL.call(stop)
    deadline = time.monotonic() + 10
    while not run.sender.status.stop_requested and time.monotonic() < deadline:
        time.sleep(0.02)
    assert run.sender.status.stop_requested


def test_a_refused_config_fails_the_flush_but_not_the_rows(
    live: Any, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = live("refusedconfig")
    run.wait()

    async def refuse(*_: object) -> None:
        raise CommError("no such field")

    with monkeypatch.context() as patch:
        patch.setattr(Opener, "update", refuse)
        run.add(config_record(lr=1))
        run.log(0, x=1)
        with pytest.raises(CommError, match="no such field"):
            run.wait()
        deadline = time.monotonic() + 5
        while not run.sender.status.rows_sent and time.monotonic() < deadline:
            time.sleep(0.01)
        assert read(server, "refusedconfig")[0] == [0]
    run.finish()
    assert read(server, "refusedconfig")[1].config["lr"] == 1


def test_a_file_that_cannot_be_uploaded_fails_the_finish_and_is_sent_later(
    live: Any, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = live("badfile")
    (run.dir / "files" / "a.txt").write_text("a")
    run.log(0, x=1)
    files = [rec.FileItem(path=name) for name in ("a.txt", "../out.txt", "gone.txt")]
    run.add(rec.FilesRecord(files=files))

    async def refuse(*_: object, **__: object) -> None:
        raise CommError("the disk of the store is full")

    with monkeypatch.context() as patch:
        patch.setattr(Transport, "put", refuse)
        with pytest.raises(CommError, match="disk of the store"):
            run.finish()
    assert "a.txt" in run.sender.status.files_failed
    run.close()
    assert read(server, "badfile")[0] == [0]
    assert PORTAL.call(sync_folder, run.dir, run.settings).state == "synced"

    async def names() -> set[str]:
        found = await Api(overrides=server.settings).run(f"{server.entity}/live/badfile")
        return {file.name async for file in found.files()}

    assert PORTAL.call(names) == {"a.txt", "config.yaml", "wandb-summary.json"}
    assert read(server, "badfile")[0] == [0]


def test_an_alert_arrives_and_a_missing_answer_does_not_end_the_run(
    live: Any, server: LocalServer
) -> None:
    run = live("alerted")
    run.add(rec.AlertRecord(title="t", text="x", level="WARN", wait_duration=60_000))
    run.log(0, x=1)
    run.finish()
    assert run.sender.status.finished
    assert run.sender.status.last_error == ""


def test_a_refusal_at_the_start_is_raised_and_not_logged_as_well(
    live: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run = live("refusedkey", key="0" * 40)
    with pytest.raises(AuthenticationError):
        PORTAL.call(within, 20.0, run.sender.ready)
    PORTAL.call(run.task.wait)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_refused_stream_keeps_the_rows_and_is_reported_once(
    live: Any,
    server: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = live("refusedrows")
    run.log(0, x=1)
    run.wait()

    async def refuse(*_: object) -> StreamAnswer:
        return StreamAnswer(error=CommError("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(FileStream, "send", refuse)
        run.log(1, x=1)
        for _ in range(2):
            with pytest.raises(CommError, match="gone"):
                run.wait()
        run.log(2, x=1)
    assert run.sender.status.phase == "failed"
    assert run.sender.status.acked_position < run.journal.end
    assert caplog.text.count("delivery ended") == 1
    run.add(rec.ExitRecord())
    run.close()
    assert PORTAL.call(sync_folder, run.dir, run.settings).rows == 2
    assert read(server, "refusedrows")[0] == [0, 1, 2]
