"""Reading back in bulk: listings, exports, scans, and runs of this machine.

The server is filled by HTTP requests, so that no client has an advantage. wandb's side of the
large ones is measured on fewer rows or runs, and the ratio is per row or run: see `Table`.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from asyncwb.testing import LocalServer
from benchmarks.scan import post

UPSERT = """mutation U($entity: String, $project: String, $name: String, $config: JSONString,
    $summary: JSONString) {
  upsertBucket(input: {entityName: $entity, modelName: $project, name: $name, config: $config,
    summaryMetrics: $summary}) { inserted }
}"""


def fill_runs(server: LocalServer, project: str, runs: int, rows: int) -> None:
    """Runs with a config and a summary of twenty values each, and rows of ten floats."""

    def one(number: int) -> None:
        config = {f"p{i}": {"value": number * 0.37 + i} for i in range(20)}
        summary = {f"metric_{i}": number / (i + 7) for i in range(20)}
        name = f"run{number:05d}"
        variables = {
            "entity": server.entity, "project": project, "name": name,
            "config": json.dumps(config), "summary": json.dumps(summary),
        }  # fmt: skip
        post(server, "/graphql", {"query": UPSERT, "variables": variables})
        path = f"/files/{server.entity}/{project}/{name}/file_stream"
        if rows:
            post(
                server,
                path,
                {"files": {"wandb-history.jsonl": {"offset": 0, "content": lines(rows)}}},
            )
        post(server, path, {"complete": True, "exitcode": 0})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(runs)))


def lines(count: int, first: int = 0) -> list[str]:
    """Rows of ten floats, as a client sends them."""
    return [
        json.dumps(
            {
                "_step": step,
                "_timestamp": 1.7e9 + step,
                "_runtime": step * 0.01,
                **{f"metric_{i}": step * 0.37 + i / 7 for i in range(10)},
            }
        )
        for step in range(first, first + count)
    ]


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def list_runs(name: str, project: str) -> dict[str, float]:
    """List all runs of a project with config and summary."""
    began = time.perf_counter()
    count = 0
    if name == "wandb":
        import wandb

        api = wandb.Api()
        assert api.viewer.username  # both are connected before the clock starts
        began = time.perf_counter()
        for run in api.runs(project, per_page=500, lazy=False):
            count += bool(run.config and dict(run.summary_metrics))
    else:
        from asyncwb.sync import Api

        ours = Api()
        assert ours.viewer.username
        began = time.perf_counter()
        for run in ours.runs(project, per_page=500):
            count += bool(run.config and run.summary_metrics)
    return {"runs": count, "total_s": time.perf_counter() - began}


def export_runs(name: str, project: str) -> dict[str, float]:
    """Write the history of every run of a project as Parquet."""
    before = peak_mb()
    if name == "wandb":
        return _export_by_wandb(project)
    import pyarrow.parquet  # noqa: F401 - both sides have it imported before the clock starts

    import asyncwb

    async def export() -> Any:
        return await asyncwb.export(asyncwb.Api().runs(project, per_page=500), "out", "parquet")

    began = time.perf_counter()
    result = asyncio.run(export())
    took = time.perf_counter() - began
    return {
        "runs": result.runs,
        "rows": result.rows,
        "total_s": took,
        "grown_mb": peak_mb() - before,
    }


def _export_by_wandb(project: str) -> dict[str, float]:
    """The loop that a user writes: eight threads, a scan and a file per run."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import wandb

    api = wandb.Api()
    began = time.perf_counter()
    runs = list(api.runs(project, per_page=500, lazy=False))
    Path("out").mkdir()

    def one(run: Any) -> int:
        rows = list(run.scan_history())
        pq.write_table(pa.Table.from_pylist(rows), f"out/{run.id}.parquet", compression="zstd")
        return len(rows)

    with ThreadPoolExecutor(8) as pool:
        rows = sum(pool.map(one, runs))
    table = [{"id": r.id, **r.config, **dict(r.summary_metrics)} for r in runs]
    pq.write_table(pa.Table.from_pylist(table), "out/runs.parquet")
    return {"runs": len(runs), "rows": rows, "total_s": time.perf_counter() - began}


def local_to_pandas(folder: str) -> dict[str, float]:
    """A run of this machine to a DataFrame, load of the run included and apart."""
    import pandas  # noqa: F401 - its import is not what is measured

    from asyncwb.sync import Api

    began = time.perf_counter()
    run = Api(local=folder).run("local")
    loaded = time.perf_counter()
    frame = run.scan_history().to_pandas()
    done = time.perf_counter()
    return {
        "rows": len(frame), "columns": len(frame.columns), "load_s": loaded - began,
        "read_s": done - loaded, "total_s": done - began, "peak_mb": peak_mb(),
    }  # fmt: skip


def write_local(rows: int) -> dict[str, float]:
    """An offline run of 22 floats a row, 25 columns with the reserved ones."""
    import asyncwb.sync

    made = [{f"metric_{i:02d}": step * 0.37 + i / 7 for i in range(22)} for step in range(1000)]
    run = asyncwb.sync.init(
        project="bench", id="local", mode="offline", dir=os.environ["BENCH_DIR"]
    )
    for _ in range(rows // 1000):
        for row in made:
            run.log(row)
    run.finish()
    return {"rows": rows}
