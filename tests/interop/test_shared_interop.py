"""Shared runs of the wandb package and of ours, in every mixture, on one server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync
from asyncwb.journal import JournalReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytestmark = pytest.mark.interop

ROWS = 300

SETTINGS = {
    "wandb": 'wandb.Settings(x_label=f"r{rank}", x_primary=primary, x_update_finish_state=primary, '
    "x_stats_sampling_interval=60)",
    "asyncwb": '{"x_label": f"r{rank}", "x_primary": primary}',
}

WRITER = """
import os, sys
import {module} as wandb
rank, primary = int(sys.argv[2]), sys.argv[2] == "0"
run = wandb.init(
    project="mixed", id=sys.argv[1], mode="shared", config={{f"by{{rank}}": rank, "both": 1}},
    settings={settings},
)
run.config[f"late{{rank}}"] = [rank]
print("line of", rank, flush=True)
run.define_metric("stat", summary="min,max,mean")
run.define_metric("deep.*", summary="min")
for n in range({rows}):
    stat = [10 + n, 1000 - n][rank]
    run.log({{f"n{{rank}}": n, "both": rank, "stat": stat, "deep": {{"one": stat}}}})
print("LOGGED", flush=True)
sys.stdin.read()
run.finish()
"""

READ = """
import json, sys, wandb
run = wandb.Api().run("mixed/" + {run_id!r})
rows = list(run.scan_history(page_size=50))
reserved = run.rawconfig["_wandb"]
print("RESULT " + json.dumps({{
    "state": run.state,
    "config": dict(run.config),
    "summary": {{key: run.summary.get(key) for key in ("n0", "n1", "_step")}},
    "stat": dict(run.summary["stat"]),
    "deep": dict(run.summary["deep"])["one"]["min"],
    "rows": [[row[f"n{{rank}}"] for row in rows if row.get(f"n{{rank}}") is not None]
             for rank in (0, 1)],
    "sampled": len(run.history(samples=10000, pandas=False)),
    "writers": len(reserved.get("e", {{}})),
}}))
"""


def start(kind: str, run_id: str, rank: int, server: LocalServer, folder: Path) -> Any:
    module = {"wandb": "wandb", "asyncwb": "asyncwb.sync"}[kind]
    text = WRITER.format(module=module, settings=SETTINGS[kind], rows=ROWS)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    home = {"HOME": str(folder), "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
    return subprocess.Popen(
        [sys.executable, "-c", text, run_id, str(rank)],
        env={**clean, **home, **server.env}, cwd=folder,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("kinds", [("wandb", "wandb"), ("asyncwb", "wandb"), ("wandb", "asyncwb")])
def test_two_writers(
    kinds: tuple[str, str], server: LocalServer, sdk: Callable[..., Any], tmp_path: Path
) -> None:
    run_id = "-".join(kinds)
    # Both at once, so that they take turns on the server.
    writers = [start(kind, run_id, rank, server, tmp_path) for rank, kind in enumerate(kinds)]
    for writer in writers:
        assert writer.stdout is not None
        lines = [writer.stdout.readline(), writer.stdout.readline()]
        assert lines[-1] == "LOGGED\n", lines
    second, first = writers[1], writers[0]
    second.communicate("", timeout=60)
    assert second.returncode == 0
    assert sdk(READ.format(run_id=run_id))["state"] == "running"
    first.communicate("", timeout=60)
    assert first.returncode == 0
    found = sdk(READ.format(run_id=run_id))
    assert found["state"] == "finished"
    assert found["rows"] == [list(range(ROWS))] * 2
    assert found["sampled"] == 2 * ROWS
    assert found["config"] == {"by0": 0, "by1": 1, "both": 1, "late0": [0], "late1": [1]}
    assert found["summary"] == {"n0": ROWS - 1, "n1": ROWS - 1, "_step": ROWS - 1}
    # Of all writers; the mean is that of one.
    means = [10 + (ROWS - 1) / 2, 1000 - (ROWS - 1) / 2]
    assert found["stat"].pop("mean") in means
    assert (found["stat"], found["deep"]) == ({"min": 10, "max": 1000}, 10)
    # A secondary writer of the wandb package does not describe its machine; ours does.
    assert found["writers"] == (1 if kinds[1] == "wandb" else 2)


def test_the_wandb_package_reads_what_a_shared_journal_notes(tmp_path: Path) -> None:
    from wandb.proto import wandb_internal_pb2

    with asyncwb.sync.init(
        project="p", mode="offline", dir=str(tmp_path),
        settings={"shared": True, "label": "r1", "primary": False, "silent": True},
    ) as run:  # fmt: skip
        run.log({"a": 1})
    journal = run.status().journal
    assert journal is not None
    reader = JournalReader.open(Path(journal))
    parsed = [
        wandb_internal_pb2.Record.FromString(raw.payload) for raw in reader.read_batch(1 << 20, 100)
    ]
    reader.close()
    first = next(record.run for record in parsed if record.WhichOneof("record_type") == "run")
    found = {item.key: json.loads(item.value_json) for item in first.settings.item}
    environment = next(
        r.environment for r in parsed if r.WhichOneof("record_type") == "environment"
    )
    assert found.pop("writer_id") == environment.writer_id
    assert found == {
        "mode": "shared",
        "x_label": "r1",
        "x_primary": False,
        "x_update_finish_state": False,
    }
