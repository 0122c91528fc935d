"""The server's page in a real browser: charts of long runs, how they move, a long table.

The browser shares the cores with the server. What is timed is timed in the page: from the event
(or the navigation) to the frame in which what was asked for is drawn.
`python -m benchmarks.page --rows 4000 --listed 1000` is a quick trial; `--data FOLDER` keeps what
was filled, and uses it the next time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from asyncwb.server.bootstrap import load_secrets
from asyncwb.server.links import make_link
from asyncwb.testing import LocalServer, local_server
from benchmarks import searching, serving
from benchmarks.harness import Table

COMMAND = "nox -s bench -- page"
LISTED = 10_000
TIMES = 10
FRAME_MS = 34  # two of a screen's, so 30 frames a second
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# When every chart in the window shows what was asked for.
DRAWN = """() => {
  const seen = [...document.querySelectorAll("figure.chart")].filter((chart) => {
    const { top, bottom } = chart.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  });
  const done = (chart) => chart.querySelector(".plot[aria-busy=false]") && !chart.matches(".busy");
  return seen.length > 0 && seen.every(done) && performance.now();
}"""
FRAMES = """() => {
  window.frames_ = [];
  let last = performance.now();
  const next = (now) => {
    frames_.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""
# From the next click or input to the frame after the one that has other rows.
ROWS = """(kind) => {
  const count = () => document.querySelector(".count").textContent;
  const look = () => (document.querySelector("tbody a")?.textContent ?? "") + count();
  const before = look();
  const pending = () => look() === before || count().includes("…")
    || document.querySelector("table.grid.busy");
  window.shown = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the rows stay as they are")), 30_000);
    let began = 0;
    document.addEventListener(kind, (event) => { began = event.timeStamp; }, { capture: true });
    const done = () => resolve(performance.now() - began);
    const step = () => requestAnimationFrame(began && !pending() ? done : step);
    step();
  });
}"""


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window.

    Raises:
        SystemExit: playwright or Chromium is not there.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("The page is measured with playwright: pip install playwright") from None
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("The page is measured in Chromium: apt-get install chromium")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@contextlib.contextmanager
def signed_in(chromium: Any, server: LocalServer, **more: Any) -> Iterator[Any]:
    """A page of a browser that has nothing of the server yet but a session."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, **more)
    link = make_link(server.url, load_secrets(server.data_dir)[1], server.entity)
    answer = context.request.post(
        f"{server.url}/-/session", data={"link": link.partition("#sign-in=")[2]}
    )
    if not answer.ok:
        raise RuntimeError(f"nobody is signed in: {answer.status} {answer.text()}")
    yield context.new_page()
    context.close()


class Cpu:
    """Milliseconds of CPU of the page's own thread and of the server since the last look."""

    def __init__(self, page: Any, server: LocalServer) -> None:
        self._pid = server.pid
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._last = self._now()

    def _now(self) -> tuple[float, float]:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        tasks = next(each["value"] for each in metrics if each["name"] == "TaskDuration")
        return tasks * 1000, serving.cpu_seconds(self._pid) * 1000

    def taken(self) -> tuple[float, float]:
        before, self._last = self._last, self._now()
        return self._last[0] - before[0], self._last[1] - before[1]


class Workspace:
    """The workspace of all runs, with the charts of the metrics that fit a pattern."""

    def __init__(self, page: Any, url: str, runs: int, metrics: str) -> None:
        self.page = page
        names = ",".join(f"run{i}" for i in range(runs))
        self.address = f"{url}/local/load?show={names}&metrics={metrics}"

    def opened(self) -> float:
        """Milliseconds from the navigation until the charts in the window are drawn."""
        self.page.goto(self.address, wait_until="commit")
        return self.drawn()

    def drawn(self) -> float:
        return float(self.page.wait_for_function(DRAWN, polling="raf", timeout=60_000).json_value())

    def frames(self) -> list[float]:
        """Milliseconds of the frames since the last call."""
        return list(self.page.evaluate("() => frames_.splice(0)"))

    def place(self) -> tuple[float, float, float]:
        """Left end, width and middle height of the first chart's plot."""
        over = self.page.locator("figure.chart .u-over").first
        over.scroll_into_view_if_needed()
        box = over.bounding_box()
        return box["x"], box["width"], box["y"] + box["height"] / 2

    def wheel(self, turns: int, by: int) -> None:
        left, width, middle = self.place()
        self.page.mouse.move(left + 0.4 * width, middle)
        self.page.keyboard.down("Control")
        for _ in range(turns):
            self.page.mouse.wheel(0, by)
            self.page.wait_for_timeout(16)
        self.page.keyboard.up("Control")

    def move(self, steps: int, *, key: str | None) -> None:
        """Drag over most of the chart: with Shift it moves, else a part of it is chosen."""
        left, width, middle = self.place()
        self.page.mouse.move(left + 0.8 * width, middle)
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.down()
        for step in range(steps):
            self.page.mouse.move(left + (0.8 - 0.6 * step / steps) * width, middle)
            self.page.wait_for_timeout(16)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)

    def settled(self) -> float:
        """Seconds until the points of what is shown are there."""
        began = self.page.evaluate("performance.now()")
        self.page.wait_for_timeout(300)
        return (self.drawn() - began) / 1000


def measure_charts(table: Table, chromium: Any, server: LocalServer, runs: int) -> None:
    with signed_in(chromium, server) as page:
        first = Workspace(page, server.url, runs, "metric_0$").opened()
        one = [Workspace(page, server.url, runs, "metric_0$").opened() for _ in range(5)]
        all_ = [Workspace(page, server.url, runs, "").opened() for _ in range(3)]
    table.add("a chart, in a server and a browser just started", "-", seconds(first), "-", "<= 2 s")
    worst = f"{seconds(statistics.median(one))} / {seconds(max(one))}"
    table.add("a chart, again, median / worst of 5", "-", worst, "-", "<= 2 s")
    middle = seconds(statistics.median(all_))
    table.add("ten metrics, the six charts that fit in the window, again", "-", middle, "-", "")


def measure_frames(table: Table, chromium: Any, server: LocalServer, runs: int) -> None:
    seen: dict[str, list[float]] = {}
    busy: dict[str, float] = {}
    finer: list[float] = []
    with signed_in(chromium, server) as page:
        workspace = Workspace(page, server.url, runs, "")
        workspace.opened()
        page.wait_for_timeout(2000)
        page.evaluate(FRAMES)
        cpu = Cpu(page, server)

        def note(what: str) -> None:
            seen.setdefault(what, []).extend(workspace.frames())
            busy[what] = busy.get(what, 0) + cpu.taken()[0]

        page.wait_for_timeout(1000)
        note("nothing to do")
        for _ in range(3):
            for what, act in (
                ("wheel, in", lambda: workspace.wheel(40, -60)),
                ("moved", lambda: workspace.move(40, key="Shift")),
                ("wheel, out", lambda: workspace.wheel(70, 60)),
                ("a part chosen", lambda: workspace.move(30, key=None)),
                ("all again", lambda: page.locator(".u-over").first.dblclick()),
            ):
                act()
                note(what)
                finer.append(workspace.settled())
                note("the finer points come")
    for what, frames in seen.items():
        ordered = sorted(frames)
        middle, most = (ordered[int(len(ordered) * part)] for part in (0.5, 0.95))
        late = sum(frame > FRAME_MS for frame in frames)
        text = (
            f"{middle:.0f} / {most:.0f} / {ordered[-1]:.0f} ms, {late} of {len(frames)} over 33 ms;"
            f" {busy[what] / len(frames):.1f} ms of CPU each"
        )
        goal = "<= 33 ms" if what != "nothing to do" else ""
        table.add(f"frames, {what}: p50 / p95 / longest", "-", text, "-", goal)
    until = seconds(statistics.median(finer) * 1000)
    table.add("until the finer points are drawn, median", "-", until, "-", "")


def measure_table(table: Table, chromium: Any, server: LocalServer) -> None:
    with signed_in(chromium, server) as page:
        page.goto(f"{server.url}/local/many/table")
        page.locator("tbody a").first.wait_for()
        page.wait_for_timeout(1000)
        values = page.locator('th[data-column*="."] button')  # of config and summary
        cpu = Cpu(page, server)
        ordered = [timed(page, "click", values.nth(i).click) for i in range(TIMES)]
        cost = cpu.taken()
        box = page.get_by_label("Search runs (regular expression)")
        found: dict[str, list[float]] = {"a text": [], "a pattern": []}
        for digit in range(TIMES):
            for what, typed in (("a text", f"{digit}7{digit}"), ("a pattern", f"{digit}$")):
                found[what].append(timed(page, "input", partial(box.fill, typed)))
                timed(page, "input", partial(box.fill, ""))
        filtered: list[float] = []
        for number in range(TIMES):
            page.get_by_role("button", name="Filter", exact=True).click()
            page.get_by_label("Column").select_option("config.lr")
            page.get_by_label("Comparison").select_option("<")
            page.get_by_label("Value").fill(f"{(number + 1) / 12:.3f}")
            add = page.get_by_role("button", name="Add", exact=True)
            filtered.append(timed(page, "click", add.click))
            timed(page, "click", page.get_by_label("Remove this filter").click)
    for what, took in (
        ("another order", ordered),
        *((f"a search for {what}, from the input", took) for what, took in found.items()),
        ("another filter", filtered),
    ):
        text = f"{statistics.median(took):.0f} / {max(took):.0f} ms"
        table.add(f"{what}, median / worst of {len(took)}", "-", text, "-", "<= 300 ms")
    text = " / ".join(f"{part / TIMES:.0f} ms" for part in cost)
    table.add("another order: CPU of the page / of the server", "-", text, "-", "")


def timed(page: Any, event: str, act: Any) -> float:
    """Milliseconds from the last event of a kind to other rows."""
    page.evaluate(ROWS, event)
    act()
    took = float(page.evaluate("() => shown"))
    page.wait_for_timeout(200)
    return took


def seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"


def fill(server: LocalServer, runs: int, rows: int, listed: int) -> None:
    """Long runs, and many runs, and wait for the server to put them in order."""
    serving.child("fill", server.url, server.api_key, runs, rows)
    searching.fill(server, "many", listed)
    serving.wait_until_quiet(server.pid)


def page_tables(
    runs: int = serving.CHART_RUNS,
    rows: int = serving.CHART_ROWS,
    listed: int = LISTED,
    data: Path | None = None,
) -> list[Table]:
    """Fill a server, start it anew, and look at it."""
    charts = Table(f"The page: charts of {runs} runs of {rows:,} rows of ten floats", COMMAND)
    listing = Table(f"The page: a table of {listed:,} runs of 40 values each", COMMAND)
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as name, browser() as chromium:
        folder = data or Path(name)
        filled = (folder / "asyncwb.db").exists()
        with local_server(folder) as server:
            if not filled:
                fill(server, runs, rows, listed)
                server.restart()
            print(f"  load {os.getloadavg()[0]:.1f}", flush=True)
            measure_charts(charts, chromium, server, runs)
            measure_frames(charts, chromium, server, runs)
            peak = f"{serving.memory_mb(server.pid, 'VmHWM'):.0f} MB"
            charts.add("peak memory of the server", "-", peak, "-", "<= 250 MB")
            measure_table(listing, chromium, server)
            peak = f"{serving.memory_mb(server.pid, 'VmHWM'):.0f} MB"
            listing.add("peak memory of the server, with the charts", "-", peak, "-", "<= 250 MB")
            print(f"  load {os.getloadavg()[0]:.1f}", flush=True)
    return [charts, listing]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=serving.CHART_RUNS)
    parser.add_argument("--rows", type=int, default=serving.CHART_ROWS)
    parser.add_argument("--listed", type=int, default=LISTED)
    parser.add_argument("--data", type=Path, help="a folder that keeps what was filled")
    options = parser.parse_args()
    tables = page_tables(options.runs, options.rows, options.listed, options.data)
    print("\n" + "\n".join(table.markdown() for table in tables))


if __name__ == "__main__":
    main()
