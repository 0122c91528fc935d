"""Which program is shown: scripts, modules, notebooks, none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from asyncwb.run.environment import find_program
from asyncwb.run.environment.program import in_notebook, relative_to
from asyncwb.settings import Settings

SCRIPT = """
import json
from asyncwb.run.environment import find_program
from asyncwb.settings import Settings
print(json.dumps(find_program(Settings())))
"""


def found_by(folder: Path, *arguments: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_a_script_a_module_and_neither(tmp_path: Path) -> None:
    folder = Path(os.path.realpath(tmp_path))
    (folder / "sub").mkdir()
    path = folder / "sub" / "train.py"
    path.write_text(SCRIPT)
    script = [str(path), str(path), ["--lr", "1"], str(folder)]
    assert found_by(folder, "sub/train.py", "--lr", "1") == script
    module = ["-m sub.train", str(path), [], str(folder)]
    assert found_by(folder, "-m", "sub.train") == module
    assert found_by(folder, "-c", SCRIPT) == ["", None, [], str(folder)]


def test_a_given_program_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("job.py").write_text("")
    found = find_program(Settings(program="job.py"))
    assert (found.name, found.file) == (str(tmp_path / "job.py"), str(tmp_path / "job.py"))
    found = find_program(Settings(program="launcher"))
    assert (found.name, found.file) == ("launcher", None)


def test_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()
    ipython = ModuleType("IPython")
    shell = SimpleNamespace(kernel=object())
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert in_notebook()
    monkeypatch.chdir(tmp_path)
    Path("book.ipynb").write_text("{}")
    assert find_program(Settings())[:3] == ("", None, [])
    book = str(tmp_path / "book.ipynb")
    assert find_program(Settings(notebook_name="book.ipynb"))[:3] == (book, book, [])
    del shell.kernel  # the shell of a terminal
    assert not in_notebook()


def test_a_working_directory_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)
    assert find_program(Settings(program="x")).folder == ""


@pytest.mark.parametrize(
    ("root", "file", "path"),
    [
        ("/a", "/a/b/c.py", "b/c.py"),
        ("/a/b", "/a/c.py", ""),
        ("/a", "/a/..c.py", "..c.py"),
        ("", "/a/c.py", ""),
        ("/a", None, ""),
    ],
)
def test_paths_below_a_root(root: str, file: str | None, path: str) -> None:
    assert relative_to(root, file) == path
