"""Tables of the read side: scans, listings, searches, exports and local runs."""

from __future__ import annotations

import tempfile

from asyncwb.testing import local_server
from asyncwb.testing.delay import DelayProxy
from benchmarks import reading, searching
from benchmarks.harness import Result, Table, interleave, measure, times

LISTED = 5_000
SEARCHED = 50_000
EXPORTED = 1_000


def scan_table(rounds: int, rtt_ms: float) -> Table:
    table = Table("`scan_history` of 100,000 rows of ten floats", "nox -s bench -- scan")
    clients = ["wandb", "asyncwb", "asyncwb-async"]
    with local_server() as server:
        env = {**server.env, "WANDB_RUN_ID": "scanme"}
        measure("asyncwb", "batches", "100000", env=env)
        path = f"{server.entity}/bench/scanme"
        for label, delay, goal in (("loopback", 0.0, 3), (f"{rtt_ms:.0f} ms", rtt_ms, 10)):
            with DelayProxy(server.url, round_trip=delay / 1000) as proxy:
                url = server.url if not delay else proxy.url
                got = interleave(
                    clients, "scan", path, rounds=max(1, rounds // 2),
                    env={**server.env, "WANDB_BASE_URL": url},
                )  # fmt: skip
            wandb = got["wandb"]
            for name in clients[1:]:
                ours = got[name]
                if ours["rows"] != 100_000:
                    raise RuntimeError(f"{name} read {ours['rows']} rows")
                face = "awaited" if name.endswith("async") else "blocking"
                table.add(
                    f"{label} round trip, {face}", f"{wandb['total_s']:.2f} s",
                    f"{ours['total_s']:.2f} s", times(wandb["total_s"], ours["total_s"]),
                    f">= {goal}x",
                )  # fmt: skip
    return table


def list_table(rounds: int) -> Table:
    table = Table(f"List {LISTED:,} runs with config and summary", "nox -s bench -- list")
    with local_server() as server:
        reading.fill_runs(server, "listed", LISTED, 0)
        got = interleave(
            ["wandb", "asyncwb"], "list", f"{server.entity}/listed",
            rounds=max(1, rounds // 2), env=server.env,
        )  # fmt: skip
    _compare(table, "wall time", got, "total_s", ">= 3x")
    _compare(table, "CPU of the client, imports included", got, "cpu_s", "")
    return table


def search_table() -> Table:
    table = Table(
        f"A page of 50 out of {SEARCHED:,} runs: filter on `config.lr`, order by "
        "`summary_metrics.loss`",
        "nox -s bench -- search",
    )
    with local_server() as server:
        searching.fill(server, "searched", SEARCHED)
        got = searching.search(server, "searched", SEARCHED // 500)
    for what, key, goal in (
        (f"a page, p50 of {SEARCHED // 500}", "page_s", "<= 50 ms"),
        ("the slowest of them", "slowest_s", ""),
        ("CPU of the server for a page", "cpu_s", ""),
        (f"the count of {got['matches']:,.0f} matches", "count_s", ""),
        ("the first page ever, which makes the indexes", "first_s", ""),
    ):
        table.add(what, "-", f"{got[key] * 1000:.1f} ms", "-", goal)
    return table


def export_table(rounds: int) -> Table:
    table = Table(
        f"Export of {EXPORTED:,} runs of 1,000 rows of ten floats to Parquet, beside a loop over "
        "`scan_history` with 8 threads",
        "nox -s bench -- export",
    )
    with local_server() as server:
        reading.fill_runs(server, "exported", EXPORTED, 1000)
        got = interleave(
            ["wandb", "asyncwb"], "export", f"{server.entity}/exported",
            rounds=max(1, rounds // 2), env=server.env,
        )  # fmt: skip
    for name, result in got.items():
        if result["rows"] != EXPORTED * 1000:
            raise RuntimeError(f"{name} exported {result['rows']} rows")
    _compare(table, "wall time, server on the same two cores", got, "total_s", ">= 10x")
    _compare(table, "CPU of the client, imports included", got, "cpu_s", "")
    return table


def local_table() -> Table:
    table = Table(
        "`Api(local=...)`: 1,000,000 rows of 25 columns to pandas", "nox -s bench -- local"
    )
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as folder:
        measure("asyncwb", "write-local", "1000000", env={"BENCH_DIR": folder})
        ours = measure("asyncwb", "local", folder)
    if (ours["rows"], ours["columns"]) != (1_000_000, 25):
        raise RuntimeError(f"read {ours}")
    table.add("`to_pandas()`", "-", f"{ours['read_s']:.1f} s", "-", "<= 4 s")
    table.add("`api.run()` before it", "-", f"{ours['load_s']:.1f} s", "-", "")
    table.add("CPU of both, imports included", "-", f"{ours['cpu_s']:.1f} s", "-", "")
    table.add("peak memory", "-", f"{ours['peak_mb']:.0f} MB", "-", "")
    return table


def _compare(table: Table, what: str, got: dict[str, Result], key: str, goal: str) -> None:
    wandb, ours = got["wandb"][key], got["asyncwb"][key]
    table.add(what, f"{wandb:.1f} s", f"{ours:.1f} s", times(wandb, ours), goal)
