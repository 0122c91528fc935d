"""What a server says about the account, and what is made of silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_loopback import Reply, Request, Server

from asyncwb.portal import PORTAL
from asyncwb.run.environment import account
from asyncwb.run.environment.survey import Account
from asyncwb.transport import Auth, TransportConfig


def answering(viewer: dict[str, Any] | None, status: int = 200) -> Server:
    async def answer(request: Request) -> Reply:
        assert json.loads(request.body)["operationName"] == "Viewer"
        return Reply(status, json.dumps({"data": {"viewer": viewer}}).encode())

    return Server(answer)


async def ask(server: Server) -> Account | None:
    config = TransportConfig(base_url=server.url, auth=Auth.basic("x" * 40))
    return await PORTAL.acall(account.find_account, config)


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        (
            {"id": "1", "email": "ada@example.com", "flags": '{"code_saving_enabled": true}'},
            Account("ada@example.com", True),
        ),
        ({"id": "1", "flags": '{"code_saving_enabled": false}'}, Account("", False)),
        ({"id": "1", "email": None, "flags": '{"other": 1}'}, Account("", None)),
        ({"id": "1", "flags": '{"code_saving_enabled": 1}'}, Account("", None)),
        ({"id": "1", "flags": "[]"}, Account("", None)),
        ({"id": "1", "flags": None}, Account("", None)),
        (None, Account("", None)),
    ],
)
async def test_answers(viewer: dict[str, Any] | None, expected: Account) -> None:
    with answering(viewer) as server:
        assert await ask(server) == expected
        # Asked once, however many runs start.
        assert await ask(server) == expected
        assert len(server.seen) == 1


async def test_a_refusal_is_no_answer() -> None:
    with answering(None, status=403) as server:
        assert await ask(server) is None


async def test_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_SECONDS", 0.1)
    with Server() as server:
        server.silent = True
        assert await ask(server) is None
