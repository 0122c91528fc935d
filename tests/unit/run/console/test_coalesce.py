from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncwb.console.screen import Line, Screen
from asyncwb.run.console.coalesce import coalesce


def test_the_states_of_a_bar_become_one() -> None:
    bar = "".join(f"\r{n:3d}%|{'#' * (n // 10):10}| {n}/100" for n in range(101))
    assert coalesce(bar) == "\r100%|##########| 100/100"


def test_a_coloured_bar_too() -> None:
    bar = "".join(f"\r\x1b[32m{n:3d}%\x1b[0m done" for n in range(101))
    assert coalesce(bar) == "\r\x1b[32m100%\x1b[0m done"


def test_erasing_the_line_covers_longer_states() -> None:
    assert coalesce("\r\x1b[Kdownloading\r\x1b[Kdone\n") == "\r\x1b[Kdone\n"


@pytest.mark.parametrize(
    "text",
    [
        "no return\n",
        "longer\rshort",
        "begins somewhere\rlonger than that, but it begins in the first column",
        "\r0 \x1b[31mred\rnext state is red",
        "\rone bar\n\rother bar\x1b[A",
        "\rab\b\rcde",
    ],
)
def test_what_matters_stays(text: str) -> None:
    assert coalesce(text) == text


def shown(*texts: str) -> list[str]:
    lines: list[Line] = []

    def new_line(style: str) -> Line:
        lines.append(Line(len(lines), "", style=style))
        return lines[-1]

    screen = Screen(new_line, lambda line: None)
    for text in texts:
        screen.write(text)
    return [line.shown() for line in lines]


PARTS = st.sampled_from(
    ["a", "bcd", " ", "\n", "\r", "\r", "\b", "\x1b[A", "\x1b[K", "\x1b[2K", "\x1b[31mx\x1b[0m"]
)


@given(st.lists(PARTS, max_size=8), st.lists(PARTS, max_size=40))
def test_the_terminal_shows_the_same_text(before: list[str], parts: list[str]) -> None:
    first, text = "".join(before), "".join(parts)
    # Colours that show nothing may differ.
    plain = [line.replace("\x1b[0m", "") for line in shown(first, text)]
    assert [line.replace("\x1b[0m", "") for line in shown(first, coalesce(text))] == plain
