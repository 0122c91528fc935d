"""An export asks for the first pages of several short runs in one request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from api_fakes import Answer, FakeService, FakeTransport, HistoryServer, response, run_node

import asyncwb
from asyncwb.api.history import RunAddress
from asyncwb.api.run import Run
from asyncwb.errors import CommError
from asyncwb.export.groups import Groups
from asyncwb.graphql.api_answers import RunNode


class RunsServer:
    """Histories of several runs."""

    def __init__(self, *rows: list[dict[str, Any]], together: bool = True) -> None:
        self.histories = {f"r{n}": HistoryServer(found) for n, found in enumerate(rows)}
        self.together = together
        self.asked: list[int] = []
        self.transport = FakeTransport(
            FirstPages=self.pages, FirstPage=self.one("FirstPage"),
            HistoryPage=self.one("HistoryPage"),
            ScanBounds=self.one("ScanBounds"), SampledHistory=self.one("SampledHistory"),
        )  # fmt: skip

    def one(self, name: str) -> Any:
        def answer(asked: dict[str, Any]) -> Any:
            history = self.histories.get(asked["name"])
            return (
                history.transport.handlers[name](asked) if history else {"project": {"run": None}}
            )

        return answer

    async def pages(self, asked: dict[str, Any]) -> Answer:
        names = [value for key, value in asked.items() if key.startswith("name")]
        self.asked.append(len(names))
        if not self.together:
            return response(400, b'{"errors": [{"message": "too complex"}]}')
        answers: dict[str, Any] = {}
        for number, name in enumerate(names):
            found = self.one("FirstPage")({**asked, "name": name})
            found = found if isinstance(found, dict) else await found
            answers[f"run{number}"] = found["project"]["run"]
        return {"project": answers}

    def runs(self, *gone: str) -> list[Run]:
        service = FakeService(self.transport)
        return [
            Run(
                service,
                RunAddress("acme", "demo", name),
                msgspec.convert(
                    run_node(
                        name,
                        config="{}",
                        summaryMetrics="{}",
                        historyKeys={"lastStep": -1},
                        historyLineCount=len(self.histories[name].rows) if name not in gone else 1,
                    ),
                    RunNode,
                ),
            )
            for name in [*self.histories, *gone]
        ]


def written(to: str, run_id: str) -> list[dict[str, Any]] | None:
    path = Path(to, "history/entity=acme/project=demo", f"run_id={run_id}", "history.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else None


def some_rows(count: int, every: int = 1) -> list[dict[str, Any]]:
    return [{"_step": step * every, "loss": step / 7, "i": 2**53 + step} for step in range(count)]


HISTORIES = [
    *(some_rows(n % 5) for n in range(40)),  # some have no rows
    some_rows(2500),
    some_rows(30, every=500),
    [{"_step": 3, "n": n} for n in range(10)] + [{"_step": 1, "n": 99}],
]


@pytest.mark.parametrize("together", [True, False])
async def test_every_run_gets_its_own_rows(together: bool) -> None:
    server = RunsServer(*HISTORIES, together=together)
    result = await asyncwb.export(server.runs(), "out", "jsonl")
    assert (result.runs, result.rows) == (len(HISTORIES), sum(map(len, HISTORIES)))
    for number, rows in enumerate(HISTORIES):
        expected = sorted(rows, key=lambda row: row["_step"]) or None
        assert written("out", f"r{number}") == expected
    if together:
        assert max(server.asked) > 1
        assert server.transport.count("FirstPage") == 0
    else:
        # those that were under way when the first one was refused, and never again
        assert len(server.asked) <= 8
        assert server.transport.count("FirstPage") == len(HISTORIES)


async def test_a_run_that_is_gone_fails_alone() -> None:
    server = RunsServer(*(some_rows(3) for _ in range(20)))
    with pytest.raises(CommError, match=r"1 of 21 runs .*acme/demo/lost"):
        await asyncwb.export(server.runs("lost"), "out", "jsonl", concurrency=2)
    assert all(written("out", f"r{number}") == some_rows(3) for number in range(20))
    assert written("out", "lost") is None


async def test_some_keys_are_asked_for_run_by_run() -> None:
    server = RunsServer(*(some_rows(3) for _ in range(5)))
    await asyncwb.export(server.runs(), "out", "jsonl", keys=["loss"])
    assert server.asked == []
    assert written("out", "r4") == [{"_step": n, "loss": n / 7} for n in range(3)]


def test_what_fits_into_a_group() -> None:
    short, long = RunsServer(some_rows(900), some_rows(1001)).runs()
    groups = Groups()
    assert not groups.fits([short], short), "nothing is known of the size of rows"
    (none,) = RunsServer([]).runs()
    assert groups.fits([none], none)
    assert not groups.fits([none], short)
    groups.learn(1000, 100_000)
    assert groups.fits([short], short)
    assert not groups.fits([short], long)
    assert not groups.fits([long], short)
    other = Run(FakeService(FakeTransport()), RunAddress("acme", "other", "x"), short._node)
    assert not groups.fits([short], other), "another project"
    assert not groups.fits([short] * 16, short)
    groups.learn(1000, 3_000_000)
    assert not groups.fits([short], short), "their rows are too large"
    groups.allowed = False
    assert not groups.fits([short], short)
