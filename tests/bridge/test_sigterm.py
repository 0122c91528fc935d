"""SIGTERM for runs that ask for it: preempting, sent, ended; then what comes without it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cells import FACES, ROWS, ended, launch, mood_environment, program
from run_journals import bodies, rows
from seen_on_server import on_server

from asyncwb.journal.records import ExitRecord, PreemptingRecord
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the signals of POSIX")

KILL = "os.kill(os.getpid(), signal.SIGTERM)"


@pytest.fixture(scope="module")
def running() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCWB_ON_SIGTERM", "finish")
    monkeypatch.setenv("ASYNCWB_TRANSMIT_INTERVAL", "60")


def ends(run_id: str) -> tuple[list[int], list[int], bool]:
    """Rows, exit codes and preemption in the journal."""
    (journal,) = Path("wandb").glob(f"run-*-{run_id}/run-{run_id}.wandb")
    found = bodies(journal)
    return (
        [row["n"] for row in rows(journal)],
        [body.exit_code for body in found if isinstance(body, ExitRecord)],
        any(isinstance(body, PreemptingRecord) for body in found),
    )


CASES = {
    # body, exit status of the process, exit code of the run
    "default": (f"{KILL}; AWAIT pause(20)", -signal.SIGTERM),
    "in the middle of log": (
        f"signal.signal(signal.SIGALRM, lambda *_: {KILL})\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "n = 50\n"
        "while True: AWAIT run.log({'n': n}); n += 1",
        -signal.SIGTERM,
    ),
    "from another thread": (
        f"threading.Thread(target=lambda: {KILL}).start(); AWAIT pause(20)",
        -signal.SIGTERM,
    ),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", CASES)
def test_the_run_is_ended_before_the_process(name: str, face: str, running: LocalServer) -> None:
    body, code = CASES[name]
    run_id = f"term-{face}-{list(CASES).index(name)}"
    process = launch(program(face, body), [run_id], running.env)
    outcome = ended(process, time.monotonic())
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.err
    numbers, exits, preempting = ends(run_id)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= ROWS
    assert (exits, preempting) == ([143], True)
    state, exitcode, history = on_server(running, run_id)
    assert (state, exitcode) == ("preempted", 143)
    assert [row["n"] for row in history] == numbers


HANDLERS = {
    "a handler from before": (
        "def mine(*_): print('MINE', flush=True); os._exit(9)\nsignal.signal(signal.SIGTERM, mine)",
        "MINE",
        9,
    ),
    "SystemExit from a handler": (
        "def mine(*_): print('MINE', flush=True); sys.exit(5)\nsignal.signal(signal.SIGTERM, mine)",
        "MINE",
        5,
    ),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", HANDLERS)
def test_an_earlier_handler_follows(name: str, face: str, running: LocalServer) -> None:
    before, said, code = HANDLERS[name]
    run_id = f"before-{face}-{list(HANDLERS).index(name)}"
    text = program(face, f"{KILL}; AWAIT pause(20)", before + "\n")
    outcome = ended(launch(text, [run_id], running.env), time.monotonic())
    assert outcome.code == code, outcome
    assert said in outcome.out
    assert ends(run_id) == (list(range(ROWS)), [143], True)
    assert on_server(running, run_id)[:2] == ("preempted", 143)


def test_a_later_handler_is_the_users_own(running: LocalServer) -> None:
    body = f"""
signal.signal(signal.SIGTERM, lambda *_: print('MINE', flush=True))
{KILL}
AWAIT run.log({{'n': 50}})
AWAIT run.finish()
"""
    outcome = ended(launch(program("sync", body), ["later"], running.env), time.monotonic())
    assert (outcome.code, outcome.out) == (0, "MINE\n"), outcome
    assert ends("later") == (list(range(51)), [0], False)


@pytest.mark.parametrize("when", ["before", "after"])
def test_signal_handlers_of_asyncio_go_on_working(when: str, running: LocalServer) -> None:
    text = f"""
import asyncio, os, signal, sys
import asyncwb
async def main():
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    if {when!r} == "before": loop.add_signal_handler(signal.SIGTERM, told.set)
    run = await asyncwb.init("matrix", id=sys.argv[1])
    if {when!r} == "after": loop.add_signal_handler(signal.SIGTERM, told.set)
    await run.log({{"n": 0}})
    {KILL}
    await asyncio.wait_for(told.wait(), 20)
    print(run.status().state)
    await run.finish()
