"""TensorBoard writers whose values become rows, beyond what `init(sync_tensorboard=True)` does.

asyncwb.tensorboard.patch(root_logdir="logs")
async with asyncwb.init(project="demo"):
    writer = SummaryWriter("logs/train")   # its tags begin with train/
"""

from __future__ import annotations

__all__ = ["patch", "unpatch"]


def patch(
    save: bool = True,
    tensorboard_x: bool | None = None,
    pytorch: bool | None = None,
    root_logdir: str = "",
) -> None:
    """Follow the writers that are opened from now on, for every run; never blocks.

    Runs then need no `sync_tensorboard`. It imports no library: what is imported later is noticed
    as well. It ends with `unpatch`.

    Args:
        save: Whether the event files are uploaded with the run.
        tensorboard_x: True: leave `tf.summary` alone.
        pytorch: True: the same.
        root_logdir: Folder above the folders of all writers: what a writer's path adds to it
            precedes its tags. "": guessed from the first two folders of a run.

    Raises:
        UsageError: It was called already.
    """
    from asyncwb.run.tensorboard.patch import WRITERS

    skip = bool(tensorboard_x or pytorch)
    WRITERS.patch(save=save, root_logdir=root_logdir, skip_tensorflow=skip)


def unpatch() -> None:
    """Undo `patch`; writers that are followed already still are. Without it nothing happens."""
    from asyncwb.run.tensorboard.patch import WRITERS

    WRITERS.unpatch()
