"""Putting together what several writers say about one run. Pure.

A writer always sends its whole config and its whole summary. What it changed follows from what it
sent the last time; everything else is none of its business, and stays as another writer left it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from .jsontext import is_list, is_object

if TYPE_CHECKING:
    from .statistics import Statistics

__all__ = ["Tree", "merge_config", "merge_summary"]

Tree: TypeAlias = dict[str, Any]

_RESERVED = "_wandb"
_METRICS = "m"
_STEP_METRIC = "5"
# What only grows: the writers are at different points, and the run is at the farthest of them.
_HIGHEST = frozenset(("_step", "_runtime", "_timestamp"))


def merge_config(stored: Tree, before: Tree, now: Tree) -> Tree:
    """The config of a run after a writer sent its own.

    Args:
        stored: Of the run.
        before: What this writer sent the last time.
        now: What it sends.
    """
    return _with_metrics(_merge(*(_by_name(tree) for tree in (stored, before, now))), _as_list)


def _merge(stored: Tree, before: Tree, now: Tree) -> Tree:
    merged = {key: value for key, value in stored.items() if key in now or key not in before}
    for key, value in now.items():
        there, was = merged.get(key), before.get(key)
        if is_object(value) and is_object(there):
            merged[key] = _merge(there, was if is_object(was) else {}, value)
        elif key not in merged or value != was:
            merged[key] = value
    return merged


def _by_name(config: Tree) -> Tree:
    """A config whose metric definitions are keyed by their names, with step metrics by name."""
    return _with_metrics(config, _as_names)


def _with_metrics(config: Tree, change: Any) -> Tree:
    entry = config.get(_RESERVED)
    value = entry.get("value") if is_object(entry) else None
    metrics = value.get(_METRICS) if is_object(value) else None
    if not is_object(entry) or not is_object(value) or metrics is None:
        return config
    return {**config, _RESERVED: {**entry, "value": {**value, _METRICS: change(metrics)}}}


def _as_names(metrics: Any) -> Any:
    if not is_list(metrics):
        return metrics
    entries: list[Tree] = [entry if is_object(entry) else {} for entry in metrics]
    names = [_name(entry) for entry in entries]
    found: Tree = {}
    for name, entry in zip(names, entries, strict=True):
        step: Any = entry.get(_STEP_METRIC)
        known = isinstance(step, int) and 0 < step <= len(names)
        # One value, not a tree: a definition is replaced as a whole.
        found[name] = (entry, names[step - 1] if known else None)
    return found


def _as_list(metrics: Any) -> Any:
    if not is_object(metrics):
        return metrics
    places = {name: number for number, name in enumerate(metrics, 1)}
    listed: list[Tree] = []
    for entry, step in metrics.values():
        whole = {key: value for key, value in entry.items() if key != _STEP_METRIC}
        if step in places:
            whole[_STEP_METRIC] = places[step]
        listed.append(whole)
    return listed


def _name(entry: Tree) -> str:
    """Names and globs apart."""
    return f"1{entry['1']}" if "1" in entry else f"2{entry.get('2', '')}"


def merge_summary(
    stored: Tree,
    times: dict[str, float],
    before: Tree,
    now: Tree,
    logged: dict[str, float],
    statistics: Statistics,
) -> Tree:
    """The summary of a run after a writer sent its own: for each key the newest value.

    Args:
        stored: Of the run.
        times: When the value of each key was logged; changed in place.
        before: What this writer sent the last time.
        now: What it sends.
        logged: Keys that it logged since, with the time; a value may have been logged again.
        statistics: Of which metrics the run wants minimum, maximum and their like of all writers.
    """
    merged = dict(stored)
    latest = _number(now.get("_timestamp"))
    for key, value in now.items():
        if key in _HIGHEST:
            merged[key] = max(value, merged.get(key, value), key=_number)
        elif key == _RESERVED:
            merged[key] = _highest(merged.get(key), value)
        elif key in logged or before.get(key, _MISSING) != value:
            at = logged.get(key, latest)
            if at >= times.get(key, 0.0):
                merged[key], times[key] = value, at
            merged[key] = statistics.combine(
                key, merged[key], stored.get(key), before.get(key), value
            )
    for key in before.keys() - now.keys():
        if times.get(key, 0.0) <= latest:
            merged.pop(key, None)
            times.pop(key, None)
    return merged


_MISSING = object()


def _highest(there: Any, value: Any) -> Any:
    """Of the reserved object, where `runtime` is the one member."""
    if not is_object(there) or not is_object(value):
        return value
    runtime = max(there.get("runtime", 0), value.get("runtime", 0), key=_number)
    return {**there, **value, "runtime": runtime}


def _number(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if known else 0.0
