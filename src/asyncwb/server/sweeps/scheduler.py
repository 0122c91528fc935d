"""What an agent is told at a heartbeat.

Everything here happens in one transaction that holds the sweep's row, so agents on several server
processes agree: no two get the same run or the same point of a grid.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from asyncwb.server.jsontext import decode, unwrap_config
from asyncwb.server.storage import trials
from asyncwb.server.storage.history import first_values

from .bayes import RANDOM_RUNS
from .config import parse_config
from .hyperband import new_brackets, should_stop
from .results import best_value

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from asyncwb.searchspace import SweepConfig
    from asyncwb.server.storage.accounts import User

__all__ = ["Beat", "Wanted", "beat", "give"]

Command: TypeAlias = dict[str, Any]

_QUICK_SECONDS = 10.0
_MOST_GIVEN = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that takes thought: to be proposed outside of the transaction, see `give`.

    Attributes:
        sweep: Row of the sweep, as it was.
        config: Its config.
        agent_id: Row id of the agent that waits.
    """

    sweep: Any
    config: SweepConfig
    agent_id: int


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a heartbeat."""

    commands: list[Command] = field(default_factory=list[Command])
    wanted: Wanted | None = None


_EXIT = Beat([{"type": "exit"}])


def beat(
    connection: Connection,
    user: User,
    agent_key: str,
    running: Collection[str],
    crashed_after: float,
) -> Beat:
    """Take note of a heartbeat and decide what the agent does.

    Args:
        connection: In a transaction.
        user: Who asks.
        agent_key: The agent.
        running: Ids of the runs that it says it has under way.
        crashed_after: Seconds of silence after which a run or an agent counts as lost.

    Raises:
        Problem: No such agent, or its sweep is deleted (404).
    """
    agent_id, sweep = trials.agent_for(connection, user, agent_key)
    trials.touch(connection, agent_id, sweep.id)
    config = parse_config(sweep.config)
    held = trials.held_by(connection, agent_id, crashed_after)
    # An agent that was silent for too long and comes back has lost its run to another.
    strange = set(running) - {trial.name for trial in held}
    stops = trials.taken_over(connection, sweep.id, agent_id, strange)
    for trial in held:
        stopped = _judge(connection, config, trial) or trial.stop_requested
        if trial.name not in running:
            _let_go(connection, trial, stopped=stopped)
        elif stopped or sweep.state == "CANCELED":
            stops.append(trial.name)
    if running:
        return Beat([{"type": "stop", "run_id": name} for name in stops])
    if sweep.state in ("CANCELED", "FINISHED"):
        return _EXIT
    if sweep.state == "PAUSED":
        return Beat()
    return _next(connection, sweep, config, agent_id, crashed_after)


def _let_go(connection: Connection, trial: Any, *, stopped: bool) -> None:
    """An agent has ended a run, or was never told of it.

    One that has not begun is given once more, for the answer that gave it may be lost; but not if
    it may have run unseen.
    """
    trials.release(connection, trial)
    quick = time.time() - trial.given_at < _QUICK_SECONDS
    if not quick or trial.attempts >= _MOST_GIVEN:
        trials.close_run(connection, trial, ("pending",), "failed")
    if stopped:
        # By a signal, perhaps, after which no process says that it has ended.
        trials.close_run(connection, trial, ("running", "preempting"), "killed")


def _next(
    connection: Connection, sweep: Any, config: SweepConfig, agent_id: int, crashed_after: float
) -> Beat:
    found = trials.waiting(connection, sweep.id, crashed_after)
    if found is not None:
        trials.give_again(connection, found, agent_id)
        known = unwrap_config(decode(found.config))
        names = {path[0] for path in config.space.parameters}
        again = {key: value for key, value in known.items() if key in names}
        kind = "resume" if found.state == "preempted" else "run"
        return _command(config, found.name, again, kind)
    lost = trials.lost_point(connection, sweep.id, crashed_after)
    if lost is not None:
        point, attempt = lost
        parameters = config.space.point(point)
        run = trials.give_new(connection, sweep, agent_id, parameters, point=point, attempt=attempt)
        return _command(config, run, parameters)
    if _is_over(connection, sweep, config):
        trials.set_exhausted(connection, sweep.id, exhausted=True)
        return _EXIT
    if config.method == "bayes" and sweep.proposals >= RANDOM_RUNS:
        return Beat(wanted=Wanted(sweep, config, agent_id))
    if config.method == "grid":
        return _grid(connection, sweep, config, agent_id)
    # The name and the number of the run decide, so that no two of a sweep draw alike.
    parameters = config.space.draw(Random(f"{sweep.name}-{sweep.proposals}"))
    return _new(connection, sweep, config, agent_id, parameters)


def _is_over(connection: Connection, sweep: Any, config: SweepConfig) -> bool:
    given = trials.count_trials(connection, sweep.id)
    if config.run_cap is not None and given >= config.run_cap:
        return True
    metric = config.metric
    if metric is None or metric.target is None:
        return False
    best = best_value(connection, sweep, metric)
    return best is not None and metric.loss(best) <= metric.loss(metric.target)


def _grid(connection: Connection, sweep: Any, config: SweepConfig, agent_id: int) -> Beat:
    point = trials.free_point(connection, sweep.id, config.space.size() or 0)
    if point is None:
        trials.set_exhausted(connection, sweep.id, exhausted=True)
        return _EXIT
    return _new(connection, sweep, config, agent_id, config.space.point(point), point)


def _new(
    connection: Connection,
    sweep: Any,
    config: SweepConfig,
    agent_id: int,
    parameters: dict[str, Any],
    point: int | None = None,
) -> Beat:
    run = trials.give_new(connection, sweep, agent_id, parameters, point=point)
    expected = config.expected_runs
    last = expected is not None and trials.count_trials(connection, sweep.id) >= expected
    trials.set_exhausted(connection, sweep.id, exhausted=last)
    return _command(config, run, parameters)


def give(
    connection: Connection, user: User, agent_key: str, wanted: Wanted, parameters: dict[str, Any]
) -> Beat | None:
    """Give out what was thought of for `wanted`.

    Returns:
        The answer to the agent; None when the sweep has moved on and another thought is needed.
    """
    agent_id, sweep = trials.agent_for(connection, user, agent_key)
    if sweep.proposals != wanted.sweep.proposals or sweep.state != wanted.sweep.state:
        return None
    return _new(connection, sweep, wanted.config, agent_id, parameters)


def _command(config: SweepConfig, run: str, parameters: dict[str, Any], kind: str = "run") -> Beat:
    return Beat(
        [
            {
                "type": kind,
                "run_id": run,
                "program": config.program,
                "args": {key: {"value": value} for key, value in parameters.items()},
                "logs": [],
            }
        ]
    )


def _judge(connection: Connection, config: SweepConfig, trial: Any) -> bool:
    """Look at a run's metric; whether it has to make room for others from now on."""
    rule, metric = config.early_stop, config.metric
    if rule is None or metric is None or trial.stop_requested:
        return False
    kinds = decode(trial.history_keys).get(metric.name, {})
    losses = trials.brackets_of(trial)
    fresh = new_brackets(rule, kinds.get("number", 0), losses)
    if fresh:
        values = first_values(connection, trial.run_id, metric.name, fresh[-1])
        # min() of a NaN is a matter of order: it counts as nothing.
        logged = [metric.loss(value) for value in values if value == value]
        losses |= {bracket: min(logged[:bracket], default=float("inf")) for bracket in fresh}
        trials.note_brackets(connection, trial, losses)
    elif not rule.strict:
        return False
    stopped = should_stop(rule, losses, fresh, trials.other_brackets(connection, trial))
    if stopped:
        trials.ask_to_stop(connection, trial.run_id)
    return stopped
