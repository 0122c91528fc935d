"""Real torch: `DataLoader` workers beside a live run and a live Api, and tensors in rows."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from bridge_tools import MOODS
from cells import FACES, Ending, run_cell
from run_journals import bodies, user_rows

import asyncwb.sync
from asyncwb.errors import InvalidValueError
from asyncwb.journal.records import HistoryRecord
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

torch = pytest.importorskip("torch")

pytestmark = [pytest.mark.torch, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


# -- workers --------------------------------------------------------------------------------

DATA = """
import torch
from torch.utils.data import DataLoader, Dataset

PARENT = None   # the run, where a worker inherits it

class Numbers(Dataset):
    # What a worker may try with what it came with.
    def __init__(self, trial): self.trial = trial
    def __len__(self): return 24
    def __getitem__(self, n):
        if n % 6 == 0:
            gc.collect()
            self.trial()
        return torch.tensor([float(n)])

def nothing(): pass
def misuse_parent(): START(misuse, PARENT, None)
def no_run():
    # A worker that was not forked knows of no run, and says so.
    assert wandb.run is None
    try: START(log_without_run)
    except Error as error: assert 'init()' in str(error)
    else: print('NO ERROR', flush=True)
ASYNC def log_without_run(): AWAIT wandb.log({'n': 99})
def batches(method, trial):
    return DataLoader(Numbers(trial), batch_size=4, num_workers=2,
                      multiprocessing_context=method)
"""


LIMIT_SECONDS = 90
"""Each process imports torch, which takes seconds."""


def training(method: str, trial: str) -> Ending:
    """The parent logs every batch."""
    body = f"""
global PARENT
PARENT = run
for number, batch in enumerate(batches({method!r}, {trial})):
    AWAIT run.log({{"n": 50 + number, "loss": batch.sum()}})
