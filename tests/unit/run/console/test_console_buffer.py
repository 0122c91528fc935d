from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from asyncwb.errors import ClosedError
from asyncwb.run.console.buffer import MOST_CHARS, RECORD_CHARS, ConsoleBuffer, Source

if TYPE_CHECKING:
    from collections.abc import Callable

OUT, ERR, LINES = Source.STDOUT, Source.STDERR, Source.LINES


class Journal:
    """Notes what is written, at which time."""

    def __init__(self) -> None:
        self.written: list[tuple[Source, str]] = []
        self.times: list[float] = []
        self.notified = 0
        self.meanwhile: Callable[[], None] | None = None
        self.buffer = ConsoleBuffer(self.write, self.notify)

    def write(self, text: str, at: float, source: Source) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.written.append((source, text))
        self.times.append(at)

    def notify(self, buffer: ConsoleBuffer) -> None:
        assert buffer is self.buffer
        self.notified += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(sys.modules[ConsoleBuffer.__module__], "time", lambda: now[0])
    return now


def test_what_belongs_together_is_one_record(clock: list[float]) -> None:
    journal = Journal()
    for text in ("a", "\n", "b", "\n"):
        journal.buffer.add(text, OUT)
    journal.buffer.add("e\n", ERR)
    journal.buffer.add("c\n", OUT)
    assert journal.written == []
    assert journal.notified == 1
    journal.buffer.flush()
    assert journal.written == [(OUT, "a\nb\n"), (ERR, "e\n"), (OUT, "c\n")]
    journal.buffer.add("d\n", OUT)
    assert journal.notified == 2


def test_a_line_has_the_time_at_which_it_began(clock: list[float]) -> None:
    journal = Journal()
    journal.buffer.add("begun", OUT)
    clock[0] = 1005.0
    journal.buffer.add(" and ended\n", OUT)
    journal.buffer.add("next\n", OUT)
    clock[0] = 1005.001
    journal.buffer.add("at once\n", OUT)
    journal.buffer.flush()
    assert journal.written == [(OUT, "begun and ended\n"), (OUT, "next\nat once\n")]
    assert journal.times == [1000.0, 1005.0]


def test_a_flood_writes_itself_and_never_piles_up() -> None:
    journal = Journal()
    for number in range(10_000):
        journal.buffer.add(f"line number {number:6d} {'x' * 80}\n", OUT)
        assert journal.buffer.waiting <= MOST_CHARS + 200
    journal.buffer.flush()
    text = "".join(text for _, text in journal.written)
    assert text.splitlines() == [f"line number {n:6d} {'x' * 80}" for n in range(10_000)]
    assert max(len(text) for _, text in journal.written) <= RECORD_CHARS


def test_long_texts_are_cut_behind_newlines_where_there_are_any() -> None:
    journal = Journal()
    journal.buffer.add("x" * 20_000 + "\ny\n", OUT)
    journal.buffer.add("z" * 20_000 + "\nend\n", LINES)
    journal.buffer.flush()
    assert "".join(text for source, text in journal.written if source is OUT) == (
        "x" * 20_000 + "\ny\n"
    )
    assert [text for source, text in journal.written if source is LINES] == [
        "z" * 20_000 + "\n", "end\n",
    ]  # fmt: skip


def test_a_signal_handler_may_print_in_the_middle_of_a_flush() -> None:
    journal = Journal()
    buffer = journal.buffer
    journal.meanwhile = lambda: (buffer.add("handler\n", ERR), buffer.flush())[1]
    buffer.add("first\n", OUT)
    buffer.flush()
    assert journal.written == [(OUT, "first\n"), (ERR, "handler\n")]


def test_a_signal_handler_may_end_the_run_in_the_middle_of_a_flush() -> None:
    journal = Journal()
    buffer = journal.buffer
    journal.meanwhile = buffer.close
    buffer.add("first\n", OUT)
    buffer.add("second\n", ERR)
    buffer.flush()
    assert sorted(journal.written) == [(ERR, "second\n"), (OUT, "first\n")]
    buffer.add("too late\n", OUT)
    buffer.flush()
    assert len(journal.written) == 2


def test_a_closed_journal_is_no_reason_to_raise() -> None:
    def refuse(text: str, at: float, source: Source) -> None:
        raise ClosedError("closed")

    buffer = ConsoleBuffer(refuse, lambda _: None)
    buffer.add("x\n", OUT)
    buffer.flush()


def test_threads_lose_no_line() -> None:
    journal = Journal()

    def work(name: int) -> None:
        for number in range(2000):
            journal.buffer.add(f"{name} {number} {'x' * 60}\n", OUT)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.buffer.close()
    lines = "".join(text for _, text in journal.written).splitlines()
    for name in range(4):
        mine = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
        assert mine == [str(number) for number in range(2000)]


def test_a_forked_child_writes_nothing_of_its_parent() -> None:
    journal = Journal()
    journal.buffer.add("the parent's\n", OUT)
    journal.buffer.leave_to_parent()
    journal.buffer.add("the child's\n", OUT)
    journal.buffer.flush()
    assert journal.written == []
