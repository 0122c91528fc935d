from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from asyncwb.run.folder import make_folder
from asyncwb.run.names import new_run_id

if TYPE_CHECKING:
    from pathlib import Path

START = 1795224006.25


def make(root: Path, run_id: str = "tiny0001", *, offline: bool = True):
    return make_folder(str(root), run_id=run_id, offline=offline, start_time=START)


@pytest.mark.parametrize(("offline", "prefix"), [(True, "offline-run"), (False, "run")])
def test_names_are_those_of_the_wandb_package(tmp_path: Path, offline: bool, prefix: str) -> None:
    folder = make(tmp_path, offline=offline)
    assert folder.path.parent == tmp_path / "wandb"
    assert re.fullmatch(prefix + r"-\d{8}_\d{6}-tiny0001", folder.path.name)
    assert folder.journal_path == folder.path / "run-tiny0001.wandb"
    assert folder.files_path == folder.path / "files"
    assert folder.files_path.is_dir()


def test_latest_run_points_to_the_newest(tmp_path: Path) -> None:
    make(tmp_path, "first000")
    second = make(tmp_path, "second00")
    link = tmp_path / "wandb" / "latest-run"
    assert link.is_symlink()
    assert link.resolve() == second.path.resolve()
    assert sorted(p.name for p in (tmp_path / "wandb").iterdir() if p.is_symlink()) == [
        "latest-run"
    ]


def test_a_real_folder_named_latest_run_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "wandb" / "latest-run"
    kept.mkdir(parents=True)
    make(tmp_path)
    assert kept.is_dir()
    assert not kept.is_symlink()


def test_one_id_in_one_second_gets_folders_of_its_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: make(tmp_path), range(24)))
    assert len({folder.path for folder in folders}) == 24
    assert all(folder.files_path.is_dir() for folder in folders)


def test_a_root_that_cannot_hold_folders_is_only_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    folder = make(blocked)
    assert not folder.path.exists()
    assert folder.journal_path.name == "run-tiny0001.wandb"


def test_ids_are_eight_characters_of_digits_and_lower_case() -> None:
    ids = {new_run_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(re.fullmatch("[0-9a-z]{8}", run_id) for run_id in ids)
