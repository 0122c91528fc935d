"""What somebody sees on the page of the server, in a browser that playwright drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def chart(page: Any, metric: str) -> Any:
    found = page.get_by_label(f"Chart of {metric}", exact=True)
    found.locator("canvas").wait_for()
    return found


def query(page: Any) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def drawn_colors(page: Any, metric: str) -> int:
    """How many colours with substance a chart has: one a line, beside text and grid."""
    canvas = chart(page, metric).locator("canvas")
    return int(
        canvas.evaluate(
            """(canvas) => {
              const { width, height } = canvas;
              const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
              const seen = new Map();
              for (let i = 0; i < data.length; i += 4) {
                const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
                if (data[i + 3] < 250 || Math.max(r, g, b) - Math.min(r, g, b) < 60) continue;
                const key = `${r},${g},${b}`;
                seen.set(key, (seen.get(key) ?? 0) + 1);
              }
              return [...seen.values()].filter((count) => count > 20).length;
            }"""
        )
    )


def until(page: Any, wanted: Callable[[], bool]) -> None:
    for _ in range(100):
        if wanted():
            return
        page.wait_for_timeout(100)
    pytest.fail("it did not come to be so within ten seconds")
