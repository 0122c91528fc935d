from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from asyncwb.console.file import ConsoleFile, ConsoleParts
from asyncwb.console.lines import ConsoleLines

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 21, 1, 37, 25, 640800, UTC)


def test_lines_are_written_once_and_in_order(tmp_path: Path) -> None:
    lines, file = ConsoleLines(), ConsoleFile(tmp_path / "files")
    expected: list[str] = []
    for number in range(1000):
        lines.feed(f"line {number}\n", AT, error=number % 3 == 0)
        expected.append(f"line {number}\n")
        file.append(lines.take_settled(), {})
    assert lines.settled == 0
    file.append(*lines.take_rest())
    assert (tmp_path / "files" / "output.log").read_text() == "".join(expected)
    assert file.name == "output.log"
    assert file.close() == ["output.log"]


def test_a_bar_between_many_lines_of_the_other_stream_ends_in_its_last_state(
    tmp_path: Path,
) -> None:
    lines, file = ConsoleLines(), ConsoleFile(tmp_path)
    lines.feed("\r  0 %", AT, error=True)
    for number in range(1000):
        lines.feed(f"line {number}\n", AT, error=False)
        lines.feed(f"\r{number // 10:3d} %", AT, error=True)
        file.append(lines.take_settled(), {})
    lines.feed("\rdone!\n", AT, error=True)
    file.append(*lines.take_rest())
    found = (tmp_path / "output.log").read_text().splitlines()
    assert found == ["done!", *(f"line {number}" for number in range(1000))]


def test_the_file_of_an_earlier_reader_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("half of\nthe")
    file = ConsoleFile(tmp_path)
    file.append([("", "a")], {})
    file.append([("", "\udce4 b")], {})
    assert (tmp_path / "output.log").read_text() == "a\n? b\n"


def test_a_file_of_the_user_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("kept")
    (tmp_path / "output.log").symlink_to(tmp_path / "theirs")
    ConsoleFile(tmp_path).append([("", "a")], {})
    assert (tmp_path / "theirs").read_text() == "kept"
    assert (tmp_path / "output.log").read_text() == "a\n"


def test_a_label_is_in_the_name(tmp_path: Path) -> None:
    # As the `wandb` package names it.
    assert ConsoleFile(tmp_path, "a/b c").name == "output_a_b c.log"


def stamp(seconds: float) -> str:
    at = datetime(2026, 11, 21, 1, 37, 25, 640800) + timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((folder / "logs").iterdir())}


def test_parts_end_by_size(tmp_path: Path) -> None:
    parts = ConsoleParts(tmp_path, "", max_bytes=10, max_seconds=0)
    lines = [(stamp(number), f"line {number}") for number in range(5)]
    first, second = "output_20261121_013725_640800000.log", "output_20261121_013727_640800000.log"
    third = "output_20261121_013729_640800000.log"
    assert parts.append(lines[:3], {}) == [f"logs/{first}"]
    # Only the lines of the open part can change.
    assert parts.append(lines[3:], {0: "too late", 2: "changed"}) == [f"logs/{second}"]
    assert parts.close() == [f"logs/{third}"]
    assert parts.close() == []
    assert texts(tmp_path) == {
        first: "line 0\nline 1\n",
        second: "changed\nline 3\n",
        third: "line 4\n",
    }


def test_parts_end_by_age(tmp_path: Path) -> None:
    parts = ConsoleParts(tmp_path, "n0", max_bytes=0, max_seconds=60)
    assert not parts.due("", datetime.fromisoformat(stamp(1000)))
    assert not parts.due(stamp(0), datetime.fromisoformat(stamp(59)))
    assert parts.due(stamp(0), datetime.fromisoformat(stamp(60)))
    closed = parts.append([(stamp(0), "a"), (stamp(59), "b"), (stamp(61), "c")], {})
    assert closed == ["logs/output_n0_20261121_013725_640800000.log"]
    assert parts.due(stamp(500), datetime.fromisoformat(stamp(121)))
    assert not parts.due(stamp(0), datetime.fromisoformat(stamp(120)))
    assert list(texts(tmp_path).values()) == ["a\nb\n", "c\n"]


def test_without_limits_there_is_one_part(tmp_path: Path) -> None:
    parts = ConsoleParts(tmp_path, "", max_bytes=0, max_seconds=0)
    for number in range(100):
        assert parts.append([(stamp(number * 1e6), "x")], {}) == []
    assert list(texts(tmp_path).values()) == ["x\n" * 100]
    assert not parts.due(stamp(0), datetime.fromisoformat(stamp(1e8)))
