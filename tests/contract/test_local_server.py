"""Server processes: addresses, restarts, kills, parents that die, and the background server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from asyncwb.errors import InvalidValueError, UnsupportedError, UsageError
from asyncwb.server import process
from asyncwb.settings import resolve, state_path
from asyncwb.testing import local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def viewer(url: str, key: str) -> str | None:
    """The entity of a key's account, by a client that is not ours."""
    request = urllib.request.Request(
        f"{url}/graphql",
        data=json.dumps({"query": "query Who { viewer { entity } }"}).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode(),
        },
    )
    try:
        with OPENER.open(request, timeout=10) as answer:
            found = json.load(answer)["data"]["viewer"]
    except urllib.error.HTTPError as refused:
        with refused:
            return None
    return found and found["entity"]


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


async def test_async_and_sync_in_a_temporary_folder() -> None:
    async with local_server() as server:
        assert viewer(server.url, server.api_key) == server.entity
        assert viewer(server.url, "0" * 40) is None
        assert server.running
        assert server.api_key not in repr(server)
        folder, pid = server.data_dir, server.pid
    assert gone(pid)
    assert not folder.exists()
    with local_server() as server:
        assert viewer(server.url, server.api_key) == server.entity
        assert server.data_dir != folder


def test_address_key_and_data_survive_restart_and_kill(tmp_path: Path) -> None:
    with local_server(tmp_path / "data") as server:
        url, key, pid = server.url, server.api_key, server.pid
        server.restart()
        assert (server.url, server.api_key) == (url, key)
        assert server.pid != pid
        assert gone(pid)
        server.kill()
        assert not server.running
        with pytest.raises(urllib.error.URLError):
            viewer(url, key)
        with pytest.raises(UsageError, match="does not run"):
            _ = server.pid
        server.start()
        assert viewer(url, key) == server.entity
        with pytest.raises(UsageError, match="already"):
            server.start()
        server.stop()
        server.stop()
    assert (tmp_path / "data").is_dir()


def test_a_stop_does_not_wait_for_idle_connections() -> None:
    with local_server() as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(8) == b"HTTP/1.1"
            before = time.monotonic()
            server.stop()
            assert time.monotonic() - before < 8