asyncio.run(main())
"""
    run_id = f"asyncio-{when}"
    outcome = ended(launch(text, [run_id], running.env), time.monotonic())
    # Told first, the run ends first; a handler that replaced ours decides alone.
    expected = ("finished\n", "preempted") if when == "before" else ("running\n", "finished")
    assert (outcome.code, outcome.out) == (0, expected[0]), outcome
    assert on_server(running, run_id)[0] == expected[1]


def test_handlers_are_put_back(running: LocalServer) -> None:
    body = f"""
ours = signal.getsignal(signal.SIGTERM)
second = AWAIT wandb.init(project="matrix", id="second")
assert signal.getsignal(signal.SIGTERM) == ours != signal.SIG_DFL
AWAIT run.finish()
assert signal.getsignal(signal.SIGTERM) == ours
AWAIT second.finish()
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
signal.signal(signal.SIGTERM, signal.SIG_IGN)
third = AWAIT wandb.init(project="matrix", id="third")
{KILL}
AWAIT third.log({{"n": 0}})
AWAIT third.finish()
plain = AWAIT wandb.init(project="matrix", id="plain", settings={{"on_sigterm": "default"}})
assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
AWAIT plain.finish()
"""
    for face in FACES:
        text = program(face, body)
        outcome = ended(launch(text, [f"put-back-{face}"], running.env), time.monotonic())
        assert outcome.code == 0, outcome.err


def test_a_run_of_another_thread_leaves_signals_alone(running: LocalServer) -> None:
    body = """
def other():
    mine = wandb.init(project="matrix", id="in-thread")
    mine.finish()
AWAIT run.finish()
thread = threading.Thread(target=other); thread.start(); thread.join()
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
"""
    outcome = ended(launch(program("sync", body), ["thread"], running.env), time.monotonic())
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("mood", ["silent", "refuses"])
def test_a_server_that_is_not_there_holds_nothing_up(
    face: str, mood: str, running: LocalServer
) -> None:
    run_id = f"mood-{face}-{mood}"
    with mood_environment(mood, running) as environment:
        text = program(face, f"{KILL}; AWAIT pause(20)")
        outcome = ended(launch(text, [run_id], environment), time.monotonic())
    assert outcome.code == -signal.SIGTERM, outcome
    assert ends(run_id) == (list(range(ROWS)), [143], True)
    assert "asyncwb sync" in outcome.err


def test_offline_runs_and_forked_children(running: LocalServer) -> None:
    body = f"""
pid = os.fork()
if pid == 0:
    {KILL}  # the child has no run: it goes as any process does
    time.sleep(20)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
run.log({{'n': 50}})
{KILL}
time.sleep(20)
"""
    environment = {**running.env, "WANDB_MODE": "offline"}
    text = program("sync", body).replace("api = wandb.Api(timeout=60)", "api = None")
    text = text.replace("keep = background(watch, api)", "keep = None")
    outcome = ended(launch(text, ["off"], environment), time.monotonic())
    assert outcome.code == -signal.SIGTERM, outcome
    (journal,) = Path("wandb").glob("offline-run-*-off/run-off.wandb")
    assert [row["n"] for row in rows(journal)] == list(range(51))
    assert [b.exit_code for b in bodies(journal) if isinstance(b, ExitRecord)] == [143]


@pytest.mark.parametrize("round", range(3))
def test_a_run_that_is_just_ending_still_arrives(round: int, running: LocalServer) -> None:
    body = f"""
import random
signal.signal(signal.SIGALRM, lambda *_: {KILL})
signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.01))
AWAIT run.finish()
AWAIT pause(20)
"""
    run_id = f"ending-{round}"
    outcome = ended(launch(program("sync", body), [run_id], running.env), time.monotonic())
    assert outcome.code == -signal.SIGTERM, outcome
    assert "Traceback" not in outcome.err
    numbers, exits, _ = ends(run_id)
    assert numbers == list(range(ROWS))
    # Whoever came first said how the run ended. In the middle of its end it is left to a sync.
    assert exits in ([0], [143], [])
    if exits:
        state, exitcode, history = on_server(running, run_id)
        assert (state, exitcode) == (("finished", 0) if exits == [0] else ("preempted", 143))
        assert [row["n"] for row in history] == numbers
