from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import asyncwb.sync
from asyncwb.errors import ConfigError, InvalidValueError, UsageError
from asyncwb.run import Run, init
from asyncwb.run.notebook import page_html


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A notebook: what its cells show."""
    found: list[str] = []
    pretend(monkeypatch, SimpleNamespace(kernel=object(), user_ns={}), found)
    monkeypatch.setenv("WANDB_SILENT", "false")
    return found


def pretend(monkeypatch: pytest.MonkeyPatch, shell: object, found: list[str]) -> None:
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    display.HTML = lambda text: ("HTML", text)  # type: ignore[attr-defined]
    display.display = found.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)


async def offline() -> Run:
    return await init("p", mode="offline", id="r1")


async def test_a_notebook_shows_the_run(shown: list[Any]) -> None:
    run = await offline()
    assert run.display() is True
    assert run.display(height=100, hidden=True) is True
    assert shown == [("HTML", "&lt;asyncwb.Run p/r1 running&gt;")] * 2
    await run.finish()


@pytest.mark.parametrize(
    "shell",
    [
        None,
        SimpleNamespace(kernel=None, user_ns={}),
        SimpleNamespace(user_ns={}),
        SimpleNamespace(kernel=object(), user_ns={"__vsc_ipynb_file__": "a.ipynb"}),
    ],
)
async def test_nothing_else_does(shell: object, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    pretend(monkeypatch, shell, found)
    run = await offline()
    assert run.display() is False
    assert found == []
    await run.finish()


async def test_vs_code_gets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, SimpleNamespace(kernel=object(), user_ns={"__vsc_ipynb_file__": "a"}), [])
    run = await offline()
    monkeypatch.setattr(type(run._core), "url", "http://h/t/p/runs/r1")
    assert run.to_html() == "&lt;asyncwb.Run p/r1 running&gt;"
    await run.finish()


async def test_a_silent_run_shows_nothing(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = await offline()
    assert run.display() is False
    assert shown == []
    await run.finish()


async def test_a_plain_interpreter_imports_nothing_for_it() -> None:
    before = set(sys.modules)
    run = await offline()
    assert run.display() is False
    await run.finish()
    assert not any(name.startswith("IPython") for name in set(sys.modules) - before)


def test_the_frame() -> None:
    url = 'http://h/team/a"b>/runs/r1'
    text = page_html(url, height=300, hidden=False)
    assert text == (
        '<iframe src="http://h/team/a&quot;b&gt;/runs/r1?jupyter=true" '
        'style="border:none;width:100%;height:300px;"></iframe>'
    )
    hidden = page_html(url, height=300, hidden=True)
    assert re.match(r"<button onclick=\".+\">.+</button><iframe .+display:none;", hidden)


async def test_what_ipython_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await offline()
    monkeypatch.setattr(type(run._core), "url", "http://h/t/p/runs/r1")
    text = run.to_html(hidden=True)
    assert "<iframe" in text
    assert run._repr_html_() == text
    assert run._repr_mimebundle_() == {"text/html": text, "text/plain": repr(run)}
    twin = asyncwb.sync.Run.from_async(run)
    assert (twin._repr_html_(), twin.to_html(hidden=True)) == (text, text)
    assert twin._repr_mimebundle_()["text/html"] == text
    for height in (0, -1, "420", True, 1.5):
        with pytest.raises(InvalidValueError, match="height"):
            run.to_html(height=height)  # type: ignore[arg-type]
    await run.finish()


async def test_offline_runs_have_no_page() -> None:
    run = await offline()
    assert (run.url, run.project_url, run.sweep_url) == (None, None, None)
    assert (run.get_url(), run.get_project_url(), run.get_sweep_url()) == (None, None, None)
    assert run.to_html() == "&lt;asyncwb.Run p/r1 running&gt;"
    assert (run.offline, run.disabled, run.project_name()) == (True, False, "p")
    assert f"{run.sync_dir}/files" == run.dir
    await run.finish()
    off = await init("p", mode="disabled")
    assert (off.offline, off.disabled, off.url) == (False, True, None)
    await off.finish()


async def test_config_static_is_a_copy_that_cannot_be_changed() -> None:
    run = await init("p", mode="offline", config={"lr": 1, "n": {"a": 1}})
    static = run.config_static
    run.config["lr"] = 2
    run.config["n"]["a"] = 2
    assert (static["lr"], static.lr, static["n"], dict(static)) == (
        1, 1, {"a": 1}, {"lr": 1, "n": {"a": 1}},
    )  # fmt: skip
    assert (len(static), list(static), static.get("no")) == (2, ["lr", "n"], None)
    with pytest.raises(ConfigError, match="read-only"):
        static.lr = 3
    with pytest.raises(TypeError):
        static["lr"] = 3  # type: ignore[index]
    with pytest.raises(AttributeError):
        _ = static.missing
    await run.finish()


async def test_pinned_keys_are_checked() -> None:
    run = await offline()
    with pytest.raises(InvalidValueError):
        run.pin_config_keys(["a", 3])  # type: ignore[list-item]
    await run.finish()
    with pytest.raises(UsageError):
        run.pin_config_keys(["a"])


async def test_join_finishes() -> None:
    run = await offline()
    await run.join(exit_code=3)
    assert run.status().state == "finished"
