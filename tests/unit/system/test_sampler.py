"""The sampler's bookkeeping, with a machine that tells what it is told to."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("psutil")

from asyncwb import jsonx
from asyncwb.errors import ClosedError
from asyncwb.journal import records
from asyncwb.system import machine as machine_module
from asyncwb.system.options import SampleOptions
from asyncwb.system.sample import Sample, encode_row
from asyncwb.system.sampler import Member, Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 30.0


class Machine:
    """Takes samples that count themselves."""

    made: list[Machine]
    gate: threading.Event

    def __init__(self, options: SampleOptions) -> None:
        self.options = options
        self.samples = 0
        self.closed = False
        self.made.append(self)

    def sample(self) -> Sample:
        assert self.gate.wait(SOON)
        self.samples += 1
        sample = Sample()
        sample.gauges = {"level": 5.0}
        sample.totals = {"sent": 100.0 * self.samples}
        if self.samples > 1:
            sample.rates = {"cpu": 50.0}
        return sample

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def machines(monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    Machine.made = []
    Machine.gate = threading.Event()
    Machine.gate.set()
    monkeypatch.setattr(machine_module, "Machine", Machine)
    return Machine.made


@pytest.fixture
def sampler() -> Iterator[Sampler]:
    made = Sampler()
    yield made
    for group in list(made._groups.values()):
        for member in list(group.members.values()):
            made.remove(member)
    until(lambda: made._thread is None)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Journal:
    """What a run got."""

    def __init__(self, options: SampleOptions, label: str | None = None) -> None:
        self.loud: list[bytes] = []
        self.quiet: list[bytes] = []
        self.member = Member(
            options, append=self.loud.append, append_quietly=self.quiet.append, label=label
        )

    @property
    def rows(self) -> list[dict[str, object]]:
        rows = []
        for payload in [*self.loud, *self.quiet]:
            body = records.decode(payload).body
            assert isinstance(body, records.StatsRecord)
            rows.append({item.key: jsonx.decode(item.value_json) for item in body.item})
        return rows


OFTEN = SampleOptions(interval_seconds=0.05)
RARELY = SampleOptions(interval_seconds=3600.0)


def test_the_first_row_wakes_the_sender_and_the_others_do_not(sampler: Sampler) -> None:
    run = Journal(OFTEN)
    sampler.add(run.member)
    until(lambda: len(run.quiet) >= 2)
    assert len(run.loud) == 1
    assert run.rows[0] == {"level": 5.0, "sent": 0.0}
    assert run.rows[1] == {"level": 5.0, "cpu": 50.0, "sent": 100.0}
    assert run.rows[2]["sent"] == 200.0


def test_runs_that_begin_together_share_a_sample_and_its_bytes(
    sampler: Sampler, machines: list[Machine]
) -> None:
    runs = [Journal(RARELY) for _ in range(50)]
    for run in runs:
        sampler.add(run.member)
    until(lambda: all(run.loud for run in runs))
    assert len(machines) == 1
    assert machines[0].samples <= 5
    assert len({id(run.loud[0]) for run in runs}) < 50
    assert threading.active_count() < 20


def test_a_later_run_counts_from_its_own_start(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncwb.system.sampler._FRESH_SECONDS", 0.0)
    first = Journal(OFTEN)
    sampler.add(first.member)
    until(lambda: len(first.quiet) >= 3)
    later = Journal(OFTEN, label="node1")
    sampler.add(later.member)
    until(lambda: len(later.quiet) >= 1)
    assert later.rows[0] == {"level/l:node1": 5.0, "sent/l:node1": 0.0}
    assert later.rows[1] == {"level/l:node1": 5.0, "cpu/l:node1": 50.0, "sent/l:node1": 100.0}
    assert first.rows[-1]["sent"] >= 300.0  # type: ignore[operator]


def test_runs_with_other_options_have_a_machine_of_their_own(
    sampler: Sampler, machines: list[Machine]
) -> None:
    runs = [Journal(OFTEN), Journal(RARELY)]
    for run in runs:
        sampler.add(run.member)
    until(lambda: len(runs[0].quiet) >= 3 and bool(runs[1].loud))
    assert {made.options for made in machines} == {OFTEN, RARELY}
    assert not runs[1].quiet
    sampler.remove(runs[0].member)
    until(lambda: next(made for made in machines if made.options == OFTEN).closed)
    assert not next(made for made in machines if made.options == RARELY).closed


def test_it_ends_with_the_last_run_and_begins_again(
    sampler: Sampler, machines: list[Machine]
) -> None:
    for number in (1, 2):
        run = Journal(OFTEN)
        sampler.add(run.member)
        until(lambda run=run: bool(run.loud))  # type: ignore[misc]
        sampler.remove(run.member)
        until(lambda: sampler._thread is None)
        assert len(machines) == number
        assert machines[-1].closed


def test_a_run_that_has_just_ended_disturbs_nobody(
    sampler: Sampler, caplog: pytest.LogCaptureFixture
) -> None:
    def closed(payload: bytes) -> int:
        raise ClosedError("the journal is closed")

    ended = Member(OFTEN, append=closed, append_quietly=closed)
    alive = Journal(OFTEN)
    sampler.add(ended)
    sampler.add(alive.member)
    until(lambda: len(alive.quiet) >= 2)
    assert caplog.records == []


def test_a_crash_ends_the_metrics_and_not_the_runs(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(_: Machine) -> Sample:
        raise ZeroDivisionError("of no use")

    monkeypatch.setattr(Machine, "sample", crash)
    run = Journal(OFTEN)
    sampler.add(run.member)
    until(lambda: sampler._thread is None)
    sampler.add(run.member)
    sampler.remove(run.member)
    assert sampler._thread is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def is_working(sampler: Sampler) -> bool:
    """Whether somebody else holds up the forks of this thread."""
    if not sampler._working.acquire(blocking=False):
        return True
    sampler._working.release()
    return False


def seen_by_another_thread(look: Callable[[], bool]) -> bool:
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(look()))
    thread.start()
    thread.join(SOON)
    return seen[0]


def test_nothing_is_sampled_during_a_fork(sampler: Sampler) -> None:
    run = Journal(OFTEN)
    sampler.add(run.member)
    until(lambda: bool(run.quiet))
    sampler.before_fork()
    assert seen_by_another_thread(lambda: is_working(sampler))
    sampler.after_fork_in_parent()
    count = len(run.quiet)
    until(lambda: len(run.quiet) > count)


def test_a_sample_that_hangs_holds_up_one_fork_and_not_for_ever(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    Machine.gate.clear()
    run = Journal(OFTEN)
    sampler.add(run.member)
    until(lambda: is_working(sampler))
    monkeypatch.setattr("asyncwb.system.sampler._FORK_SECONDS", 0.05)
    sampler.before_fork()
    sampler.after_fork_in_parent()
    monkeypatch.setattr("asyncwb.system.sampler._FORK_SECONDS", 10 * SOON)
    sampler.before_fork()
    sampler.after_fork_in_parent()
    Machine.gate.set()
    until(lambda: bool(run.quiet))
    # It works again, so that forks wait again.
    sampler.before_fork()
    assert seen_by_another_thread(lambda: is_working(sampler))
    sampler.after_fork_in_parent()


def test_a_child_is_as_if_no_run_had_begun(sampler: Sampler, machines: list[Machine]) -> None:
    run = Journal(OFTEN)
    sampler.add(run.member)
    until(lambda: bool(run.loud))
    child = Sampler()
    child.__dict__.update(sampler.__dict__)
    child.after_fork_in_child()
    own = Journal(OFTEN)
    child.add(own.member)
    until(lambda: bool(own.loud))
    child.remove(run.member)
    child.remove(own.member)
    until(lambda: child._thread is None)
    assert len(machines) == 2


def test_a_row_is_the_record_of_the_protocol() -> None:
    payload = encode_row({"disk./.in": 0.5, "cpu": 12.0}, at=1795225045.25, label="n0")
    body = records.decode(payload).body
    assert isinstance(body, records.StatsRecord)
    assert body.stats_type == 0
    assert body.timestamp is not None
    assert body.timestamp.unix == 1795225045.25
    assert [(item.key, item.nested_key, item.value_json) for item in body.item] == [
        ("disk./.in/l:n0", [], "0.5"),
        ("cpu/l:n0", [], "12.0"),
    ]
