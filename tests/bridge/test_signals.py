"""Ctrl-C and SIGTERM while something blocks: it ends soon, and nothing that was logged is lost."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cells import ended, launch, mood_environment
from run_journals import bodies, rows
from seen_on_server import on_server

from asyncwb.journal.records import ExitRecord
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

PRELUDE = """
import os, random, signal, sys, threading, time
import asyncwb.sync as wandb
from asyncwb.errors import *
RUN_ID = sys.argv[1]
def begin(suffix="", **keywords):
    return wandb.init(project="matrix", id=RUN_ID + suffix, **keywords)
def deafen():
    # The server accepts from now on, and never answers.
    os.kill(int(sys.argv[2]), signal.SIGSTOP)
def interrupted(what, *args, **keywords):
    # Ctrl-C comes while the main thread waits.
    timer = threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    try: what(*args, **keywords)
    except KeyboardInterrupt: assert time.monotonic() - began < 4
    else: raise AssertionError("not interrupted")
    timer.join()
"""


@pytest.fixture(scope="module")
def running() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@contextlib.contextmanager
def may_be_stopped(running: LocalServer) -> Iterator[dict[str, str]]:
    """The server's environment; afterwards it answers again."""
    try:
        yield {**running.env, "ASYNCWB_EXIT_TIMEOUT": "0.5"}
    finally:
        os.kill(running.pid or 0, signal.SIGCONT)


def journal_of(run_id: str) -> Path:
    (journal,) = Path("wandb").glob(f"*run-*-{run_id}/run-{run_id}.wandb")
    return journal


def exit_codes(run_id: str) -> list[int]:
    return [body.exit_code for body in bodies(journal_of(run_id)) if isinstance(body, ExitRecord)]


WAITS = {
    "finish": "interrupted(run.finish)",
    "finish with a time": "interrupted(run.finish, timeout=20)",
    "flush": "interrupted(run.flush)",
    "flush with a time": "interrupted(run.flush, timeout=20)",
    "scan_history": "interrupted(lambda: list(stored.scan_history()))",
    "a block": "def block():\n    with run: time.sleep(20)\ninterrupted(block)",
}


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_ends_a_wait_for_a_server_that_fell_silent(name: str, running: LocalServer) -> None:
    run_id = f"wait{list(WAITS).index(name)}"
    text = f"""{PRELUDE}
run = begin(); run.log({{"n": 0}}); run.flush()
stored = wandb.Api().run("matrix/" + RUN_ID)
deafen()
run.log({{"n": 1}})
{WAITS[name]}
"""
    with may_be_stopped(running) as environment:
        began = time.monotonic()
        process = launch(text, [run_id, str(running.pid)], environment)
        outcome = ended(process, began)
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    assert [row["n"] for row in rows(journal_of(run_id))] == [0, 1]
    assert exit_codes(run_id) == [255 if name == "a block" else 0]


def test_ctrl_c_in_init_leaves_no_run_behind(running: LocalServer) -> None:
    text = f"""{PRELUDE}
begin("-before", mode="offline").finish()
interrupted(begin, init_timeout=20)
from asyncwb.run.context import live_runs
assert live_runs() == [] and wandb.run is None
run = begin("-again", init_timeout=0.1); run.log({{"n": 0}})
"""
    with mood_environment("silent", running) as environment:
        outcome = ended(launch(text, ["init"], environment), time.monotonic())
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    names = [path.name.rpartition("-init")[2] for path in Path("wandb").glob("run-*")]
    assert names == ["-again"]


def test_ctrl_c_at_the_exit_gives_up_sending(running: LocalServer) -> None:
    text = f"""{PRELUDE}
run = begin(); run.log({{"n": 0}}); deafen()
import atexit
atexit.register(lambda: threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start())
"""
    with may_be_stopped(running) as environment:
        began = time.monotonic()
        environment["ASYNCWB_EXIT_TIMEOUT"] = "25"
        outcome = ended(launch(text, ["leaving", str(running.pid)], environment), began)
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.seconds < 12
    assert [row["n"] for row in rows(journal_of("leaving"))] == [0]
    assert exit_codes("leaving") == [0]


