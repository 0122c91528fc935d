"""The documentation says what the code has: links, paths, commands, settings, errors."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page: Path) -> None:
    # Not after a letter: `Operation[T](Struct)` is code.
    for target in re.findall(r"(?<!\w)\[[^\]\n]+\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The names that a renderer gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_every_page_is_linked_from_the_readme() -> None:
    readme = text("README.md")
    pages = [f"docs/{path.name}" for path in ROOT.glob("docs/*.md")]
    assert [page for page in pages if f"]({page})" not in readme] == []


def test_every_page_of_a_topic_is_linked_from_its_index() -> None:
    for page in ROOT.glob("docs/*/*.md"):
        topic = page.parent.name
        assert f"]({topic}/{page.name})" in text(f"docs/{topic}.md"), page.name


def test_every_test_named_on_the_compatibility_page_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", text("docs/compatibility.md"))
    assert len(named) > 10
    for file, name in named:
        code = (ROOT / "tests/interop" / file).read_text()
        assert re.search(rf"^(async )?def {name}\(", code, re.MULTILINE), f"{file}::{name}"


def test_every_name_on_the_compatibility_page_is_there_or_not_yet() -> None:
    """The tables under "Names": `same`, another name, or `not yet`."""
    import asyncwb
    from asyncwb.api import Api, File, Registry
    from asyncwb.api import Run as SavedRun
    from asyncwb.api.collections import ArtifactCollection
    from asyncwb.artifacts.artifact import Artifact

    homes = {
        "The module": asyncwb,
        "A live run": asyncwb.Run,
        "Api": Api,
        "A run of the Api": SavedRun,
        "A file of the Api": File,
        "An artifact": Artifact,
        "A collection of artifacts": ArtifactCollection,
        "A registry": Registry,
    }
    names = text("docs/compatibility.md").partition("\n## Names")[2]
    sections = re.findall(r"^### (.+)\n((?:(?!^### ).*\n)+)", names, re.MULTILINE)
    assert [title for title, _ in sections] == list(homes)
    for title, body in sections:
        for theirs, ours in re.findall(r"^\| (`.+?) \| (.+) \|$", body, re.MULTILINE):
            for name in re.findall(r"`(\w+)", theirs):
                renamed = re.search(r"`(?:await )?(?:\w+\.)*(\w+)", ours)
                expected = not ours.startswith("not yet")
                found = has(homes[title], renamed[1] if renamed and expected else name)
                assert found == expected, f"{title}, {name}: {ours}"


def has(home: object, name: str) -> bool:
    """Whether it has the name; also one that only its instances have."""
    if hasattr(home, name) or name in getattr(home, "__all__", ()):
        return True
    classes = inspect.getmro(home)[:-1] if isinstance(home, type) else ()
    return any(re.search(rf"self\.{name}\b.* = ", inspect.getsource(one)) for one in classes)


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
