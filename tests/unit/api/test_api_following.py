"""Following a run: whatever lands between two looks is given once."""

from __future__ import annotations

from typing import Any

import pytest
from api_fakes import ADDRESS, FakeService, HistoryServer, run_answer
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncwb.api.following import HistoryFollow
from asyncwb.errors import InvalidValueError
from asyncwb.portal import PORTAL

Steps = list[list[int]]


class GrowingServer(HistoryServer):
    """A server on which a run logs some rows between two looks, then ends."""

    def __init__(self, steps: Steps, *, counts: bool = True) -> None:
        super().__init__([])
        self.waiting = [list(some) for some in steps]
        self.counts = counts
        self.number = 0
        self.transport.handlers["Progress"] = self.progress

    def progress(self, _: dict[str, Any]) -> dict[str, Any]:
        for step in self.waiting.pop(0) if self.waiting else []:
            self.rows.append({"_step": step, "n": self.number, **({"even": 1} if step % 2 else {})})
            self.number += 1
        # The order of logging decides within a step.
        self.rows.sort(key=lambda row: (row["_step"], row["n"]))
        self.line_count = len(self.rows) if self.counts else None
        last = max((row["_step"] for row in self.rows), default=-1)
        return run_answer(
            state="running" if self.waiting else "finished",
            historyLineCount=self.line_count,
            historyKeys={"lastStep": last, "keys": {}},
        )

    def follow(self, **arguments: Any) -> HistoryFollow:
        asked: dict[str, Any] = {"keys": None, "from_step": 0, "poll_seconds": 0.001, **arguments}
        return HistoryFollow(FakeService(self.transport), ADDRESS, **asked)


def followed(server: GrowingServer, **arguments: Any) -> list[dict[str, Any]]:
    follow = server.follow(**arguments)
    return [row for batch in PORTAL.iterate(follow.batches) for row in batch]


looks = st.lists(st.lists(st.integers(0, 12), max_size=6), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(looks, st.booleans())
def test_every_row_is_given_once_in_whatever_order_it_lands(steps: Steps, counts: bool) -> None:
    server = GrowingServer(steps, counts=counts)
    rows = followed(server)
    assert sorted(row["n"] for row in rows) == list(range(sum(map(len, steps))))


@settings(max_examples=30, deadline=None)
@given(looks, st.integers(0, 6))
def test_keys_and_a_first_step_hold_for_late_rows_too(steps: Steps, first: int) -> None:
    rows = followed(GrowingServer(steps), keys=["even", "n"], from_step=first)
    wanted = [step for some in steps for step in some if step >= first and step % 2]
    assert sorted(row["_step"] for row in rows) == sorted(wanted)
    assert len({row["n"] for row in rows}) == len(rows)


def test_only_new_rows_behind_the_last_step_of_now() -> None:
    rows = followed(GrowingServer([[0, 1, 2], [3], [4, 4]]), from_step=None)
    assert [row["_step"] for row in rows] == [3, 4, 4]


def test_quiet_looks_ask_for_no_rows() -> None:
    server = GrowingServer([[0], [], [], [], [1]])
    assert [row["_step"] for row in followed(server)] == [0, 1]
    assert server.transport.count("Progress") == 5
    pages = [server.transport.count(name) for name in ("FirstPage", "HistoryPage")]
    assert sum(pages) == 2, pages


@pytest.mark.parametrize(
    "arguments",
    [
        {"keys": "loss"}, {"keys": [1]}, {"from_step": -1}, {"from_step": 1.5},
        {"poll_seconds": 0}, {"poll_seconds": "soon"}, {"poll_seconds": float("nan")},
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_at_the_call(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        GrowingServer([[]]).follow(**arguments)
