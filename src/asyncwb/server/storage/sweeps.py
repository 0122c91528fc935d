"""Sweeps: finding, creating, changing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, exists, func, select, update

from asyncwb.server.ids import parse_id
from asyncwb.server.problems import invalid, not_found

from .names import random_name
from .policy import check_writable, readable
from .projects import DEFAULT_PROJECT, project_for
from .rows import insert_row
from .runs import state_at
from .tables import entities, projects, runs, sweep_trials, sweeps

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from asyncwb.searchspace import SweepConfig

    from .accounts import User

__all__ = [
    "ACTIVE",
    "check_state",
    "create_sweep",
    "find_sweep",
    "run_count",
    "set_state",
    "state_now",
    "sweep_by_id",
    "sweep_query",
]

ACTIVE = ("pending", "running", "preempting", "preempted")
"""States of runs that have not ended: a preempted one will go on."""

_STATES = ("RUNNING", "PAUSED", "CANCELED", "FINISHED")


def state_now(crashed_after: float) -> ColumnElement[str]:
    """The present state of a sweep: the end of its last run ends it, without anybody's note."""
    now = state_at(time.time(), crashed_after)
    active = exists(
        select(sweep_trials.c.id)
        .join(runs, runs.c.id == sweep_trials.c.run_id)
        .where(sweep_trials.c.sweep_id == sweeps.c.id, now.in_(ACTIVE))
    )
    over = and_(sweeps.c.state.in_(("PENDING", "RUNNING")), sweeps.c.exhausted, ~active)
    return case((over, "FINISHED"), else_=sweeps.c.state)


def run_count() -> ColumnElement[int]:
    """The number of runs of a sweep."""
    mine = and_(runs.c.project_id == sweeps.c.project_id, runs.c.sweep_name == sweeps.c.name)
    return select(func.count()).select_from(runs).where(mine).scalar_subquery()


def sweep_query(user: User, crashed_after: float) -> Any:
    """Sweeps that a user can see, with project, entity, run count and present state."""
    return (
        select(
            *(column for column in sweeps.c if column.name != "state"),
            state_now(crashed_after).label("state"),
            run_count().label("run_count"),
            projects.c.name.label("project_name"),
            entities.c.name.label("entity_name"),
        )
        .join(projects, projects.c.id == sweeps.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(readable(user))
    )


def find_sweep(
    connection: Connection,
    user: User,
    path: tuple[str | None, str | None, str],
    crashed_after: float,
) -> Any:
    """A sweep by entity, project and name; None where there is none."""
    entity, project, name = path
    query = sweep_query(user, crashed_after).where(
        entities.c.name == (entity or user.entity),
        projects.c.name == (project or DEFAULT_PROJECT),
        sweeps.c.name == name,
    )
    return connection.execute(query).mappings().first()


def sweep_by_id(connection: Connection, user: User, sweep_id: int, crashed_after: float) -> Any:
    """A sweep by row id.

    Raises:
        Problem: There is none, or the user cannot see it (404).
    """
    query = sweep_query(user, crashed_after).where(sweeps.c.id == sweep_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise not_found("sweep not found")
    return row


def create_sweep(
    connection: Connection,
    user: User,
    config: SweepConfig,
    values: dict[str, Any],
    prior: ColumnElement[bool] | None,
) -> int:
    """Add a sweep as `upsertSweep` asks; its project is made when missing.

    Args:
        connection: In a transaction.
        user: Who asks.
        config: The config, read.
        values: The arguments.
        prior: Condition on the project's runs that become part of the sweep.

    Raises:
        Problem: A bad project name (400), no such entity (404), no access (403).
    """
    project_id, _ = project_for(
        connection, user, values.get("entityName"), values.get("projectName")
    )
    now = time.time()
    name = random_name()
    sweep_id = insert_row(
        connection,
        sweeps,
        project_id=project_id,
        user_id=user.id,
        name=name,
        display_name=values.get("displayName"),
        description=values.get("description") or config.description,
        config=values["config"],
        method=config.method,
        state="PENDING",
        controller=values.get("controller"),
        scheduler=values.get("scheduler"),
        created_at=now,
        updated_at=now,
    )
    if prior is not None:
        found = select(runs.c.id).where(runs.c.project_id == project_id, prior)
        connection.execute(update(runs).where(runs.c.id.in_(found)).values(sweep_name=name))
    return sweep_id


def change_sweep(
    connection: Connection, user: User, sweep_key: str, values: dict[str, Any], method: str | None
) -> int:
    """Change a sweep as `upsertSweep` asks.

    Raises:
        Problem: No such sweep (404), the user may not change it (403), an unknown state, or a new
            config of one that has begun (400).
    """
    sweep_id = parse_id("Sweep", sweep_key)
    row = _locked(connection, user, sweep_id)
    changes: dict[str, Any] = {
        column: values[name]
        for name, column in (
            ("displayName", "display_name"),
            ("description", "description"),
            ("controller", "controller"),
            ("scheduler", "scheduler"),
        )
        if values.get(name) is not None
    }
    if values.get("config") is not None:
        if row.proposals:
            raise invalid("the config of a sweep cannot change any more: runs have begun")
        changes.update(config=values["config"], method=method)
    connection.execute(
        update(sweeps).where(sweeps.c.id == sweep_id).values(**changes, updated_at=time.time())
    )
    if values.get("state") is not None:
        set_state(connection, row, check_state(values["state"]))
    return sweep_id


def _locked(connection: Connection, user: User, sweep_id: int) -> Any:
    query = (
        select(sweeps)
        .join(projects, projects.c.id == sweeps.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(readable(user), sweeps.c.id == sweep_id)
        .with_for_update(of=sweeps)
    )
    row = connection.execute(query).first()
    if row is None:
        raise not_found("sweep not found")
    check_writable(connection, user, row.project_id)
    return row


def check_state(state: str) -> str:
    """A state that a sweep can be set to, in upper case.

    Raises:
        Problem: It is none (400).
    """
    if state.upper() not in _STATES:
        raise invalid(f"unknown sweep state {state!r}; known are {', '.join(_STATES)}")
    return state.upper()


def set_state(connection: Connection, sweep: Any, state: str) -> None:
    """Set the state; to cancel a sweep asks its runs to stop."""
    connection.execute(
        update(sweeps)
        .where(sweeps.c.id == sweep.id)
        .values(state=state, exhausted=False, updated_at=time.time())
    )
    if state == "CANCELED":
        mine = and_(runs.c.project_id == sweep.project_id, runs.c.sweep_name == sweep.name)
        alive = runs.c.state.in_(("running", "preempting"))
        connection.execute(update(runs).where(mine, alive).values(stop_requested=True))
        waiting = runs.c.state.in_(("pending", "preempted"))
        connection.execute(update(runs).where(mine, waiting).values(state="killed"))
