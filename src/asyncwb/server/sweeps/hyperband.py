"""Hyperband: runs that are not among the best when they reach a bracket make room for others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.searchspace import EarlyStop

__all__ = ["new_brackets", "should_stop"]


def new_brackets(rule: EarlyStop, logged: int, known: Mapping[int, float]) -> list[int]:
    """The brackets that a run has reached since it was last looked at.

    Args:
        rule: The sweep's rule.
        logged: How many values of the metric the run has logged.
        known: Brackets it was seen at before.
    """
    return [bracket for bracket in rule.brackets if bracket <= logged and bracket not in known]


def should_stop(
    rule: EarlyStop,
    losses: Mapping[int, float],
    fresh: Sequence[int],
    others: Mapping[int, Sequence[float]],
) -> bool:
    """Whether a run is to be ended.

    Args:
        rule: The sweep's rule.
        losses: Its best loss up to each bracket it has reached.
        fresh: The brackets it has just reached.
        others: The losses of the sweep's other runs at their brackets.
    """
    judged = set(fresh)
    if rule.strict and losses:
        judged.add(max(losses))
    return any(
        not _among_best(losses[bracket], others.get(bracket, ()), rule.eta) for bracket in judged
    )


def _among_best(loss: float, others: Sequence[float], eta: float) -> bool:
    places = max(1, math.ceil((len(others) + 1) / eta))
    return sum(other < loss for other in others) < places
