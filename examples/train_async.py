"""Several runs with different hyperparameters, training concurrently in one event loop."""

from __future__ import annotations

import asyncio
from typing import TypedDict

from digits import Classifier, Data, load

import asyncwb


class Hyperparameters(TypedDict):
    """What distinguishes one run from the next."""

    hidden: int
    lr: float
    momentum: float


GRID: list[Hyperparameters] = [
    {"hidden": 16, "lr": 0.05, "momentum": 0.0},
    {"hidden": 16, "lr": 0.2, "momentum": 0.9},
    {"hidden": 64, "lr": 0.05, "momentum": 0.9},
    {"hidden": 64, "lr": 0.5, "momentum": 0.0},
    {"hidden": 64, "lr": 1.0, "momentum": 0.9},
]


async def train(data: Data, choice: Hyperparameters, *, epochs: int, seed: int) -> str:
    """Train one model, log every batch and every epoch, return the run's path."""
    config = {**choice, "epochs": epochs, "batch_size": 32, "seed": seed}
    name = f"h{choice['hidden']}-lr{choice['lr']}-m{choice['momentum']}"
    async with asyncwb.init(
        project="digits", name=name, group="async", tags=["example", "async"], config=config
    ) as run:
        model = Classifier(**choice, seed=seed)
        for epoch in range(epochs):
            for x, y in model.batches(data, 32):
                # The numpy work goes to a thread, so that the runs share the loop fairly.
                await run.log({"epoch": epoch, **await asyncio.to_thread(model.train_batch, x, y)})
            await run.log({"epoch": epoch, **model.evaluate(data.val_x, data.val_y)})
        return run.path


async def main(epochs: int = 12) -> list[str]:
    """Train the whole grid at once."""
    data = load()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(train(data, choice, epochs=epochs, seed=seed))
            for seed, choice in enumerate(GRID)
        ]
    return [task.result() for task in tasks]


if __name__ == "__main__":
    for path in asyncio.run(main()):
        print(path)
