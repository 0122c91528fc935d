"""Modules are noticed when they are imported, and otherwise left alone."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.run.imports import WhenImported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "noticed_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("VALUE = 1\n")
    (folder / "broken.py").write_text("raise LookupError('broken')\n")
    (folder / "data.txt").write_text("data")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "noticed_package"
    for name in [name for name in sys.modules if name.startswith("noticed_package")]:
        del sys.modules[name]


@pytest.fixture
def seen() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def watching(package: str, seen: list[tuple[str, Any]]) -> Iterator[WhenImported]:
    def note(module: ModuleType) -> None:
        seen.append((module.__name__, getattr(module, "VALUE", None)))

    names = (f"{package}.part", f"{package}.broken", f"{package}.absent")
    watching = WhenImported(dict.fromkeys(names, note))
    watching.start()
    yield watching
    watching.stop()


def test_a_module_that_comes_later(
    watching: WhenImported, package: str, seen: list[tuple[str, Any]]
) -> None:
    module = importlib.import_module(f"{package}.part")
    assert seen == [(f"{package}.part", 1)]
    importlib.import_module(f"{package}.part")
    assert len(seen) == 1
    # Nothing of ours is left in it.
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    importlib.reload(module)
    assert len(seen) == 2


def test_a_module_that_is_there(package: str, seen: list[tuple[str, Any]]) -> None:
    importlib.import_module(f"{package}.part")
    watching = WhenImported({f"{package}.part": lambda module: seen.append((module.__name__, 0))})
    watching.start()
    watching.stop()
    watching.stop()
    assert seen == [(f"{package}.part", 0)]
    assert watching not in sys.meta_path


def test_modules_that_fail_or_are_absent(
    watching: WhenImported, package: str, seen: list[tuple[str, Any]]
) -> None:
    with pytest.raises(LookupError, match="broken"):
        importlib.import_module(f"{package}.broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{package}.absent")
    assert importlib.util.find_spec(f"{package}.absent") is None
    assert seen == []


def test_after_the_end_nothing_is_noticed(
    watching: WhenImported, package: str, seen: list[tuple[str, Any]]
) -> None:
    watching.stop()
    importlib.import_module(f"{package}.part")
    assert seen == []


def test_a_spec_that_is_only_looked_up_still_has_its_loader(
    watching: WhenImported, package: str
) -> None:
    spec: Any = importlib.util.find_spec(f"{package}.part")
    assert spec.loader.get_source(f"{package}.part") == "VALUE = 1\n"
    assert spec.loader.get_data(str(spec.origin)) == b"VALUE = 1\n"


def test_two_at_once(watching: WhenImported, package: str, seen: list[tuple[str, Any]]) -> None:
    second = WhenImported({f"{package}.other": lambda module: seen.append(("other", module))})
    second.start()
    try:
        importlib.import_module(f"{package}.part")
        assert seen == [(f"{package}.part", 1)]
    finally:
        second.stop()
