"""The whole way in one command: server, async runs, a blocking run, and the data read back."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import read_back
import train_async

import asyncwb.testing

HERE = Path(__file__).parent


async def demo(folder: Path, epochs: int) -> None:
    """Run every example in turn against one embedded server."""
    async with asyncwb.testing.local_server(data_dir=folder / "server") as server:
        print(f"server: {server.url} (entity {server.entity}, data in {folder / 'server'})")
        os.environ.update(server.env, WANDB_DIR=str(folder), WANDB_QUIET="true")

        began = time.perf_counter()
        paths = await train_async.main(epochs)
        seconds = time.perf_counter() - began
        print(f"\n{len(paths)} runs trained in one event loop, {seconds:.1f} s:")
        print("\n".join(f"  {path}" for path in paths))

        script = [sys.executable, str(HERE / "train_sync.py"), "--epochs", str(epochs)]
        done = await asyncio.to_thread(
            subprocess.run, script, check=True, stdout=subprocess.PIPE, text=True
        )
        print(f"\nthe same job from a blocking script:\n  {done.stdout.strip()}\n")

        results = await read_back.main(folder)
        if len(results) < len(paths) + 1:
            raise SystemExit(f"expected {len(paths) + 1} runs, read {len(results)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--quick", action="store_true", help="three epochs instead of twelve")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    asyncio.run(demo(options.output, 3 if options.quick else 12))
