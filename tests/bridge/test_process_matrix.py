"""Every way a process can fork or end x both faces x every mood of the server.

Each cell has a live run and an Api with a request under way. It must end by itself, with the
status that is defined, with every row in the journal, and without a traceback of ours or a
process left behind; a server that answers knows how the run ended. The short form has each way
with a silent server in one face and with a good one in the other; `-m slow` runs the rest.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from bridge_tools import MOODS
from cells import FACES, ROWS, Ending, run_cell

from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the ways of POSIX")

AFTER_CHILDREN = "AWAIT run.log({'n': 50})"
MORE = ROWS + 1


def forked(child: str) -> str:
    """A fork in the middle; the parent waits, logs once more, and finishes nothing."""
    lines = "\n".join("    " + line for line in child.strip().splitlines())
    return f"""
pid = os.fork()
if pid == 0:
{lines}
assert os.waitpid(pid, 0)[1] == 0
{AFTER_CHILDREN}
"""


def processes(method: str) -> str:
    """Two children of `multiprocessing`, one of which leaves its run to the exit hook."""
    return f"""
context = multiprocessing.get_context({method!r})
children = [context.Process(target=in_child, args=(f"-{{n}}", n == 0)) for n in range(2)]
for child in children: child.start()
for child in children: child.join()
assert [child.exitcode for child in children] == [0, 0]
{AFTER_CHILDREN}
"""


ENDINGS = {
    "finish": Ending("AWAIT run.finish()"),
    "finish with a code": Ending("AWAIT run.finish(exit_code=4)", exitcode=4),
    "no finish": Ending("pass"),
    "sys.exit": Ending("sys.exit(3)", code=3, exitcode=3),
    "sys.exit with a text": Ending("sys.exit('text')", code=1, exitcode=1),
    "sys.exit in a thread": Ending(
        "thread = threading.Thread(target=sys.exit, args=(9,)); thread.start(); thread.join()"
    ),
    "an exception": Ending("1 / 0", code=1, exitcode=1, error="ZeroDivisionError"),
    "an exception in a thread": Ending(
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()",
        error="ZeroDivisionError",
    ),
    "a thread logs after the end of the main one": Ending(
        "def train():\n"
        "    time.sleep(0.3); START(log_more)\n"
        "ASYNC def log_more():\n"
        "    AWAIT run.log({'n': 50})\n"
        "threading.Thread(target=train).start()",
        rows=MORE,
    ),
    "os._exit": Ending("os._exit(7)", code=7, exitcode=None),
    "SIGKILL": Ending(
        "os.kill(os.getpid(), signal.SIGKILL); AWAIT pause(9)",
        code=-signal.SIGKILL,
        exitcode=None,
    ),
    "SIGTERM": Ending(
        "os.kill(os.getpid(), signal.SIGTERM); AWAIT pause(9)",
        code=-signal.SIGTERM,
        exitcode=None,
    ),
    "SIGTERM turned into SystemExit": Ending(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "os.kill(os.getpid(), signal.SIGTERM); AWAIT pause(9)",
        code=143,
        exitcode=143,
    ),
    "SIGINT": Ending(
        "os.kill(os.getpid(), signal.SIGINT); AWAIT pause(9)",
        # CPython forgets the signal where another thread is importing meanwhile.
        code=(-signal.SIGINT, 1),
        exitcode=255,
        error="KeyboardInterrupt",
    ),
    "fork, the child misuses the run and exits": Ending(
        forked("START(misuse, run, api)\nleave()"), rows=MORE
    ),
    "fork, the child has a run of its own": Ending(
        forked("START(misuse, run, api)\nSTART(own, '-c', True)\nos._exit(0)"),
        rows=MORE,
        children=["-c"],
    ),
    "fork, the child's run is not finished": Ending(
        forked("START(own, '-c', False)\nsys.exit(0)"),
        rows=MORE,
        children=["-c"],
        faces=("sync",),  # a child cannot leave its parent's running asyncio loop
    ),
    "fork, garbage collection in the child": Ending(
        forked(
            "cycle = [run, api]; cycle.append(cycle); del cycle, run, api\n"
            "for _ in range(3): gc.collect()\nos._exit(0)"
        ),
        rows=MORE,
    ),
    "multiprocessing fork": Ending(processes("fork"), rows=MORE, children=["-0", "-1"]),
    "multiprocessing spawn": Ending(processes("spawn"), rows=MORE, children=["-0", "-1"]),
    "multiprocessing forkserver": Ending(processes("forkserver"), rows=MORE, children=["-0", "-1"]),
}

# Beside the two cells of each way: a refusing server where a child or the exit meets it.
_SHORT_REFUSED = {"no finish", "fork, the child has a run of its own"}


def is_short(number: int, name: str, face: str, mood: str) -> bool:
    """Whether a cell belongs to the short form."""
    if mood == "refuses":
        return name in _SHORT_REFUSED and face == FACES[number % 2]
    return (mood == "silent") == (face == FACES[number % 2])


def cells() -> list[object]:
    found: list[object] = []
    for number, name in enumerate(ENDINGS):
        for face in ENDINGS[name].faces:
            for mood in MOODS:
                marks = () if is_short(number, name, face, mood) else (pytest.mark.slow,)
                run_id = f"cell{number}{face}{mood}"
                param = pytest.param(
                    name, face, mood, run_id, id=f"{name}-{face}-{mood}", marks=marks
                )
                found.append(param)
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.mark.parametrize(("name", "face", "mood", "run_id"), cells())
def test_cell(name: str, face: str, mood: str, run_id: str, running: LocalServer) -> None:
    run_cell(face, mood, ENDINGS[name], run_id, running)
