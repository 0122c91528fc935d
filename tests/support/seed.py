"""Runs put on a server with plain requests, so that reading is tested without our writing side."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.testing import LocalServer

_UPSERT = """mutation Seed(
  $entity: String, $project: String, $name: String, $displayName: String, $config: JSONString,
  $tags: [String!], $group: String, $state: String
) {
  upsertBucket(input: {
    entityName: $entity, modelName: $project, name: $name, displayName: $displayName,
    config: $config, tags: $tags, groupName: $group, state: $state
  }) { bucket { id } }
}"""


def post(server: LocalServer, path: str, body: dict[str, Any]) -> Any:
    token = base64.b64encode(f"api:{server.api_key}".encode()).decode()
    request = urllib.request.Request(
        server.url + path,
        json.dumps(body).encode(),
        {"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"{}")


def seed(
    server: LocalServer,
    project: str,
    run_id: str,
    *,
    rows: Sequence[dict[str, Any]] = (),
    config: dict[str, Any] | None = None,
    summary: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    group: str | None = None,
    finished: bool = True,
) -> None:
    """Make a run with these rows, in the order given."""
    wrapped = {key: {"value": value, "desc": None} for key, value in (config or {}).items()}
    answer = post(
        server,
        "/graphql",
        {
            "query": _UPSERT,
            "variables": {
                "entity": server.entity,
                "project": project,
                "name": run_id,
                "displayName": f"run {run_id}",
                "config": json.dumps(wrapped),
                "tags": list(tags),
                "group": group,
            },
        },
    )
    assert not answer.get("errors"), answer
    stream = f"/files/{server.entity}/{project}/{run_id}/file_stream"
    for start in range(0, len(rows), 5_000):
        lines = [json.dumps(row) for row in rows[start : start + 5_000]]
        history = {"offset": start, "content": lines}
        post(server, stream, {"files": {"wandb-history.jsonl": history}})
    last: dict[str, Any] = {"files": {}}
    if summary is not None:
        last["files"]["wandb-summary.json"] = {"offset": 0, "content": [json.dumps(summary)]}
    if finished:
        last |= {"complete": True, "exitcode": 0}
    post(server, stream, last)
