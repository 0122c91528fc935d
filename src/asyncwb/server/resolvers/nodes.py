"""GraphQL objects from table rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.server.ids import iso, make_id
from asyncwb.server.jsontext import decode, encode

if TYPE_CHECKING:
    from .context import Node

__all__ = [
    "described_keys",
    "entity_node",
    "file_node",
    "named_entity",
    "named_project",
    "project_node",
    "run_node",
    "system_values",
    "user_node",
]

Row = Mapping[str, Any]


def entity_node(row: Any) -> Node:
    """An entity from a row of `accounts.entity_query`."""
    kind = "organization" if row.organization_id is not None else "team"
    if row.user_id is not None:
        kind = "user"
    return {
        "_id": row.id,
        "_user_id": row.user_id,
        "id": make_id("Entity", row.id),
        "name": row.name,
        "available": False,
        "readOnly": False,
        "readOnlyAdmin": False,
        "isTeam": kind == "team",
        "entityType": kind,
        "privateOnly": False,
        "codeSavingEnabled": True,
        "defaultAccess": "PRIVATE",
        "isPaid": False,
    }


def user_node(user: Any) -> Node:
    """A user from a `User`."""
    return {
        "_id": user.id,
        "id": make_id("User", user.id),
        "name": user.name,
        "username": user.username,
        "email": user.email,
        "admin": user.admin,
        "flags": '{"code_saving_enabled": true}',
        "entity": user.entity,
    }


def project_node(row: Row) -> Node:
    """A project from a row of `projects.project_query`."""
    return {
        "_id": row["id"],
        "_user_id": row["user_id"],
        "_entity_id": row["entity_id"],
        "id": make_id("Project", row["id"]),
        "internalId": make_id("ProjectInternalId", row["id"]),
        "name": row["name"],
        "entityName": row["entity_name"],
        "description": row["description"] or "",
        "access": row["access"],
        "views": row["views"] or "{}",
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "isBenchmark": False,
        "readOnly": not row["may_change"],
    }


def named_project(row: Row) -> Node:
    """A project that the user cannot see, of which the name may be told: it has nothing inside."""
    hidden = {"_id": None, "_user_id": None, "description": "", "views": "{}", "access": None}
    return {**project_node(row), **hidden}


def named_entity(row: Any) -> Node:
    """An entity that the user cannot see, of which the name may be told: it has nothing inside."""
    return {**entity_node(row), "_id": None, "_user_id": None}


def run_node(row: Row) -> Node:
    """A run from a row of `runs.run_query`."""
    state: str = row["state"]
    return {
        "_id": row["id"],
        "_row": row,
        "id": make_id("Run", row["id"]),
        "name": row["name"],
        "displayName": row["display_name"],
        "projectId": row["project_id"],
        "state": state,
        "tags": msgspec.json.decode(row["tags"]),
        "group": row["group_name"],
        "jobType": row["job_type"],
        "commit": row["commit"],
        "config": row["config"],
        "summaryMetrics": row["summary"],
        "description": row["description"],
        "notes": row["notes"],
        "readOnly": not row["may_change"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "heartbeatAt": iso(row["heartbeat_at"]),
        "sweepName": row["sweep_name"],
        "historyLineCount": row["history_lines"],
        "eventsLineCount": row["events_lines"],
        "logLineCount": row["log_lines"],
        "exitcode": row["exitcode"],
        "stopped": bool(row["stop_requested"]),
        "shouldStop": bool(row["stop_requested"]),
        "failed": state == "failed",
        "running": state == "running",
        # what listings ask of a run's user; the rest is looked up
        "user": {
            "_id": row["user_id"],
            "id": make_id("User", row["user_id"]),
            "name": row["user_name"],
            "username": row["username"],
        },
    }


def described_keys(run: Node, text: str) -> Node:
    """What `historyKeys` says of a run, from the stored text."""
    keys: dict[str, dict[str, int]] = decode(text)
    return {
        "lastStep": run["_row"]["last_step"],
        "sets": [],
        "keys": {
            key: {"typeCounts": [{"type": kind, "count": n} for kind, n in types.items()]}
            for key, types in keys.items()
        },
    }


def system_values(line: str | None) -> str | None:
    """What `systemMetrics` says of a run, from its last line of events."""
    if line is None:
        return None
    row = decode(line)
    return encode({key: value for key, value in row.items() if key.startswith("system.")})


def file_node(row: Row, run: Row) -> Node:
    """A file of a run."""
    return {
        "_id": row["id"],
        "_run": run,
        "id": make_id("File", row["id"]),
        "name": row["name"],
        "displayName": row["name"],
        "sizeBytes": row["size"],
        "mimetype": row["mimetype"],
        "updatedAt": iso(row["updated_at"]),
        "md5": row["md5"],
        "digest": row["md5"],
        "uploadHeaders": [],
    }
