"""Tables and charts: for the same input, what the real `wandb` package writes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from run_journals import bodies, rows

from asyncwb import jsonx
from asyncwb.journal.records import ArtifactRecord, ConfigRecord

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("wandb")
pytest.importorskip("sklearn")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

SCRIPT = Path(__file__).parents[1] / "support" / "table_cases.py"
MODES = ("MUTABLE", "IMMUTABLE", "INCREMENTAL")


class Logged:
    """The run of one package."""

    def __init__(self, package: str, folder: Path) -> None:
        work = folder / package
        work.mkdir()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(SCRIPT), package],
            env={
                **{name: value for name, value in os.environ.items() if "WANDB" not in name},
                "PYTHONHASHSEED": "0", "HOME": str(work), "WANDB_SILENT": "true",
                "WANDB_ERROR_REPORTING": "false", "WANDB_CONSOLE": "off",
            },
            cwd=work, capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        (journal,) = work.glob("wandb/offline-run-*/*.wandb")
        self.files = journal.parent / "files"
        self.rows = {row["_step"]: row for row in rows(journal)}
        self.artifacts: dict[str, list[ArtifactRecord]] = {}
        self.panels: dict[str, Any] = {}
        for body in bodies(journal):
            if isinstance(body, ArtifactRecord):
                self.artifacts.setdefault(body.name, []).append(body)
            for item in body.update if isinstance(body, ConfigRecord) else ():
                if "visualize" in item.nested_key:
                    self.panels[item.nested_key[-1]] = jsonx.decode(item.value_json)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Logged, Logged]:
    folder = tmp_path_factory.mktemp("tables")
    return Logged("wandb", folder), Logged("asyncwb", folder)


def same_ids(value: Any) -> Any:
    """With random ids and times replaced, and without what differs from run to run."""
    if isinstance(value, dict):
        return {
            key: same_ids(item)
            for key, item in value.items()
            if key not in ("_timestamp", "_runtime")
        }
    if isinstance(value, list):
        return [same_ids(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"client-artifact://\w+", "client-artifact://ID", value)
        return re.sub(r"-\d{13}\.", "-TIME.", value)
    return value


def test_rows_say_the_same(both: tuple[Logged, Logged]) -> None:
    theirs, ours = both
    assert theirs.rows.keys() == ours.rows.keys()
    for step, row in theirs.rows.items():
        expected, found = same_ids(row), same_ids(ours.rows[step])
        for key, value in expected.items():
            if isinstance(value, dict) and "path" in value:
                # Of equal files, ours is the first.
                assert (
                    found[key].pop("path").rpartition("_")[2]
                    == value.pop("path").rpartition("_")[2]
                )
            if key == "IMMUTABLE":
                # They count rows that were added since, and that the file does not have.
                assert found[key].pop("nrows") == 1 <= value.pop("nrows")
        assert found == expected


def test_artifacts_have_the_same_names_files_and_digests(both: tuple[Logged, Logged]) -> None:
    theirs, ours = both
    assert theirs.artifacts.keys() == ours.artifacts.keys()
    for name, versions in theirs.artifacts.items():
        mine = ours.artifacts[name]
        if "incr" in name:
            continue  # paths hold the time
        facts: Callable[[ArtifactRecord], Any] = lambda one: (  # noqa: E731
            one.type, one.digest, one.aliases, one.incremental_beta1, one.digest_algorithm,
        )  # fmt: skip
        assert list(map(facts, mine)) == list(map(facts, versions)), name


def test_increments(both: tuple[Logged, Logged]) -> None:
    def told(logged: Logged) -> list[Any]:
        found: list[Any] = []
        for record in logged.artifacts["run-same-incr-INCREMENTAL"]:
            assert record.manifest is not None
            (entry,) = record.manifest.contents
            content: Any = jsonx.decode(Path(entry.local_path).read_bytes())
            found.append(
                (record.type, record.incremental_beta1, same_ids(entry.path), same_ids(content))
            )
        return found

    theirs, ours = map(told, both)
    assert ours == theirs
    assert len(ours) == 3


def test_files_hold_the_same(both: tuple[Logged, Logged]) -> None:
    theirs, ours = both
    for row in theirs.rows.values():
        for key, value in row.items():
            if isinstance(value, dict) and "path" in value:
                mine = ours.rows[row["_step"]][key]["path"]
                assert (ours.files / mine).read_bytes() == (
                    theirs.files / value["path"]
                ).read_bytes()


def test_charts_are_drawn_the_same(both: tuple[Logged, Logged]) -> None:
    theirs, ours = both
    assert ours.panels == theirs.panels
    assert len(ours.panels) == 10