# Each round: a signal comes at a random moment, and its handler finishes the run.
ROUNDS = """
class Stop(Exception): pass
RAISES = sys.argv[3] == "raises"
def bye(*_):
    run.finish(exit_code=143)
    if RAISES: raise Stop
signal.signal(signal.SIGALRM, bye)
def logs():
    global logged
    while True:
        run.log({"n": logged, "x": 0.5})
        logged += 1
def merges():
    global logged
    while True:
        run.log({"n": logged}, commit=False)
        run.log({"x": 0.5})
        logged += 1
def flushes():
    global logged
    while True:
        run.log({"n": logged}); logged += 1
        run.flush()
def touches():
    global logged
    while True:
        run.log({"n": logged}); logged += 1
        run.summary["best"] = logged
        run.config.update({"k": logged}, allow_val_change=True)
        run.summary.get("n")
work = globals()[sys.argv[4]]
for round in range(int(sys.argv[2])):
    run, logged = begin(f"-{round}"), 0
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.02))
    try: work()
    except (Stop, ClosedError): pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    run.finish()
    print(logged, flush=True)
"""


@pytest.mark.parametrize("work", ["logs", "merges", "flushes", "touches"])
@pytest.mark.parametrize("how", ["raises", "returns"])
@pytest.mark.parametrize(
    ("mode", "rounds"),
    [
        ("offline", 20),
        ("online", 5),
        pytest.param("offline", 2000, marks=pytest.mark.slow),
        pytest.param("online", 100, marks=pytest.mark.slow),
    ],
)
def test_a_handler_may_finish_the_run_that_its_thread_logs_to(
    mode: str, rounds: int, how: str, work: str, running: LocalServer
) -> None:
    run_id = f"bye-{mode}{rounds}{how}{work}"
    environment = {**running.env, "WANDB_MODE": mode, "WANDB_SILENT": "true"}
    # A handler that raises just where Python has made a coroutine is told of it by Python.
    environment["PYTHONWARNINGS"] = "error,ignore:coroutine:RuntimeWarning"
    began = time.monotonic()
    process = launch(PRELUDE + ROUNDS, [run_id, str(rounds), how, work], environment)
    outcome = ended(process, began)
    assert outcome.code == 0, outcome.err
    # What a handler raises inside of a callback of the garbage collector, Python only prints.
    assert re.sub(r"Exception ignored in: .*?\nStop: *\n", "", outcome.err, flags=re.DOTALL) == ""
    counts = [int(line) for line in outcome.out.split()]
    assert len(counts) == rounds
    for number, count in enumerate(counts):
        name = f"{run_id}-{number}"
        found = [row.get("n") for row in rows(journal_of(name))]
        # The row that was interrupted may be in, or not; no other is missing or there twice.
        assert found in (list(range(count)), list(range(count + 1))), (name, count, found[-3:])
        assert exit_codes(name) == [143], name
        if mode == "online":
            state, code, history = on_server(running, name)
            assert (state, code) == ("failed", 143)
            assert [row.get("n") for row in history] == found


def test_a_handler_may_finish_the_run_that_its_thread_finishes(running: LocalServer) -> None:
    text = f"""{PRELUDE}
def bye(*_):
    run.finish(exit_code=143)
    print("finished", flush=True)
signal.signal(signal.SIGALRM, bye)
for round in range(5):
    run = begin(f"-{{round}}")
    for n in range(50): run.log({{"n": n}})
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.02))
    run.finish()
    signal.setitimer(signal.ITIMER_REAL, 0)
"""
    outcome = ended(launch(text, ["both"], running.env), time.monotonic())
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    for number in range(5):
        # Whoever came first said how the run ended.
        codes = exit_codes(f"both-{number}")
        assert codes in ([0], [143])
        state, code, history = on_server(running, f"both-{number}")
        assert (state, code) == ("finished" if codes == [0] else "failed", codes[0])
        assert [row["n"] for row in history] == list(range(50))
