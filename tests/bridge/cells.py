"""Programs with a live run and a live Api, in both faces, against a server in three moods.

A cell is one program in a process of its own. It has to end by itself; afterwards its exit
status, its journals, its error output, the processes it left and the server are looked at.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge_tools import server
from run_journals import bodies, rows
from seen_on_server import on_server

import asyncwb
from asyncwb.journal.records import ExitRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.testing import LocalServer

LIMIT_SECONDS = 30
FACES = ("sync", "async")
ROWS = 50
"""What `live` logs before the end begins."""

_PRELUDE = """
import asyncio, gc, multiprocessing, os, signal, sys, threading, time
import {module} as wandb
from asyncwb.errors import ClosedError, Error, ForkedError

RUN_ID = sys.argv[1]

ASYNC def watch(api):
    # A request of the Api is always under way.
    while True:
        try: AWAIT api.run("matrix/" + RUN_ID)
        except (ClosedError, ForkedError): return
        except Error: AWAIT pause(0.01)

ASYNC def live():
    run = AWAIT wandb.init(project="matrix", id=RUN_ID)
    api = wandb.Api(timeout=60)
    keep = background(watch, api)
    for n in range(50): AWAIT run.log({{"n": n}})
    AWAIT pause(0.02)
    return run, (api, keep)

ASYNC def own(suffix, finish):
    # What a child may do: a run and an Api of its own.
    run = AWAIT wandb.init(project="matrix", id=RUN_ID + suffix)
    keep = background(watch, wandb.Api(timeout=60))
    for n in range(3): AWAIT run.log({{"n": n}})
    if finish: AWAIT run.finish()

ASYNC def misuse(run, api):
    # Every use of the parent's run raises at once.
    for use in (lambda: run.log({{"n": 99}}), run.flush, run.finish,
                lambda: run.alert("a", "b")):
        try: AWAIT use()
        except ForkedError: pass
        else: print("NO ERROR", flush=True)
    try: run.config["x"] = 1
    except ForkedError: pass
    else: print("NO ERROR", flush=True)

def in_child(suffix, finish=True): START(own, suffix, finish)
"""

_FACE = {
    "sync": """
def START(fn, *args): fn(*args)
def leave(): sys.exit(0)
def pause(seconds): time.sleep(seconds)
def background(fn, *args):
    thread = threading.Thread(target=fn, args=args, daemon=True)
    thread.start()
    return thread
""",
    "async": """
def START(fn, *args): asyncio.run(fn(*args))
# Not sys.exit: closing the parent's asyncio loop in a child takes the parent's epoll along.
def leave(): os._exit(0)
pause = asyncio.sleep
def background(fn, *args): return asyncio.create_task(fn(*args))
""",
}

_MAIN = """
ASYNC def main():
    run, api = AWAIT live()
{body}

if __name__ == "__main__":
    START(main)
"""


def program(face: str, body: str, before: str = "") -> str:
    """The source of a cell: `body` follows a live `run` and `api`, with `AWAIT` where it awaits."""
    module = "asyncwb" if face == "async" else "asyncwb.sync"
    indented = "\n".join("    " + line for line in body.strip("\n").splitlines())
    text = _PRELUDE.format(module=module) + _FACE[face] + before + _MAIN.format(body=indented)
    if face == "async":
        return text.replace("AWAIT ", "await ").replace("ASYNC ", "async ")
    return text.replace("AWAIT ", "").replace("ASYNC ", "")


@dataclass
class Outcome:
    """How a program ended."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Ending:
    """One way to end, and what must be true afterwards.

    Attributes:
        body: The program after `live`.
        code: Exit status of the process, or those it may have.
        exitcode: What the server is told; None: nothing, as the process had no time to.
        rows: Of the run.
        children: Suffix of the ids of the runs that children make.
        faces: Where it is defined.
        before: Definitions before `main`.
        error: The user's own exception, which alone may be in the error output.
    """

    body: str
    code: int | tuple[int, ...] = 0
    exitcode: int | None = 0
    rows: int = ROWS
    children: list[str] = field(default_factory=list)
    faces: tuple[str, ...] = FACES
    before: str = ""
    error: str = ""


