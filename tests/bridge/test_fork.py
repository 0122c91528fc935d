"""Forks with a live client, against servers that answer, refuse and stay silent."""

from __future__ import annotations

import os
import textwrap

import pytest
from bridge_tools import MOODS, run, run_in

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

CHILD = """
def child(work):
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            work()
            code = 0
        except BaseException as error:
            say("child failed", repr(error))
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
"""

SCENES = {
    "handles of the parent raise at once, and the child starts its own loop": """
background = live()
iterator = PORTAL.iterate(count, 10**6); next(iterator)
def work():
    for use in (background.cancel, iterator.close):
        begun = time.perf_counter()
        try: use()
        except ForkedError as error: assert "spawn" in str(error)
        else: raise AssertionError("no ForkedError")
        # 1 ms on an idle machine; the bound only tells it from waiting for something
        assert time.perf_counter() - begun < 0.05
    try: list(iterator)
    except ForkedError: pass
    else: raise AssertionError("no ForkedError")
    assert PORTAL.call(echo, 7) == 7
    assert PORTAL.call(ask, 0.2) == EXPECTED
child(work)
iterator.close()
assert PORTAL.call(echo, 8) == 8
""",
    "a fork while another thread holds the portal's lock": """
PORTAL.call(echo, 1)
held, release = threading.Event(), threading.Event()
def hold():
    with PORTAL._lock:
        held.set(); release.wait()
thread = threading.Thread(target=hold); thread.start(); held.wait()
child(lambda: PORTAL.call(echo, 1))
release.set(); thread.join()
""",
    "a fork while other threads start, call and end": """
stop = threading.Event()
def busy():
    while not stop.is_set(): PORTAL.call(echo, 1)
threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads: thread.start()
for _ in range(10): child(lambda: PORTAL.call(echo, 1))
stop.set()
for thread in threads: thread.join()
""",
    "a fork inside async with": """
import contextlib
@contextlib.asynccontextmanager
async def block():
    live()
    try: yield
    finally: say("left", os.getpid() == PARENT)
PARENT = os.getpid()
import warnings
warnings.simplefilter("ignore", BlockingInAsyncWarning)
async def main():
    async with block():
        child(lambda: PORTAL.call(echo, 1))
        assert await PORTAL.acall(echo, 2) == 2
asyncio.run(main())
""",
    "the garbage collector in the child runs no cleanup of the parent": """
import gc
PARENT = os.getpid()
async def busy():
    try: await asyncio.Event().wait()
    finally: say("cleanup in", "parent" if os.getpid() == PARENT else "CHILD")
background = PORTAL.spawn(busy)
PORTAL.call(asyncio.sleep, 0)
iterator = PORTAL.iterate(count, 10**6); next(iterator)
def work():
    global background, iterator
    del background, iterator
    for _ in range(3): gc.collect()
child(work)
""",
    "a child that exits in the usual way": """
live()
pid = os.fork()
if pid == 0: sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
""",
}


@pytest.mark.parametrize("scene", SCENES)
def test_scene(scene: str) -> None:
    code, out, err = run_in("answers", CHILD + SCENES[scene])
    assert code == 0, (out, err)
    assert "CHILD" not in out
    assert "child failed" not in out
    assert "Traceback" not in err
    assert out.count("drained") <= 1


@pytest.mark.parametrize("mood", MOODS)
def test_a_live_client_survives_a_fork_of_its_process(mood: str) -> None:
    code, out, err = run_in(
        mood,
        CHILD + "background = live()\nchild(lambda: live())\nassert PORTAL.call(echo, 3) == 3\n",
    )
    assert code == 0, (out, err)
    assert out.count("drained") == 1


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, tmp_path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, sys
            from asyncwb.portal import PORTAL
            async def echo(value): return value
            async def drain(budget): print("drained", flush=True)
            def work(value):
                PORTAL.on_exit(drain)
                assert PORTAL.call(echo, value) == value
            if __name__ == "__main__":
                context = multiprocessing.get_context(sys.argv[1])
                work(1)
                children = [context.Process(target=work, args=(n,)) for n in range(2)]
                for child in children: child.start()
                for child in children: child.join()
                assert [child.exitcode for child in children] == [0, 0]
            """
        )
    )
    code, out, err = run(
        f"import runpy\nsys.argv = [{str(script)!r}, {method!r}]\n"
        f"import subprocess\nsys.exit(subprocess.call([sys.executable, *sys.argv]))"
    )
    assert code == 0, (out, err)
    assert out.count("drained") == 3, (out, err)
