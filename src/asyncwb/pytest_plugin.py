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

    Under xdist every worker has its own. Loopback only. A test that stops or kills it should
    start it again; or make its own server by `asyncwb.testing.local_server()`.
    """
    from asyncwb.errors import UnsupportedError
    from asyncwb.testing import local_server

    try:
        with local_server(tmp_path_factory.mktemp("wb-server")) as server:
            yield server
    except UnsupportedError as exc:
        pytest.fail(f"The fixtures of asyncwb: {exc}", pytrace=False)


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
