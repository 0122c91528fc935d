"""Agents of sweeps, and the runs that were given to them.

A run given out is a row of `runs` in the state `pending` beside a row of `sweep_trials`; the
process of the agent then begins it like any other run.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select, update

from asyncwb.server.ids import parse_id
from asyncwb.server.jsontext import decode, encode, query_form
from asyncwb.server.problems import not_found

from .names import invent, random_name
from .policy import check_writable, readable
from .rows import insert_row
from .runs import state_at
from .tables import entities, projects, runs, sweep_agents, sweep_trials, sweeps

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from asyncwb.searchspace import Space

    from .accounts import User

__all__ = [
    "add_agent",
    "agent_for",
    "close_run",
    "free_point",
    "give_again",
    "give_new",
    "held_by",
    "lost_point",
    "release",
    "taken_over",
    "touch",
    "waiting",
]

_ATTEMPTS = 3


def add_agent(connection: Connection, sweep_id: int, host: str) -> int:
    """Register an agent; returns its row id."""
    now = time.time()
    return insert_row(
        connection,
        sweep_agents,
        sweep_id=sweep_id,
        name=random_name(),
        host=host,
        created_at=now,
        heartbeat_at=now,
    )


def agent_for(connection: Connection, user: User, agent_key: str) -> tuple[int, Any]:
    """Row id of an agent, and its sweep, locked until the end of the transaction.

    Raises:
        Problem: No such agent, its sweep is deleted, or the user cannot see it (404), or may not
            change it (403).
    """
    agent_id = parse_id("Agent", agent_key)
    query = (
        select(sweeps)
        .join(sweep_agents, sweep_agents.c.sweep_id == sweeps.c.id)
        .join(projects, projects.c.id == sweeps.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(readable(user), sweep_agents.c.id == agent_id)
        .with_for_update(of=sweeps)
    )
    sweep = connection.execute(query).first()
    if sweep is None:
        raise not_found("no such agent; its sweep may have been deleted")
    check_writable(connection, user, sweep.project_id)
    return agent_id, sweep


def touch(connection: Connection, agent_id: int, sweep_id: int) -> None:
    """Note a sign of life."""
    now = time.time()
    connection.execute(
        update(sweep_agents).where(sweep_agents.c.id == agent_id).values(heartbeat_at=now)
    )
    connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(heartbeat_at=now))


def _given(crashed_after: float) -> Any:
    """Trials with their run: name, present state, stop request, config."""
    return select(
        sweep_trials,
        runs.c.name,
        runs.c.config,
        runs.c.stop_requested,
        runs.c.history_keys,
        state_at(time.time(), crashed_after).label("state"),
    ).join(runs, runs.c.id == sweep_trials.c.run_id)


def held_by(connection: Connection, agent_id: int, crashed_after: float) -> list[Any]:
    """The trials an agent has and is not done with, oldest first."""
    query = (
        _given(crashed_after)
        .where(sweep_trials.c.agent_id == agent_id, ~sweep_trials.c.released)
        .order_by(sweep_trials.c.id)
    )
    return list(connection.execute(query).all())


def release(connection: Connection, trial: Any) -> None:
    """Note that an agent is done with a trial."""
    connection.execute(
        update(sweep_trials).where(sweep_trials.c.id == trial.id).values(released=True)
    )


def close_run(connection: Connection, trial: Any, before: tuple[str, ...], state: str) -> None:
    """Set the state of a run that cannot say itself that it has ended, if it is one of `before`."""
    connection.execute(
        update(runs)
        .where(runs.c.id == trial.run_id, runs.c.state.in_(before))
        .values(state=state, updated_at=time.time())
    )


def taken_over(connection: Connection, sweep_id: int, agent_id: int, names: set[str]) -> list[str]:
    """Which of these runs have been given to another agent."""
    if not names:
        return []
    query = (
        select(runs.c.name)
        .join(sweep_trials, sweep_trials.c.run_id == runs.c.id)
        .where(
            sweep_trials.c.sweep_id == sweep_id,
            sweep_trials.c.agent_id != agent_id,
            runs.c.name.in_(sorted(names)),
        )
    )
    return list(connection.execute(query).scalars())


def waiting(connection: Connection, sweep_id: int, crashed_after: float) -> Any:
    """A trial that some agent is to take up: preempted, or given and never begun; None without.

    One counts as free when its agent is done with it, is gone, or has been silent for too long.
    """
    now = time.time()
    state = state_at(now, crashed_after)
    query = (
        _given(crashed_after)
        .outerjoin(sweep_agents, sweep_agents.c.id == sweep_trials.c.agent_id)
        .where(
            sweep_trials.c.sweep_id == sweep_id,
            or_(sweep_trials.c.released, *_gone(now, crashed_after)),
            or_(
                state == "preempted",
                and_(state == "pending", sweep_trials.c.attempts < _ATTEMPTS),
            ),
        )
        .order_by(sweep_trials.c.id)
    )
    return connection.execute(query.limit(1)).first()


def _gone(now: float, crashed_after: float) -> tuple[Any, Any]:
    return sweep_trials.c.agent_id.is_(None), sweep_agents.c.heartbeat_at < now - crashed_after


def give_again(connection: Connection, trial: Any, agent_id: int) -> None:
    """Give a trial to another agent, or to the same one once more."""
    connection.execute(
        update(sweep_trials)
        .where(sweep_trials.c.id == trial.id)
        .values(
            agent_id=agent_id,
            released=False,
            attempts=trial.attempts + 1,
            given_at=time.time(),
        )
    )


def lost_point(
    connection: Connection, sweep_id: int, crashed_after: float
) -> tuple[int, int] | None:
    """A point of the grid whose run crashed together with its agent, free from now on.

    Returns:
        The point, and the number of the attempt that follows; None without.
    """
    now = time.time()
    query = (
        select(sweep_trials)
        .join(runs, runs.c.id == sweep_trials.c.run_id)
        .outerjoin(sweep_agents, sweep_agents.c.id == sweep_trials.c.agent_id)
        .where(
            sweep_trials.c.sweep_id == sweep_id,
            sweep_trials.c.point.is_not(None),
            ~sweep_trials.c.released,
            sweep_trials.c.attempts < _ATTEMPTS,
            or_(*_gone(now, crashed_after)),
            state_at(now, crashed_after) == "crashed",
        )
        .order_by(sweep_trials.c.id)
    )
    trial = connection.execute(query.limit(1)).first()
    if trial is None:
        return None
    connection.execute(
        update(sweep_trials).where(sweep_trials.c.id == trial.id).values(point=None, released=True)
    )
    return trial.point, trial.attempts + 1


def free_point(connection: Connection, sweep_id: int, size: int) -> int | None:
    """The first point of a grid that no run has; None when all have one."""
    points = select(sweep_trials.c.point).where(
        sweep_trials.c.sweep_id == sweep_id, sweep_trials.c.point.is_not(None)
    )
    last, count = connection.execute(
        select(func.max(sweep_trials.c.point), func.count(sweep_trials.c.point)).where(
            sweep_trials.c.sweep_id == sweep_id
        )
    ).one()
    if count >= size:
        return None
    following = 0 if last is None else last + 1
    if count == following < size:
        return int(following)
    # A run was deleted, or was there before the sweep.
    taken = set(connection.execute(points).scalars())
    return next(point for point in range(size) if point not in taken)


def give_new(
    connection: Connection,
    sweep: Any,
    agent_id: int | None,
    parameters: dict[str, Any],
    *,
    point: int | None = None,
    attempt: int = 1,
) -> str:
    """Make a run with these parameters and give it to an agent; returns the run's id."""
    now = time.time()
    name = random_name()
    run_id = insert_row(
        connection,
        runs,
        project_id=sweep.project_id,
        user_id=sweep.user_id,
        name=name,
        display_name=invent(sweep.proposals + 1, "sweep"),
        state="pending",
        sweep_name=sweep.name,
        config=encode({key: {"value": value} for key, value in parameters.items()}),
        config_doc=query_form(parameters),
        created_at=now,
        updated_at=now,
        heartbeat_at=now,
    )
    insert_row(
        connection,
        sweep_trials,
        sweep_id=sweep.id,
        run_id=run_id,
        agent_id=agent_id,
        point=point,
        attempts=attempt,
        given_at=now,
    )
    connection.execute(
        update(sweeps)
        .where(sweeps.c.id == sweep.id)
        .values(
            proposals=sweeps.c.proposals + 1,
            state=_begun(sweep.state),
            updated_at=now,
        )
    )
    return name


