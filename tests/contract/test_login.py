"""Logging in: what is asked, what is stored, and where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import trio

from asyncwb.credentials import read_netrc
from asyncwb.errors import AuthenticationError, CommError
from asyncwb.login import login
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRONG = "0" * 40


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


@pytest.fixture
def netrc(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


async def test_a_key_is_checked_and_stored(server: LocalServer, netrc: Path) -> None:
    assert await login(server.api_key)
    assert read_netrc(server.url, netrc) == server.api_key
    assert netrc.stat().st_mode & 0o777 == 0o600
    netrc.chmod(0o400)
    before = netrc.stat()
    assert await login()  # the stored one is found, and left alone
    assert netrc.stat() == before


async def test_a_key_from_the_environment_is_not_stored(
    server: LocalServer, netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", server.api_key)
    assert await login()
    assert not netrc.exists()


async def test_a_wrong_key_is_refused_and_not_stored(netrc: Path) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await login(WRONG)
    assert WRONG not in str(caught.value)
    assert not netrc.exists()
    assert await login(WRONG, verify=False)
    assert netrc.exists()


async def test_without_key_and_terminal_it_says_where_keys_come_from(
    netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(AuthenticationError, match=r"WANDB_API_KEY.*netrc"):
        await login()


async def test_on_a_terminal_it_asks(
    server: LocalServer, netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def getpass(prompt: str) -> str:
        asked.append(prompt)
        return server.api_key + "\n"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("getpass.getpass", getpass)
    assert await login()
    assert read_netrc(server.url, netrc) == server.api_key
    assert await login()
    assert len(asked) == 1
    assert await login(relogin=True)
    assert len(asked) == 2
    assert server.url in asked[0]


async def test_host_names_the_server(
    server: LocalServer, netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_BASE_URL")
    assert await login(server.api_key, host=server.url + "/")
    assert read_netrc(server.url, netrc) == server.api_key


async def test_a_server_that_is_not_there_is_an_error(netrc: Path) -> None:
    with pytest.raises(CommError):
        await login("a" * 40, host="http://127.0.0.1:9", timeout=0.5)
    assert not netrc.exists()


@pytest.mark.parametrize("mode", ["offline", "disabled"])
async def test_without_a_server_no_key_is_needed(
    netrc: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    assert not await login()


@pytest.mark.leaks("trio keeps worker threads for ten seconds")
def test_on_trio(server: LocalServer, netrc: Path) -> None:
    assert trio.run(login, server.api_key)
    assert read_netrc(server.url, netrc) == server.api_key
