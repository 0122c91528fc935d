"""The Python snippets of README and docs run, and print what the pages say."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
]
CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OUTPUT = re.compile(r"^ *# -> (.*)$", re.MULTILINE)
TEST_FUNCTION = re.compile(r"^(async )?def test_", re.MULTILINE)

# Libraries that a page is about, and that may be missing.
NEEDED = {
    "docs/tensorboard.md": ("torch", "tensorboard"),
    "docs/watch.md": ("torch",),
    "docs/media/figures.md": ("matplotlib",),
}

MARKS = {
    "docs/tensorboard.md": pytest.mark.torch,
    "docs/watch.md": pytest.mark.torch,
    "docs/media/figures.md": pytest.mark.leaks(reason="matplotlib's fonts stay open"),
}

JOB = """
import asyncwb

async def my_training_job(steps):
    async with asyncwb.init() as run:
        for step in range(steps):
            await run.log({"loss": 0.5**step})

"""


def snippets(page: str, *, tests: bool) -> list[str]:
    found = CODE.findall((ROOT / page).read_text())
    return [code for code in found if bool(TEST_FUNCTION.search(code)) == tests]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=MARKS.get(page, ()))
        for page in PAGES
        if snippets(page, tests=False)
    ],
)
def test_a_page_does_what_it_says(page: str) -> None:
    """Its snippets run in their order, with one set of names; `# ->` lines are the output."""
    for library in NEEDED.get(page, ()):
        pytest.importorskip(library)
    names: dict[str, Any] = {"__name__": "__main__"}
    with asyncio.Runner() as loop:
        for number, code in enumerate(snippets(page, tests=False)):
            where = f"<{page}, snippet {number + 1}>"
            compiled = compile(code, where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            with redirect_stdout(StringIO()) as printed:
                if compiled.co_flags & inspect.CO_COROUTINE:
                    loop.run(eval(compiled, names))
                else:
                    exec(compiled, names)
            expected = OUTPUT.findall(code)
            if expected:
                assert printed.getvalue().splitlines() == expected, where


def test_the_tests_on_the_pages_pass(tmp_path: Path) -> None:
    expected = 0
    for page in PAGES:
        codes = snippets(page, tests=True)
        if codes:
            name = re.sub(r"\W", "_", page).lower()
            (tmp_path / f"test_{name}.py").write_text(JOB + "\n\n".join(codes))
            expected += sum(len(TEST_FUNCTION.findall(code)) for code in codes)
    command = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected
    assert f"{expected} passed" in done.stdout


def test_the_expected_output_is_seen() -> None:
    assert OUTPUT.findall("print(1)\n# -> 2\n    # -> 3\n") == ["2", "3"]
    for page in ("logging", "reading", "offline", "server", "tensorboard", "watch"):
        assert OUTPUT.findall("".join(snippets(f"docs/{page}.md", tests=False)))