"""
    return Ending(body, rows=56, before=DATA)


TRIALS = {"fork": "misuse_parent", "spawn": "no_run", "forkserver": "no_run"}


def cells() -> list[Any]:
    found = []
    for number, method in enumerate(TRIALS):
        for face in FACES:
            for mood in MOODS:
                short = method == "fork" or (mood == "silent") == (face == FACES[number % 2])
                short = short and mood != "refuses"
                marks = () if short else (pytest.mark.slow,)
                found.append(
                    pytest.param(method, face, mood, id=f"{method}-{face}-{mood}", marks=marks)
                )
    return found


@pytest.mark.parametrize(("method", "face", "mood"), cells())
def test_workers_beside_a_live_run(method: str, face: str, mood: str, running: LocalServer) -> None:
    ending = training(method, TRIALS[method])
    run_cell(face, mood, ending, f"loader{method}{face}{mood}", running, LIMIT_SECONDS)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("method", TRIALS)
def test_workers_with_runs_of_their_own(method: str, face: str, running: LocalServer) -> None:
    before = DATA + (
        "\ndef own_run():\n"
        "    from torch.utils.data import get_worker_info\n"
        "    worker = get_worker_info()\n"
        "    if not hasattr(worker.dataset, 'done'):\n"
        "        worker.dataset.done = True\n"
        "        in_child(f'-{worker.id}', finish=worker.id == 0)\n"
    )
    body = f"for batch in batches({method!r}, own_run): pass"
    ending = Ending(body, before=before, children=["-0", "-1"])
    run_cell(face, "answers", ending, f"own{method}{face}", running, LIMIT_SECONDS)


# -- tensors --------------------------------------------------------------------------------

VALUES = {
    "scalar": (lambda: torch.tensor(0.5), 0.5),
    "integer": (lambda: torch.tensor(2**40), 2**40),
    "bool": (lambda: torch.tensor(True), True),
    "float32 is widened": (lambda: torch.tensor(0.1), 0.10000000149011612),
    "float64": (lambda: torch.tensor(0.1, dtype=torch.float64), 0.1),
    "bfloat16": (lambda: torch.tensor(1.5, dtype=torch.bfloat16), 1.5),
    "bfloat16 rounds": (lambda: torch.tensor(0.1, dtype=torch.bfloat16), 0.10009765625),
    "half": (lambda: torch.tensor(0.1, dtype=torch.float16), 0.0999755859375),
    "requires grad": (lambda: torch.tensor(2.0, requires_grad=True), 2.0),
    "a loss": (lambda: (torch.ones(3, requires_grad=True) * 2).sum(), 6.0),
    "parameter": (lambda: torch.nn.Parameter(torch.tensor(0.25)), 0.25),
    # As the wandb package does: what has one element is a number.
    "one element": (lambda: torch.tensor([0.5]), 0.5),
    "one element, 2-d": (lambda: torch.tensor([[2]]), 2),
    "vector": (lambda: torch.arange(3), [0, 1, 2]),
    "vector of bfloat16": (lambda: torch.ones(2, dtype=torch.bfloat16), [1.0, 1.0]),
    "vector with grad": (lambda: torch.ones(2, requires_grad=True) * 3, [3.0, 3.0]),
    "matrix": (lambda: torch.ones(2, 3), [[1.0] * 3] * 2),
    "32 elements": (lambda: torch.arange(32), list(range(32))),
    "not contiguous": (lambda: torch.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
    "nan": (lambda: torch.tensor(float("nan")), "NaN"),
    "infinity": (lambda: torch.tensor(float("-inf")), "-Infinity"),
    "empty": (lambda: torch.tensor([]), []),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_tensor_in_a_row(name: str) -> None:
    make, expected = VALUES[name]
    run = asyncwb.sync.init(project="torch", mode="offline", settings={"silent": True})
    run.log({"x": make()})
    run.log({"deep": {"x": make()}, "list": [make()]}, commit=False)
    run.finish()
    (row, texts) = user_rows(run.status().journal)[0], _texts(run.status().journal)
    if isinstance(expected, str):
        assert texts == [expected]
    else:
        assert row["x"] == expected
        assert type(row["x"]) is type(expected)
        deep = user_rows(run.status().journal)[1]
        assert deep == {"_step": 1, "deep": {"x": expected}, "list": [expected]}


def _texts(journal: str | None) -> list[str]:
    """The JSON of `x` in the first row."""
    first = next(body for body in bodies(journal) if isinstance(body, HistoryRecord))
    return [item.value_json for item in first.item if (item.key or item.nested_key[0]) == "x"]


def test_more_than_32_elements_are_a_histogram_of_32_bins() -> None:
    run = asyncwb.sync.init(project="torch", mode="offline", settings={"silent": True})
    run.log({"x": torch.arange(64, dtype=torch.float32)})
    run.finish()
    (row,) = user_rows(run.status().journal)
    assert row["x"]["_type"] == "histogram"
    assert row["x"]["values"] == [2] * 32
    assert len(row["x"]["bins"]) == 33
    assert (row["x"]["bins"][0], row["x"]["bins"][-1]) == (0, 63)


def test_a_tensor_without_a_value_is_refused_and_the_run_goes_on() -> None:
    run = asyncwb.sync.init(project="torch", mode="offline", settings={"silent": True})
    with pytest.raises(InvalidValueError, match="x"):
        run.log({"x": torch.empty(1, device="meta")})
    run.log({"x": 1})
    run.finish()
    assert user_rows(run.status().journal) == [{"_step": 0, "x": 1}]


def test_tensors_in_config_and_summary() -> None:
    run = asyncwb.sync.init(
        project="torch", mode="offline", settings={"silent": True}, config={"lr": torch.tensor(0.5)}
    )
    run.summary["best"] = torch.tensor(0.25, dtype=torch.bfloat16, requires_grad=True)
    run.finish()
    assert (run.config["lr"], run.summary["best"]) == (0.5, 0.25)


def test_torch_is_never_imported_by_us() -> None:
    code = """
import sys
import asyncwb.sync as wandb
run = wandb.init(project="torch", mode="offline", settings={"silent": True})
class Odd:
    def tolist(self): return [1]
    def detach(self): return self
run.log({"x": 1.5, "y": [1, 2]}); run.finish(); wandb.Api
assert not any(name.partition(".")[0] in {"torch", "jax", "tensorflow"} for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
