"""The same job from a plain blocking script: the lines of a wandb script, one import changed."""

from __future__ import annotations

import argparse

from digits import Classifier, load

import asyncwb.sync as wandb


def main(epochs: int = 12) -> str:
    """Train one model and return the run's path."""
    data = load()
    run = wandb.init(
        project="digits",
        name="blocking-h32-lr0.2",
        group="sync",
        tags=["example", "sync"],
        config={"hidden": 32, "lr": 0.2, "momentum": 0.9, "epochs": epochs, "batch_size": 32},
    )
    model = Classifier(
        hidden=wandb.config["hidden"],
        lr=wandb.config["lr"],
        momentum=wandb.config["momentum"],
        seed=99,
    )
    for epoch in range(epochs):
        for x, y in model.batches(data, wandb.config["batch_size"]):
            wandb.log({"epoch": epoch, **model.train_batch(x, y)})
        wandb.log({"epoch": epoch, **model.evaluate(data.val_x, data.val_y)})
    wandb.summary["trained_by"] = "blocking script"
    path = run.path
    wandb.finish()
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    print(main(parser.parse_args().epochs))
