"""The end of the process, in every way, against servers that answer, refuse and stay silent."""

from __future__ import annotations

import signal

import pytest
from bridge_tools import MOODS, end, run, run_in, server, start

ENDINGS = {
    "falls off the end": ("live()", 0, True),
    "closes first": ("live(); PORTAL.close()", 0, False),
    "closes twice": ("live(); PORTAL.close(); PORTAL.close()", 0, False),
    "sys.exit": ("live(); sys.exit(5)", 5, True),
    "an exception": ("live(); raise SystemExit(6)", 6, True),
    "os._exit": ("live(); os._exit(7)", 7, False),
    "SIGTERM": ("live(); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -15, False),
    "SIGTERM turned into SystemExit": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(8)); live()\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
        8,
        True,
    ),
    "sys.exit in a thread": (
        "def leave(): live(); sys.exit(9)\n"
        "thread = threading.Thread(target=leave); thread.start(); thread.join()",
        0,
        True,
    ),
    "another thread still waits for an answer": (
        "live(); threading.Thread(target=PORTAL.call, args=(ask, 0.3), daemon=True).start()",
        0,
        True,
    ),
    "inside asyncio.run": (
        "async def main(): await PORTAL.acall(ask, 0.2)\nlive(); asyncio.run(main())",
        0,
        True,
    ),
}


@pytest.mark.parametrize("mood", MOODS)
def test_all_moods_end(mood: str) -> None:
    said = {"answers": "hello", "refuses": "refused", "silent": "silent"}[mood]
    code, out, err = run_in(mood, ENDINGS["falls off the end"][0])
    assert (code, out) == (0, f"drained {said}\n"), err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", [name for name in ENDINGS if name != "falls off the end"])
def test_ending(name: str) -> None:
    program, expected, drained = ENDINGS[name]
    code, out, err = run_in("silent", program)
    assert code == expected, (out, err)
    assert ("drained silent" in out) == drained, (out, err)
    assert "Traceback" not in err


def test_the_drain_may_use_threads_and_its_budget_ends_it() -> None:
    code, out, err = run(
        """
async def drain(budget):
    loop = asyncio.get_running_loop()
    assert 0 < budget <= 0.3, budget
    jobs = [loop.run_in_executor(None, time.sleep, 0.01) for _ in range(4)]
    jobs += [loop.run_in_executor(PORTAL.executor, time.sleep, 0.01) for _ in range(4)]
    await asyncio.gather(*jobs)
    await loop.getaddrinfo("localhost", 80)
    say("threads work")
    try: await hang()
    finally: say("cancelled after", round(time.monotonic() - STARTED, 1) < 5)
PORTAL.on_exit(drain, budget_seconds=0.3)
"""
    )
    assert (code, out) == (0, "threads work\ncancelled after True\n"), err


def test_hooks_run_together_and_one_failure_spoils_no_other() -> None:
    code, out, err = run(
        """
async def bad(budget): raise ValueError("hook")
async def slow(budget): await asyncio.sleep(0.1); say("slow")
for hook in (slow, bad, slow, slow): PORTAL.on_exit(hook)
gone = PORTAL.on_exit(hang); gone(); gone()
"""
    )
    assert (code, out.split()) == (0, ["slow"] * 3), err
    assert "an exit hook failed" in err


def test_a_stuck_file_system_does_not_hold_the_exit_up() -> None:
    code, _, err = run(
        "PORTAL.on_exit(echo)\nPORTAL.executor.submit(time.sleep, 60)\nPORTAL.call(echo, 1)"
    )
    assert code == 0, err


def test_calls_work_in_atexit_functions_of_the_user() -> None:
    code, out, err = run(
        "import atexit\nPORTAL.on_exit(echo)\natexit.register(lambda: say(PORTAL.call(echo, 5)))"
    )
    assert (code, out) == (0, "5\n"), err


@pytest.mark.parametrize("mood", ["answers", "silent"])
def test_ctrl_c_ends_the_drain(mood: str) -> None:
    with server(mood) as port:
        process = start(
            "async def drain(budget):\n    say('draining'); await hang()\nPORTAL.on_exit(drain)",
            mood,
            port,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "draining\n"
        process.send_signal(signal.SIGINT)
        code, _, err = end(process)
    assert code == 0, err
    assert "interrupted at exit" in err


def test_ctrl_c_cancels_the_inner_task_and_waits_for_its_cleanup() -> None:
    process = start(
        """
async def work():
    try:
        say("working"); await hang()
    finally:
        await asyncio.sleep(0.05); say("cleaned")
try: PORTAL.call(work)
except KeyboardInterrupt: say("interrupted", PORTAL.call(echo, 4))
"""
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(signal.SIGINT)
    code, out, err = end(process)
    assert (code, out) == (0, "cleaned\ninterrupted 4\n"), err


def test_ctrl_c_does_not_wait_for_ever_for_a_cleanup() -> None:
    process = start(
        """
async def work():
    try:
        say("working"); await hang()
    finally:
        await hang()
try: PORTAL.call(work)
except KeyboardInterrupt: say("interrupted")
"""
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(signal.SIGINT)
    code, out, err = end(process)
    assert (code, out) == (0, "interrupted\n"), err


def test_ctrl_c_in_an_iteration_runs_the_finally_block() -> None:
    process = start(
        """
async def items():
    try:
        yield 1
        # Until the main thread waits: a Ctrl-C between two waits is the loop body's.
        await asyncio.sleep(0.3)
        say("working"); await hang()
    finally: say("closed")
try:
    for _ in PORTAL.iterate(items): pass
except KeyboardInterrupt: say("interrupted")
"""
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(signal.SIGINT)
    code, out, err = end(process)
    assert (code, out) == (0, "closed\ninterrupted\n"), err
