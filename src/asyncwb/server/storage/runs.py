"""Runs: finding, creating, changing, removing."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Float,
    and_,
    bindparam,
    case,
    delete,
    insert,
    select,
    update,
)

from asyncwb.server.automations.acting import state_changed
from asyncwb.server.ids import parse_id
from asyncwb.server.jsontext import decode, is_object, query_form, unwrap_config
from asyncwb.server.problems import invalid, not_found

from .alerts import insert_alert
from .ingest import summary_columns
from .names import check_name, invent, random_name
from .policy import changed_by, owned_by, read_only, readable, writable
from .projects import DEFAULT_PROJECT, count_runs, project_for
from .rows import insert_row
from .tables import alerts, entities, projects, run_tags, runs, users
from .writers import ENDED, combine_config, join

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .accounts import User

__all__ = ["find_run", "run_for", "run_query", "state_at", "upsert_run"]

_STATES = frozenset(
    ("pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted")
)
# columns that no answer shows as they are; some are as large as the config
_UNSEEN = frozenset(("state", "history_keys", "config_doc", "summary_doc"))
_FORBIDDEN = ":;,#?/'"


def state_at(now: float, crashed_after: float) -> ColumnElement[str]:
    """The state of a run at a moment: one that is silent for too long has crashed."""
    return _state_heard(now - crashed_after)


def _state_heard(since: Any) -> ColumnElement[str]:
    silent = runs.c.heartbeat_at < since
    return case(
        (and_(runs.c.state == "running", silent), "crashed"),
        (and_(runs.c.state == "preempting", silent), "preempted"),
        else_=runs.c.state,
    )


def run_query(user: User, crashed_after: float) -> Any:
    """Runs that a user can see, with project, entity, creator, present state, `may_change`."""
    return _seen_by(user, state_at(time.time(), crashed_after))


def _seen_by(user: User, state: ColumnElement[str]) -> Any:
    return (
        select(
            *(column for column in runs.c if column.name not in _UNSEEN),
            state.label("state"),
            projects.c.name.label("project_name"),
            projects.c.entity_id,
            entities.c.name.label("entity_name"),
            users.c.username,
            users.c.name.label("user_name"),
            writable(user).label("may_change"),
        )
        .join(projects, projects.c.id == runs.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .join(users, users.c.id == runs.c.user_id)
        .where(readable(user))
    )


def find_run(
    connection: Connection,
    user: User,
    entity: str | None,
    project: str,
    name: str,
    crashed_after: float,
    *,
    keys: bool = False,
) -> Any:
    """A run by path, or None; with `history_keys` where asked for."""
    path = {"entity": entity or user.entity, "project": project, "run": name}
    heard = {"heard": time.time() - crashed_after}
    return connection.execute(_by_path(user, keys=keys), path | heard).mappings().first()


@lru_cache(maxsize=256)
def _by_path(user: User, *, keys: bool) -> Any:
    # pages of histories ask for run after run: building this takes longer than running it
    query = _seen_by(user, _state_heard(bindparam("heard", type_=Float))).where(*_PATH)
    return query.add_columns(runs.c.history_keys) if keys else query


_PATH = (
    entities.c.name == bindparam("entity"),
    projects.c.name == bindparam("project"),
    runs.c.name == bindparam("run"),
)
# every file-stream request begins with one of these: they are built once
_RUN_OF_ANY = (
    select(runs.c.id)
    .join(projects, projects.c.id == runs.c.project_id)
    .join(entities, entities.c.id == projects.c.entity_id)
    .where(*_PATH)
)
_RUN_OF_MINE = _RUN_OF_ANY.where(owned_by(bindparam("reader")))
_RUN_TO_CHANGE = _RUN_OF_MINE.add_columns(changed_by(bindparam("reader")))


def run_row_id(
    connection: Connection,
    user: User,
    entity: str | None,
    project: str | None,
    name: str,
    *,
    change: bool = False,
) -> int:
    """Row id of a run by path.

    Args:
        connection: A connection.
        user: Who asks.
        entity: Its entity; the user's own by default.
        project: Its project.
        name: Its name.
        change: It is to be changed.

    Raises:
        Problem: No such run, or the user cannot see it (404), or may not change it (403).
    """
    path = {
        "entity": entity or user.entity,
        "project": project or DEFAULT_PROJECT,
        "run": name,
        "reader": user.id,
    }
    mine = _RUN_TO_CHANGE if change else _RUN_OF_MINE
    found: Any = connection.execute(_RUN_OF_ANY if user.admin else mine, path).first()
    if found is None:
        raise not_found(f"run {entity or user.entity}/{project}/{name} not found")
    if change and not user.admin and (user.role == "viewer" or not found[1]):
        raise read_only()
    return int(found[0])


def run_for(connection: Connection, user: User, run_id: str) -> int:
    """Row id of a run by its storage id, to change it.

    Raises:
        Problem: No such run, or the user cannot see it (404), or may not change it (403).
    """
    query = (
        select(runs.c.id, writable(user))
        .join(projects, projects.c.id == runs.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(readable(user), runs.c.id == parse_id("Run", run_id))
    )
    found: Any = connection.execute(query).first()
    if found is None:
        raise not_found("run not found")
    if not found[1]:
        raise read_only()
    return int(found[0])


# argument of upsertBucket -> column; null leaves a column alone
_PLAIN = {
    "groupName": "group_name",
    "description": "description",
    "displayName": "display_name",
    "notes": "notes",
    "commit": "commit",
    "host": "host",
    "jobProgram": "program",
    "jobRepo": "repo",
    "jobType": "job_type",
    "sweep": "sweep_name",
}


def upsert_run(
    connection: Connection, user: User, values: dict[str, Any], writer: str = ""
) -> tuple[int, bool]:
    """Create or change a run as `upsertBucket` asks.

    Args:
        connection: A connection inside a write transaction.
        user: Who asks.
        values: The arguments of the mutation.
        writer: Id of the writer, in a run with several.

    Returns:
        Row id of the run and whether it was made.

    Raises:
        Problem: Bad values (400), an unknown storage id (404), no access (403).
    """
    columns, tags = _columns(values)
    now = time.time()
    run_id, inserted = None, False
    if values.get("id"):
        run_id = run_for(connection, user, values["id"])
    else:
        project_id, _ = project_for(
            connection, user, values.get("entityName"), values.get("modelName")
        )
        name = values.get("name") or random_name()
        query = select(runs.c.id).where(runs.c.project_id == project_id, runs.c.name == name)
        run_id = connection.execute(query).scalar()
        if run_id is None:
            check_name(name, "a run id", _FORBIDDEN)
            if "display_name" not in columns:  # the count reads an entry of an index for each run
                columns["display_name"] = invent(count_runs(connection, project_id) + 1)
            columns.setdefault("state", "running")
            run_id, inserted = (
                insert_row(
                    connection,
                    runs,
                    project_id=project_id,
                    user_id=user.id,
                    name=name,
                    created_at=now,
                    updated_at=now,
                    heartbeat_at=now,
                    **columns,
                ),
                True,
            )
    starts = bool(values.get("host") or values.get("jobProgram"))
    if writer:
        _join(connection, run_id, writer, columns, starts=starts and not inserted)
    elif starts and not inserted:
        # a process starts this run again
        columns.update(_AFRESH, heartbeat_at=now)
        # a run that a sweep gave out begins
        columns.setdefault(
            "state", case((runs.c.state == "pending", "running"), else_=runs.c.state)
        )
    before = None
    if not inserted:
        before = state_of(connection, run_id) if "state" in columns else None
        connection.execute(
            update(runs).where(runs.c.id == run_id).values(**columns, updated_at=now)
        )
    if tags is not None:
        _set_tags(connection, run_id, tags, fresh=inserted)
    if "state" in columns:
        state_changed(connection, run_id, before, state_of(connection, run_id))
    return run_id, inserted


_AFRESH = {"stop_requested": False, "preempting": False}


def _join(
    connection: Connection, run_id: int, writer: str, columns: dict[str, Any], *, starts: bool
) -> None:
    """Change the columns of a run that has several writers by what one of them sends.

    A writer that describes the run (host and program) and is new begins an ended run again; a late
    one that only adds its rows does not.
    """
    new = join(connection, run_id, writer)
    query = select(runs.c.state, runs.c.config).where(runs.c.id == run_id)
    stored = connection.execute(query).one()
    if "config" in columns:
        text = combine_config(connection, run_id, writer, stored.config, columns["config"])
        columns["config"], columns["config_doc"] = text, query_form(unwrap_config(decode(text)))
    if starts and new and stored.state in (*ENDED, "pending"):
        columns.update(_AFRESH, state="running", heartbeat_at=time.time())


def _columns(values: dict[str, Any]) -> tuple[dict[str, Any], list[str] | None]:
    columns = {
        column: values[name] for name, column in _PLAIN.items() if values.get(name) is not None
    }
    if not columns.get("display_name", "x"):
        del columns["display_name"]
    if values.get("config") is not None:
        config = decode(values["config"])
        if not is_object(config):
            raise invalid("config must be a JSON object")
        columns["config"] = values["config"]
        columns["config_doc"] = query_form(unwrap_config(config))
    if values.get("summaryMetrics") is not None:
        columns.update(summary_columns(values["summaryMetrics"]))
    if values.get("state") is not None:
        columns["state"] = check_state(values["state"])
    tags: list[str] | None = values.get("tags")
    if tags is not None:
        tags = list(dict.fromkeys(tags))
        columns["tags"] = msgspec.json.encode(tags).decode()
    return columns, tags


def check_state(state: str) -> str:
    """A known state name, in lower case."""
    if state.lower() not in _STATES:
        raise invalid(f"unknown run state {state!r}; known are {', '.join(sorted(_STATES))}")
    return state.lower()


def _set_tags(connection: Connection, run_id: int, tags: list[str], *, fresh: bool) -> None:
    if not fresh:
        connection.execute(delete(run_tags).where(run_tags.c.run_id == run_id))
    if tags:
        connection.execute(insert(run_tags), [{"run_id": run_id, "tag": tag} for tag in tags])


def set_columns(connection: Connection, run_id: int, **columns: Any) -> None:
    """Set columns of one run."""
    connection.execute(
        update(runs).where(runs.c.id == run_id).values(**columns, updated_at=time.time())
    )


def set_state(connection: Connection, run_id: int, state: str, **columns: Any) -> None:
    """Set the state of one run, and further columns."""
    before = state_of(connection, run_id)
    set_columns(connection, run_id, state=state, **columns)
    state_changed(connection, run_id, before, state)


def state_of(connection: Connection, run_id: int) -> str:
    """The stored state of a run."""
    return str(connection.execute(select(runs.c.state).where(runs.c.id == run_id)).scalar_one())


def delete_run(connection: Connection, run_id: int) -> None:
    """Remove a run with its lines, files and alerts."""
    connection.execute(delete(runs).where(runs.c.id == run_id))


def add_alert(
    connection: Connection, run_id: int, title: str, text: str, severity: str, wait: float
) -> None:
    """Store an alert, unless one with this title was stored less than `wait` seconds ago."""
    since = time.time() - wait
    recent = select(alerts.c.id).where(
        alerts.c.run_id == run_id, alerts.c.title == title, alerts.c.created_at > since
    )
    if connection.execute(recent).first() is None:
        insert_alert(connection, alerts, run_id=run_id, title=title, text=text, severity=severity)
