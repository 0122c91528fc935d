"""What every test gets: an environment of its own, and a check that it left nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

GRACE_SECONDS = 2.0
OURS_FOR_GOOD = ("asyncwb", "AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")
"""Threads that live as long as the process: the portal's, and pools of the libraries."""

_FDS = Path("/proc/self/fd")
_EVERYDAY = ("anon_inode:", "pipe:", "/dev/", "/proc/", "/sys/")


@pytest.fixture(autouse=True)
def environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
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
    yield home


_OUTSIDE = {"NETRC", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"}


@pytest.fixture(autouse=True)
def leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads, tasks of the portal's loop and open files are the same after the test as before.

    `@pytest.mark.leaks("reason")` on a test says that something may stay, and why.
    """
    if request.node.get_closest_marker("leaks") is not None:
        yield
        return
    before = _held()
    yield
    after = _held()
    if not after - before:
        return
    deadline = time.monotonic() + GRACE_SECONDS
    gc.collect()
    while (left := _held() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    if left:
        pytest.fail("the test left behind: " + ", ".join(sorted(left)))


def _held() -> set[str]:
    return _threads() | _tasks() | _files()


def _threads() -> set[str]:
    return {
        f"thread {thread.name} ({thread.ident})"
        for thread in threading.enumerate()
        if not thread.name.startswith(OURS_FOR_GOOD)
    }


def _tasks() -> set[str]:
    portal = sys.modules.get("asyncwb.portal")
    thread = None if portal is None else portal.PORTAL._thread
    if thread is None:
        return set()
    try:
        return {
            f"task {task.get_name()} ({id(task)})"
            for task in asyncio.all_tasks(thread.loop)
            if not task.done()
        }
    except RuntimeError:
        return set()


def _files() -> set[str]:
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
        if not target.startswith(_EVERYDAY):
            held.add(f"file {number} -> {target}")
    return held
