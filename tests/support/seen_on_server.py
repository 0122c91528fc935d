"""What a server has of a run, asked for without the client under test."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncwb.testing import LocalServer


def on_server(
    running: LocalServer, run_id: str, project: str = "matrix"
) -> tuple[str, int | None, list[dict[str, Any]]]:
    """State, exit code and rows of a run."""
    query = (
        f'{{ project(name: "{project}", entityName: "{running.entity}") '
        f'{{ run(name: "{run_id}") {{ state exitcode history }} }} }}'
    )
    key = base64.b64encode(f"api:{running.api_key}".encode()).decode()
    request = urllib.request.Request(
        f"{running.url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Authorization": f"Basic {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        run = json.load(answer)["data"]["project"]["run"]
    return run["state"], run["exitcode"], [json.loads(line) for line in run["history"]]