def test_it_ends_with_its_parent_though_a_fork_of_that_lives() -> None:
    script = """
import os, time
from asyncwb.testing import local_server
server = local_server().__enter__()
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
print(server.pid, child, server.data_dir, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, child, folder = parent.stdout.readline().split()
        parent.kill()
        parent.wait()
        try:
            assert gone(int(pid))
        finally:
            os.kill(int(child), signal.SIGKILL)
    for path in sorted(Path(folder.decode()).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    Path(folder.decode()).rmdir()


async def test_a_cancelled_start_leaves_no_server_behind() -> None:
    server = local_server()
    starting = asyncio.create_task(server.__aenter__())
    await anyio.sleep(0.05)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not server.running


def test_a_stop_right_after_the_start_is_noticed(tmp_path: Path) -> None:
    for _ in range(3):
        with local_server(tmp_path) as server:
            pid = server.pid
            before = time.monotonic()
        assert time.monotonic() - before < 8
        assert gone(pid, 0.1)


def test_a_stop_during_the_start_is_noticed(tmp_path: Path) -> None:
    options = process.ServerOptions(data_dir=tmp_path).checked()
    with subprocess.Popen(
        [sys.executable, "-m", "asyncwb.server.serve", options.encode(), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        # The handlers are set when the port is bound, long before the application is up.
        signals = Path(f"/proc/{child.pid}/status")
        while not int(signals.read_text().partition("SigCgt:")[2].split()[0], 16) & 1 << 14:
            assert child.poll() is None
            time.sleep(0.005)
        child.terminate()
        assert child.wait(20) == 0


def test_ctrl_c_is_the_parents_business() -> None:
    with local_server() as server:
        os.kill(server.pid, signal.SIGINT)
        assert viewer(server.url, server.api_key) == server.entity


def test_modules_in_the_working_directory_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("graphql", "secrets", "starlette", "asyncwb"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    with local_server() as server:
        assert viewer(server.url, server.api_key) == server.entity


def test_a_port_in_use_is_an_error_that_says_why(tmp_path: Path) -> None:
    with local_server() as server:
        port = int(server.url.rpartition(":")[2])
        with (
            pytest.raises(UsageError, match="could not start") as caught,
            local_server(tmp_path / "other", port=port),
        ):
            pass
        assert "in use" in str(caught.value)


def test_bad_options() -> None:
    with pytest.raises(InvalidValueError, match="port"), local_server(port=70000):
        pass
    with pytest.raises(InvalidValueError, match="no file"), local_server(tls=("x", "y")):
        pass
    with pytest.raises(UsageError, match="async with"):
        _ = local_server().url


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"granian.*asyncwb\[server\]"), local_server():
        pass


class TestBackground:
    @pytest.fixture
    def options(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[process.ServerOptions]:
        for name in ("WANDB_BASE_URL", "WANDB_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
        monkeypatch.chdir(tmp_path)
        yield process.ServerOptions(data_dir=tmp_path / "data")
        process.stop()

    def test_clients_find_it_until_it_stops(self, options: process.ServerOptions) -> None:
        assert process.status() is None
        assert process.stop() is None
        server, started = process.start(options)
        assert started
        assert state_path().stat().st_mode & 0o777 == 0o600
        settings = resolve()
        assert (settings.base_url, settings.api_key) == (server.url, server.api_key)
        assert viewer(server.url, server.api_key) == server.entity
        assert process.stop() == server
        assert process.status() is None
        assert gone(server.pid)
        assert not state_path().exists()
        assert resolve().base_url != server.url

    def test_started_by_many_at_once_it_runs_once(self, options: process.ServerOptions) -> None:
        found: list[tuple[object, bool]] = []
        threads = [
            threading.Thread(target=lambda: found.append(process.start(options))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(started for _, started in found) == [False, False, True]
        assert len({repr(server) for server, _ in found}) == 1

    def test_a_killed_one_is_not_believed_and_can_be_started_again(
        self, options: process.ServerOptions
    ) -> None:
        first, _ = process.start(options)
        os.kill(first.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while process.status() is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.status() is None
        assert state_path().exists()
        second, started = process.start(options)
        assert started
        assert second.pid != first.pid
        assert second.api_key == first.api_key
        assert viewer(second.url, second.api_key) == second.entity


@pytest.mark.parametrize(
    ("host", "exposed"),
    [
        ("127.0.0.1", False), ("::1", False), ("localhost", False), ("127.9.9.9", False),
        ("0.0.0.0", True), ("::", True), ("10.0.0.7", True), ("trainer-1", True), ("", True),
    ],
)  # fmt: skip
def test_who_can_read_along_is_known(tmp_path: Path, host: str, exposed: bool) -> None:
    assert process.ServerOptions(data_dir=tmp_path, host=host).exposed is exposed
    with_tls = process.ServerOptions(
        data_dir=tmp_path, host=host, tls_cert=tmp_path, tls_key=tmp_path
    )
    assert not with_tls.exposed


def test_nobody_believes_what_a_killed_background_server_left(tmp_path: Path) -> None:
    code = f"""if True:
        from asyncwb.server import serve
        from asyncwb.server.background import remember
        from asyncwb.server.process import ServerOptions
        from asyncwb.settings import BackgroundServer, background_server
        remember(BackgroundServer(pid=1, url="http://127.0.0.1:1", api_key="k", entity="e",
                                  data_dir="d", started=0.0))
        async def starting(*_, **__):
            print(background_server())
        serve.serve = starting
        serve.main([ServerOptions(data_dir={str(tmp_path)!r}).encode(), "--remember"])
    """
    environ = {**os.environ, "WANDB_CONFIG_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "None\n", done.stderr
