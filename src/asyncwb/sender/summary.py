"""The summary of a run, derived from its history and from explicit records."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from asyncwb import jsonx
from asyncwb.sender.metrics import MetricTable, Statistics
from asyncwb.sender.tree import Tree, get_path, merge_leaves, remove_path, set_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["SummaryFold"]


class SummaryFold:
    """Last value of every key, or the statistics that `define_metric` asked for.

    A value set by hand replaces what history gave and ends the statistics of its key; a row
    logged later replaces it again.
    """

    def __init__(self, metrics: MetricTable) -> None:
        self.tree: Tree = {}
        self._metrics = metrics
        self._statistics: dict[tuple[str, ...], Statistics] = {}
        self._plain: set[tuple[str, ...]] = set()
        self._step: int | None = None
        self._runtime = 0.0

    def seed(self, tree: Tree) -> None:
        """Continue the summary of the run that is being resumed; what is set already stays."""
        earlier: Tree = {}
        merge_leaves(earlier, tree)
        merge_leaves(earlier, self.tree)
        self.tree = earlier
        step = tree.get("_step")
        if isinstance(step, int):
            self._step = step
        runtime = get_path(tree, ("_wandb", "runtime"))
        for known in (runtime, tree.get("_runtime")):
            if isinstance(known, int | float):
                self._runtime = max(self._runtime, known)

    def add_row(self, row: Tree, *, flat: bool = False) -> None:
        """Take in one history row, `_step`, `_timestamp` and `_runtime` included.

        Args:
            row: Decoded.
            flat: The caller knows that no value is a dict.
        """
        step = row.get("_step")
        if isinstance(step, int) and (self._step is None or step > self._step):
            self._step = step
        runtime = row.get("_runtime")
        if isinstance(runtime, int | float):
            self._runtime = max(self._runtime, runtime)
        if not self._metrics.wants_statistics:
            if flat:
                self.tree.update(row)
            else:
                merge_leaves(self.tree, row)
            return
        for path, value in _leaves(row, ()):
            self._add_leaf(path, value)

    def _add_leaf(self, path: tuple[str, ...], value: object) -> None:
        definition = None if path in self._plain else self._metrics.find(".".join(path))
        asked = definition.summary if definition is not None else ()
        if definition is None or not asked or asked == ("copy",):
            set_path(self.tree, path, value)
        elif "none" in asked:
            remove_path(self.tree, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            statistics = self._statistics.get(path)
            if statistics is None:
                statistics = self._statistics[path] = Statistics(definition)
            statistics.add(value)
            set_path(self.tree, path, statistics.value())
        else:
            set_path(self.tree, path, value)

    def set_derived(self, path: Sequence[str], value: object) -> None:
        """Take a value that the writer of the journal derived from history itself."""
        if tuple(path) not in self._statistics:
            set_path(self.tree, path, value)
        if tuple(path) == ("_wandb", "runtime") and isinstance(value, int | float):
            self.add_runtime(value)

    def set_explicit(self, path: Sequence[str], value: object) -> None:
        """Take a value that the user set by hand."""
        if value is None:
            # The protocol has no null in a summary: a NaN set by hand arrives as one.
            remove_path(self.tree, path)
            return
        set_path(self.tree, path, value)
        self._forget(tuple(path))

    def remove(self, path: Sequence[str]) -> None:
        """Delete a key."""
        remove_path(self.tree, path)
        self._forget(tuple(path))

    def add_runtime(self, seconds: float) -> None:
        """Note how long the run took, all told."""
        self._runtime = max(self._runtime, seconds)

    def _forget(self, path: tuple[str, ...]) -> None:
        if self._metrics.wants_statistics:
            self._plain.add(path)
            for known in [p for p in self._statistics if p[: len(path)] == path]:
                del self._statistics[known]
                self._plain.add(known)

    def line(self) -> bytes:
        """The whole summary as one extended-JSON line."""
        tree = dict(self.tree)
        if self._step is not None:
            tree["_step"] = self._step
        tree["_runtime"] = self._runtime
        own = tree.get("_wandb")
        reserved = cast("Tree", own) if isinstance(own, dict) else {}
        tree["_wandb"] = {**reserved, "runtime": int(self._runtime)}
        return jsonx.encode(tree)


def _leaves(tree: Tree, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in tree.items():
        path = (*above, key)
        if isinstance(value, dict) and "_type" not in value:
            yield from _leaves(cast("Tree", value), path)
        else:
            yield path, value
