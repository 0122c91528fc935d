"""A filter inside of config and an order inside of summary, over many runs of one project.

Requests go straight to the server: what is measured is how long it takes to answer.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asyncwb.testing import LocalServer
from benchmarks.reading import UPSERT
from benchmarks.scan import post

_PAGE = """query Page($entity: String!, $project: String!, $filters: JSONString, $order: String,
    $after: String) {
  project(entityName: $entity, name: $project) {
    runs(filters: $filters, order: $order, first: 50, after: $after) {
      edges { cursor node { name config summaryMetrics } }
    }
  }
}"""
_COUNT = """query Count($entity: String!, $project: String!, $filters: JSONString) {
  project(entityName: $entity, name: $project) { runCount(filters: $filters) }
}"""


def fill(server: LocalServer, project: str, count: int) -> None:
    """Runs with twenty values each in config and summary; every tenth has no loss."""
    draw = random.Random(1)

    def one(number: int) -> None:
        config = {f"p{i}": {"value": draw.random()} for i in range(19)}
        config["lr"] = {"value": draw.random()}
        summary = {f"metric_{i}": draw.random() for i in range(19)}
        if number % 10:
            summary["loss"] = draw.random()
        variables = {
            "entity": server.entity, "project": project, "name": f"run{number:06d}",
            "config": json.dumps(config), "summary": json.dumps(summary),
        }  # fmt: skip
        post(server, "/graphql", {"query": UPSERT, "variables": variables})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(count)))


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def search(server: LocalServer, project: str, pages: int) -> dict[str, float]:
    """Seconds of the first page and count, and of those that follow."""
    asked: dict[str, Any] = {
        "entity": server.entity,
        "project": project,
        "filters": '{"config.lr": {"$gt": 0.5}}',
        "order": "-summary_metrics.loss",
    }

    def timed(query: str, **more: Any) -> tuple[Any, float]:
        began = time.perf_counter()
        answer = post(server, "/graphql", {"query": query, "variables": asked | more})
        return answer["data"]["project"], time.perf_counter() - began

    _, first = timed(_PAGE)
    _, first_count = timed(_COUNT)
    count, counted = timed(_COUNT)
    took: list[float] = []
    seen: list[float] = []
    cursor: str | None = None
    before = cpu_seconds(server.pid)
    for _ in range(pages):
        page, seconds = timed(_PAGE, after=cursor)
        took.append(seconds)
        edges = page["runs"]["edges"]
        cursor = edges[-1]["cursor"]
        seen += [json.loads(edge["node"]["summaryMetrics"])["loss"] for edge in edges]
    if seen != sorted(seen, reverse=True):
        raise RuntimeError("the pages are not in their order")
    return {
        "first_s": first,
        "first_count_s": first_count,
        "count_s": counted,
        "matches": count["runCount"],
        "page_s": statistics.median(took),
        "slowest_s": max(took),
        "cpu_s": (cpu_seconds(server.pid) - before) / pages,
    }
