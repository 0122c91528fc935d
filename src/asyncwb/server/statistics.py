"""Statistics that `define_metric` asks for, over all writers of a run. Pure.

Each writer sends those of its own values. The smallest minimum of all is the run's minimum; a mean
of several means would be none, so that it stays that of the writer who logged last.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from .jsontext import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Statistics"]

Tree: TypeAlias = dict[str, Any]

_Pick: TypeAlias = "Callable[[Any, Any], Any]"

_NAME, _GLOB, _SUMMARY, _GOAL = "1", "2", "7", "8"
_MAXIMIZE = 2


def _smallest(there: Any, here: Any) -> Any:
    return min(there, here) if _is_number(there) and _is_number(here) else here


def _largest(there: Any, here: Any) -> Any:
    return max(there, here) if _is_number(there) and _is_number(here) else here


def _earliest(there: Any, _here: Any) -> Any:
    return there


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PICKS: tuple[tuple[str, _Pick], ...] = (
    ("min", _smallest),
    ("max", _largest),
    ("first", _earliest),
)


class Statistics:
    """Combines values of summaries where the run's metric definitions ask for statistics.

    Args:
        config: Loads the config of the run; called when it is needed, once.
    """

    def __init__(self, config: Callable[[], Tree]) -> None:
        self._config = config
        self._known: list[Tree] | None = None

    def combine(self, name: str, chosen: Any, stored: Any, before: Any, now: Any) -> Any:
        """What a summary holds of a metric, or of the metrics below a key.

        Args:
            name: With dots for nested ones.
            chosen: The newest value, one of `stored` and `now`.
            stored: Of the run.
            before: What the writer sent the last time.
            now: What it sends.
        """
        if not (is_object(chosen) and is_object(stored) and is_object(now)) or "_type" in chosen:
            return chosen
        earlier: Tree = before if is_object(before) else {}
        definition = self._find(name)
        if definition is None:
            return {
                key: self.combine(
                    f"{name}.{key}", value, stored.get(key), earlier.get(key), now.get(key)
                )
                for key, value in chosen.items()
            }
        best = _largest if definition.get(_GOAL) == _MAXIMIZE else _smallest
        combined = {**chosen}
        for member, pick in (*_PICKS, ("best", best)):
            if member in now and member in stored:
                here, there = now[member], stored[member]
                # What this writer itself has brought there is replaced.
                own = there == earlier.get(member)
                combined[member] = here if own else pick(there, here)
        return combined

    def _find(self, name: str) -> Tree | None:
        """The definition that asks for statistics: of this very name, or the longest glob."""
        if self._known is None:
            self._known = _definitions(self._config())
        globs: list[tuple[int, Tree]] = []
        for entry in self._known:
            if entry.get(_NAME) == name:
                return entry
            glob = entry.get(_GLOB)
            if isinstance(glob, str) and name.startswith(glob.removesuffix("*")):
                globs.append((len(glob), entry))
        return max(globs, key=itemgetter(0))[1] if globs else None


def _definitions(config: Tree) -> list[Tree]:
    reserved = config.get("_wandb")
    value = reserved.get("value") if is_object(reserved) else None
    entries: Any = value.get("m") if is_object(value) else None
    if not is_list(entries):
        return []
    return [entry for entry in entries if is_object(entry) and entry.get(_SUMMARY)]
