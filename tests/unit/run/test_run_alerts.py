from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from asyncwb.errors import ClosedError, InvalidValueError
from asyncwb.journal.records import AlertRecord
from asyncwb.run import init
from asyncwb.run.alerts import checked_alert
from asyncwb.types import AlertLevel


@pytest.mark.parametrize(
    ("level", "wait", "expected"),
    [
        (None, None, ("INFO", 60_000)),  # as documented, and as the wandb package sends it
        (AlertLevel.ERROR, 300, ("ERROR", 300_000)),
        ("Warn", 1.5, ("WARN", 1_500)),
        ("INFO", timedelta(minutes=2, milliseconds=1), ("INFO", 120_001)),
        ("INFO", 0, ("INFO", 0)),
    ],
)
def test_what_is_accepted(level: Any, wait: Any, expected: tuple[str, int]) -> None:
    made = checked_alert("t" * 64, "", level, wait)
    assert made == AlertRecord("t" * 64, "", *expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", "x", None, None), "title"),
        (("t" * 65, "x", None, None), "64"),
        ((None, "x", None, None), "title"),
        (("t", None, None, None), "text"),
        (("t", "x", "loud", None), "level"),
        (("t", "x", 3, None), "level"),
        (("t", "x", None, -1), "wait_duration"),
        (("t", "x", None, timedelta(seconds=-1)), "wait_duration"),
        (("t", "x", None, "60"), "wait_duration"),
        (("t", "x", None, True), "wait_duration"),
        (("t", "x", None, math.inf), "wait_duration"),
        (("t", "x", None, math.nan), "wait_duration"),
    ],
)
async def test_bad_arguments_write_nothing(arguments: Any, words: str) -> None:
    run = await init("p", mode="offline")
    before = run._core.journal.end
    with pytest.raises(InvalidValueError, match=words):
        await run.alert(*arguments)
    assert run._core.journal.end == before
    await run.finish()
    with pytest.raises(ClosedError):
        await run.alert("t", "x")
