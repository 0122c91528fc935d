"""The same program with the `wandb` package and with ours: the same console on the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from console_cases import AS_THE_SDK
from console_lines import lines_of, nodes_of, read_file

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

QUIET = {"WANDB_X_DISABLE_STATS": "true"}
CLIENTS = {"wandb": "import wandb", "asyncwb": "import asyncwb.sync as wandb"}

PRINTS = """
import logging, sys, time
held = logging.StreamHandler()
logging.getLogger("held").addHandler(held)
run = wandb.init(project="console", id=ID)
print("plain", 1, 2.5, end="!\\n")
print("to stderr", file=sys.stderr)
print()
print("  spaces  ")
print("tab\\tand \\x1b[1;31mcolours\\x1b[0m")
print("\\u00fc\\u6f22\\U0001f600 \\u2028 separator")
for n in range(0, 101, 5):
    sys.stdout.write(f"\\r{n} % {'#' * (n // 5)}")
    sys.stderr.write(f"\\rother {n}")
print()
print(file=sys.stderr)
print("longer before\\rshort")
sys.stdout.write("begun ")
print("between", file=sys.stderr)
print("and ended")
sys.stdout.writelines(["one\\n", "two\\n"])
print("x" * 5000)
run.write_logs("handed\\nover")
logging.getLogger("held").warning("by a handler")
logging.warning("by logging")
print("Windows\\r\\nlines\\r\\n", end="")
for bar in range(3):
    print(f"\\rbar {bar}\\n\\rbelow {bar}\\x1b[A", end="")
print("\\n")
sys.stdout.write("unfinished")
run.finish()
print("after")
"""

TQDM = """
import time
from tqdm import tqdm
run = wandb.init(project="console", id=ID)
for n in tqdm(range(50), desc="epoch", bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}",
              mininterval=0, ncols=60):
    if n % 20 == 0:
        tqdm.write(f"written {n}")
outer = tqdm(range(3), desc="outer", position=0, bar_format="{desc} {n_fmt}", mininterval=0)
for o in outer:
    for i in tqdm(range(3), desc="inner", position=1, leave=False, bar_format="{desc} {n_fmt}",
                  mininterval=0):
        pass
outer.close()
print("end")
run.finish()
"""

RICH = """
from rich.console import Console
from rich.progress import track
from rich.table import Table
run = wandb.init(project="console", id=ID)
console = Console(width=60)
for n in track(range(3), description="work", console=console):
    console.print(f"[red]step {n}[/red]")
coloured = Console(width=60, force_terminal=True, color_system="standard", legacy_windows=False)
table = Table("name", "value", title="[bold]results[/bold]")
table.add_row("loss", "[green]0.1[/green]")
coloured.print(table)
run.finish()
"""


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


def both(
    server: LocalServer, sdk: Callable[..., Any], name: str, program: str, **variables: str
) -> dict[str, tuple[list[Any], str]]:
    """What the server has of a program: lines and file, by client."""
    found: dict[str, tuple[list[Any], str]] = {}
    for client, line in CLIENTS.items():
        run_id = f"{name}-{client}"
        sdk(f"{line}\nID = {run_id!r}\n{program}", **QUIET, **variables)
        path = f"{server.entity}/console/{run_id}"
        found[client] = lines_of(server, path), PORTAL.call(read_file, path, "output.log")
    return found


@pytest.mark.parametrize(("name", "program"), [("prints", PRINTS), ("tqdm", TQDM), ("rich", RICH)])
def test_lines_and_file_are_the_same(
    server: LocalServer, sdk: Callable[..., Any], name: str, program: str
) -> None:
    if name != "prints":
        pytest.importorskip(name)
    found = both(server, sdk, name, program)
    assert len(found["wandb"][0]) > 3
    assert found["asyncwb"] == found["wandb"]


def test_a_resumed_run(server: LocalServer, sdk: Callable[..., Any]) -> None:
    program = """
run = wandb.init(project="console", id=ID)
print("first")
run.finish()
run = wandb.init(project="console", id=ID, resume="must")
print("second")
run.finish()
"""
    found = both(server, sdk, "resumed", program)
    assert [text for _, text in found["wandb"][0]] == ["first", "second"]
    assert found["asyncwb"] == found["wandb"]


def test_labels(server: LocalServer, sdk: Callable[..., Any]) -> None:
    found: dict[str, Any] = {}
    for client, line in CLIENTS.items():
        run_id = f"label-{client}"
        sdk(
            f"{line}\nimport sys\n"
            f"run = wandb.init(project='console', id={run_id!r}, settings={{'x_label': 'node0'}})\n"
            "print('out')\nprint('err', file=sys.stderr)\nrun.finish()",
            **QUIET,
        )
        path = f"{server.entity}/console/{run_id}"
        nodes = nodes_of(server, path)
        found[client] = (
            [{key: node[key] for key in ("number", "level", "label", "line")} for node in nodes],
            PORTAL.call(read_file, path, "output_node0.log"),
        )
    assert found["wandb"][1] == "out\nerr\n"
    assert found["asyncwb"] == found["wandb"]


def test_the_package_reads_our_lines(server: LocalServer, sdk: Callable[..., Any]) -> None:
    program = """
run = wandb.init(project="console", id="read")
for n in range(2500):
    print(n)
run.finish()
"""
    sdk(CLIENTS["asyncwb"] + program)
    result = sdk(
        """
import json, wandb
run = wandb.Api().run("console/read")
lines = list(run.console_logs())
print("RESULT " + json.dumps([[line.level, str(line.content).rstrip()] for line in lines]))
"""
    )
    assert result == [["", str(n)] for n in range(2500)]


def test_the_table_of_lines_is_what_the_package_makes(
    server: LocalServer, sdk: Callable[..., Any]
) -> None:
    texts = json.dumps([texts for texts, _ in AS_THE_SDK.values()])
    sdk(
        f"""
import json, sys, wandb
for number, texts in enumerate(json.loads({texts!r})):
    run = wandb.init(project="console", id=f"table-{{number}}")
    for text in texts:
        sys.stdout.write(text)
    run.finish()
""",
        **QUIET,
        PYTHONUTF8="1",
    )
    for number, (case, (_, lines)) in enumerate(AS_THE_SDK.items()):
        stored = lines_of(server, f"{server.entity}/console/table-{number}")
        assert [text for _, text in stored] == lines, case


def test_captured_loggers(server: LocalServer, sdk: Callable[..., Any]) -> None:
    program = """
import logging, os
levels = {"root": "WARNING", "app": "INFO", "app.deep": "ERROR"}
settings = {"capture_loggers": levels}
run = wandb.init(project="console", id=ID, settings=settings)
logging.getLogger("app").setLevel("DEBUG")
logging.getLogger("app").debug("below")
logging.getLogger("app").info("kept")
logging.getLogger("app.deep").error("three times")
logging.getLogger("other").warning("by root, in\\ntwo lines")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("app").exception("failed")
run.finish()
"""
    found = both(server, sdk, "loggers", program)
    assert len(found["wandb"][0]) > 8
    assert found["asyncwb"] == found["wandb"]
