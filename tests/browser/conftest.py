"""A browser on the page of an embedded server, with runs that a real example logged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.server.bootstrap import load_secrets
from asyncwb.server.links import make_link
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# read now: tests see no variable of the person who runs them
SCREENSHOTS = os.environ.get("ASYNCWB_SCREENSHOTS")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.leaks(reason="the browser's driver lives for the session"))
            item.add_marker(pytest.mark.timeout(120))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    pytest.importorskip("sklearn", reason="the example needs the demo extra")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[LocalServer]:
    """A server with the five runs of `examples/train_async.py`."""
    folder = tmp_path_factory.mktemp("browser")
    with local_server(folder / "data") as running:
        _log_the_example(running, folder)
        yield running


@pytest.fixture(scope="session")
def showcase(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a project with charts, media of every type, alerts and artifacts."""
    folder = tmp_path_factory.mktemp("showcase")
    _log(server, folder, "import showcase; showcase.log()", ROOT / "tests" / "support")
    return f"{server.url}/local/showcase"


def _log_the_example(running: LocalServer, folder: Path) -> None:
    code = "import asyncio, train_async; asyncio.run(train_async.main(epochs=3))"
    _log(running, folder, code, ROOT / "examples")


def _log(running: LocalServer, folder: Path, code: str, home: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=folder,
        env={**os.environ, **running.env, "PYTHONPATH": _path(home)},
        timeout=100,
    )


def _path(*folders: Path) -> str:
    return os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Executor]:
    """A thread for the client: the driver of the browser has an event loop in this one."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def link(server: LocalServer) -> Callable[[], str]:
    """Makes addresses that sign somebody in, once each."""
    return lambda: make_link(server.url, load_secrets(server.data_dir)[1], server.entity)


@pytest.fixture
def anonymous(chromium: Any) -> Iterator[Any]:
    """A page of a browser that nobody has signed in; every fault of a script fails the test."""
    yield from _page(chromium)


@pytest.fixture
def page(anonymous: Any, link: Callable[[], str]) -> Any:
    """The page, signed in, at the list of projects."""
    anonymous.goto(link())
    anonymous.get_by_role("heading", name="Projects").wait_for()
    return anonymous


@pytest.fixture
def phone(chromium: Any, link: Callable[[], str]) -> Iterator[Any]:
    """The page as a telephone shows it."""
    for page in _page(
        chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ):
        page.goto(link())
        page.get_by_role("heading", name="Projects").wait_for()
        yield page


def _page(chromium: Any, **options: Any) -> Iterator[Any]:
    faults: list[str] = []
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))

    def listen(said: Any) -> None:
        # logged documents may complain of their sandbox
        logged = any(part in said.location["url"] for part in ("/-/frame/", "/files/"))
        if said.type == "error" and not logged:
            faults.append(said.text)

    page.on("console", listen)
    yield page
    context.close()
    # what a test asks for and does not get is written to the console, too
    refused = ("Failed to load resource", "Connecting to", "Fetch API cannot load")
    assert [fault for fault in faults if not fault.startswith(refused)] == []


@pytest.fixture
def screenshot(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Any, str], Path]:
    """Saves what a page looks like; in the folder `$ASYNCWB_SCREENSHOTS` to look at them."""
    folder = Path(SCREENSHOTS or tmp_path)

    def save(page: Any, name: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        return path

    return save
