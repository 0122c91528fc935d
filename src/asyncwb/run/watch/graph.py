"""The graph of a torch model, as its first forward pass shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from asyncwb.run.watch.hooks import Hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ModelGraph"]


class ModelGraph:
    """Notes the modules of a model in the order in which they are called.

    Containers (`Sequential`, `ModuleList`, `ModuleDict`) are gone into, every other child of the
    model or of a container is one node. With the end of the model's first forward pass, or as soon
    as every node was seen, the graph is complete.

    Args:
        model: A torch module.
        containers: The classes that are gone into.
        done: Called once, with the graph as JSON has it.
    """

    def __init__(
        self, model: Any, containers: tuple[type, ...], done: Callable[[dict[str, Any]], None]
    ) -> None:
        self._done = done
        self._nodes: list[dict[str, Any]] = []
        self._open: dict[int, Any] = {}
        for name, module in _parts(model, containers):
            if id(module) not in self._open:
                self._open[id(module)] = module.register_forward_hook(Hook(self._seen(name)))
        self._end = model.register_forward_hook(Hook(self._complete))

    def remove(self) -> None:
        """Take all hooks away; what was not seen yet is not noted any more."""
        for handle in [*self._open.values(), self._end]:
            handle.remove()
        self._open = {}

    def _seen(self, name: str) -> Callable[[Any, object, object], None]:
        def note(module: Any, _: object, output: object) -> None:
            handle = self._open.pop(id(module), None)
            if handle is None:
                return
            handle.remove()
            self._nodes.append(_node(len(self._nodes), name, module, output))
            if not self._open:
                self._complete()

        return note

    def _complete(self, *_: object) -> None:
        self.remove()
        if self._nodes:
            nodes, self._nodes = self._nodes, []
            self._done({"format": "torch", "nodes": nodes, "edges": []})


def _parts(model: Any, containers: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    for name, child in model.named_children():
        if isinstance(child, containers):
            yield from ((f"{name}.{inner}", module) for inner, module in _parts(child, containers))
        else:
            yield name, child


def _node(number: int, name: str, module: Any, output: object) -> dict[str, Any]:
    sizes = [(inner, list(parameter.size())) for inner, parameter in module.named_parameters()]
    return {
        "name": name,
        "id": number,
        "class_name": str(module),
        "parameters": sizes,
        "output_shape": _shape(output) if isinstance(output, tuple) else [_shape(output)],
        "num_parameters": [math.prod(size) for _, size in sizes],
    }


def _shape(value: Any) -> list[Any]:
    """Sizes of a tensor, or of the tensors in nested lists, tuples and dicts."""
    if callable(getattr(value, "size", None)):
        return list(value.size())
    if isinstance(value, Mapping):
        return [_shape(item) for item in cast("Mapping[object, object]", value).values()]
    if isinstance(value, list | tuple):
        return [_shape(item) for item in cast("list[object]", value)]
    return []
