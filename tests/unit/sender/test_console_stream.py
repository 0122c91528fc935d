import json
from datetime import UTC, datetime

from asyncwb.filestream import Block
from asyncwb.sender.console import ConsoleStream

AT = datetime(2026, 11, 21, 1, 37, 25, 640800, UTC)
STAMP = "2026-11-21T01:37:25.640800 "


def lines(blocks: list[Block]) -> dict[int, str]:
    return {b.offset + n: line.decode() for b in blocks for n, line in enumerate(b.lines)}


def test_print_gives_two_records_and_one_line() -> None:
    console = ConsoleStream()
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
    console = ConsoleStream()
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
    console = ConsoleStream()
    console.feed("bar", AT, error=False)
    console.feed("a\nb\n", AT, error=True)
    console.take(0)
    console.feed("!", AT, error=False)
    console.feed("c\n", AT, error=True)
    assert [(b.offset, len(b.lines)) for b in console.take(10)] == [(10, 1), (13, 1)]


def test_lines_are_cut_and_a_shorter_text_leaves_the_rest_as_a_terminal_does() -> None:
    console = ConsoleStream()
    console.feed("x" * 5000 + "\n", AT, error=False)
    console.feed("abcdef\rXY\n", AT, error=False)
    found = lines(console.take(0))
    assert found == {0: STAMP + "x" * 4096, 1: STAMP + "XYcdef"}


def test_lines_of_write_logs_stay_as_they_are() -> None:
    console = ConsoleStream()
    console.feed("unfinished", AT, error=False)
    console.add("a \rb  \nc\n", AT)
    console.add("\n", AT)
    console.add("x" * 5000, AT)
    console.feed(" line\n", AT, error=False)
    texts = ["unfinished line", "a \rb  ", "c", "", "x" * 5000]
    assert lines(console.take(0)) == {n: STAMP + text for n, text in enumerate(texts)}


def test_a_label_is_in_every_line() -> None:
    console = ConsoleStream("node0")
    console.feed("x\n", AT, error=False)
    console.feed("y\n", AT, error=True)
    assert lines(console.take(0)) == {0: f"{STAMP}[node0] x", 1: f"ERROR {STAMP}[node0] y"}


def test_objects_for_servers_that_take_them() -> None:
    console = ConsoleStream("node0")
    console.structured = True
    console.feed('"quoted" \x1b[31mred\x1b[0m\n', AT, error=False)
    console.feed("y\n", AT, error=True)
    found = lines(console.take(0))
    assert {n: json.loads(line) for n, line in found.items()} == {
        0: {"ts": STAMP.strip(), "label": "node0", "content": '"quoted" \x1b[31mred\x1b[0m'},
        1: {"level": "error", "ts": STAMP.strip(), "label": "node0", "content": "y"},
    }


def test_what_waits_is_measured_until_it_is_taken() -> None:
    console = ConsoleStream()
    console.feed("x" * 1000 + "\n", AT, error=False)
    assert console.size > 1000
    console.take(0)
    assert console.size == 0


def test_what_the_server_has_is_not_sent_again() -> None:
    console = ConsoleStream()
    console.feed("a\nb", AT, error=False)
    console.discard()
    console.feed("!\n", AT, error=False)
    assert lines(console.take(0)) == {1: STAMP + "b!"}
