"""The documentation says what the code has: links, paths, commands, settings, errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = text(".ci/run").strip().splitlines()[-1]
    assert command in re.findall(r"```sh\n(.*?)\n```", text("README.md"), re.DOTALL)


def test_every_session_is_documented() -> None:
    sessions = re.findall(r"@nox\.session\ndef (\w+)", text("noxfile.py"))
    assert sessions
    for session in sessions:
        assert f"`{session}`" in text("CONTRIBUTING.md"), session


def test_every_path_of_the_architecture_exists() -> None:
    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", text("docs/architecture.md")):
        assert (ROOT / "src/asyncwb" / path).exists() or (ROOT / path).exists(), path


def test_every_setting_is_documented() -> None:
    from asyncwb.settings import Settings

    page = text("docs/settings.md")
    assert [f for f in Settings.__struct_fields__ if f"`{f}`" not in page] == []


def test_every_environment_variable_is_documented() -> None:
    page = text("docs/settings.md") + text("docs/testing.md") + text("docs/cli.md")
    names: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        if "server" not in path.parts:
            names.update(re.findall(r"\"((?:WANDB|ASYNCWB)_[A-Z0-9_]+)\"", path.read_text()))
    assert sorted(name for name in names if name not in page) == []


def test_every_error_is_documented() -> None:
    from asyncwb import errors

    page = text("docs/errors.md")
    assert [name for name in errors.__all__ if f"`{name}`" not in page] == []


def test_every_command_is_documented() -> None:
    from typer.main import get_command

    from asyncwb.cli import app

    page = text("docs/cli.md")

    def walk(command: object, prefix: str) -> list[str]:
        children = getattr(command, "commands", None)
        if not children:
            return [prefix]
        return [name for key, child in children.items() for name in walk(child, f"{prefix} {key}")]

    assert [name for name in walk(get_command(app), "asyncwb") if name not in page] == []
