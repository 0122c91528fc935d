"""Pytest fixtures: a real server for tests of code that logs; see `docs/testing.md`.

    wb_server   the embedded server of this test session (of this worker under xdist)
    wb_env      environment that points asyncwb and the `wandb` package at it, one project per test
    wb_api      an Api on it: `asyncwb.Api` in async tests, `asyncwb.sync.Api` in others
    wb_run      what the code under test logged: `.history()`, `.config`, `.summary`, `.files`

Every pytest session of an environment that has asyncwb installed loads this file: it imports
nothing of asyncwb, and no test that uses no fixture of these pays for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import asyncwb.sync
    from asyncwb.api import Api
    from asyncwb.testing import LocalServer
    from asyncwb.testing.recorder import RunRecorder


@pytest.fixture(scope="session")
def wb_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalServer]:
    """An embedded server for the whole session, with its data in a temporary folder.

    Under xdist every worker has its own. Loopback only. A test may stop, kill and start it; the
    next test that asks for `wb_env` finds it running.
    """
    from asyncwb.errors import UnsupportedError
    from asyncwb.server.process import require_extra
    from asyncwb.testing import local_server

    missing = None
    try:
        require_extra()
    except UnsupportedError as exc:
        missing = exc.message
    if missing is not None:
        pytest.fail(f"The fixtures of asyncwb cannot work: {missing}", pytrace=False)
    with local_server(tmp_path_factory.mktemp("wb-server")) as server:
        yield server


@pytest.fixture
def wb_env(
    wb_server: LocalServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """Point asyncwb and the `wandb` package, here and in child processes, at `wb_server`.

    Other settings of either are taken away for the test; run folders, settings files, netrc and
    caches lie in `tmp_path`. `WANDB_PROJECT` is a project that no other test has. At the end of
    the test, runs of this process that it left unfinished are finished.

    Gives the variables that are set.
    """
    from asyncwb.testing.environment import isolated_environment

    if not wb_server.running:
        wb_server.start()
    node: pytest.Item = request.node
    with isolated_environment(wb_server, tmp_path, node.name) as variables:
        yield variables


@pytest.fixture
def wb_run(wb_server: LocalServer, wb_env: dict[str, str]) -> RunRecorder:
    """What the code under test logged, read back from the server; see `RunRecorder`."""
    from asyncwb.testing.recorder import RunRecorder

    return RunRecorder(wb_server.settings, wb_env["WANDB_PROJECT"])


@pytest.fixture
def wb_api(wb_env: dict[str, str], request: pytest.FixtureRequest) -> Api | asyncwb.sync.Api:
    """An Api on `wb_server`: `asyncwb.Api` in an async test, `asyncwb.sync.Api` in another."""
    import inspect

    import asyncwb.sync
    from asyncwb.api import Api

    test = getattr(request, "function", None)
    is_async = inspect.iscoroutinefunction(inspect.unwrap(test)) if test else False
    return Api() if is_async else asyncwb.sync.Api()
