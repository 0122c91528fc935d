"""An async reinforcement learner: rollouts, training steps and evaluations overlap, no row is lost.

Rollout workers play with a policy that is some updates old, the trainer updates it, evaluations of
step 20 end when training is at step 27. `Monitor` is all that such a trainer needs of a tracker;
every method is one await, none waits for the network. Run it: `python examples/rl_monitor.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

import asyncwb
import asyncwb.testing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray


class Monitor:
    """Tracks one training job. Made by `start`; use it with `async with`."""

    def __init__(self, run: asyncwb.Run) -> None:
        self.run = run

    @classmethod
    async def start(cls, project: str, config: Mapping[str, object]) -> Self:
        """Begin a run. Without a server it begins all the same, and sends later."""
        run = await asyncwb.init(project=project, job_type="rl", config=config, wait=False)
        run.define_metric("train/reward", summary="max,mean")
        run.define_metric("eval/reward", summary="best", goal="maximize")
        run.define_metric("rollout/*", summary="none")
        return cls(run)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Within ten seconds, whatever the network does; `asyncwb sync` sends what is left.
        await self.run.finish(exit_code=0 if kind is None else 1, timeout=10)

    async def train(self, step: int, metrics: Mapping[str, float]) -> None:
        """One training step."""
        await self.run.log({f"train/{k}": v for k, v in metrics.items()}, step=step)

    async def rollout(self, policy_step: int, metrics: Mapping[str, float]) -> None:
        """One rollout, under the step of the policy that played it, which may be long past."""
        row = {f"rollout/{k}": v for k, v in metrics.items()}
        await self.run.log(row, step=policy_step, commit=True)

    async def evaluation(self, step: int, metrics: Mapping[str, float]) -> None:
        """One evaluation of the policy of `step`, whenever it is done."""
        await self.run.log({f"eval/{k}": v for k, v in metrics.items()}, step=step, commit=True)

    async def warn(self, title: str, text: str) -> None:
        """Tell people; at most once in five minutes for each title."""
        await self.run.alert(title, text, level="WARN", wait_duration=300)


@dataclass(frozen=True)
class Job:
    """What is trained, and how."""

    arms: int = 10
    steps: int = 60
    workers: int = 8
    batch: int = 16
    lr: float = 0.5
    eval_every: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Rollout:
    """What a worker played."""

    policy_step: int
    arm: int
    reward: float


class Learner:
    """A bandit with a softmax policy, improved by REINFORCE. Small, but it does learn."""

    def __init__(self, job: Job, monitor: Monitor) -> None:
        self.job, self.monitor = job, monitor
        self.random = np.random.default_rng(job.seed)
        self.payoff: NDArray[np.float64] = self.random.normal(0, 1, job.arms)
        self.logits: NDArray[np.float64] = np.zeros(job.arms)
        self.step = 0
        self.queue: asyncio.Queue[Rollout] = asyncio.Queue(maxsize=4 * job.batch)
        self.played: Counter[int] = Counter()
        self.evaluated: set[int] = set()

    def policy(self) -> NDArray[np.float64]:
        """Probability of each arm, float64[arms]."""
        odds = np.exp(self.logits - self.logits.max())
        return odds / odds.sum()

    async def work(self) -> None:
        """Play for ever, with the policy of the moment; it is old when the play ends."""
        while True:
            step, policy = self.step, self.policy()
            arm = int(self.random.choice(self.job.arms, p=policy))
            await asyncio.sleep(float(self.random.exponential(0.002)))
            reward = float(self.random.normal(self.payoff[arm], 0.5))
            await self.monitor.rollout(step, {"reward": reward, "staleness": self.step - step})
            self.played[step] += 1
            await self.queue.put(Rollout(step, arm, reward))

    async def evaluate(self, step: int, policy: NDArray[np.float64]) -> None:
        """Score a policy; takes as long as several training steps."""
        await asyncio.sleep(0.05)
        await self.monitor.evaluation(step, {"reward": float(policy @ self.payoff)})
        self.evaluated.add(step)

    async def train(self) -> None:
        """Update the policy until the last step; evaluations run beside it."""
        baseline = 0.0
        async with asyncio.TaskGroup() as evaluations:
            for step in range(self.job.steps):
                batch = [await self.queue.get() for _ in range(self.job.batch)]
                rewards = np.array([one.reward for one in batch])
                gradient = np.zeros(self.job.arms)
                for one in batch:
                    chosen = np.eye(self.job.arms)[one.arm]
                    gradient += (one.reward - baseline) * (chosen - self.policy())
                self.logits += self.job.lr * gradient / len(batch)
                baseline += 0.1 * (float(rewards.mean()) - baseline)
                await self.monitor.train(
                    step,
                    {
                        "reward": float(rewards.mean()),
                        "entropy": float(-(self.policy() * np.log(self.policy() + 1e-12)).sum()),
                        "staleness": float(np.mean([step - one.policy_step for one in batch])),
                    },
                )
                if step % self.job.eval_every == 0:
                    evaluations.create_task(self.evaluate(step, self.policy()))
                self.step = step + 1
        if float(self.policy() @ self.payoff) < float(self.payoff.mean()):
            await self.monitor.warn("no progress", "the policy is worse than chance")


async def train(job: Job) -> tuple[str, Learner]:
    """The whole job; returns the run's path and what was played."""
    async with await Monitor.start("rl", asdict(job)) as monitor:
        learner = Learner(job, monitor)
        workers = [asyncio.create_task(learner.work()) for _ in range(job.workers)]
        try:
            await learner.train()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return monitor.run.path, learner


async def check(path: str, learner: Learner) -> None:
    """Read the run back: every row is there, under its own step."""
    run = await asyncwb.Api().run(path)
    trained: list[int] = []
    evaluated: set[int] = set()
    played: Counter[int] = Counter()
    order: list[int] = []
    async for row in run.scan_history():
        step = row["_step"]
        if "train/reward" in row:
            trained.append(step)
        if "eval/reward" in row:
            evaluated.add(step)
            order.append(step)
        if "rollout/reward" in row:
            played[step] += 1
    job = learner.job
    print(f"{path}: {len(trained)} training steps, {len(evaluated)} evaluations,")
    print(f"  {played.total()} rollouts of {learner.played.total()} played; none is missing:")
    if sorted(set(trained)) != list(range(job.steps)):
        raise SystemExit("training steps are missing")
    if evaluated != learner.evaluated:
        raise SystemExit("evaluations are missing")
    if any(played[step] < count for step, count in learner.played.items()):
        raise SystemExit("rollouts are missing")
    best, mean = run.summary["eval/reward"], run.summary["train/reward"]
    print(f"  best evaluation {best['best']:.3f}, training reward at most {mean['max']:.3f}")


async def main(steps: int) -> None:
    """Train against an embedded server and check what it has."""
    with tempfile.TemporaryDirectory() as folder:
        async with asyncwb.testing.local_server() as server:
            os.environ.update(server.env, WANDB_DIR=folder, WANDB_SILENT="true")
            await check(*await train(Job(steps=steps)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    asyncio.run(main(parser.parse_args().steps))
