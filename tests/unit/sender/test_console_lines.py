from datetime import UTC, datetime

from asyncwb.filestream import Block
from asyncwb.sender.console import ConsoleLines

AT = datetime(2026, 11, 21, 1, 37, 25, 640800, UTC)
STAMP = "2026-11-21T01:37:25.640800 "


def lines(blocks: list[Block]) -> dict[int, str]:
    return {b.offset + n: line.decode() for b in blocks for n, line in enumerate(b.lines)}


def test_print_gives_two_records_and_one_line() -> None:
    console = ConsoleLines()
    console.feed("hello", AT, error=False)
    console.feed("\n", AT, error=False)
    console.feed("err\n\nlast\n", AT, error=True)
    assert lines(console.take(3)) == {
        3: STAMP + "hello",
        4: f"ERROR {STAMP}err",
        5: f"ERROR {STAMP}",
        6: f"ERROR {STAMP}last",
    }
    assert not console.dirty


def test_a_progress_bar_rewrites_its_line_and_keeps_its_timestamp() -> None:
    console = ConsoleLines()
    later = AT.replace(second=59)
    console.feed("\rp 1", AT, error=False)
    assert lines(console.take(0)) == {0: STAMP + "p 1"}
    console.feed("\rp 2", later, error=False)
    console.feed("other\n", AT, error=True)
    console.feed("\rdone\r\n", later, error=False)
    console.feed("next\n", AT, error=False)
    assert lines(console.take(0)) == {
        0: STAMP + "done",
        1: f"ERROR {STAMP}other",
        2: STAMP + "next",
    }


def test_scattered_changes_are_separate_blocks() -> None:
    console = ConsoleLines()
    console.feed("bar", AT, error=False)
    console.feed("a\nb\n", AT, error=True)
    console.take(0)
    console.feed("!", AT, error=False)
    console.feed("c\n", AT, error=True)
    assert [(b.offset, len(b.lines)) for b in console.take(10)] == [(10, 1), (13, 1)]


def test_lines_are_cut_and_a_shorter_text_leaves_the_rest_as_a_terminal_does() -> None:
    console = ConsoleLines()
    console.feed("x" * 5000 + "\n", AT, error=False)
    console.feed("abcdef\rXY\n", AT, error=False)
    found = lines(console.take(0))
    assert found == {0: STAMP + "x" * 4096, 1: STAMP + "XYcdef"}