def mood_environment(mood: str, running: LocalServer) -> contextlib.AbstractContextManager[Any]:
    """The environment of a program that meets a server of that mood."""

    @contextlib.contextmanager
    def other() -> Iterator[dict[str, str]]:
        with server(mood) as port:
            yield {
                "WANDB_BASE_URL": f"http://127.0.0.1:{port}",
                "WANDB_API_KEY": "x" * 40,
                "WANDB_INIT_TIMEOUT": "0.2",
                "ASYNCWB_EXIT_TIMEOUT": "0.5",
            }

    return contextlib.nullcontext(running.env) if mood == "answers" else other()


def launch(text: str, arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a program in this folder and in a session of its own."""
    path = Path("program.py").absolute()
    path.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(path), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONWARNINGS": "error,ignore::DeprecationWarning",
            "PYTHONFAULTHANDLER": "1",  # a hang is ended by SIGABRT and tells where it was
            **environment,
        },
        start_new_session=True,
    )


def ended(
    process: subprocess.Popen[str], began: float, limit_seconds: float = LIMIT_SECONDS
) -> Outcome:
    """Wait for the end of a program; a hang is a failure, and so is a process left behind."""
    try:
        out, err = process.communicate(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGABRT)
        out, err = process.communicate()
        raise AssertionError(f"the program hangs\n{out}\n{err}") from None
    seconds = time.monotonic() - began
    deadline = time.monotonic() + 2.0
    while (left := _session(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"processes left behind: {left}\n{out}\n{err}"
    return Outcome(process.returncode, out, err, seconds)


def _session(leader: int) -> list[int]:
    """Processes of the session that a program began."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                members.append(int(entry.name))
    return members


def run_cell(
    face: str,
    mood: str,
    ending: Ending,
    run_id: str,
    running: LocalServer,
    limit_seconds: float = LIMIT_SECONDS,
) -> Outcome:
    """Run a cell and check all that a cell promises."""
    with mood_environment(mood, running) as environment:
        began = time.monotonic()
        process = launch(program(face, ending.body, ending.before), [run_id], environment)
        outcome = ended(process, began, limit_seconds)
    said = f"{outcome.seconds:.1f} s\n{outcome.out}\n{outcome.err}"
    codes = (ending.code,) if isinstance(ending.code, int) else ending.code
    assert outcome.code in codes, said
    assert "NO ERROR" not in outcome.out, said
    _check_errors(outcome.err, ending.error)
    _check_journal(run_id, ending.rows, ending.exitcode, said)
    for suffix in ending.children:
        _check_journal(run_id + suffix, 3, 0, said)
    if mood == "answers":
        _check_server(running, run_id, ending.rows, ending.exitcode, said)
        for suffix in ending.children:
            _check_server(running, run_id + suffix, 3, 0, said)
    return outcome


_NEVER = (
    "Exception ignored",
    "Fatal Python error",
    "was never awaited",
    "was never retrieved",
    "was destroyed but it is pending",
    "crashed",
)


def _check_errors(err: str, expected: str) -> None:
    for text in _NEVER:
        assert text not in err, err
    assert ("Traceback (most recent call last)" in err) == bool(expected), err
    assert expected in err
    assert str(Path(asyncwb.__file__).parent) not in err, err


def _check_journal(run_id: str, count: int, exitcode: int | None, said: str) -> None:
    (journal,) = Path("wandb").glob(f"run-*-{run_id}/run-{run_id}.wandb")
    assert [row["n"] for row in rows(journal)] == list(range(count)), said
    ends = [body.exit_code for body in bodies(journal) if isinstance(body, ExitRecord)]
    assert ends == ([] if exitcode is None else [exitcode]), said


def _check_server(
    running: LocalServer, run_id: str, count: int, exitcode: int | None, said: str
) -> None:
    state, found, history = on_server(running, run_id)
    expected = "running" if exitcode is None else "failed" if exitcode else "finished"
    assert (state, found) == (expected, exitcode), said
    numbers = [row["n"] for row in history]
    if exitcode is None:
        # Whatever was sent before the process died is the beginning of the rows.
        assert numbers == list(range(len(numbers))), said
    else:
        assert numbers == list(range(count)), said
