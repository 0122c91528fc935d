"""Media: for the same input, the JSON and the files that the real `wandb` package writes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from media_cases import CASES, DESCRIBED, IN_SUMMARY
from run_journals import bodies, rows

from asyncwb import jsonx
from asyncwb.journal.records import ConfigRecord, FilesRecord, RunRecord, SummaryRecord

pytest.importorskip("wandb")
pytest.importorskip("soundfile")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

# Cases that need a library which is not part of the tests' environment everywhere.
_NEEDS = {"torch": "torch", "plotly": "plotly", "bare": "plotly", "figure": "matplotlib",
          "smiles": "rdkit", "bokeh": "bokeh", "video array": "moviepy",
          "video batch": "moviepy"}  # fmt: skip


def available(name: str) -> bool:
    needed = {library for word, library in _NEEDS.items() if word in name}
    return all(importlib.util.find_spec(library) is not None for library in needed)


NAMES = [name for name in [*CASES, *DESCRIBED] if available(name)]


class Logged:
    """The runs of one package: rows by key, and the folder of files."""

    def __init__(self, package: str, folder: Path) -> None:
        work = folder / package
        work.mkdir()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", Path(CASES_FILE), package, str(work), *NAMES],
            env={
                **{name: value for name, value in os.environ.items() if "WANDB" not in name},
                "PYTHONHASHSEED": "0", "HOME": str(work), "WANDB_SILENT": "true",
                "WANDB_ERROR_REPORTING": "false", "WANDB_CONSOLE": "off", "WANDB_MODE": "offline",
                "ASYNCWB_PNG_ENCODING": "wandb",
            },
            cwd=work, capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        line = next(line for line in done.stdout.splitlines() if line.startswith("FILES "))
        self.files = Path(line.removeprefix("FILES "))
        (journal,) = self.files.parent.glob("*.wandb")
        self.rows = {key: row[key] for row in rows(journal) for key in row if key in NAMES}
        self.bodies = bodies(journal)

    def read(self, path: str) -> bytes:
        return (self.files / path).read_bytes()

    def summary(self) -> dict[str, Any]:
        """What was set by hand."""
        found: dict[str, Any] = {}
        for body in self.bodies:
            for item in body.update if isinstance(body, SummaryRecord) else ():
                path = list(item.nested_key) or [item.key]
                if path[0].startswith("s "):
                    node = found
                    for name in path[:-1]:
                        node = node.setdefault(name, {})
                    node[path[-1]] = jsonx.decode(item.value_json)
        return found

    def labels(self) -> dict[str, Any]:
        """Class labels in the config."""
        found: dict[str, Any] = {}
        for body in self.bodies:
            body = body.config if isinstance(body, RunRecord) else body
            for item in body.update if isinstance(body, ConfigRecord) else ():
                path = list(item.nested_key) or [item.key]
                value: Any = jsonx.decode(item.value_json)
                for name in reversed(path[1:]):
                    value = {name: value}
                if path[0] == "_wandb":
                    for kind in ("mask/class_labels", "bounding_box/class_labels"):
                        found.setdefault(kind, {}).update(value.get(kind, {}))
        return found

    def uploads(self) -> set[str]:
        """The media files whose upload the journal asks for."""
        return {
            item.path
            for body in self.bodies
            if isinstance(body, FilesRecord)
            for item in body.files
            if item.path.startswith("media/")
        }


CASES_FILE = Path(__file__).parents[1] / "support" / "media_cases.py"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Logged, Logged]:
    folder = tmp_path_factory.mktemp("media")
    return Logged("wandb", folder), Logged("asyncwb", folder)


def files_of(value: Any) -> list[str]:
    """Every path in a value."""
    if isinstance(value, dict):
        own = [value["path"]] if isinstance(value.get("path"), str) else []
        return own + [path for item in value.values() for path in files_of(item)]
    if isinstance(value, list):
        return [path for item in value for path in files_of(item)]
    return []


def named_files(value: Any) -> list[str]:
    """Every path in a value, and those of `filenames` of lists of images."""
    if isinstance(value, dict) and value.get("_type") == "images/separated":
        return [*value["filenames"], *files_of(value)]
    return files_of(value)


@pytest.mark.parametrize("name", [name for name in CASES if available(name)])
def test_the_same_json_and_the_same_files(name: str, both: tuple[Logged, Logged]) -> None:
    theirs, ours = both
    found = ours.rows[name]
    assert found == theirs.rows[name]
    for path in named_files(found):
        assert ours.read(path) == theirs.read(path)
        assert path in ours.uploads()


@pytest.mark.parametrize("name", [name for name in DESCRIBED if available(name)])
def test_the_same_description(name: str, both: tuple[Logged, Logged]) -> None:
    theirs, ours = (one.rows[name] for one in both)
    assert theirs.keys() == ours.keys()
    for key, value in theirs.items():
        if key == "path":
            # Before the digest, and the extension.
            assert value.rpartition("_")[0] == ours[key].rpartition("_")[0]
            assert value.partition(".")[2] == ours[key].partition(".")[2]
        elif key not in ("sha256", "size"):
            assert value == ours[key]


def test_the_same_class_labels(both: tuple[Logged, Logged]) -> None:
    theirs, ours = both
    assert theirs.labels() == ours.labels() != {}


def test_the_same_uploads(both: tuple[Logged, Logged]) -> None:
    theirs, ours = ({path for path in one.uploads() if "_summary_" not in path} for one in both)
    # Each of the described ones has another digest.
    for paths in (theirs, ours):
        paths -= {path for path in paths if Path(path).name.rsplit("_", 2)[0] in DESCRIBED}
    assert theirs == ours != set()


def test_the_same_in_a_summary(both: tuple[Logged, Logged]) -> None:
    theirs, ours = (one.summary() for one in both)
    assert set(ours) == {f"s {name}" for name in IN_SUMMARY} == set(theirs)
    for value in (theirs, ours):
        forget_paths(value)
    assert theirs == ours


def forget_paths(value: Any) -> None:
    """The same content has the path of its row here, and another one in the summary there."""
    if isinstance(value, dict):
        value.pop("path", None)
        for item in value.values():
            forget_paths(item)
