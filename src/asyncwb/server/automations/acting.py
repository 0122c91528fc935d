"""Events, compared with the automations that wait for them.

Everything happens in the transaction of the change that is the event: what is told has happened.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    String,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from asyncwb.server.filters import RunFields, compile_fields
from asyncwb.server.filters.operators import TextField
from asyncwb.server.problems import invalid
from asyncwb.server.storage.alerts import insert_alert
from asyncwb.server.storage.artifact_tables import artifact_memberships, collections
from asyncwb.server.storage.automation_tables import automation_runs, automations, project_alerts
from asyncwb.server.storage.tables import alerts, projects, runs, users

from .conditions import (
    METRIC_EVENTS,
    RUN_STATE,
    first_reached,
    metric_condition,
    reported,
    state_condition,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from asyncwb.server.filters.operators import Field

    from .conditions import MetricCondition

__all__ = [
    "artifact_changed",
    "check_artifact_filter",
    "check_run_filter",
    "collection_changed",
    "forget_runs",
    "rows_came",
    "state_changed",
    "watched",
]

_RUN_EVENTS = (RUN_STATE, *METRIC_EVENTS)
_FIELDS = ("alias", "tag")
_numbers = msgspec.json.Decoder(list[float])


# -- runs -----------------------------------------------------------------------------------------


def watched() -> ColumnElement[bool]:
    """The condition that the entity of a run has automations that wait for what runs do."""
    waiting = (
        select(automations.c.id)
        .join(projects, projects.c.entity_id == automations.c.entity_id)
        .where(
            projects.c.id == runs.c.project_id,
            # not in_(): that is written anew for every execution
            or_(*(automations.c.event == event for event in _RUN_EVENTS)),
            automations.c.enabled,
        )
    )
    return waiting.correlate(runs).exists()


# Built once, as that costs more than they do.
def _waiting(*events: str) -> Any:
    """Automations that wait for one of these events of a run."""
    return (
        select(automations)
        .select_from(runs)
        .join(projects, projects.c.id == runs.c.project_id)
        .join(automations, automations.c.entity_id == projects.c.entity_id)
        .where(
            runs.c.id == bindparam("run"),
            or_(*(automations.c.event == event for event in events)),
            automations.c.enabled,
            or_(automations.c.project_id.is_(None), automations.c.project_id == projects.c.id),
            automations.c.collection_id.is_(None),
        )
        .order_by(automations.c.id)
    )


_WAITING_FOR_STATES = _waiting(RUN_STATE)
_WAITING_FOR_METRICS = _waiting(*METRIC_EVENTS)
_mine = (
    automation_runs.c.automation_id == bindparam("automation"),
    automation_runs.c.run_id == bindparam("run"),
)
_SEEN = select(automation_runs.c.numbers, automation_runs.c.fired).where(*_mine)
_SEE = (
    update(automation_runs).where(*_mine).values(numbers=bindparam("kept"), fired=bindparam("told"))
)


def state_changed(connection: Connection, run_id: int, before: str | None, after: str) -> None:
    """A run has another state now, or is new."""
    state = reported(after)
    if before is not None and reported(before) == state:
        return
    for row in connection.execute(_WAITING_FOR_STATES, {"run": run_id}).mappings():
        condition = state_condition(row["filter"])
        if state in condition.states and _passes(connection, run_id, condition.run_filter):
            _act(connection, row, f"the run is {after}", alerts, run_id=run_id)


def rows_came(connection: Connection, run_id: int, rows: Sequence[dict[str, Any]]) -> None:
    """A run has new rows of history, in their order."""
    for row in connection.execute(_WAITING_FOR_METRICS, {"run": run_id}).mappings().all():
        condition = metric_condition(row["event"], row["filter"])
        values = [
            (value, each) for each in rows if (value := condition.metric.of(each)) is not None
        ]
        if values:
            _look(connection, row, condition, run_id, values)


def _look(
    connection: Connection,
    row: Any,
    condition: MetricCondition,
    run_id: int,
    values: list[tuple[float, dict[str, Any]]],
) -> None:
    """Compare new values of a metric; of each run an automation tells once."""
    mine = {"automation": row["id"], "run": run_id}
    seen = connection.execute(_SEEN, mine).first()
    if seen is not None and seen.fired:
        return
    known = _numbers.decode(seen.numbers) if seen is not None else []
    needs = condition.metric.needs
    every = [*known, *(value for value, _ in values)]
    found = first_reached(condition.metric, every, max(len(known) + 1, needs))
    fired = found is not None and _passes(connection, run_id, condition.run_filter)
    if found is not None and fired:
        end, what = found
        step = values[end - len(known) - 1][1].get("_step")
        _act(connection, row, f"{what} at step {step}", alerts, run_id=run_id)
    kept = [] if fired or needs == 1 else every[1 - needs :]
    numbers = msgspec.json.encode(kept).decode()
    if seen is not None:
        connection.execute(_SEE, {**mine, "kept": numbers, "told": fired})
    elif fired or kept:
        connection.execute(
            insert(automation_runs).values(
                automation_id=row["id"], run_id=run_id, numbers=numbers, fired=fired
            )
        )


def forget_runs(connection: Connection, automation_id: int) -> None:
    """Begin anew with every run: the automation waits for something else."""
    connection.execute(
        delete(automation_runs).where(automation_runs.c.automation_id == automation_id)
    )


def _passes(connection: Connection, run_id: int, text: str) -> bool:
    query = (
        select(runs.c.id)
        .join(users, users.c.id == runs.c.user_id)
        .where(runs.c.id == run_id, check_run_filter(text))
    )
    return connection.execute(query).first() is not None


def check_run_filter(text: str) -> ColumnElement[bool]:
    """The condition of a filter of runs.

    Raises:
        Problem: It is none (400).
    """
    # who sends something has not crashed: the stored state is the present one
    return compile_fields(text, RunFields(runs.c.state))


# -- artifacts ------------------------------------------------------------------------------------


def artifact_changed(
    connection: Connection,
    event: str,
    collection_id: int,
    artifact_id: int,
    words: Sequence[str] | None = None,
) -> None:
    """Something happened to a version in a collection.

    Args:
        connection: A connection inside a write transaction.
        event: One of `ARTIFACT_EVENTS`.
        collection_id: The collection.
        artifact_id: The version.
        words: The aliases or tags that it is about; nothing happened where there are none.
    """
    if words is not None and not words:
        return
    rows = _waiting_for_artifacts(connection, event, collection_id)
    if not rows:
        return
    there = artifact_memberships.c
    query = select(there.version_index).where(
        there.collection_id == collection_id, there.artifact_id == artifact_id
    )
    number = connection.execute(query).scalar()
    _tell(connection, rows, event, "" if number is None else f":v{number}", words)


def collection_changed(
    connection: Connection, event: str, collection_id: int, words: Sequence[str]
) -> None:
    """A collection has got or lost tags; nothing happened where there are none."""
    if words and (rows := _waiting_for_artifacts(connection, event, collection_id)):
        _tell(connection, rows, event, "", words)


def _waiting_for_artifacts(connection: Connection, event: str, collection_id: int) -> list[Any]:
    query = (
        select(
            automations,
            collections.c.name.label("collection_name"),
            projects.c.id.label("place_id"),
        )
        .select_from(collections)
        .join(projects, projects.c.id == collections.c.project_id)
        .join(automations, automations.c.entity_id == projects.c.entity_id)
        .where(
            collections.c.id == collection_id,
            automations.c.event == event,
            automations.c.enabled,
            or_(automations.c.project_id.is_(None), automations.c.project_id == projects.c.id),
            or_(
                automations.c.collection_id.is_(None),
                automations.c.collection_id == collection_id,
            ),
        )
        .order_by(automations.c.id)
    )
    return list(connection.execute(query).mappings())


_HAPPENED = {
    "CREATE_ARTIFACT": "{name} is there",
    "LINK_MODEL": "{name} is linked",
    "UNLINK_ARTIFACT": "{name} is no longer linked",
    "ADD_ARTIFACT_ALIAS": "{name} has the alias {words}",
    "ADD_ARTIFACT_TAG": "{name} has the tag {words}",
    "REMOVE_ARTIFACT_TAG": "{name} has lost the tag {words}",
    "ADD_COLLECTION_TAG": "{name} has the tag {words}",
    "REMOVE_COLLECTION_TAG": "{name} has lost the tag {words}",
}


def _tell(
    connection: Connection, rows: list[Any], event: str, version: str, words: Sequence[str] | None
) -> None:
    said = f"the artifact {_HAPPENED[event]}"
    for row in rows:
        every: Sequence[str | None] = words or [None]
        fit = [word for word in every if _fits(connection, row["filter"], word)]
        if fit:
            name = row["collection_name"] + version
            text = said.format(name=name, words=", ".join(filter(None, fit)))
            _act(connection, row, text, project_alerts, project_id=row["place_id"])


def _fits(connection: Connection, text: str, word: str | None) -> bool:
    condition = check_artifact_filter(text, word)
    return bool(connection.execute(select(literal(1)).where(condition)).scalar())


def check_artifact_filter(text: str, word: str | None = None) -> ColumnElement[bool]:
    """The condition of a filter of an artifact's alias or tag, for one of them.

    Raises:
        Problem: It is none (400).
    """
    value = cast(null(), String) if word is None else literal(word)

    def field(key: str) -> Field:
        if key not in _FIELDS:
            raise invalid(f"unknown key {key!r}; events of artifacts have {' and '.join(_FIELDS)}")
        return TextField(value)

    return and_(compile_fields(text, field))


# -- actions --------------------------------------------------------------------------------------


def _act(connection: Connection, row: Any, what: str, table: Table, **of: int) -> None:
    """Do what an automation is for; `table` and `of` say whose alert a notification is."""
    if row["action"] == "NOTIFICATION":
        config = msgspec.json.decode(row["action_config"], type=dict[str, Any])
        message = config.get("message")
        insert_alert(
            connection,
            table,
            **of,
            title=config.get("title") or row["name"],
            text=f"{message}\n{what}" if message else what,
            severity=config.get("severity") or "INFO",
        )
    connection.execute(
        update(automations)
        .where(automations.c.id == row["id"])
        .values(executions=automations.c.executions + 1, last_executed_at=time.time())
    )
