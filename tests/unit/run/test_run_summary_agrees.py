"""The live summary and the one that a sender derives from the journal are the same."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncwb.journal import JournalReader
from asyncwb.run import init
from asyncwb.sender.fold import Fold

NAMES = ["a", "b", "n", "n.x", "v/1", "v/2", "e", "_own"]
DEFINED = [*NAMES, "*", "v/*", "n.*", "n.x", "n.y.z"]
STATISTICS = ["min", "max", "mean", "last", "first", "none", "copy"]


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if kind < 0.2 and depth < 2:
        return {key: value(chance, depth + 1) for key in chance.sample("xyz", 2)}
    if kind < 0.3:
        return chance.choice(["text", True, [1, 2], {"_type": "t", "v": 1}, np.float32(0.5)])
    return chance.choice([chance.randint(-9, 9), chance.uniform(-9, 9), float("inf")])


def derived(path: str | None) -> dict[str, Any]:
    """What a sender makes of the journal, which it reads in pieces."""
    assert path is not None
    fold = Fold()
    reader = JournalReader.open(Path(path))
    while batch := reader.read_batch(5000, 7):
        for record in batch:
            fold.feed(record.payload)
        fold.summary.line()
    reader.close()
    return own(json.loads(fold.summary.line()))


def own(values: dict[str, Any]) -> dict[str, Any]:
    reserved = ("_timestamp", "_runtime", "_step", "_wandb")
    return {key: one for key, one in values.items() if key not in reserved}


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_a_run_does(seed: int) -> None:
    chance = random.Random(seed)
    run = await init("p", mode="offline")
    for _ in range(60):
        kind = chance.random()
        if kind < 0.15:
            run.define_metric(
                chance.choice(DEFINED),
                step_metric=chance.choice([None, None, "e", "s.t"]),
                summary=chance.sample(STATISTICS, chance.randint(0, 3)),
                overwrite=chance.random() < 0.5,
            )
        elif kind < 0.22:
            run.summary[chance.choice(NAMES)] = chance.choice([1, {"x": 2, "k": {"z": 1}}])
        elif kind < 0.27 and len(run.summary):
            key = chance.choice(sorted(run.summary))
            if not key.startswith("_"):
                del run.summary[key]
        elif kind < 0.3:
            _ = run.summary.as_dict()
        else:
            names = chance.sample(NAMES, chance.randint(1, 4))
            await run.log({name: value(chance) for name in names})
    live = own(run.summary.as_dict())
    await run.finish()
    assert json.loads(json.dumps(live)) == derived(run.status().journal)
