"""The summary of a run, derived from its history and from explicit records."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from asyncwb import jsonx
from asyncwb.metrics import SummaryStatistics
from asyncwb.sender.tree import Tree, get_path, merge_leaves, remove_path, set_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncwb.metrics import MetricDefinition, MetricTable

__all__ = ["SummaryFold"]


class SummaryFold:
    """Last value of every key, or the statistics that `define_metric` asked for.

    A value set by hand replaces what history gave and ends the statistics of its key; a row
    logged later replaces it again.
    """

    def __init__(self, metrics: MetricTable) -> None:
        self.tree: Tree = {}
        self._metrics = metrics
        self._statistics = SummaryStatistics(metrics)
        self._step: int | None = None
        self._runtime = 0.0

    def seed(self, tree: Tree) -> None:
        """Continue the summary of the run that is being resumed; what is set already stays."""
        earlier: Tree = {}
        merge_leaves(earlier, tree)
        merge_leaves(earlier, self.tree)
        self.tree = earlier
        self._statistics.resume(tree)
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
        if flat:
            self.tree.update(row)
        else:
            merge_leaves(self.tree, row)
        if self._metrics.wants_statistics:
            self._statistics.add_row(row, flat=flat)

    def define(self, definition: MetricDefinition, *, overwrite: bool) -> None:
        """Take in a definition: it counts for the rows that follow."""
        self._show_statistics()
        self._metrics.define(definition, overwrite=overwrite)
        self._statistics.redefined()

    def inherit(self, definitions: Iterable[MetricDefinition]) -> None:
        """Take in the definitions of the run that is being resumed."""
        self._metrics.inherit(definitions)
        self._statistics.redefined()

    def set_derived(self, path: Sequence[str], value: object) -> None:
        """Take a value that the writer of the journal derived from history itself."""
        if not self._statistics.covers(path):
            set_path(self.tree, path, value)
        if tuple(path) == ("_wandb", "runtime") and isinstance(value, int | float):
            self.add_runtime(value)

    def set_explicit(self, path: Sequence[str], value: object) -> None:
        """Take a value that the user set by hand."""
        if value is None:
            # The protocol has no null in a summary: a NaN set by hand arrives as one.
            remove_path(self.tree, path)
        else:
            set_path(self.tree, path, value)
        self._statistics.set_by_hand(path, value)

    def remove(self, path: Sequence[str]) -> None:
        """Delete a key."""
        remove_path(self.tree, path)
        self._statistics.remove(path)

    def add_runtime(self, seconds: float) -> None:
        """Note how long the run took, all told."""
        self._runtime = max(self._runtime, seconds)

    def _show_statistics(self) -> None:
        for path, value in self._statistics.shown(self.tree):
            if value is None:
                remove_path(self.tree, path)
            else:
                set_path(self.tree, path, value)

    def line(self) -> bytes:
        """The whole summary as one extended-JSON line."""
        self._show_statistics()
        tree = dict(self.tree)
        if self._step is not None:
            tree["_step"] = self._step
        tree["_runtime"] = self._runtime
        own = tree.get("_wandb")
        reserved = cast("Tree", own) if isinstance(own, dict) else {}
        tree["_wandb"] = {**reserved, "runtime": int(self._runtime)}
        return jsonx.encode(tree)
