"""A Bayesian sweep on an embedded server: fourteen runs, three at a time, no internet.

pip install "asyncwb[server]"
python examples/sweep.py
"""

import asyncio
import math
import tempfile

import asyncwb
from asyncwb.testing import local_server

CONFIG = {
    "method": "bayes",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
        "width": {"min": 1, "max": 64},
        "activation": {"values": ["relu", "tanh"]},
    },
}


async def train() -> None:
    """A training whose best rate is 0.01 and whose best width is 32."""
    async with asyncwb.init(config={"epochs": 8}) as run:
        best = (math.log10(run.config["lr"]) + 2) ** 2 + (run.config["width"] / 32 - 1) ** 2
        best += run.config["activation"] == "relu"
        for epoch in range(run.config["epochs"]):
            await run.log({"epoch": epoch, "loss": best + 3 / (epoch + 1)})
            await asyncio.sleep(0.01)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with local_server() as server:
            settings = {**server.settings, "root_dir": folder, "quiet": True}
            sweep_id = await asyncwb.sweep(CONFIG, project="example", settings=settings)
            result = await asyncwb.agent(sweep_id, train, count=14, workers=3, settings=settings)
            print(f"{result.finished} runs finished; the best ones first:")
            runs = asyncwb.Api(server.settings).runs(
                "example", filters={"sweep": str(sweep_id)}, order="+summary_metrics.loss"
            )
            async for run in runs:
                print(f"{run.summary['loss']:8.3f}  {run.state:9}", run.config)


if __name__ == "__main__":
    asyncio.run(main())
