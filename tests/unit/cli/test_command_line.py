"""The command line without a server: help, exit codes, run folders."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from asyncwb.cli import app
from asyncwb.cli.folders import parse_age
from asyncwb.sender.ack import Ack, store_ack
from asyncwb.sender.folders import find_runs

if TYPE_CHECKING:
    from pathlib import Path

RUNNER = CliRunner()


def make_run(root: Path, name: str, *, state: str, age_days: float = 0.0) -> Path:
    """A run folder as both packages lay it out."""
    folder = root / "wandb" / name
    (folder / "files").mkdir(parents=True)
    journal = folder / f"run-{name.rpartition('-')[2]}.wandb"
    journal.write_bytes(b"x" * 1234)
    if state == "synced":
        journal.with_name(journal.name + ".synced").touch()
    elif state == "finished":
        store_ack(journal, Ack(server="http://x", position=1234, finished=True, journal_bytes=1234))
    elif state == "begun":
        store_ack(journal, Ack(server="http://x", position=7))
    then = time.time() - age_days * 86400
    os.utime(journal, (then, then))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Path]:
    made = {
        "synced": make_run(
            tmp_path, "offline-run-20240101_100000-aaaa", state="synced", age_days=30
        ),
        "finished": make_run(tmp_path, "run-20240102_100000-bbbb", state="finished", age_days=3),
        "begun": make_run(tmp_path, "run-20240103_100000-cccc", state="begun", age_days=30),
        "new": make_run(tmp_path, "offline-run-20240104_100000-dddd", state="none"),
    }
    (tmp_path / "wandb" / "latest-run").symlink_to("offline-run-20240104_100000-dddd")
    (tmp_path / "wandb" / "run-20240105_100000-empty").mkdir()
    (tmp_path / "wandb" / "settings").touch()
    return made


def test_find_runs(runs: dict[str, Path], tmp_path: Path) -> None:
    found = list(find_runs(tmp_path))
    assert [run.path for run in found] == list(runs.values())
    assert [run.delivered for run in found] == [True, True, False, False]
    assert [run.offline for run in found] == [True, False, False, True]
    assert [run.run_id for run in found] == ["aaaa", "bbbb", "cccc", "dddd"]
    assert time.strftime("%Y%m%d_%H%M%S", time.localtime(found[0].started)) == "20240101_100000"
    assert list(find_runs(tmp_path / "wandb")) == found
    assert list(find_runs(tmp_path / "missing")) == []


def test_ls(runs: dict[str, Path], tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["ls", str(tmp_path)])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["aaaa", "bbbb", "cccc", "dddd"]
    assert ["not delivered" in line for line in lines] == [False, False, True, True]
    assert all("1,234" in line for line in lines)
    assert all(str(path) in line for path, line in zip(runs.values(), lines, strict=True))
    assert "no run folders" in RUNNER.invoke(app, ["ls", str(tmp_path / "missing")]).stdout


def test_clean_removes_only_old_delivered_runs(runs: dict[str, Path], tmp_path: Path) -> None:
    def left() -> set[str]:
        return {name for name, path in runs.items() if path.exists()}

    everything = set(runs)
    dry = RUNNER.invoke(app, ["clean", "--older-than", "7d", "--dry-run", str(tmp_path)])
    assert dry.exit_code == 0
    assert left() == everything
    assert str(runs["synced"]) in dry.stdout
    done = RUNNER.invoke(app, ["clean", "--older-than", "7d", str(tmp_path)])
    assert done.exit_code == 0
    assert left() == everything - {"synced"}
    assert "1 kept" in done.stdout
    RUNNER.invoke(app, ["clean", "--older-than", "48h", str(tmp_path)])
    assert left() == {"begun", "new"}
    RUNNER.invoke(app, ["clean", "--older-than", "0", str(tmp_path)])
    assert left() == {"begun", "new"}


def test_a_damaged_folder_is_shown_and_kept(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "run-20240107_100000-ffff", state="finished", age_days=30)
    journal = folder / "run-ffff.wandb"
    store_ack(journal, Ack(server="http://x", position=1234, finished=True, lost=2))
    assert "delivered, 2 part(s) unreadable" in RUNNER.invoke(app, ["ls", str(tmp_path)]).stdout
    done = RUNNER.invoke(app, ["clean", "--older-than", "1d", str(tmp_path)])
    assert folder.exists()
    assert "1 kept: parts of them could not be read" in done.stdout


def test_clean_leaves_no_shortcut_to_nothing(runs: dict[str, Path], tmp_path: Path) -> None:
    latest = tmp_path / "wandb" / "latest-run"
    RUNNER.invoke(app, ["clean", "--older-than", "2d", str(tmp_path)])
    assert latest.exists()
    latest.unlink()
    folder = make_run(tmp_path, "run-20240106_100000-eeee", state="synced", age_days=30)
    latest.symlink_to(folder.name)
    RUNNER.invoke(app, ["clean", "--older-than", "2d", str(tmp_path)])
    assert not folder.exists()
    assert not latest.is_symlink()


def test_clean_follows_no_link(runs: dict[str, Path], tmp_path: Path) -> None:
    link = tmp_path / "wandb" / "run-20230101_000000-zzzz"
    link.symlink_to(runs["synced"])
    RUNNER.invoke(app, ["clean", "--older-than", "1d", str(link.parent)])
    assert link.is_symlink()


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1.5m", 90), ("12h", 43200), ("7d", 604800), ("2", 172800)]
)
def test_ages(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "7 days", "1y"])
def test_bad_ages(text: str) -> None:
    with pytest.raises(ValueError, match="not an age"):
        parse_age(text)
    assert RUNNER.invoke(app, ["clean", f"--older-than={text}"]).exit_code == 2


def asyncwb(*arguments: str, python: tuple[str, ...] = ("-m", "asyncwb")) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *python, *arguments], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_exit_codes(tmp_path: Path) -> None:
    assert asyncwb("--version")[0] == 0
    assert asyncwb("nonsense")[0] == 2
    code, out, err = asyncwb("server", "status")
    assert (code, err) == (3, "")
    assert "No server" in out
    code, out, err = asyncwb("server", "run", "--tls-cert", str(tmp_path / "missing"))
    assert (code, out) == (1, "")
    assert err == "asyncwb: TLS needs both a certificate and a key.\n"
    code, _, err = asyncwb("login", "short", "--no-verify")
    assert code == 1
    assert err.startswith("asyncwb: The API key from the argument has 5 characters")


def test_help_is_light() -> None:
    script = """
