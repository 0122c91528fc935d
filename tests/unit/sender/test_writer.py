"""A writer of a shared run, from `init` by way of the journal to its headers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from run_journals import bodies

from asyncwb.errors import InvalidValueError
from asyncwb.journal import records
from asyncwb.journal.records import EnvironmentRecord, RunRecord, TelemetryRecord
from asyncwb.run import init
from asyncwb.sender.fold import Fold
from asyncwb.sender.writer import Writer

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def written(**settings: Any) -> list[Any]:
    run = await init("p", mode="offline", settings=settings)
    await run.finish()
    return bodies(run.status().journal)


def folded(found: list[Any]) -> Writer:
    fold = Fold()
    for body in found:
        fold.feed(records.encode(body))
    return fold.writer


async def test_a_run_of_its_own_has_one_writer_and_no_headers() -> None:
    found = await written()
    assert next(b for b in found if isinstance(b, RunRecord)).settings is None
    writer = folded(found)
    assert (writer.shared, writer.label, writer.primary, writer.ends_run) == (False, "", True, True)
    assert (writer.graphql_headers, writer.stream_headers) == ({}, {})


async def test_a_shared_run() -> None:
    found = await written(shared=True, label="rank1", primary=False)
    writer = folded(found)
    environment = next(b for b in found if isinstance(b, EnvironmentRecord))
    assert UUID7.fullmatch(environment.writer_id)
    assert writer == Writer(
        id=environment.writer_id, shared=True, label="rank1", primary=False, ends_run=False
    )
    # The names are those of run.md 2.4 and its captures.
    assert writer.graphql_headers == {
        "X-Wandb-Use-Async-Filestream": "true",
        "X-Wandb-Client-Id": environment.writer_id,
    }
    assert writer.stream_headers == {
        "X-Wandb-Use-Async-Filestream": "true",
        "X-Wandb-Async-Client-Id": environment.writer_id,
    }
    # Features that the SDK counts: 67 shared, 69 a label.
    telemetry = next(b for b in found if isinstance(b, TelemetryRecord))
    assert {67, 69} <= set(telemetry.feature)


@pytest.mark.parametrize(
    ("settings", "primary", "ends_run"),
    [
        ({"x_primary": True}, True, True),
        ({"x_primary": False}, False, False),
        ({"x_primary_node": False, "x_update_finish_state": True}, False, True),
        ({"x_update_finish_state": False}, True, False),
    ],
)
async def test_the_names_of_the_sdk(
    settings: dict[str, Any], primary: bool, ends_run: bool
) -> None:
    writer = folded(await written(**settings))
    assert (writer.primary, writer.ends_run) == (primary, ends_run)


async def test_each_start_is_another_writer() -> None:
    ids = {folded(await written(shared=True)).id for _ in range(3)}
    assert len(ids) == 3


async def test_bad_values_are_refused() -> None:
    with pytest.raises(InvalidValueError):
        await init("p", mode="offline", settings={"on_sigterm": "perhaps"})
    for label in (7, "", "../up", "a\nb"):
        with pytest.raises(InvalidValueError, match="label"):
            await init("p", mode="offline", settings={"label": label})
