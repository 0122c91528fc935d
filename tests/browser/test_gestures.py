"""A chart in somebody's hands: it zooms and moves at once, and finer points come when they rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from page_view import chart, query, until
from seed import seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

ROWS = 5000
SPIKE = 2468


@pytest.fixture(scope="module")
def long_runs(server: LocalServer) -> str:
    """The address of three runs of many rows, one of which leaps up at a single step."""
    for run in range(3):
        rows = [
            {"_step": step, "_timestamp": 1.7e9 + step, "loss": math.exp(-step / (900 + 300 * run))}
            for step in range(ROWS)
        ]
        if run == 1:
            rows[SPIKE]["loss"] = 3.0
        seed(server, "hands", f"h{run}", rows=rows)
    return f"{server.url}/local/hands"


@pytest.fixture
def workspace(page: Any, long_runs: str) -> Any:
    page.goto(long_runs)
    painted(page)
    return page


def painted(page: Any) -> None:
    """Wait until the chart has all of its points."""
    chart(page, "loss")
    page.locator(".chart:not(.busy) .plot[aria-busy=false]").wait_for()


def over(page: Any) -> dict[str, float]:
    plot = page.locator(".u-over")
    plot.scroll_into_view_if_needed()
    box: dict[str, float] = plot.bounding_box()
    return box


def zoom(page: Any) -> tuple[float, float]:
    low, high = map(float, query(page)["zoom"].split("~")[:2])
    return low, high


def narrow(page: Any, span: float) -> bool:
    """Whether no more is seen. On a busy machine a hand seems to rest in between."""
    if "zoom" not in query(page):
        return False
    low, high = zoom(page)
    return high - low < span


def wheel(page: Any, at: float, turns: int, by: int) -> None:
    """Turn the wheel over a place of the chart, between 0 and 1, while Ctrl is down."""
    box = over(page)
    page.mouse.move(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    for _ in range(turns):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(20)
    page.keyboard.up("Control")


def ink(page: Any, left: float, right: float, top: float, bottom: float) -> int:
    """How many dots of a line are in a part of the plot, whose ends are between 0 and 1."""
    return int(
        page.locator(".uplot canvas").evaluate(
            """(canvas, [left, right, top, bottom]) => {
              const over = document.querySelector(".u-over");
              const ratio = devicePixelRatio;
              const [width, height] = [over.offsetWidth * ratio, over.offsetHeight * ratio];
              const x = over.offsetLeft * ratio + left * width;
              const y = over.offsetTop * ratio + top * height;
              const { data } = canvas.getContext("2d")
                .getImageData(x, y, (right - left) * width, (bottom - top) * height);
              let found = 0;
              for (let i = 0; i < data.length; i += 4) {
                const dot = [data[i], data[i + 1], data[i + 2]];
                if (data[i + 3] > 200 && Math.max(...dot) - Math.min(...dot) > 60) found += 1;
              }
              return found;
            }""",
            [left, right, top, bottom],
        )
    )


def test_the_wheel_zooms_about_the_pointer_and_out_again(workspace: Any) -> None:
    page = workspace
    wheel(page, 0.5, 10, -100)
    until(page, lambda: narrow(page, ROWS / 4))
    painted(page)
    low, high = zoom(page)
    assert (low + high) / 2 == pytest.approx(ROWS / 2, abs=20)
    assert ink(page, 0, 1, 0, 1) > 0
    wheel(page, 0.3, 30, 100)
    until(page, lambda: "zoom" not in query(page))


def test_a_wheel_without_a_key_leaves_the_chart_alone(workspace: Any) -> None:
    page = workspace
    box = over(page)
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(500)
    assert "zoom" not in query(page)


def test_shift_and_drag_move_what_is_seen(workspace: Any) -> None:
    page = workspace
    page.goto(f"{page.url}?zoom=1000~2000")
    painted(page)
    box = over(page)
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 60, steps=8)
    page.mouse.up()
    page.keyboard.up("Shift")
    until(page, lambda: zoom(page) == pytest.approx((1500, 2500), abs=10))
    painted(page)
    assert ink(page, 0.9, 1, 0, 1) > 0


def test_a_single_value_is_seen_however_many_there_are(
    workspace: Any, screenshot: Callable[[Any, str], Path]
) -> None:
    page = workspace
    at = SPIKE / ROWS
    assert ink(page, at - 0.02, at + 0.02, 0.1, 0.5) > 20  # it leaps to the top
    assert ink(page, 0, at - 0.05, 0.1, 0.5) == 0  # and nothing else does
    wheel(page, at, 6, -100)
    screenshot(page, "zooming")
    until(page, lambda: narrow(page, ROWS / 3))
    painted(page)
    low, high = zoom(page)
    at = (SPIKE - low) / (high - low)
    assert ink(page, at - 0.05, at + 0.05, 0.1, 0.5) > 20
    screenshot(page, "zoomed")


def test_what_is_known_of_the_whole_stays_around_a_part(workspace: Any) -> None:
    page = workspace
    asked: list[str] = []
    page.on("request", lambda request: "/-/series" in request.url and asked.append(request.url))
    wheel(page, 0.5, 10, -100)
    until(page, lambda: narrow(page, ROWS / 4))
    painted(page)
    asked.clear()
    page.locator(".u-over").dblclick()
    until(page, lambda: "zoom" not in query(page))
    painted(page)
    assert asked == []  # it was there
    assert ink(page, 0, 0.1, 0, 1) > 0


def test_a_part_of_a_minute_of_wall_time_can_be_seen(workspace: Any) -> None:
    """Its ends are the same in their first eight digits."""
    page = workspace
    page.get_by_label("X axis").select_option("_timestamp")
    painted(page)
    wheel(page, 0.5, 30, -120)
    until(page, lambda: narrow(page, 60))
    painted(page)
    assert page.get_by_role("button", name="Reset zoom", exact=True).is_visible()