import sys
sys.argv = ["asyncwb", "--help"]
from asyncwb.__main__ import main
try:
    main()
except SystemExit as exc:
    assert exc.code in (0, None), exc.code
heavy = {"asyncio", "ssl", "httpx", "numpy", "sqlalchemy", "granian", "msgspec", "asyncwb.portal"}
print(sorted(heavy & set(sys.modules)))
"""
    code, out, err = asyncwb(python=("-c", script))
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "[]"
    for command in ("login", "server", "sync", "ls", "clean"):
        assert command in out


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    script = f"""
import sys
sys.modules[{missing!r}] = None
from asyncwb.__main__ import main
main()
"""
    code, out, err = asyncwb(python=("-c", script))
    assert (code, out) == (1, "")
    assert err == "asyncwb: the command line needs typer and rich: pip install 'asyncwb[cli]'\n"


def test_the_key_of_the_status_is_shown_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    from asyncwb.settings import BackgroundServer, state_path

    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    server = BackgroundServer(
        pid=1, url="http://h:1", api_key="k" * 40, entity="e", data_dir="/d", started=0.0
    )
    state_path().write_bytes(msgspec.json.encode(server))
    with state_path().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hidden = RUNNER.invoke(app, ["server", "status"])
        shown = RUNNER.invoke(app, ["server", "status", "--show-key"])
    assert hidden.exit_code == shown.exit_code == 0
    assert "http://h:1" in hidden.stdout
    assert "k" * 40 not in hidden.stdout
    assert "k" * 40 in shown.stdout
