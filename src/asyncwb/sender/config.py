"""The config of a run in its wire form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from asyncwb.journal.metadata import environment_tree
from asyncwb.journal.records import EnvironmentRecord
from asyncwb.sender.tree import Tree, remove_path, set_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.metrics import MetricTable

__all__ = ["ConfigFold"]

_RESERVED = "_wandb"
# Members of `_wandb` that a resumed run keeps although the new process has its own `_wandb`.
_KEPT_ON_RESUME = ("viz", "visualize", "mask/class_labels", "pinned_keys")


class ConfigFold:
    """The whole config; the protocol knows no differences.

    Attributes:
        telemetry: What `_wandb.value.t` says; its presence marks the run as started.
        environments: What `_wandb.value.e` says, one entry per writer: the record of one of this
            journal, the wire form of one that the resumed run had.
    """

    def __init__(self, metrics: MetricTable, *, version: str) -> None:
        self._tree: Tree = {}
        self._metrics = metrics
        self._version = version
        self.telemetry: Tree = {}
        self.environments: dict[str, EnvironmentRecord | object] = {}

    def set(self, path: Sequence[str], value: object) -> None:
        """Set a value; the first part of `path` is the top-level key."""
        if list(path) == [_RESERVED] and isinstance(value, dict):
            # Whole `_wandb` objects of several writers add up; their t, m and e are our folds'.
            own = self._tree.setdefault(_RESERVED, {})
            cast("Tree", own).update(cast("Tree", value))
            return
        set_path(self._tree, path, value)

    def remove(self, path: Sequence[str]) -> None:
        """Remove a value; a missing one is fine."""
        remove_path(self._tree, path)

    def add_missing(self, wire: Tree) -> None:
        """Take over what the resumed run has and this process did not set."""
        for key, wrapped in wire.items():
            value = cast("Tree", wrapped).get("value") if isinstance(wrapped, dict) else wrapped
            if key == _RESERVED:
                if isinstance(value, dict):
                    self._add_reserved(cast("Tree", value))
            elif key != "wandb_version":
                self._tree.setdefault(key, value)

    def _add_reserved(self, earlier: Tree) -> None:
        own = cast("Tree", self._tree.setdefault(_RESERVED, {}))
        for key in _KEPT_ON_RESUME:
            if key in earlier:
                own.setdefault(key, earlier[key])
        environments = earlier.get("e")
        if isinstance(environments, dict):
            self.environments = {**cast("Tree", environments), **self.environments}

    def wire(self) -> Tree:
        """The object that goes into `UpsertBucket.config` and, as YAML, into `config.yaml`."""
        own = self._tree.get(_RESERVED)
        reserved: Tree = {**cast("Tree", own)} if isinstance(own, dict) else {}
        reserved["t"] = self.telemetry or {"5": self._version}
        reserved["m"] = self._metrics.wire()
        if self.environments:
            reserved["e"] = {
                writer: environment_tree(one) if isinstance(one, EnvironmentRecord) else one
                for writer, one in self.environments.items()
            }
        wire: Tree = {
            key: {"value": _without_nan(value)}
            for key, value in self._tree.items()
            if key != _RESERVED
        }
        wire[_RESERVED] = {"value": reserved}
        return wire


def _without_nan(value: object) -> object:
    """NaN is null in a config; infinities stay."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in cast("Tree", value).items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in cast("list[object]", value)]
    return value
