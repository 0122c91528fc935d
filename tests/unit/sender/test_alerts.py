from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from asyncwb.errors import CommError
from asyncwb.journal.records import AlertRecord
from asyncwb.sender.alerts import Alerts
from asyncwb.sender.target import RunTarget

if TYPE_CHECKING:
    from asyncwb.graphql import GraphQL

TARGET = RunTarget(entity="acme", project="demo", run_id="r1")


class Server:
    """Notes what is asked for; refuses while told to."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.refuses = False

    async def execute(self, _operation: Any, variables: dict[str, Any], **_: Any) -> None:
        self.sent.append(variables)
        if self.refuses:
            raise CommError("no")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=100.0, monotonic=lambda: made.now)
    monkeypatch.setattr("asyncwb.sender.alerts.time", made)
    return made


def alerts(server: Server) -> Alerts:
    return Alerts(cast("GraphQL", server), TARGET)


def texts(server: Server) -> list[str]:
    return [variables["text"] for variables in server.sent]


async def test_the_captured_request(server: Server) -> None:
    """Variables as the wandb package sends them, see run.md 13.2 and its capture."""
    waiting = [AlertRecord("Title", "Some text", "WARN", 300_000)]
    assert await alerts(server).send(waiting) is None
    assert waiting == []
    assert server.sent == [
        {
            "entityName": "acme", "projectName": "demo", "runName": "r1", "title": "Title",
            "text": "Some text", "severity": "WARN", "waitDuration": 300_000,
        }
    ]  # fmt: skip


async def test_what_comes_too_soon_is_left_out(server: Server, clock: SimpleNamespace) -> None:
    made = alerts(server)
    waiting = [AlertRecord("a", str(n), "INFO", 60_000) for n in range(3)]
    waiting += [AlertRecord("b", "other title", "INFO", 60_000)]
    waiting += [AlertRecord("a", "no limit", "INFO", 0)]
    await made.send(waiting)
    assert texts(server) == ["0", "other title", "no limit"]
    clock.now += 59
    await made.send([AlertRecord("a", "early", "INFO", 60_000)])
    clock.now += 1
    await made.send([AlertRecord("a", "in time", "INFO", 60_000)])
    assert texts(server)[3:] == ["in time"]


async def test_a_refused_one_does_not_count(server: Server, caplog: Any) -> None:
    made = alerts(server)
    server.refuses = True
    waiting = [AlertRecord("a", "1", "odd", 60_000), AlertRecord("b", "2", "INFO", 60_000)]
    failure = await made.send(waiting)
    assert (str(failure), waiting) == ("no", [])
    assert server.sent[0]["severity"] == "INFO"
    assert "'a' was not delivered" in caplog.text
    server.refuses = False
    assert await made.send([AlertRecord("a", "again", "INFO", 60_000)]) is None
    assert texts(server) == ["1", "2", "again"]


async def test_any_number_of_titles(server: Server) -> None:
    made = alerts(server)
    await made.send([AlertRecord(str(n), "x", "INFO", 60_000) for n in range(3000)])
    assert len(server.sent) == 3000
    assert len(made._sent_at) <= 1000
    await made.send([AlertRecord("2999", "early", "INFO", 60_000)])
    assert len(server.sent) == 3000
