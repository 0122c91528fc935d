"""The config of a sweep, checked, as W&B documents it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from asyncwb.errors import InvalidValueError
from asyncwb.searchspace.parameters import default_distribution, is_number
from asyncwb.searchspace.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EarlyStop", "Metric", "SweepConfig", "fill_distributions", "read_config"]

Method = Literal["grid", "random", "bayes"]
_METHODS: tuple[Method, ...] = ("grid", "random", "bayes")
_KEYS = frozenset(
    {
        *("method", "parameters", "metric", "early_terminate", "run_cap", "program", "command"),
        *("name", "description", "project", "entity", "settings", "controller", "imagename"),
        *("image_uri", "job", "scheduler", "resource"),
    }
)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a sweep optimises.

    Attributes:
        name: Key of the runs' summary and history.
        maximize: Whether larger is better.
        target: No new run begins once one has reached this value.
    """

    name: str
    maximize: bool = False
    target: float | None = None

    def loss(self, value: float) -> float:
        """A value as something to make small."""
        return -value if self.maximize else value


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """Hyperband: runs that are not among the best when they reach a bracket are stopped.

    Attributes:
        brackets: Numbers of logged values at which a run is judged, ascending.
        eta: One of `eta` runs goes on.
        strict: Whether a run is judged again when better ones reach its bracket later.
    """

    brackets: tuple[int, ...]
    eta: float
    strict: bool


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """A checked config.

    Attributes:
        method: How parameters are chosen.
        space: The parameters.
        metric: What is optimised, if anything.
        early_stop: When runs are ended before their time.
        run_cap: Most runs of the sweep.
        program: Script that an agent without a function runs.
        command: Its command line; None: the default one.
        warnings: What is odd about it.
    """

    method: Method
    space: Space
    metric: Metric | None = None
    early_stop: EarlyStop | None = None
    run_cap: int | None = None
    program: str | None = None
    command: tuple[str, ...] | None = None
    name: str | None = None
    description: str | None = None
    warnings: Sequence[str] = field(default_factory=tuple)

    @property
    def expected_runs(self) -> int | None:
        """How many runs the sweep will have, where it ends by itself."""
        size = self.space.size() if self.method == "grid" else None
        known = [count for count in (size, self.run_cap) if count is not None]
        return min(known) if known else None


def read_config(config: object) -> SweepConfig:
    """Check a config and read it.

    Raises:
        InvalidValueError: It cannot be searched; names what is wrong, and the parameter.
    """
    if not isinstance(config, Mapping):
        raise InvalidValueError(f"a sweep's config is a dict, got {type(config).__name__}")
    found = cast("Mapping[str, Any]", config)
    method = found.get("method")
    if method not in _METHODS:
        raise InvalidValueError(f"method is one of {', '.join(_METHODS)}, got {method!r}")
    space = Space(found.get("parameters"))
    metric = _metric(found.get("metric"))
    early_stop = _early_stop(found.get("early_terminate"))
    if method == "grid":
        space.check_grid()
    if metric is None and (method == "bayes" or early_stop is not None):
        what = "method 'bayes'" if method == "bayes" else "early_terminate"
        raise InvalidValueError(
            f"{what} needs a metric, such as {{'name': 'loss', 'goal': 'minimize'}}"
        )
    unknown = sorted(str(key) for key in found if key not in _KEYS)
    return SweepConfig(
        method=method,
        space=space,
        metric=metric,
        early_stop=early_stop,
        run_cap=_count(found, "run_cap"),
        program=_text(found, "program"),
        command=_command(found.get("command")),
        name=_text(found, "name"),
        description=_text(found, "description"),
        warnings=(
            *(f"{key!r} means nothing in the config of a sweep" for key in unknown),
            *space.warnings,
        ),
    )


def fill_distributions(config: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which parameters with `min` and `max` name their distribution: servers need it.

    Raises:
        InvalidValueError: The distribution is not clear; names the parameter.
    """
    return {**config, "parameters": _filled(config["parameters"], "")}


def _filled(parameters: Mapping[str, Any], above: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in parameters.items():
        if "parameters" in entry:
            found[key] = {**entry, "parameters": _filled(entry["parameters"], f"{above}{key}.")}
        elif entry.get("distribution") is None and not entry.keys() & {"value", "values"}:
            found[key] = {**entry, "distribution": default_distribution(above + key, entry)}
        else:
            found[key] = dict(entry)
    return found


def _metric(metric: object) -> Metric | None:
    if metric is None:
        return None
    if not isinstance(metric, Mapping):
        raise InvalidValueError("metric is a dict such as {'name': 'loss', 'goal': 'minimize'}")
    found = cast("Mapping[str, Any]", metric)
    name, goal, target = found.get("name"), found.get("goal", "minimize"), found.get("target")
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"metric.name is the name of a logged value, got {name!r}")
    if goal not in ("minimize", "maximize"):
        raise InvalidValueError(f"metric.goal is 'minimize' or 'maximize', got {goal!r}")
    if target is not None and not is_number(target):
        raise InvalidValueError(f"metric.target is a number, got {target!r}")
    return Metric(name, goal == "maximize", target)


def _early_stop(entry: object) -> EarlyStop | None:
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise InvalidValueError(
            "early_terminate is a dict such as {'type': 'hyperband', 'min_iter': 3}"
        )
    found = cast("Mapping[str, Any]", entry)
    if found.get("type") != "hyperband":
        raise InvalidValueError(f"early_terminate.type is 'hyperband', got {found.get('type')!r}")
    eta: Any = found.get("eta", 3)
    if not is_number(eta) or eta <= 1:
        raise InvalidValueError(f"early_terminate.eta is a number above 1, got {eta!r}")
    first = _count(found, "min_iter", "early_terminate.")
    last = _count(found, "max_iter", "early_terminate.")
    rounds = _count(found, "s", "early_terminate.")
    if last is not None and rounds is not None:
        brackets = {int(last / eta**i) for i in range(1, rounds + 1)} - {0}
    elif first is not None:
        brackets = set(_growing(first, eta, last))
    else:
        raise InvalidValueError("early_terminate needs min_iter, or both max_iter and s")
    return EarlyStop(tuple(sorted(brackets)), eta, found.get("strict") is True)


def _growing(first: int, eta: float, last: int | None) -> list[int]:
    end = 10**9 if last is None else last
    found: list[int] = []
    step = float(first)
    while step <= end:
        found.append(int(step))
        step *= eta
    return found


def _command(command: object) -> tuple[str, ...] | None:
    if command is None:
        return None
    if not isinstance(command, list | tuple) or not command:
        raise InvalidValueError(
            "command is a list of words such as ['python', '${program}', '${args}']"
        )
    return tuple(str(word) for word in cast("Sequence[object]", command))


def _text(config: Mapping[str, Any], key: str) -> str | None:
    value = config.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidValueError(f"{key} is a text, got {value!r}")
    return value or None


def _count(config: Mapping[str, Any], key: str, above: str = "") -> int | None:
    value = config.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidValueError(f"{above}{key} is an integer from 1, got {value!r}")
    return value