def adopt(connection: Connection, sweep_id: int, space: Space) -> None:
    """Take the runs that were in a new grid's sweep before it for points that are done."""
    sweep = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).one()
    query = (
        select(runs.c.id, runs.c.config_doc)
        .outerjoin(sweep_trials, sweep_trials.c.run_id == runs.c.id)
        .where(
            runs.c.project_id == sweep.project_id,
            runs.c.sweep_name == sweep.name,
            sweep_trials.c.id.is_(None),
        )
        .order_by(runs.c.id)
    )
    done: set[int] = set()
    for run_id, config in connection.execute(query).all():
        point = space.number_of(decode(config))
        if point is not None and point not in done:
            done.add(point)
            insert_row(
                connection,
                sweep_trials,
                sweep_id=sweep_id,
                run_id=run_id,
                point=point,
                released=True,
                given_at=time.time(),
            )


def _begun(state: str) -> str:
    return "RUNNING" if state == "PENDING" else state


def count_trials(connection: Connection, sweep_id: int) -> int:
    """How many runs a sweep has given out and still has."""
    query = select(func.count()).where(sweep_trials.c.sweep_id == sweep_id)
    return int(connection.execute(query).scalar_one())


def note_brackets(connection: Connection, trial: Any, losses: dict[int, float]) -> None:
    """Keep what a run had reached at its brackets."""
    connection.execute(
        update(sweep_trials)
        .where(sweep_trials.c.id == trial.id)
        .values(brackets=json.dumps(losses))
    )


def brackets_of(trial: Any) -> dict[int, float]:
    """What a run had reached at its brackets."""
    return {int(bracket): loss for bracket, loss in decode(trial.brackets).items()}


def other_brackets(connection: Connection, trial: Any) -> dict[int, list[float]]:
    """What the other runs of the sweep had reached at their brackets."""
    query = select(sweep_trials).where(
        sweep_trials.c.sweep_id == trial.sweep_id,
        sweep_trials.c.id != trial.id,
        sweep_trials.c.brackets != "{}",
    )
    found: dict[int, list[float]] = {}
    for other in connection.execute(query).all():
        for bracket, loss in brackets_of(other).items():
            found.setdefault(bracket, []).append(loss)
    return found


def ask_to_stop(connection: Connection, run_id: int) -> None:
    """Have a run end itself, as the file stream will tell it."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(stop_requested=True))


def set_exhausted(connection: Connection, sweep_id: int, *, exhausted: bool) -> None:
    """Note whether any further run will begin."""
    connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(exhausted=exhausted))
