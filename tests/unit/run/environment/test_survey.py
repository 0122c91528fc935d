"""The survey of a run: complete at its end, bounded, and never in the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from run_journals import bodies

import asyncwb.sync
from asyncwb.journal.records import (
    ConfigRecord,
    EnvironmentRecord,
    ExitRecord,
    FilesRecord,
    RunRecord,
)
from asyncwb.run import init
from asyncwb.run.environment import git, packages, survey, surveyor
from asyncwb.run.environment.packages import requirements
from asyncwb.run.environment.surveyor import Surveyor
from asyncwb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what an earlier one found out."""
    monkeypatch.setattr(surveyor.SURVEYOR, "_found", {})


@pytest.fixture
def repository() -> Path:
    """The working directory, as a repository with a script."""
    Path("train.py").write_text("print(1)\n")
    for command in (
        "init -q",
        "add .",
        "-c user.name=a -c user.email=a@example.com commit -qm first",
        "remote add origin https://ada:secret@example.com/p.git",
    ):
        subprocess.run(["git", *command.split()], check=True)
    return Path.cwd()


async def told(**arguments: Any) -> tuple[list[Any], Path]:
    """Records and folder of a run that ends at once."""
    async with init("p", mode="offline", settings=arguments) as run:
        pass
    return bodies(run.status().journal), Path(run.dir)


def of(records: list[Any], kind: type[Any]) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


def uploads(records: list[Any]) -> list[str]:
    return [item.path for record in of(records, FilesRecord) for item in record.files]


async def test_everything_is_there_when_a_short_run_ends(repository: Path) -> None:
    (repository / "train.py").write_text("print(2)\n")
    records, files = await told(program="train.py", save_code=True, username="ada")
    assert isinstance(records[-1], ExitRecord)
    environment = of(records, EnvironmentRecord)[-1]
    assert environment.code_path == environment.code_path_local == "train.py"
    assert environment.program == str(repository / "train.py")
    assert environment.git.remote_url == "https://ada:@example.com/p.git"
    assert (environment.username, environment.cpu.model != "") == ("ada", True)
    assert of(records, RunRecord)[-1].git == environment.git
    assert uploads(records) == [
        "requirements.txt",
        "code/train.py",
        "diff.patch",
        "wandb-metadata.json",
    ]
    assert (files / "code/train.py").read_text() == "print(2)\n"
    assert "+print(2)" in (files / "diff.patch").read_text()
    (path,) = of(records, ConfigRecord)
    assert (path.update[0].nested_key, path.update[0].value_json) == (
        ["_wandb", "code_path"],
        '"code/train.py"',
    )
    metadata = (files / "wandb-metadata.json").read_text()
    assert metadata.startswith('{\n  "os": ')
    assert json.loads(metadata)["git"]["commit"] == environment.git.commit
    assert "secret" not in str(records) + metadata


async def test_files_that_the_user_saved_are_kept(stuck: Stuck) -> None:
    Path("mine.txt").write_text("numpy\n")
    run = await init("p", mode="offline")
    assert stuck.begun.wait(30)
    Path(run.dir, "requirements.txt").symlink_to(Path("mine.txt").absolute())
    stuck.over.set()
    await run.finish()
    assert Path("mine.txt").read_text() == "numpy\n"
    assert Path(run.dir, "requirements.txt").is_symlink()


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({}, ["requirements.txt", "wandb-metadata.json"]),
        ({"save_requirements": False}, ["wandb-metadata.json"]),
        ({"save_code": True, "disable_code": True}, ["requirements.txt", "wandb-metadata.json"]),
        ({"save_code": True, "disable_meta": True}, ["requirements.txt", "code/train.py"]),
        ({"save_code": True, "disable_machine_info": True}, ["requirements.txt"]),
    ],
)
async def test_settings_leave_parts_out(
    settings: dict[str, Any], files: list[str], repository: Path
) -> None:
    records, _ = await told(program="train.py", **settings)
    assert uploads(records) == files
    silent = settings.keys() & {"disable_meta", "disable_machine_info"}
    assert bool(of(records, EnvironmentRecord)) is not bool(silent)
    if "disable_machine_info" in settings:
        (run,) = of(records, RunRecord)
        assert (run.host, run.git) == ("", None)


async def test_given_names_of_the_repository_count(repository: Path) -> None:
    given = {"git_commit": "abc", "git_remote_url": "https://u:secret@other.example/x"}
    records, _ = await told(**given)
    found = of(records, EnvironmentRecord)[-1].git
    assert (found.commit, found.remote_url) == ("abc", "https://u:@other.example/x")
    assert "secret" not in str(records)
    records, _ = await told(git_commit="abc")
    found = of(records, EnvironmentRecord)[-1].git
    assert (found.commit, found.remote_url) == ("abc", "https://ada:@example.com/p.git")
    records, _ = await told(disable_git=True)
    assert of(records, EnvironmentRecord)[-1].git is None


async def test_a_run_that_is_killed_at_once_has_told_the_essential() -> None:
    run = await init("p", mode="offline", settings={"program": "train.py"})
    first = of(bodies(run.status().journal), EnvironmentRecord)[0]
    assert (first.program, first.root, first.host != "") == ("train.py", os.getcwd(), True)
    # A UUID of version 7 begins with the time in milliseconds.
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first.writer_id)  # fmt: skip  # noqa: E501
    assert int(first.writer_id.replace("-", "")[:12], 16) == int(run.start_time * 1000)
    await run.finish()
    assert {r.writer_id for r in of(bodies(run.status().journal), EnvironmentRecord)} == {
        first.writer_id
    }


