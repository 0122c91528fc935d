"""Automations: kept, listed and changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, select, update

from asyncwb.server.automations.acting import (
    check_artifact_filter,
    check_run_filter,
    forget_runs,
)
from asyncwb.server.automations.conditions import (
    ARTIFACT_EVENTS,
    METRIC_EVENTS,
    RUN_STATE,
    metric_condition,
    state_condition,
)
from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.problems import Problem, conflict, invalid, not_found

from .accounts import entity_for, entity_query
from .automation_tables import automations
from .collections import collection_by_id
from .policy import check_writable, may_change, read_only, visible_project
from .projects import owned_project
from .rows import insert_row
from .tables import entities, projects

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from .accounts import User

__all__ = [
    "CHANNEL",
    "automation_by_id",
    "create_automation",
    "delete_automation",
    "list_automations",
    "update_automation",
]

CHANNEL = "alerts"
"""Where notifications of an entity go: into the alerts of its projects."""

_CONFIGS = {"NO_OP": "noOpActionInput", "NOTIFICATION": "notificationActionInput"}
_LONGEST = 255


def _query(user: User) -> Any:
    """Automations that a user can see."""
    return (
        select(automations, entities.c.name.label("entity_name"))
        .join(entities, entities.c.id == automations.c.entity_id)
        .outerjoin(projects, projects.c.id == automations.c.project_id)
        .where(visible_project(user))
    )


def automation_by_id(connection: Connection, user: User, automation_id: int) -> Any:
    """An automation by row id.

    Raises:
        Problem: It does not exist, or the user cannot see it (404).
    """
    query = _query(user).where(automations.c.id == automation_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise not_found("automation not found")
    return row


def list_automations(
    connection: Connection,
    user: User,
    condition: ColumnElement[bool],
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Any]:
    """Automations in the order in which they were made.

    Args:
        connection: A connection.
        user: Who asks.
        condition: Which: one on columns of `automations`.
        after: Row id of the last one seen.
        limit: Number at most.
    """
    query = _query(user).where(condition, automations.c.id > after).order_by(automations.c.id)
    return list(connection.execute(query.limit(limit)).mappings())


def create_automation(connection: Connection, user: User, values: dict[str, Any]) -> int:
    """Add an automation as `createFilterTrigger` asks; returns its row id.

    Raises:
        Problem: Something that is none, or that this server cannot do (400), a scope that is not
            there (404), no access (403), or the entity has one of this name (409).
    """
    place = _place(connection, user, values["scopeType"], values["scopeID"])
    columns: dict[str, Any] = {
        **place,
        "name": _name(values["name"]),
        "description": values.get("description"),
        "enabled": values["enabled"],
        **_event(values["triggeringEventType"], values["eventFilter"], place),
        **_action(values["triggeredActionType"], values["triggeredActionConfig"], place),
    }
    _check_free(connection, columns["entity_id"], columns["name"])
    return insert_row(connection, automations, **columns, user_id=user.id, created_at=time.time())


def update_automation(connection: Connection, user: User, values: dict[str, Any]) -> int:
    """Change an automation as `updateFilterTrigger` asks; null leaves a column alone.

    Returns:
        Its row id.

    Raises:
        Problem: As for `create_automation`; there is no such automation (404).
    """
    row = _own(connection, user, values["id"])
    place = {key: row[key] for key in ("entity_id", "project_id", "collection_id")}
    if values.get("scopeID") is not None:
        place = _place(connection, user, values.get("scopeType") or "", values["scopeID"])
    event = values.get("triggeringEventType") or row["event"]
    text = values.get("eventFilter")
    changes = {
        **place,
        **_event(event, row["filter"] if text is None else text, place),
        "description": values.get("description"),
        "enabled": values.get("enabled"),
    }
    if values.get("triggeredActionConfig") is not None:
        kind = values.get("triggeredActionType") or row["action"]
        changes.update(_action(kind, values["triggeredActionConfig"], place))
    elif place["entity_id"] != row["entity_id"] and row["action"] == "NOTIFICATION":
        raise invalid("a notification goes to an integration of the entity: name one, too")
    name = row["name"] if values.get("name") is None else _name(values["name"])
    if (name, place["entity_id"]) != (row["name"], row["entity_id"]):
        _check_free(connection, place["entity_id"], name)
    changes["name"] = name
    if (changes["event"], changes["filter"]) != (row["event"], row["filter"]):
        forget_runs(connection, row["id"])
    kept = ("project_id", "collection_id")
    connection.execute(
        update(automations)
        .where(automations.c.id == row["id"])
        .values(
            **{key: value for key, value in changes.items() if value is not None or key in kept},
            updated_at=time.time(),
        )
    )
    return int(row["id"])


def delete_automation(connection: Connection, user: User, trigger_id: str) -> None:
    """Remove an automation.

    Raises:
        Problem: There is none that the user can see (404), or they may not change it (403).
    """
    row = _own(connection, user, trigger_id)
    connection.execute(delete(automations).where(automations.c.id == row["id"]))


def _own(connection: Connection, user: User, trigger_id: str) -> Any:
    row = automation_by_id(connection, user, parse_id("Trigger", trigger_id))
    if row["project_id"] is not None:
        check_writable(connection, user, row["project_id"])
    elif not may_change(connection, user, row["entity_id"]):
        raise read_only()
    return row


def _place(connection: Connection, user: User, kind: str, scope: str) -> dict[str, Any]:
    """The columns of a scope that the user may change."""
    match kind:
        case "PROJECT":
            found = owned_project(connection, user, parse_id("Project", scope))
            place = (found["entity_id"], found["id"], None)
        case "ARTIFACT_COLLECTION":
            found = collection_by_id(connection, user, parse_id("ArtifactCollection", scope))
            place = (found["entity_id"], found["project_id"], found["id"])
        case "ENTITY":
            query = entity_query().where(entities.c.id == parse_id("Entity", scope))
            found = connection.execute(query).first()
            if found is None:
                raise not_found("entity not found")
            try:
                entity_for(connection, user, found.name)
            except Problem as exc:
                # its name is not to be learned by its number
                raise not_found("entity not found") if exc.status == 404 else exc  # noqa: B904
            place = (found.id, None, None)
        case _:
            raise invalid(f"unknown scope {kind!r} of an automation")
    if place[1] is not None:
        check_writable(connection, user, place[1])
    return dict(zip(("entity_id", "project_id", "collection_id"), place, strict=True))


def _name(name: str) -> str:
    if not 0 < len(name.strip()) <= _LONGEST or len(name) > _LONGEST:
        raise invalid(f"the name of an automation has 1 to {_LONGEST} characters")
    return name


def _check_free(connection: Connection, entity_id: int, name: str) -> None:
    taken = select(automations.c.id).where(
        automations.c.entity_id == entity_id, automations.c.name == name
    )
    if connection.execute(taken).first() is not None:
        raise conflict(f"an automation {name!r} exists already")


def _event(event: str, text: str, place: dict[str, Any]) -> dict[str, Any]:
    if event in METRIC_EVENTS:
        check_run_filter(metric_condition(event, text).run_filter)
    elif event == RUN_STATE:
        check_run_filter(state_condition(text).run_filter)
    elif event in ARTIFACT_EVENTS:
        check_artifact_filter(text)
    else:
        raise invalid(f"this server has no events {event}")
    if event not in ARTIFACT_EVENTS and place["collection_id"] is not None:
        raise invalid(f"{event} is an event of a project or an entity, not of a collection")
    return {"event": event, "filter": text}


def _action(kind: str, configs: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    if kind not in _CONFIGS:
        raise invalid(f"this server has no actions {kind}; there are {' and '.join(_CONFIGS)}")
    config = configs.get(_CONFIGS[kind])
    if config is None:
        raise invalid(f"an action {kind} is described by {_CONFIGS[kind]}")
    if kind == "NOTIFICATION" and config["integrationID"] != make_id(
        "SlackIntegration", place["entity_id"]
    ):
        raise not_found("the entity has no integration of this id for notifications")
    return {"action": kind, "action_config": msgspec.json.encode(config).decode()}
