"""`scan_history` against the wandb package on the same server, with and without a round trip.

Usage: python -m benchmarks.scan [--rows 100000] [--rtt-ms 0 40] [--rounds 5]

The rows are put on the server with plain requests, so that only the reading side is measured.
Every round reads with each client once, in a fresh process; the figures are medians.
"""

from __future__ import annotations

import argparse
import base64
import json
import urllib.request
from typing import Any

from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.delay import DelayProxy
from benchmarks.harness import interleave

CLIENTS = ["wandb", "asyncwb", "asyncwb-async"]
_LINES = 5_000
_UPSERT = """mutation Seed($entity: String, $project: String, $name: String) {
  upsertBucket(input: {entityName: $entity, modelName: $project, name: $name}) { bucket { id } }
}"""


def post(server: LocalServer, path: str, body: dict[str, Any]) -> Any:
    token = base64.b64encode(f"api:{server.api_key}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def fill(server: LocalServer, rows: int) -> str:
    """Put a run of ten floats a row on the server; returns its path."""
    variables = {"entity": server.entity, "project": "bench", "name": "scanned"}
    post(server, "/graphql", {"query": _UPSERT, "variables": variables})
    path = f"{server.entity}/bench/scanned"
    for start in range(0, rows, _LINES):
        lines = [
            json.dumps(
                {
                    "_step": step,
                    "_timestamp": 1.7e9 + step,
                    "_runtime": step * 0.01,
                    **{f"metric_{i}": step * 0.37 + i / 7 for i in range(10)},
                }
            )
            for step in range(start, min(rows, start + _LINES))
        ]
        content = {"wandb-history.jsonl": {"offset": start, "content": lines}}
        post(server, f"/files/{path}/file_stream", {"files": content})
    post(server, f"/files/{path}/file_stream", {"complete": True, "exitcode": 0})
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rtt-ms", type=float, nargs="*", default=[0.0, 40.0])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with local_server() as server:
        path = fill(server, asked.rows)
        for round_trip in asked.rtt_ms:
            with DelayProxy(server.url, round_trip=round_trip / 1000) as proxy:
                url = proxy.url if round_trip else server.url
                env = {**server.env, "WANDB_BASE_URL": url}
                got = interleave(CLIENTS, "scan", path, rounds=asked.rounds, env=env)
            for name in CLIENTS:
                if got[name]["rows"] != asked.rows:
                    raise SystemExit(f"{name} read {got[name]['rows']:.0f} of {asked.rows} rows")
            theirs, *ours = (got[name]["total_s"] for name in CLIENTS)
            for face, seconds in zip(("blocking", "awaited"), ours, strict=True):
                print(
                    f"{asked.rows:,} rows, {round_trip:.0f} ms round trip, {face}: wandb "
                    f"{theirs:.2f} s, asyncwb {seconds:.2f} s, ratio {theirs / seconds:.1f}x",
                    flush=True,
                )


if __name__ == "__main__":
    main()
