"""`watch` and `unwatch` of a live run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asyncwb.run.attributes import RunAttributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

__all__ = ["RunWatch", "TorchModule"]


class TorchModule(Protocol):
    """What a type checker asks of a model; at run time it has to be a `torch.nn.Module`."""

    def named_parameters(self) -> Iterator[tuple[str, object]]:
        """Names and parameters."""
        ...


class RunWatch(RunAttributes):
    """Histograms and the graph of torch models; a part of `Run`."""

    def watch(
        self,
        models: TorchModule | Sequence[TorchModule],
        criterion: object = None,
        log: Literal["gradients", "parameters", "all"] | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Record histograms of a torch model's gradients and parameters while it is trained.

        Every `log_freq` batches the histograms are computed amid the forward and backward pass, in
        the thread that trains, and become part of the next row that is logged: as
        `gradients/<name>` after a backward, as `parameters/<name>` after a forward pass. They have
        64 bins and hold the finite values; a tensor without any is left out. Nothing waits for a
        GPU before that row is logged. Watching ends with `unwatch` or with the run.

        Args:
            models: One model or several, each watched once. The names of all but the first model
                of a run begin with `graph_<index>`.
            criterion: Has no effect; it is there because the wandb package has it.
            log: "gradients", "parameters", "all" or None.
            log_freq: Batches from one histogram to the next; 0 is the same as 1.
            idx: Index of the first of `models`; None: go on counting from 0.
            log_graph: Whether the first forward pass of each model is recorded as a graph of its
                modules, in the summary as `graph_<index>`.

        Raises:
            InvalidValueError: A model that is no `torch.nn.Module` or is watched already, or
                another bad argument. Nothing is watched then that was not before.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        del criterion
        self._core.observers.watcher.watch(models, log, log_freq, idx, log_graph=log_graph)

    def unwatch(self, models: TorchModule | Sequence[TorchModule] | None = None) -> None:
        """Stop watching: the hooks are removed, histograms that wait still join the next row.

        A model that is not watched is told of in a warning. After the end of the run nothing is
        watched any more, and this does nothing.

        Args:
            models: One model or several; None: all of this run.

        Raises:
            InvalidValueError: Something else than a `torch.nn.Module`.
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        if not self._core.ended:
            self._core.observers.watcher.unwatch(models)
