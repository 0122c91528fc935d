"""An offline run of the blocking face through forks and exits; `test_process_matrix` is online."""

from __future__ import annotations

import os

import pytest
from bridge_tools import run_in

RUN = """
import asyncwb.sync as wandb
def begin():
    return wandb.init(project="p", mode="offline", settings={"silent": True})
"""

ENDINGS = {
    "no finish": "",
    "sys.exit": "sys.exit(0)",
    "os._exit": "os._exit(0)",
    "sys.exit in a thread": "t = threading.Thread(target=sys.exit); t.start(); t.join()",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_process_ends(ending: str) -> None:
    program = f"{RUN}run = begin()\nrun.log({{'loss': 1}})\n{ENDINGS[ending]}"
    code, out, err = run_in("refuses", program)
    assert code == 0, (out, err)
    assert "Traceback" not in err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_cannot_use_it_and_starts_its_own() -> None:
    code, out, err = run_in(
        "refuses",
        f"{RUN}run = begin()\nrun.log({{'loss': 1}})\n"
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
