"""The models that one run watches."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from weakref import WeakKeyDictionary

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError
from asyncwb.run.watch.graph import ModelGraph
from asyncwb.run.watch.histogram import histogram
from asyncwb.run.watch.hooks import Hook

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore

__all__ = ["Watched", "Watcher"]

_log = logging.getLogger("asyncwb.run")

Watched: TypeAlias = Literal["gradients", "parameters", "all"]


class _Watch:
    """One watched model: its index and how to let it go."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.handles: list[Any] = []


class Watcher:
    """Puts histograms of models into the rows of a run.

    Hooks compute in the thread that trains, and never raise: a backward pass does not fail for
    what it is watched by.

    Args:
        core: The run.
    """

    def __init__(self, core: RunCore) -> None:
        self._core = core
        self._live = core.settings.mode != "disabled"
        # Weak: a model that nobody uses any more takes its hooks with it.
        self._models: WeakKeyDictionary[Any, _Watch] = WeakKeyDictionary()
        self._next_index = 0
        self._failed: set[str] = set()

    def watch(
        self,
        models: object,
        log: Watched | None,
        log_freq: int,
        idx: int | None,
        *,
        log_graph: bool,
    ) -> None:
        """Watch as `Run.watch` describes: all of the models or, after an error, none."""
        if log not in ("gradients", "parameters", "all", None):
            raise InvalidValueError(f"log is 'gradients', 'parameters', 'all' or None, got {log!r}")
        log_freq = _whole("log_freq", log_freq)
        given = _as_models(models)
        taken = {watch.index for watch in self._models.values()}
        first = self._next_index if idx is None else _whole("idx", idx)
        while idx is None and not taken.isdisjoint(range(first, first + len(given))):
            first += 1
        for number, model in enumerate(given, first):
            if model in self._models or given.index(model) < number - first:
                raise InvalidValueError(
                    f"the {type(model).__name__} is watched already; call unwatch() first, or give "
                    "another instance"
                )
            if number in taken:
                raise InvalidValueError(f"idx {number} is the one of another watched model")
        self._next_index += len(given)
        if not self._live:
            return
        for number, model in enumerate(given, first):
            prefix = f"graph_{number}" if number else ""
            watch = self._models[model] = _Watch(number)
            if log in ("parameters", "all"):
                hook = Hook(partial(self._parameters, prefix), log_freq)
                watch.handles.append(model.register_forward_hook(hook))
            if log in ("gradients", "all"):
                self._hook_gradients(watch, model, prefix, log_freq)
            if log_graph:
                self._hook_graph(watch, model)

    def unwatch(self, models: object | None) -> None:
        """Take the hooks of models away; None: of all."""
        given = list(self._models.keys()) if models is None else _as_models(models)
        if not self._live:
            return
        for model in given:
            watch = self._models.pop(model, None)
            if watch is None:
                name = type(model).__name__
                self._core.terminal.warning(f"unwatch(): the {name} is not watched")
                continue
            for handle in watch.handles:
                handle.remove()

    def close(self) -> None:
        """Let go of every model."""
        self.unwatch(None)
        self._live = False

    def leave_to_parent(self) -> None:
        """In a forked child: its copy of the model goes on without us."""
        self._live = False

    def _hook_gradients(self, watch: _Watch, model: Any, prefix: str, frequency: int) -> None:
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                hook = Hook(partial(self._note, f"gradients/{prefix}{name}"), frequency)
                watch.handles.append(parameter.register_hook(hook))

    def _hook_graph(self, watch: _Watch, model: Any) -> None:
        nn = sys.modules["torch"].nn
        containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
        key = f"graph_{watch.index}"
        watch.handles.append(ModelGraph(model, containers, partial(self._write_graph, key)))

    def _parameters(self, prefix: str, module: Any, *_: object) -> None:
        for name, parameter in module.named_parameters():
            self._note(f"parameters/{prefix}{name}", parameter)

    def _note(self, key: str, tensor: Any) -> None:
        """Add the histogram of a tensor to the next row."""
        if not self._live:
            return
        try:
            value = histogram(tensor)
        except (RuntimeError, TypeError) as error:
            self._tell_once(key, error)
            return
        self._core.history.add_to_next(key, value)

    def _write_graph(self, key: str, graph: dict[str, Any]) -> None:
        if not self._live:
            return
        try:
            value = self._core.media.files.keep(
                jsonx.encode(graph),
                kind="graph",
                name=f"{key}_summary",
                suffix=".graph.json",
            )
        except OSError as error:
            self._tell_once(key, error)
            return
        self._core.summary[key] = {"_type": "graph-file", **value}

    def _tell_once(self, key: str, error: Exception) -> None:
        if key not in self._failed:
            self._failed.add(key)
            _log.warning("%s cannot be recorded: %s", key, error)


def _as_models(models: object) -> list[Any]:
    given = list(cast("list[Any]", models)) if isinstance(models, list | tuple) else [models]
    torch = sys.modules.get("torch")  # whoever has a model has imported it
    for model in given:
        if torch is None or not isinstance(model, torch.nn.Module):
            raise InvalidValueError(
                f"a model is a torch.nn.Module, got {type(model).__name__}; other libraries are "
                "not watched"
            )
    return given


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidValueError(f"{name} is an integer from 0, got {value!r}")
    return value