class Stuck:
    """A probe that hangs until the test is over."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()

    def __call__(self, *arguments: object) -> Any:
        self.begun.set()
        self.over.wait(60)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    """Git hangs, in a surveyor of its own."""
    probe = Stuck()
    alone = Surveyor()
    monkeypatch.setattr(git, "find_repository", probe)
    monkeypatch.setattr(survey, "SURVEYOR", alone)
    yield probe
    probe.over.set()


async def test_a_probe_that_hangs_holds_up_neither_start_nor_rows(stuck: Stuck) -> None:
    run = await init("p", mode="offline")
    assert stuck.begun.wait(30)
    await run.log({"a": 1})
    stuck.over.set()
    await run.finish()
    assert of(bodies(run.status().journal), EnvironmentRecord)[-1].cpu_count_logical


async def test_the_wait_for_a_probe_is_bounded(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "_PATIENCE_SECONDS", 0.1)
    run = await init("p", mode="offline")
    await run.finish()
    assert run.status().state == "finished"
    assert not stuck.over.is_set()
    assert isinstance(bodies(run.status().journal)[-1], ExitRecord)


def test_the_blocking_face_waits_no_longer(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "_PATIENCE_SECONDS", 0.1)
    run = asyncwb.sync.init("p", mode="offline")
    run.finish()
    assert run.status().state == "finished"
    assert not stuck.over.is_set()


async def test_a_finish_in_a_hurry_does_not_wait_for_a_probe(stuck: Stuck) -> None:
    run = await init("p", mode="offline")
    began = time.monotonic()
    await run.finish(timeout=0.05)
    assert time.monotonic() - began < 8  # of ten seconds that it would wait
    assert run.status().state == "finished"


async def test_probes_that_fail_are_nobodys_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(pause: object) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr(packages, "requirements", fail)
    records, files = await told()
    assert uploads(records) == ["wandb-metadata.json"]
    assert of(records, EnvironmentRecord)[-1].cpu_count_logical
    assert not (files / "requirements.txt").exists()


async def test_runs_that_start_together_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(packages, "requirements", lambda _: calls.append(1) or "a==1\n")
    runs = [await init("p", mode="offline", id=f"r{number}") for number in range(5)]
    for run in runs:
        await run.finish()
        assert Path(run.dir, "requirements.txt").read_text() == "a==1\n"
    assert calls == [1]


async def test_a_disabled_run_looks_at_nothing(stuck: Stuck) -> None:
    async with init("p", mode="disabled"):
        pass
    assert not stuck.begun.is_set()


def test_requirements_are_those_of_the_package_index() -> None:
    expected = {
        f"{found.metadata['Name']}=={found.version}"
        for found in distributions()
        if found.metadata["Name"]
    }
    lines = requirements(pause=lambda: None).splitlines()
    assert set(lines) == expected
    assert len(lines) == len(expected)
    assert Settings().save_requirements


def test_packages_of_every_form_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, egg, old = tmp_path / "site", tmp_path / "laid-1.egg", tmp_path / "zipped-3.egg"
    for file, text in {
        site
        / "wheel_built-1.0.dist-info"
        / "METADATA": "Name: Wheel.Built\nVersion: 1.0\n\nName: x",
        site / "late-1.dist-info" / "METADATA": f"A: {'x' * 1015}\nName: late\nVersion: 1.25",
        site / "developed.egg-info" / "PKG-INFO": "Metadata-Version: 2\nName:  a-b\nversion: 0.1\n",
        site / "distutils-2.egg-info": "Name: distutils\nVersion: 2\n",
        site / "nameless-1.dist-info" / "METADATA": "Version: 1\n",
        site / "empty-1.dist-info" / "RECORD": "",
        site / "plain" / "METADATA": "Name: plain\nVersion: 1\n",
        egg / "EGG-INFO" / "PKG-INFO": "Name: laid\nVersion: 1\n",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Name: zipped\nVersion: 3\n")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no archive")
    paths = [str(site), str(egg), str(old), str(broken), str(tmp_path / "missing"), str(site)]
    calls: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(sys, "path", paths)
        found = requirements(pause=lambda: calls.append(1)).splitlines()
    assert sorted(found) == [
        "Wheel.Built==1.0", "a-b==0.1", "distutils==2", "laid==1", "late==1.25", "zipped==3",
    ]  # fmt: skip
    # What it finds in archives stays open.
    folders = [path for path in paths if path != str(old)]
    assert set(found) - {"zipped==3"} == {
        f"{one.metadata['Name']}=={one.version}"
        for one in distributions(path=folders)
        if one.metadata["Name"]
    }
    assert calls


def test_a_survey_pauses_until_somebody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    alone = Surveyor()
    alone.pause()
    alone.pause()
    assert len(slept) == 2
    alone.hurry()
    alone.pause()
    assert len(slept) == 2


def test_a_fork_waits_for_the_job_under_way_but_not_for_one_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone, begun, over = Surveyor(), threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        over.wait(60)

    alone.submit(job)
    assert begun.wait(30)
    threading.Timer(0.2, over.set).start()
    alone.before_fork()
    assert over.is_set()
    alone.after_fork_in_parent()

    begun.clear()
    over.clear()
    monkeypatch.setattr(surveyor, "_FORK_SECONDS", 0.1)
    alone.submit(job)
    assert begun.wait(30)
    for _ in range(2):
        alone.before_fork()
        assert not over.is_set()
        alone.after_fork_in_parent()
    over.set()
