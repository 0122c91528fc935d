"""Folders that the wandb package wrote, read by Api(local=...); its Api beside our columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.api import Api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

WRITE = """
import json, wandb
run = wandb.init(project="interop", id="theirs", name="their run", tags=["a"], notes="n",
                 group="g", job_type="j", config={"lr": 0.1, "opt": {"name": "sgd"}})
run.define_metric("acc", summary="max")
for step in range(300):
    row = {"loss": 1 / (step + 1), "acc": (step * 7) % 50, "deep": {"er": step}}
    if step % 3 == 0:
        row["text"] = f"t{step}"
    run.log(row)
run.log({"odd": float("nan"), "big": 2 ** 60}, step=500)
run.config["late"] = [1, 2]
run.summary["best"] = 42
open("note.txt", "w").write("hello")
run.save("note.txt", policy="end")
run.finish(exit_code=EXIT)
"""

READ = """
import json, os, wandb
run = wandb.Api().run(os.environ["RUN"])
keys = json.loads(os.environ["KEYS"])
rows = list(run.scan_history(keys=keys)) if keys else list(run.scan_history())
print("RESULT " + json.dumps({"rows": rows, "summary": run.summary_metrics, "config": run.config,
                              "state": run.state, "step": run.lastHistoryStep}))
"""


@pytest.mark.parametrize("mode", ["offline", "online"])
async def test_their_folder_is_what_their_api_says(
    mode: str, server: LocalServer, sdk: Callable[..., Any], tmp_path: Path
) -> None:
    sdk(WRITE.replace("EXIT", "0"), WANDB_MODE=mode)
    run = await Api(local=tmp_path).run("theirs")
    assert (run.state, run.name, run.tags, run.group, run.job_type, run.notes) == (
        "finished", "their run", ["a"], "g", "j", "n",
    )  # fmt: skip
    assert run.config == {"lr": 0.1, "opt": {"name": "sgd"}, "late": [1, 2]}
    assert (run.last_history_step, run.history_line_count) == (500, 301)
    rows = [row async for row in run.scan_history()]
    assert [row["_step"] for row in rows] == [*range(300), 500]
    assert [row["deep"] for row in rows[:-1]] == [{"er": n} for n in range(300)]
    arrays = await run.history_arrays(["loss", "acc"])
    assert arrays["loss"].tolist() == [1 / (n + 1) for n in range(300)]
    assert str(arrays["acc"].dtype) == "int64"
    assert (await run.history_arrays(["big"]))["big"].tolist() == [2**60]
    assert (await run.history_arrays(["text"]))["text"].tolist() == [
        f"t{n}" for n in range(0, 300, 3)
    ]
    assert (run.summary["best"], run.summary["acc"]) == (42, {"max": 49})
    assert "note.txt" in [file.name async for file in run.files()]
    if mode == "online":
        seen = sdk(READ, RUN=f"{server.entity}/interop/theirs", KEYS="[]")
        assert run.config == seen["config"]
        assert (run.state, run.last_history_step) == (seen["state"], seen["step"])
        same = {key: value for key, value in seen["summary"].items() if not key.startswith("_")}
        assert {k: v for k, v in run.summary.items() if not k.startswith("_") and k != "odd"} == {
            k: v for k, v in same.items() if k != "odd"
        }


async def test_a_failed_run_of_theirs(sdk: Callable[..., Any], tmp_path: Path) -> None:
    sdk(WRITE.replace("EXIT", "3"), WANDB_MODE="offline")
    assert (await Api(local=tmp_path).run("interop/theirs")).state == "failed"


@pytest.mark.parametrize("keys", [[], ["loss", "acc"], ["text"], ["deep.er"]])
async def test_our_columns_are_their_rows(
    keys: list[str], server: LocalServer, sdk: Callable[..., Any]
) -> None:
    path = f"{server.entity}/interop/theirs"
    sdk(WRITE.replace("EXIT", "0"), WANDB_MODE="online")
    seen = sdk(READ, RUN=path, KEYS=json.dumps(keys))["rows"]
    run = await Api(overrides=server.settings).run(path)
    arrays = await run.history_arrays(keys)
    assert {len(array) for array in arrays.values()} == {len(seen)}
    assert {key for row in seen for key in row} <= set(arrays)
    for key, array in arrays.items():
        for row, value in zip(seen, array.tolist(), strict=True):
            if key in row:
                assert value == row[key] or (value != value and row[key] != row[key])
            else:
                assert value is None or value != value or key == "_step"
