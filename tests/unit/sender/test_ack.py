"""The ack: what it remembers of errands, and its file where the disk is full."""

from __future__ import annotations

import errno
from pathlib import Path

import anyio
import anyio.lowlevel
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncwb.portal import PORTAL
from asyncwb.sender.ack import Ack, AckKeeper, ack_path, load_ack, store_ack


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(b"x" * 10)
    return path


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """New files can be made, but nothing can be written to them."""

    def write_bytes(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_full_disk_takes_the_ack_in_the_place_of_the_old_one(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_ack(journal, Ack(server="http://server.test", position=123_456_789))
    fill_disk(monkeypatch)
    store_ack(journal, Ack(server="http://server.test", position=7, finished=True))
    found = load_ack(journal)
    assert found is not None
    assert (found.position, found.finished, found.journal_bytes) == (7, True, 10)
    assert sorted(path.name for path in journal.parent.iterdir()) == [
        journal.name, ack_path(journal).name
    ]  # fmt: skip


def test_without_an_old_one_it_fails_and_leaves_nothing(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch)
    with pytest.raises(OSError, match="No space"):
        store_ack(journal, Ack(server="http://server.test"))
    assert list(journal.parent.iterdir()) == [journal]


# -- errands ---------------------------------------------------------------------------------


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[int], list[int], set[int]]:
    """Positions of errands in a journal, an order in which they end, and those that fail."""
    positions = sorted(draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=12)))
    order = draw(st.permutations(positions))
    return positions, order, draw(st.sets(st.sampled_from(positions)))


@settings(deadline=None)
@given(deliveries())
def test_errands_are_remembered_in_whatever_order_they_end(
    delivery: tuple[list[int], list[int], set[int]],
) -> None:
    positions, order, failing = delivery
    ack = Ack(server="http://server.test")
    left, done = set(positions), set[int]()
    for position in order:
        left.discard(position)
        if position in failing:
            continue
        undone = left | {one for one in failing if one not in left}
        ack.note_errand(position, min(undone, default=None))
        done.add(position)
        # What a next sender reads.
        ack = msgspec.json.decode(msgspec.json.encode(ack), type=Ack)
        assert {one for one in positions if ack.has_errand(one)} == done
    # What is done in a row takes no room.
    first_failure = min(failing, default=None)
    kept = [one for one in sorted(done) if first_failure is not None and one > first_failure]
    assert list(ack.errands) == kept


@settings(deadline=None)
@given(deliveries())
def test_a_second_sender_does_the_rest(delivery: tuple[list[int], list[int], set[int]]) -> None:
    positions, order, failing = delivery
    ack = Ack(server="http://server.test")
    for position in (one for one in order if one not in failing):
        undone = failing | set(order[order.index(position) + 1 :])
        ack.note_errand(position, min(undone, default=None))
    rest = [one for one in positions if not ack.has_errand(one)]
    assert rest == sorted(failing)
    while rest:
        ack.note_errand(rest.pop(0), min(rest, default=None))
    assert all(ack.has_errand(one) for one in positions)
    if failing:
        assert (ack.errands, ack.errands_to) == ((), positions[-1])


def test_what_comes_later_in_the_journal_is_not_done() -> None:
    ack = Ack(server="http://server.test")
    ack.note_errand(100, None)
    assert [ack.has_errand(one) for one in (99, 100, 101)] == [True, True, False]
    ack.note_errand(300, 200)
    assert [ack.has_errand(one) for one in (200, 300)] == [False, True]


def test_what_is_stored_at_once_is_written_one_after_the_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows and artifacts come along by themselves, each with more to tell."""
    journal = tmp_path / "run-r.wandb"
    journal.write_bytes(b"x")

    async def store_many() -> None:
        keeper, ack = AckKeeper(journal), Ack(server="http://server.test")
        async with anyio.create_task_group() as group:
            for position in range(1, 200):
                ack.position = position
                group.start_soon(keeper.store, ack)
                if position % 7 == 0:
                    await anyio.lowlevel.checkpoint()

    PORTAL.call(store_many)
    stored = load_ack(journal)
    assert stored is not None
    assert stored.position == 199
    assert caplog.records == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-r.wandb", "run-r.wandb.ack"]
