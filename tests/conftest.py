"""What every test gets: an environment of its own, and a check that it left nothing behind."""

from __future__ import annotations

import gc
import hashlib
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from postgres import binaries, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres import Cluster

GRACE_SECONDS = 2.0
OURS_FOR_GOOD = ("asyncwb", "AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")
"""Threads that live as long as the process: the portal's, and pools of the libraries."""

_FDS = Path("/proc/self/fd")
_EVERYDAY = ("anon_inode:", "pipe:", "/dev/", "/proc/", "/sys/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the slow tests with the others")
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default=os.environ.get("ASYNCWB_TEST_DATABASE", "sqlite"),
        help="what embedded servers keep their data in (or $ASYNCWB_TEST_DATABASE)",
    )
    parser.addoption(
        "--blobs",
        choices=["folder", "s3"],
        default=os.environ.get("ASYNCWB_TEST_BLOBS", "folder"),
        help="where embedded servers keep files (or $ASYNCWB_TEST_BLOBS)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow, unless `-m` or `--run-slow` says something about it."""
    for marker, there in (("sqlite", config.option.database), ("folder", config.option.blobs)):
        for item in items:
            if marker != there and item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=f"about {marker}, and servers use {there}"))
    if config.option.run_slow or re.search(r"\bslow\b", config.option.markexpr):
        return
    slow = [item for item in items if item.get_closest_marker("slow") is not None]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]


@pytest.fixture(autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable, home or folder of the person who runs the tests is seen, or written to."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.startswith(("WANDB_", "ASYNCWB_", "XDG_")) or upper in _OUTSIDE:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    work = home / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return home


_OUTSIDE = {"NETRC", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of the test run's own; each data folder has a database in it."""
    pytest.importorskip("psycopg")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with cluster() as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _blobs_of_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--blobs s3`: the files of every embedded server of the tests are in an object store."""
    if request.config.option.blobs == "folder":
        yield
        return
    from object_store import KEYS, s3_server

    from asyncwb.server.config import ServerConfig
    from asyncwb.server.process import ServerOptions

    def place(folder: Path) -> str:
        return f"s3://plain/{hashlib.md5(bytes(folder)).hexdigest()}"

    def of_options(options: ServerOptions) -> dict[str, str]:
        there = {"ASYNCWB_SERVER_BLOBS_URL": place(options.data_dir)}
        return {**there, **in_environment.fget(options)}

    in_environment = vars(ServerOptions)["environment"]
    with s3_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
            patch.setenv(name, value)
        patch.setattr(ServerOptions, "environment", property(of_options))
        patch.setattr(
            ServerConfig, "blobs", property(lambda config: config.blobs_url or place(config.root))
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _database_of_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--database postgresql`: every embedded server of the tests is on it."""
    if request.config.option.database == "sqlite":
        yield
        return
    running: Cluster = request.getfixturevalue("postgres")
    from asyncwb.server.config import ServerConfig
    from asyncwb.server.process import ServerOptions

    def of_options(options: ServerOptions) -> dict[str, str]:
        there = {"ASYNCWB_SERVER_DATABASE_URL": running.database(options.data_dir)}
        return {**there, **in_environment.fget(options)}

    def of_config(config: ServerConfig) -> str:
        return config.database_url or running.database(config.root)

    in_environment = vars(ServerOptions)["environment"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServerOptions, "environment", property(of_options))
        patch.setattr(ServerConfig, "database", property(of_config))
        yield


@pytest.fixture(autouse=True)
def _databases_of_a_test(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.option.database == "sqlite":
        yield
        return
    running: Cluster = request.getfixturevalue("postgres")
    before = running.made
    yield
    running.drop(before)


@pytest.fixture(autouse=True)
def leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads and open files are the same after the test as before, and the portal is closed.

    A portal that a wider fixture started stays, and with it its pooled connections.
    `@pytest.mark.leaks("reason")` on a test says that something may stay, and why.
    """
    if request.node.get_closest_marker("leaks") is not None:
        yield
        return
    shared = _portal_started()
    before = _held(sockets=not shared)
    yield
    tasks: set[str] = set()
    if not shared and _portal_started():
        tasks = _end_portal()
    deadline = time.monotonic() + GRACE_SECONDS
    left = _held(sockets=not shared) - before
    if left:
        gc.collect()
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = _held(sockets=not shared) - before
    if left | tasks:
        _end_runs()
        pytest.fail("the test left behind: " + ", ".join(sorted(left | tasks)))


def _end_runs() -> None:
    """End what a failed test left, or the next tests would fail of it."""
    context = sys.modules.get("asyncwb.run.context")
    for run in context.live_runs() if context is not None else ():
        run._core.end(run, 1)


def _portal_started() -> bool:
    portal = sys.modules.get("asyncwb.portal")
    return portal is not None and portal.PORTAL.started


def _end_portal() -> set[str]:
    """Close the portal; the callers whose work was still running in it."""
    from asyncwb.portal import PORTAL

    thread = PORTAL._thread
    assert thread is not None
    deadline = time.monotonic() + GRACE_SECONDS
    while (calls := list(thread.calls)) and time.monotonic() < deadline:
        time.sleep(0.005)
    PORTAL.restart()
    return {f"coroutine {call.name} in the portal's loop" for call in calls}


def _held(*, sockets: bool) -> set[str]:
    return _threads() | _files(sockets=sockets)


def _threads() -> set[str]:
    return {
        f"thread {thread.name} ({thread.ident})"
        for thread in threading.enumerate()
        if not thread.name.startswith(OURS_FOR_GOOD)
    }


def _files(*, sockets: bool) -> set[str]:
    held: set[str] = set()
    try:
        numbers = os.listdir(_FDS)
    except OSError:
        return held
    for number in numbers:
        try:
            target = os.readlink(_FDS / number)
        except OSError:
            continue
        if not target.startswith(_EVERYDAY) and (sockets or not target.startswith("socket:")):
            held.add(f"file {number} -> {target}")
    return held
