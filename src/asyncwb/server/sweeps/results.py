"""What the runs of a sweep have reached."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from asyncwb.server.filters.operators import JsonField
from asyncwb.server.jsontext import decode
from asyncwb.server.storage.runs import state_at
from asyncwb.server.storage.sweeps import ACTIVE
from asyncwb.server.storage.tables import runs

from .bayes import Observation

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from asyncwb.searchspace import Metric

__all__ = ["best_value", "check_metric", "history"]

_MOST_OBSERVED = 3000


def _value(metric: Metric) -> ColumnElement[Any]:
    """The metric in a summary: a number, or the best one where `define_metric` keeps that."""
    best = JsonField(runs.c.summary_doc, "max" if metric.maximize else "min", metric.name)
    return func.coalesce(best.number(), JsonField(runs.c.summary_doc, metric.name).number())


def check_metric(metric: Metric | None) -> None:
    """Check that the database can look for a metric.

    Raises:
        Problem: Its name has quotes or control characters (400).
    """
    if metric is not None:
        _value(metric)


def _of(sweep: Any) -> ColumnElement[bool]:
    return and_(runs.c.project_id == sweep.project_id, runs.c.sweep_name == sweep.name)


def best_value(connection: Connection, sweep: Any, metric: Metric) -> float | None:
    """The best value of the metric among all runs of a sweep; None without one."""
    pick = func.max if metric.maximize else func.min
    found = connection.execute(select(pick(_value(metric))).where(_of(sweep))).scalar()
    return None if found is None else float(found)


def history(
    connection: Connection, sweep: Any, metric: Metric, crashed_after: float
) -> list[Observation]:
    """The newest runs of a sweep that have a value or still run, oldest first."""
    active = state_at(time.time(), crashed_after).in_(ACTIVE)
    value = _value(metric)
    query = (
        select(runs.c.config_doc, value.label("value"), active.label("active"))
        .where(_of(sweep), or_(active, value.is_not(None)))
        .order_by(runs.c.id.desc())
        .limit(_MOST_OBSERVED)
    )
    rows = connection.execute(query).all()
    return [
        Observation(decode(row.config_doc), None if row.active else metric.loss(float(row.value)))
        for row in reversed(rows)
    ]
