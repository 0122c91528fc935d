"""Bayesian search: where the next run promises most, by Optuna's tree-structured Parzen estimator.

It searches the unit interval of each number (see `asyncwb.searchspace`), so distributions, nesting
and rounding are none of its business. The same history and seed give the same proposal.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.searchspace import Space

__all__ = ["RANDOM_RUNS", "Observation", "propose"]

RANDOM_RUNS = 8
"""So many runs are drawn at random before there is anything to learn from."""

_FEWEST_RESULTS = 3
_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Observation:
    """A run of the sweep.

    Attributes:
        config: Its config, without wrapping.
        loss: What it reached, small is good; None while it runs.
    """

    config: Mapping[str, Any]
    loss: float | None


def propose(space: Space, history: Sequence[Observation], seed: str) -> dict[str, Any]:
    """The parameters to try next.

    Args:
        space: What is searched.
        history: Runs so far, those that run among them: they are not tried again next door.
        seed: Decides between equals.
    """
    chance = random.Random(seed)
    choices = space.choices()
    placed = [
        (position, run.loss)
        for run in history
        if (position := space.position(run.config)) is not None
    ]
    if not choices or sum(loss is not None for _, loss in placed) < _FEWEST_RESULTS:
        return space.draw(chance)
    return space.at(_suggest(choices, placed, chance.getrandbits(32)))


def _suggest(
    choices: Mapping[str, int | None],
    placed: Sequence[tuple[dict[str, float | int], float | None]],
    seed: int,
) -> dict[str, float | int]:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
    )
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space: dict[str, BaseDistribution] = {
        name: FloatDistribution(0.0, 1.0)
        if count is None
        else CategoricalDistribution(tuple(range(count)))
        for name, count in choices.items()
    }
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=0, n_ei_candidates=_CANDIDATES, multivariate=True, seed=seed
    )
    study = optuna.create_study(sampler=sampler)
    study.add_trials(
        [
            create_trial(
                state=TrialState.RUNNING if loss is None else TrialState.COMPLETE,
                params=dict(position),
                distributions=space,
                value=loss,
            )
            for position, loss in placed
        ]
    )
    return dict(study.ask(space).params)
