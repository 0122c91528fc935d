"""What git is asked: repositories of every kind, and none."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from asyncwb.run.environment import git as module
from asyncwb.run.environment.git import find_repository, save_patches
from asyncwb.settings.remotes import public_remote

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("one\n")
    (folder / "deep").mkdir()
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_repository_is_found_from_below(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://ada:secret@example.com/p.git")
    git(repository, "remote", "add", "other", "git@example.com:acme/p.git")
    found = find_repository(str(repository / "deep"), "origin")
    assert found is not None
    assert found.root == os.path.realpath(repository)
    assert found.commit == git(repository, "rev-parse", "HEAD")
    assert found.remote_url == "https://ada:@example.com/p.git"
    other = find_repository(str(repository), "other")
    assert other is not None
    assert other.remote_url == "git@example.com:acme/p.git"


def test_no_repository_no_commit_no_folder_no_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_repository(str(tmp_path), "origin") is None
    assert find_repository(str(tmp_path / "gone"), "origin") is None
    git(tmp_path, "init", "-q")
    empty = find_repository(str(tmp_path), "origin")
    assert empty is not None
    assert (empty.commit, empty.remote_url) == ("", "")
    assert save_patches(empty.root, tmp_path) == []
    assert not (tmp_path / "diff.patch").exists()
    monkeypatch.setenv("PATH", "")
    assert find_repository(str(tmp_path), "origin") is None


def test_variables_of_hooks_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    found = find_repository(str(repository), "origin")
    assert found is not None
    assert found.root == os.path.realpath(repository)


def test_patches_show_what_is_not_committed(repository: Path, tmp_path: Path) -> None:
    assert save_patches(str(repository), tmp_path) == []
    assert list(tmp_path.glob("*.patch")) == []
    (repository / "a.txt").write_text("two\n")
    (repository / "untracked.txt").write_text("x\n")
    git(repository, "config", "color.diff", "always")
    git(repository, "config", "diff.external", "false")
    assert save_patches(str(repository), tmp_path) == ["diff.patch"]
    patch = (tmp_path / "diff.patch").read_text()
    assert patch.endswith("-one\n+two\n")
    assert "\x1b" not in patch
    assert save_patches(str(repository), tmp_path) == []  # one is there
    # It is one: another checkout takes it.
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(repository), str(other))
    git(other, "apply", str(tmp_path / "diff.patch"))
    assert (other / "a.txt").read_text() == "two\n"


def test_a_command_that_hangs_is_given_up(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    assert find_repository(str(repository), "origin") is None
    assert save_patches(str(repository), tmp_path) == []
    assert list(tmp_path.glob("*.patch")) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        # As the wandb package shows them: test_environment_interop.py compares the first.
        ("https://user:secret@host/p.git", "https://user:@host/p.git"),
        ("https://token@host:8443/p.git", "https://host:8443/p.git"),
        ("https://user:se@cret@host/p", "https://user:@host/p"),
        ("https://host/p.git", "https://host/p.git"),
        ("ssh://git@host/p.git", "ssh://host/p.git"),
        ("git@host:acme/p.git", "git@host:acme/p.git"),
        ("/a/folder", "/a/folder"),
        ("https://user:secret@[broken/p", ""),
        ("", ""),
    ],
)
def test_remotes_are_shown_without_secrets(url: str, shown: str) -> None:
    assert public_remote(url) == shown
