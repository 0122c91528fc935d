"""The commands against a server, as a user types them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from artifact_logging import log

import asyncwb.sync
from asyncwb.credentials import read_netrc
from asyncwb.portal import PORTAL
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


def asyncwb_command(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None, given: str = ""
) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "asyncwb", *arguments],
        env=os.environ | (env or {}),
        cwd=cwd,
        input=given,
        capture_output=True,
        text=True,
        timeout=50,
    )
    return done.returncode, done.stdout, done.stderr


def signs_in_once(url: str, said: tuple[int, str, str]) -> None:
    code, out, err = said
    assert (code, err) == (0, "")
    address, _, link = out.strip().partition("/#sign-in=")
    assert address == url
    body = json.dumps({"link": link}).encode()
    request = urllib.request.Request(f"{url}/-/session", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.loads(answer.read())["user"]["username"] == "local"
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(request, timeout=20)
    refused.value.close()


def test_a_sign_in_link_needs_a_server(tmp_path: Path) -> None:
    env = {"WANDB_CONFIG_DIR": str(tmp_path / "config")}
    code, out, err = asyncwb_command("server", "url", env=env)
    assert (code, out) == (1, "")
    assert "asyncwb server start" in err
    other = ("--data-dir", str(tmp_path), "--base-url", "http://x")
    code, out, err = asyncwb_command("server", "url", *other, env=env)
    assert (code, out) == (1, "")
    assert "not the data folder of a server" in err
    assert list(tmp_path.iterdir()) == []


WORKERS = """
import sys
from asyncwb.__main__ import main
sys.argv = ["asyncwb", "server", "run", "--port", "0", "--workers", "2", *sys.argv[1:]]
main()
"""


@pytest.mark.timeout(120)
def test_workers_share_a_port_and_are_kept_alive(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKERS, "--data-dir", str(tmp_path / "data")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[2].rstrip(",")
        children = {child.pid for child in psutil.Process(process.pid).children()}
        assert len(children) == 2
        for _ in range(10):
            assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        victim = children.pop()
        os.kill(victim, signal.SIGKILL)
        now: set[int] = set()
        while len(now) < 2:  # the timeout of the test ends it
            time.sleep(0.1)
            now = {child.pid for child in psutil.Process(process.pid).children()} - {victim}
        assert children < now
        assert httpx.get(f"{url}/healthz", timeout=30).json() == {"status": "ok"}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        process.stdout.close()
    assert not [pid for pid in now if psutil.pid_exists(pid)]


def test_background_server_from_start_to_stop(tmp_path: Path) -> None:
    env = {"WANDB_CONFIG_DIR": str(tmp_path / "config")}
    arguments = ("server", "start", "--port", "0", "--data-dir", str(tmp_path / "data"))
    try:
        code, out, err = asyncwb_command(*arguments, env=env)
        assert (code, err) == (0, "")
        url = out.splitlines()[0].rpartition(" ")[2]
        assert url.startswith("http://127.0.0.1:")
        code, out, _ = asyncwb_command(*arguments, env=env | {"WANDB_API_KEY": "x"})
        assert code == 0
        assert out.splitlines()[0] == f"The server ran already at {url}"
        assert "WANDB_API_KEY is set" in out
        code, out, _ = asyncwb_command("server", "status", env=env)
        assert code == 0
        assert url in out
        signs_in_once(url, asyncwb_command("server", "url", env=env))
        # Where no browser can be opened, the address is said.
        _, out, _ = asyncwb_command("server", "open", env=env | {"BROWSER": "false"})
        assert f"{url}/#sign-in=" in out
        tunnel = ("server", "url", "--base-url", "http://127.0.0.1:9000/")
        assert asyncwb_command(*tunnel, env=env)[1].startswith("http://127.0.0.1:9000/#sign-in=")
        # The key is found by itself, checked, and stored nowhere.
        code, out, err = asyncwb_command("login", env=env | {"NETRC": str(tmp_path / "netrc")})
        assert (code, out, err) == (0, f"Logged in to {url}.\n", "")
        assert not (tmp_path / "netrc").exists()
    finally:
        code, out, err = asyncwb_command("server", "stop", env=env)
    assert (code, out, err) == (0, f"Stopped the server at {url}.\n", "")
    assert asyncwb_command("server", "status", env=env)[0] == 3
    assert asyncwb_command("server", "stop", env=env)[0] == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_foreground_server_ends_cleanly(tmp_path: Path, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "asyncwb", "server", "run", "--port=0", f"--data-dir={tmp_path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        serving = process.stdout.readline()
        assert serving.startswith("Serving at http://127.0.0.1:")
        process.send_signal(how)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stdout.read() == ""  # no key in a log
        assert process.stderr.read() == ""


def test_foreground_server_says_when_the_port_is_taken(server: LocalServer, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    code, out, err = asyncwb_command("server", "run", "--port", port, "--data-dir", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith(f"asyncwb: 127.0.0.1:{port}: Address already in use")
    assert err.count("\n") == 1


def test_login_stores_a_key_that_works(server: LocalServer, tmp_path: Path) -> None:
    env = {"NETRC": str(tmp_path / "netrc")}
    code, out, err = asyncwb_command(
        "login", "-", "--host", server.url, env=env, given=server.api_key + "\n"
    )
    assert (code, err) == (0, "")
    assert out == f"Logged in to {server.url}; stored in {tmp_path / 'netrc'}.\n"
    assert read_netrc(server.url, tmp_path / "netrc") == server.api_key
    code, out, err = asyncwb_command("login", "0" * 40, "--host", server.url, env=env)
    assert (code, out) == (1, "")
    assert err.startswith("asyncwb: ")
    assert "0" * 40 not in err
    assert err.count("\n") == 1


@pytest.fixture
def offline(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Six offline runs; the environment names the server and a project of this test."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_PROJECT", tmp_path.name)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    ids: list[str] = []
    for number in range(6):
        with asyncwb.sync.init(mode="offline", config={"number": number}) as run:
            for step in range(50):
                run.log({"loss": number + step / 100})
            ids.append(run.id)
    return ids


def losses(run_id: str, project: str) -> list[object]:
    run = asyncwb.sync.Api().run(f"{project}/{run_id}")
    return [row["loss"] for row in run.scan_history()]


def test_sync_sends_every_folder_once(offline: list[str], tmp_path: Path) -> None:
    expected = [[number + step / 100 for step in range(50)] for number in range(6)]
    code, out, err = asyncwb_command("sync", "--all", "--dry-run", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.count("Would send") == 6
    code, out, err = asyncwb_command("sync", "--all", "-j", "3", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "6 of 6 run(s) delivered, 300 row(s) sent."
    assert [losses(run_id, tmp_path.name) for run_id in offline] == expected
    code, out, err = asyncwb_command("sync", "--all", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == "Skipped 6 delivered run(s).\nNothing to send.\n"
    code, out, err = asyncwb_command("sync", "--all", "--include-synced", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert [losses(run_id, tmp_path.name) for run_id in offline] == expected


def test_sync_under_another_name(offline: list[str], tmp_path: Path) -> None:
    (folder,) = (tmp_path / "wandb").glob(f"offline-run-*-{offline[3]}")
    code, out, err = asyncwb_command(
        "sync", str(folder), "--id", "renamed", "-p", f"{tmp_path.name}-other"
    )
    assert (code, err) == (0, ""), out
    assert losses("renamed", f"{tmp_path.name}-other") == [3 + step / 100 for step in range(50)]
    code, _, err = asyncwb_command("sync", str(tmp_path), "--id", "x")
    assert code == 2
    assert "exactly one folder" in err


def test_sync_leaves_a_failed_folder_and_sends_the_others(
    offline: list[str], tmp_path: Path
) -> None:
    (broken,) = (tmp_path / "wandb").glob(f"*-{offline[0]}/run-*.wandb")
    broken.write_bytes(b"not a journal")
    code, out, _ = asyncwb_command("sync", "--all", cwd=tmp_path)
    assert code == 1
    assert f"Failed {broken.parent.name}" in out
    assert "5 of 6 run(s) delivered, 250 row(s) sent." in out


def test_sync_says_that_the_server_does_not_answer(offline: list[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = {"WANDB_BASE_URL": f"http://127.0.0.1:{port}", "WANDB_API_KEY": "0" * 40}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "asyncwb", "sync", "--all"],
        env=os.environ | env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as syncing:
        assert syncing.stdout is not None
        line = syncing.stdout.readline()
        syncing.send_signal(signal.SIGINT)
        syncing.communicate(timeout=20)
    assert "Trying again" in line
    assert "no connection" in line
    assert syncing.returncode == 130


def test_sync_says_what_is_wrong(offline: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = asyncwb_command("sync", str(tmp_path / "empty"))
    assert code == 1
    assert "no run folder" in err
    assert asyncwb_command("sync")[0] == 2
    assert asyncwb_command("sync", "--all", str(tmp_path))[0] == 2
    code, _, err = asyncwb_command("sync", "--all", cwd=tmp_path, env={"WANDB_API_KEY": ""})
    assert code == 1
    assert err.startswith("asyncwb: There is no API key")


def test_files_become_a_version(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    env = {**server.env, "HOME": str(tmp_path)}

    def put(*words: str) -> tuple[int, str, str]:
        return asyncwb_command("artifact", "put", *words, cwd=tmp_path, env=env)

    code, out, err = put("data", "-n", "cli/set", "-t", "dataset", "-a", "best", "-d", "A set")
    assert (code, out) == (0, f"{server.entity}/cli/set:v0\n"), err
    version = asyncwb.sync.Api(server.settings).artifact("cli/set:best")
    assert (version.description, sorted(version.manifest.entries)) == ("A set", ["a.txt"])
    maker = version.logged_by()
    assert maker is not None
    assert maker.job_type == "auto"
    code, _, err = put("nothing", "--name", "cli/set")
    assert code == 1
    assert "nothing" in err
    code, _, err = put("data", "--name", "a/b/c/d")
    assert code == 1
    assert "[entity/][project/]name" in err


def test_artifacts_and_their_cache(server: LocalServer, tmp_path: Path) -> None:
    env = {**server.env, "WANDB_PROJECT": "cli", "WANDB_CACHE_DIR": str(tmp_path / "cache")}
    artifact = asyncwb.sync.Artifact("tool", "dataset")
    with artifact.new_file("sub/data.bin", "wb") as file:
        file.write(bytes(1000))
    api = asyncwb.sync.Api({**server.settings, "project": "cli"})
    PORTAL.call(log, api._async, artifact._async, "cli")
    code, out, err = asyncwb_command("artifact", "get", "tool:latest", "--root", "out", env=env)
    assert (code, out, err) == (0, "out\n", "")
    assert Path("out/sub/data.bin").read_bytes() == bytes(1000)
    code, _, err = asyncwb_command("artifact", "get", "tool:latest", "--type", "model", env=env)
    assert code == 1
    assert "has the type 'dataset'" in err
    code, out, _ = asyncwb_command("artifact", "cache", "info", env=env)
    assert code == 0
    assert out == f"{tmp_path / 'cache' / 'artifacts'}: 1 files, 1,000 of 53,687,091,200 bytes\n"
    code, out, _ = asyncwb_command("artifact", "cache", "cleanup", "0.5KB", env=env)
    assert (code, out.split()[0]) == (0, "1,000")
    code, _, err = asyncwb_command("artifact", "cache", "cleanup", "much", env=env)
    assert code == 2
