"""A live run of the blocking face through forks and exits, without and with a deaf server."""

from __future__ import annotations

import os

import pytest
from bridge_tools import run_in

RUN = """
import asyncwb.sync as wandb
os.environ["WANDB_API_KEY"] = "x" * 40
os.environ["WANDB_BASE_URL"] = f"http://127.0.0.1:{PORT}"
def begin(mode):
    return wandb.init(project="p", mode=mode, wait=False,
                      settings={"exit_timeout": 1.0, "silent": True})
"""

ENDINGS = {
    "no finish": "",
    "sys.exit": "sys.exit(0)",
    "os._exit": "os._exit(0)",
    "sys.exit in a thread": "t = threading.Thread(target=sys.exit); t.start(); t.join()",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("mode", "mood"), [("offline", "refuses"), ("online", "refuses"), ("online", "silent")]
)
def test_the_process_ends(mode: str, mood: str, ending: str) -> None:
    program = f"{RUN}run = begin({mode!r})\nrun.log({{'loss': 1}})\n{ENDINGS[ending]}"
    code, out, err = run_in(mood, program)
    assert code == 0, (out, err)
    assert "Traceback" not in err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("mode", "mood"), [("offline", "refuses"), ("online", "silent")])
def test_a_forked_child_cannot_use_it_and_starts_its_own(mode: str, mood: str) -> None:
    code, out, err = run_in(
        mood,
        f"{RUN}run = begin({mode!r})\nrun.log({{'loss': 1}})\n"
        """
import gc
pid = os.fork()
if pid == 0:
    for use in (lambda: run.log({"loss": 2}), run.finish, run.flush):
        try: use()
        except ForkedError: pass
        else: say("NO ERROR")
    gc.collect()
    own = wandb.init(project="p", mode="offline", settings={"silent": True})
    own.log({"loss": 3}); own.finish()
    say("child done"); os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
run.log({"loss": 4})
""",
    )
    assert (code, out) == (0, "child done\n"), err
