"""The small terminal: lines as the `wandb` package stores them, or as xterm shows them."""

from __future__ import annotations

import pytest
from console_cases import AS_THE_SDK
from hypothesis import given
from hypothesis import strategies as st

from asyncwb.console.screen import MAX_LINE_CHARS, Line, Screen


def shown(*texts: str) -> list[str]:
    """The lines of one stream after some writes."""
    lines: list[Line] = []

    def new_line(style: str) -> Line:
        lines.append(Line(len(lines), "", style=style))
        return lines[-1]

    screen = Screen(new_line, lambda line: None)
    for text in texts:
        screen.write(text)
    return [line.shown() for line in lines]


@pytest.mark.parametrize("case", AS_THE_SDK)
def test_lines_are_those_of_the_wandb_package(case: str) -> None:
    texts, lines = AS_THE_SDK[case]
    assert shown(*texts) == lines


# Here the package keeps the control sequences in its lines; these are what xterm shows.
AS_A_TERMINAL: dict[str, tuple[list[str], list[str]]] = {
    "backspace": (["abc\b\bX\n"], ["aXc"]),
    "backspace at the start": (["\b\bX\n"], ["X"]),
    "erase to the end": (["abcdef\r\x1b[Kxy\n"], ["xy"]),
    "erase to the end from the middle": (["abcdef\x1b[3D\x1b[K!\n"], ["abc!"]),
    "erase to the start": (["abcdef\x1b[3D\x1b[1K\n"], ["    ef"]),
    "erase the line": (["abcdef\x1b[3D\x1b[2KZ\n"], ["   Z"]),
    "erase below": (["one\ntwo\n\x1b[2A\x1b[JX\n"], ["X", ""]),
    "clearing the screen keeps the log": (["one\n\x1b[2J\x1b[Htwo\n"], ["one", "two"]),
    "up several lines": (
        ["one\ntwo\nthree\n\x1b[2AXY\n\n\nend\n"],
        ["one", "XYo", "three", "", "end"],
    ),
    "down": (["one\ntwo\n\x1b[2A\x1b[BX\n"], ["one", "Xwo"]),
    "down ends at the last line": (["one\n\x1b[9Btwo\n"], ["one", "two"]),
    "right": (["ab\r\x1b[5Cc\n"], ["ab   c"]),
    "to a column": (["abcdef\x1b[3GX\n"], ["abXdef"]),
    "previous and next line": (["one\ntwo\x1b[FX\x1b[EY\n"], ["Xne", "Ywo"]),
    "a hidden cursor": (["\x1b[?25lhid\x1b[?25h\n"], ["hid"]),
    "titles and links": (
        ["\x1b]0;title\x07text\n", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n"],
        ["text", "link"],
    ),
    "other escapes": (["a\x1bMb\x1b7c\x1b(Bd\n"], ["abcd"]),
    "a sequence in two writes": (["a\x1b", "[3", "1mb\x1b[0", "m\n"], ["a\x1b[31mb\x1b[0m"]),
    "a sequence in two writes over a newline": (["ab\n\x1b[", "AX\n"], ["Xb"]),
    "written over in another colour": (
        ["\x1b[31mabcd\x1b[0m\r\x1b[32mxy\x1b[0m\n"],
        ["\x1b[0m\x1b[32mxy\x1b[0m\x1b[31mcd\x1b[0m"],
    ),
    "an escape that is none": (["a\x1b\x01b\n"], ["a\x01b"]),
}


@pytest.mark.parametrize("case", AS_A_TERMINAL)
def test_lines_are_what_a_terminal_shows(case: str) -> None:
    texts, lines = AS_A_TERMINAL[case]
    assert shown(*texts) == lines


def test_rich_live_display_is_its_last_state() -> None:
    frames = [[f"task a {n} %", f"task b {n * 2} %", "total"] for n in range(5)]
    text = "\x1b[?25l"
    for number, frame in enumerate(frames):
        if number:
            text += "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (len(frame) - 1)
        text += "\n".join(frame)
    assert shown(text + "\n\x1b[?25h", "after\n") == [*frames[-1], "after"]


def test_the_cursor_goes_back_64_lines() -> None:
    text = "".join(f"l{number}\n" for number in range(200))
    lines = shown(text, "\x1b[500AX\n")
    assert [line for line in lines if "X" in line] == ["X136"]
    assert len(lines) == 200


def test_endless_colours_stay_bounded() -> None:
    lines = shown("\x1b[31ma\x1b[39mb" * 1000 + "\n", "\x1b[32mc\n")
    assert len(lines[0]) == MAX_LINE_CHARS
    assert len(lines[1]) < 400
    assert lines[1].endswith("\x1b[32mc")


ALPHABET = st.sampled_from(
    ["a", "bc", " ", "\n", "\r", "\b", "\x1b[A", "\x1b[2B", "\x1b[3C", "\x1b[D", "\x1b[K",
     "\x1b[2K", "\x1b[J", "\x1b[31m", "\x1b[0m", "\x1b", "[", "1", "m", "\x1b]0;t", "\x07"]
)  # fmt: skip


@given(st.lists(ALPHABET, max_size=60), st.integers(0, 200))
def test_where_a_text_is_cut_does_not_matter(parts: list[str], place: int) -> None:
    text = "".join(parts)
    assert shown(text[:place], text[place:]) == shown(text)


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert all("\n" not in line and "\r" not in line for line in shown(text))
