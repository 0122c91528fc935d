"""Run the benchmarks: `python -m benchmarks [NAME ...] [--rounds N] [--rtt-ms 40] [--write]`.

Every figure is a median of interleaved rounds in fresh processes, against wandb on the same
machine in the same run. `--write` puts the tables into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from asyncwb.testing import local_server
from benchmarks import (
    artifact_tables,
    heartbeat,
    kills,
    media,
    page,
    reading_tables,
    serving,
    tables,
    watch,
)
from benchmarks.harness import ROOT, Result, Table, interleave, measure, times


def bench_import(rounds: int) -> Table:
    table = Table("Import over an empty start", "nox -s bench -- import")

    def once(statement: str) -> float:
        began = time.perf_counter()
        env = {"PYTHONPATH": str(ROOT / "src")}
        subprocess.run([sys.executable, "-c", statement], check=True, cwd="/", env=env)
        return (time.perf_counter() - began) * 1000

    statements = {
        "empty": "",
        "wandb": "import wandb",
        "asyncwb": "import asyncwb",
        "asyncwb.sync": "import asyncwb.sync",
    }
    seen: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(max(5, rounds * 2)):
        for name, statement in statements.items():
            seen[name].append(once(statement))
    middle = {name: statistics.median(values) for name, values in seen.items()}
    wandb = middle["wandb"] - middle["empty"]
    for name in ("asyncwb", "asyncwb.sync"):
        ours = middle[name] - middle["empty"]
        goal = "<= 60 ms"
        table.add(f"`import {name}`", f"{wandb:.0f} ms", f"{ours:.1f} ms", times(wandb, ours), goal)
    return table


def bench_init(rounds: int) -> Table:
    table = Table("Offline init", "nox -s bench -- init")
    got = interleave(["wandb", "asyncwb"], "init", rounds=rounds)
    wandb, ours = got["wandb"]["init_ms"], got["asyncwb"]["init_ms"]
    table.add(
        "first `init(mode=offline)`", f"{wandb:.0f} ms", f"{ours:.1f} ms", times(wandb, ours),
        "<= 15 ms",
    )  # fmt: skip
    return table


def bench_log(rounds: int) -> Table:
    table = Table("`log` of ten floats, 20,000 rows, offline", "nox -s bench -- log")
    got = interleave(["wandb", "asyncwb", "asyncwb-async"], "log", "20000", rounds=rounds)
    wandb, sync, awaited = got["wandb"], got["asyncwb"], got["asyncwb-async"]

    def pair(result: Result) -> str:
        return f"{result['p50_us']:.1f} / {result['p99_us']:.1f} us"

    ratio = f"{times(wandb['p50_us'], sync['p50_us'])} / {times(wandb['p99_us'], sync['p99_us'])}"
    table.add("p50 / p99, blocking face", pair(wandb), pair(sync), ratio, "<= 8 / 30 us")
    table.add(
        "p50 / p99, awaited", pair(wandb), pair(awaited),
        times(wandb["p50_us"], awaited["p50_us"]), "<= 10 us",
    )  # fmt: skip
    table.add(
        "rows/s, `finish` included", f"{wandb['rows_per_s']:,.0f}", f"{sync['rows_per_s']:,.0f}",
        times(sync["rows_per_s"], wandb["rows_per_s"]), ">= 60,000",
    )  # fmt: skip
    table.add(
        "journal", f"{wandb['journal_mb']:.1f} MB", f"{sync['journal_mb']:.1f} MB",
        times(wandb["journal_mb"], sync["journal_mb"]), "<= 9 MB",
    )  # fmt: skip
    return table


def bench_metrics(rounds: int) -> Table:
    table = Table(
        "`log` of ten floats with `define_metric`: a step value, four statistics of each",
        "nox -s bench -- metrics",
    )
    got = interleave(["wandb", "asyncwb"], "metrics", "20000", rounds=rounds)
    wandb, ours = got["wandb"], got["asyncwb"]
    table.add(
        "p50 / p99", f"{wandb['p50_us']:.1f} / {wandb['p99_us']:.1f} us",
        f"{ours['p50_us']:.1f} / {ours['p99_us']:.1f} us",
        f"{times(wandb['p50_us'], ours['p50_us'])} / {times(wandb['p99_us'], ours['p99_us'])}",
        "<= 10 us (p50)",
    )  # fmt: skip
    table.add(
        "rows/s, `finish` included", f"{wandb['rows_per_s']:,.0f}", f"{ours['rows_per_s']:,.0f}",
        times(ours["rows_per_s"], wandb["rows_per_s"]), "",
    )  # fmt: skip
    return table


def bench_online(rounds: int) -> Table:

    table = Table(
        "Online against the embedded server, 100,000 rows of ten floats, `finish` included",
        "nox -s bench -- online",
    )
    with local_server() as server:
        got = interleave(
            ["wandb", "asyncwb"], "batches", "100000", rounds=max(1, rounds // 2), env=server.env
        )
    wandb, ours = got["wandb"], got["asyncwb"]
    table.add(
        "rows/s", f"{wandb['rows_per_s']:,.0f}", f"{ours['rows_per_s']:,.0f}",
        times(ours["rows_per_s"], wandb["rows_per_s"]), ">= 4x",
    )  # fmt: skip
    table.add(
        "CPU of the process tree", f"{wandb['cpu_s']:.1f} s", f"{ours['cpu_s']:.1f} s",
        times(wandb["cpu_s"], ours["cpu_s"]), ">= 3x less",
    )  # fmt: skip
    return table


def bench_stalled(_rounds: int) -> Table:
    from benchmarks.silent import silent_server

    table = Table(
        "1,000,000 rows to a server that accepts and never answers", "nox -s bench -- stalled"
    )
    with silent_server() as url:
        env = {
            "WANDB_BASE_URL": url,
            "WANDB_API_KEY": "0" * 40,
            "WANDB_INIT_TIMEOUT": "1",
        }
        ours = measure("asyncwb", "stalled", "1000000", env=env)
    table.add("peak memory above import", "-", f"{ours['above_import_mb']:.1f} MB", "-", "<= 60 MB")
    return table


def bench_many(_rounds: int) -> Table:
    from asyncwb import sync

    table = Table("200 live runs in one process, 1,000 rows each", "nox -s bench -- many")
    with local_server() as server:
        ours = measure("asyncwb-async", "many", "200", env={**server.env, "ASYNCWB_HTTP2": "h2c"})
        os.environ.update(server.env)
        api = sync.Api()
        delivered = sum(
            sum(1 for _ in api.run(f"{server.entity}/many/many{i:04d}").scan_history(["_step"]))
            for i in range(200)
        )
    table.add("rows delivered", "-", f"{delivered:,} of 200,000", "-", "all")
    table.add("connections at most", "-", f"{ours['connections']:.0f}", "-", "1")
    table.add("rows/s, `init` and `finish` included", "-", f"{ours['rows_per_s']:,.0f}", "-", "")
    return table


def bench_idle(_rounds: int) -> Table:

    table = Table(
        "1,000 live runs in one process that log nothing, with system metrics",
        "nox -s bench -- idle",
    )
    with local_server() as server:
        ours = measure("asyncwb-async", "idle", "1000", env={**server.env, "ASYNCWB_HTTP2": "h2c"})
    table.add("memory per run", "-", f"{ours['kb_per_run']:.0f} KB", "-", "<= 60 KB")
    table.add("open files per run", "-", f"{ours['files_per_run']:.2f}", "-", "1")
    table.add("samplers", "-", f"{ours['samplers']:.0f}", "-", "1")
    table.add("requests, all runs together", "-", f"{ours['requests_per_s']:.1f}/s", "-", "")
    table.add("CPU of one core, client", "-", f"{ours['cpu_percent']:.1f} %", "-", "")
    took = f"{ours['sample_ms']:.2f} / {ours['sample_max_ms']:.2f} ms"
    table.add("CPU of one sample, median / worst of 100", "-", took, "-", "<= 5 ms")
    return table


def bench_heartbeat(rounds: int) -> Table:
    table = Table(
        "Worst lateness of a 1 ms heartbeat of the caller's event loop, 20,000 rows",
        "nox -s bench -- heartbeat",
    )
    heartbeat.fill(table, rounds, measure)
    return table


def bench_tables(rounds: int) -> Table:
    title = f"A table of {tables.ROWS:,} x {tables.COLUMNS}: floats, integers, texts; offline"
    table = Table(title, "nox -s bench -- tables")
    tables.fill(table, rounds)
    return table


def bench_watch(rounds: int) -> Table:
    table = Table(
        "`watch` of a model of 10 million parameters, `log_freq=100`: added to a training step",
        "nox -s bench -- watch",
    )
    watch.fill(table, turns=2 * rounds)
    return table


def bench_media(rounds: int) -> Table:
    table = Table("Media", "nox -s bench -- media")
    media.fill(table, rounds)
    return table


def bench_console(rounds: int) -> Table:
    table = Table(
        "A `print` of one line while it is captured, 100,000 lines", "nox -s bench -- console"
    )
    got = interleave(["wandb", "asyncwb"], "console", "100000", rounds=max(1, rounds // 2))
    wandb, ours = got["wandb"], got["asyncwb"]
    for what, key, goal in (
        ("added to a line, median", "added_us", "<= 5 us"),
        ("a line, p99", "p99_us", ""),
    ):
        table.add(
            what, f"{wandb[key]:.1f} us", f"{ours[key]:.1f} us", times(wandb[key], ours[key]), goal
        )
    return table


def bench_kills(_rounds: int) -> Table:
    table = Table("Rows lost on kill -9 right after the last `log` returned", kills.COMMAND)
    wandb = kills.wandb_loss(5000)
    ours = kills.asyncwb_loss(200)
    table.add(
        "lost", f"{wandb.lost} of {wandb.logged:,}",
        f"{ours.lost} of {ours.logged:,} in {ours.kills} kills", "-", "0",
    )  # fmt: skip
    table.add("rows twice after recovery", "-", str(ours.twice), "-", "0")
    table.add("rows missing after recovery", "-", str(ours.missing), "-", "0")
    return table


def bench_artifacts(rounds: int) -> list[Table]:
    command = artifact_tables.COMMAND
    small = Table("Artifacts of many small files, up and down", command)
    large = Table("An artifact of one file of 2 GiB, up and down", command)
    artifact_tables.fill(small, large, rounds)
    return [small, large]


def machine() -> str:
    model = "unknown CPU"
    try:
        with open("/proc/cpuinfo") as file:
            found = re.search(r"model name\s*:\s*(.+)", file.read())
            model = found.group(1) if found else model
    except OSError:
        model = platform.processor()
    when = datetime.now(UTC).date().isoformat()
    return f"{when}, {os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def write(tables: list[Table]) -> None:
    """Replace each table of the same title in docs/benchmarks.md, append the new ones."""
    path = ROOT / "docs" / "benchmarks.md"
    text = path.read_text()
    for table in tables:
        section = table.markdown() + f"\nMeasured {machine()}.\n"
        pattern = re.compile(re.escape(f"### {table.title}\n") + r".*?(?=\n#|\Z)", re.DOTALL)
        text = (
            pattern.sub(lambda _, s=section: s, text)
            if pattern.search(text)
            else text.rstrip() + "\n\n" + section
        )
    path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rtt-ms", type=float, default=40)
    parser.add_argument("--write", action="store_true")
    suites: dict[str, Callable[[int], Table | list[Table]]] = {
        "artifacts": bench_artifacts,
        "import": bench_import,
        "init": bench_init,
        "log": bench_log,
        "metrics": bench_metrics,
        "online": bench_online,
        "stalled": bench_stalled,
        "scan": lambda rounds: reading_tables.scan_table(rounds, parser.parse_args().rtt_ms),
        "list": reading_tables.list_table,
        "search": lambda _: reading_tables.search_table(),
        "export": reading_tables.export_table,
        "local": lambda _: reading_tables.local_table(),
        "many": bench_many,
        "idle": bench_idle,
        "kills": bench_kills,
        "console": bench_console,
        "heartbeat": bench_heartbeat,
        "tables": bench_tables,
        "watch": bench_watch,
        "media": bench_media,
        "ingest": lambda _: serving.ingest_table(),
        "charts": lambda _: serving.charts_table(),
        "page": lambda _: page.page_tables(),
        "starts": lambda rounds: serving.starts_table(2 * rounds),
    }
    parser.add_argument("names", nargs="*", choices=[*suites, []])
    options = parser.parse_args()
    tables: list[Table] = []
    for name in options.names or suites:
        print(name, flush=True)
        made = suites[name](options.rounds)
        tables += made if isinstance(made, list) else [made]
    print("\n" + "\n".join(table.markdown() for table in tables))
    if options.write:
        write(tables)


if __name__ == "__main__":
    main()
