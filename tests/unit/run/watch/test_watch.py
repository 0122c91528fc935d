"""`watch` and `unwatch` of a live run, in both faces, without a server."""

from __future__ import annotations

import copy
import gc
import io
import json
import os
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
from run_journals import bodies, user_rows

import asyncwb
import asyncwb.sync
from asyncwb.errors import ClosedError, InvalidValueError
from asyncwb.journal.records import FilesRecord
from asyncwb.run import Run, init

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.torch


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.head = nn.Linear(8, 2)

    def forward(self, batch: Any) -> Any:
        return self.head(self.body(batch))


NAMES = ("body.0.weight", "body.0.bias", "head.weight", "head.bias")


def train(model: Any, steps: int = 1) -> None:
    for _ in range(steps):
        model(torch.randn(3, 4)).sum().backward()


def keys(row: dict[str, Any], kind: str) -> set[str]:
    return {key.removeprefix(kind) for key in row if key.startswith(kind)}


async def offline(**keywords: Any) -> Run:
    return await init("p", mode="offline", **keywords)


async def finished(run: Run) -> list[dict[str, Any]]:
    await run.finish()
    return user_rows(run.status().journal)


def hooks(model: Any) -> int:
    count = sum(len(module._forward_hooks) for module in model.modules())
    return count + sum(len(parameter._backward_hooks or ()) for parameter in model.parameters())


# -- what is recorded when ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "gradients", "parameters"),
    [("gradients", 1, 0), ("parameters", 0, 1), ("all", 1, 1), (None, 0, 0)],
)
async def test_what_is_recorded(log: Any, gradients: int, parameters: int) -> None:
    run = await offline()
    model = Net()
    run.watch(model, log=log, log_freq=1)
    train(model)
    await run.log({"i": 0})
    (row,) = await finished(run)
    assert keys(row, "gradients/") == set(NAMES * gradients)
    assert keys(row, "parameters/") == set(NAMES * parameters)
    for key, value in row.items():
        if "/" in key:
            assert value["_type"] == "histogram"


async def test_every_log_freq_th_batch() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log="all", log_freq=3)
    for i in range(7):
        train(model)
        await run.log({"i": i})
    found = await finished(run)
    # As the wandb package counts: batches 3 and 6, not the first one.
    for kind in ("gradients/", "parameters/"):
        assert [bool(keys(row, kind)) for row in found] == [i in (2, 5) for i in range(7)]


async def test_values_are_those_of_the_batch() -> None:
    run = await offline()
    model = nn.Linear(3, 1, bias=False)
    run.watch(model, log="all", log_freq=1)
    for _ in range(2):  # gradients add up in .grad, the batch's own are recorded
        model(torch.tensor([[1.0, 2.0, 4.0]])).sum().backward()
        await run.log({})
    first, second = await finished(run)
    assert first["gradients/weight"] == second["gradients/weight"]
    assert first["gradients/weight"]["bins"][::64] == [1, 4]
    assert sum(first["gradients/weight"]["values"]) == 3
    assert first["parameters/weight"]["bins"][0] == model.weight.min().item()


async def test_the_default_is_gradients_every_1000_batches() -> None:
    run = await offline()
    model = nn.Linear(1, 1)
    run.watch(model)
    for _ in range(999):
        model(torch.ones(1, 1)).backward()
    await run.log({"i": 0})
    model(torch.ones(1, 1)).backward()
    await run.log({"i": 1})
    first, second = await finished(run)
    assert set(first) == {"_step", "i"}
    assert set(second) == {"_step", "i", "gradients/weight", "gradients/bias"}


async def test_it_opens_no_row_of_its_own() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log_freq=1)
    for step in (0, 100, 200):
        train(model)
        assert run.step == (0 if step == 0 else step - 100)
        await run.log({"i": step}, step=step)
    assert [(row["_step"], len(row)) for row in await finished(run)] == [
        (0, 6), (100, 6), (200, 6),
    ]  # fmt: skip


async def test_frozen_parameters_have_no_gradient() -> None:
    run = await offline()
    model = Net()
    for parameter in model.body.parameters():
        parameter.requires_grad_(requires_grad=False)
    run.watch(model, log="all", log_freq=1)
    train(model)
    (row,) = await finished(run)
    assert keys(row, "gradients/") == {"head.weight", "head.bias"}
    assert keys(row, "parameters/") == set(NAMES)


async def test_gradients_without_a_finite_value_are_left_out() -> None:
    run = await offline()
    model = nn.Linear(2, 1)
    run.watch(model, log_freq=1)
    (model(torch.tensor([[1.0, 3.0]])) * float("nan")).sum().backward()
    await run.log({"i": 0})
    model(torch.tensor([[1.0, float("inf")]])).sum().backward()
    nan, inf = await finished(run)
    assert set(nan) == {"_step", "i"}
    assert inf["gradients/weight"] == {"_type": "histogram", "values": [1], "bins": [1, 1]}


async def test_sparse_gradients() -> None:
    run = await offline()
    model = nn.Embedding(10, 2, sparse=True)
    run.watch(model, log_freq=1)
    model(torch.tensor([1, 1, 2])).sum().backward()
    (row,) = await finished(run)
    value = row["gradients/weight"]
    # Row 1 twice, row 2 once, the other eight not at all; two columns each.
    assert (value["values"][0], value["values"][32], value["values"][63]) == (16, 2, 2)
    assert value["bins"][::32] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
async def test_other_precisions(kind: str) -> None:
    run = await offline()
    model = Net().to(getattr(torch, kind))
    run.watch(model, log="all", log_freq=1)
    model(torch.ones(3, 4, dtype=getattr(torch, kind))).sum().backward()
    (row,) = await finished(run)
    assert keys(row, "gradients/") == keys(row, "parameters/") == set(NAMES)


async def test_data_parallel_keeps_its_names() -> None:
    run = await offline()
    model = nn.DataParallel(Net())
    run.watch(model, log="all", log_freq=1)
    train(model)
    (row,) = await finished(run)
    assert keys(row, "gradients/") == keys(row, "parameters/") == {f"module.{n}" for n in NAMES}


async def test_shared_parameters_are_recorded_once_with_the_whole_gradient() -> None:
    run = await offline()
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    model[1].weight = model[0].weight
    with torch.no_grad():
        model[0].weight.fill_(3.0)
    run.watch(model, log_freq=1)
    model(torch.ones(1, 1)).sum().backward()
    (row,) = await finished(run)
    assert row == {
        "_step": 0,
        "gradients/0.weight": {"_type": "histogram", "values": [1], "bins": [6, 6]},
    }


# -- several models, several runs -----------------------------------------------------------


async def test_several_models_and_calls_count_on() -> None:
    run = await offline()
    models = [nn.Linear(1, 1, bias=False) for _ in range(4)]
    run.watch(models[:2], log_freq=1)
    run.watch(models[2], log_freq=1)
    run.watch(models[3], log_freq=1, idx=7)
    for model in models:
        model(torch.ones(1, 1)).sum().backward()
    (row,) = await finished(run)
    assert keys(row, "gradients/") == {
        "weight", "graph_1weight", "graph_2weight", "graph_7weight",
    }  # fmt: skip


async def test_counting_on_passes_over_indices_that_are_taken() -> None:
    run = await offline()
    models = [nn.Linear(1, 1, bias=False) for _ in range(4)]
    run.watch(models[0], log_freq=1, idx=1)
    run.watch(models[1], log_freq=1, idx=3)
    run.watch(models[2:], log_freq=1)
    for model in models:
        model(torch.ones(1, 1)).sum().backward()
    (row,) = await finished(run)
    assert keys(row, "gradients/") == {f"graph_{n}weight" for n in (1, 3, 4, 5)}


async def test_two_runs_watch_one_model() -> None:
    one, two = await offline(), await offline()
    model = Net()
    one.watch(model, log_freq=1)
    two.watch(model, log="parameters", log_freq=2)
    for i in range(2):
        train(model)
        await one.log({"i": i})
        await two.log({"i": i})
    await one.finish()
    assert hooks(model) == 1
    train(model, 2)
    await two.log({"i": 2})
    first = user_rows(one.status().journal)
    second = await finished(two)
    assert [len(keys(row, "gradients/")) for row in first] == [4, 4]
    assert [len(keys(row, "parameters/")) for row in second] == [0, 4, 4]
    assert hooks(model) == 0


# -- bad calls ------------------------------------------------------------------------------


BAD = {
    "text": ("model", {}),
    "a layer list": (nn.ModuleList([nn.Linear(1, 1)]).parameters(), {}),
    "one of several": ([nn.Linear(1, 1), None], {}),
    "log": (nn.Linear(1, 1), {"log": "everything"}),
    "negative": (nn.Linear(1, 1), {"log_freq": -1}),
    "fraction": (nn.Linear(1, 1), {"log_freq": 1.5}),
    "truth": (nn.Linear(1, 1), {"log_freq": True}),
    "idx": (nn.Linear(1, 1), {"idx": -1}),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_call_watches_nothing(name: str) -> None:
    models, keywords = BAD[name]
    run = await offline()
    with pytest.raises(InvalidValueError):
        run.watch(models, **keywords)
    for model in models if isinstance(models, list) else [models]:
        if isinstance(model, nn.Module):
            assert hooks(model) == 0
    await run.finish()


async def test_a_model_is_watched_once() -> None:
    run = await offline()
    model, other = Net(), Net()
    run.watch(model, log_freq=1)
    for again in (model, [other, model], [other, other]):
        with pytest.raises(InvalidValueError, match="watched already"):
            run.watch(again)
    with pytest.raises(InvalidValueError, match="idx 0"):
        run.watch(other, idx=0)
    assert hooks(other) == 0
    run.unwatch(model)
    run.watch(model, log_freq=1, idx=0)
    train(model)
    (row,) = await finished(run)
    assert keys(row, "gradients/") == set(NAMES)


async def test_after_the_end() -> None:
    run = await offline()
    model = Net()
    run.watch(model)
    await run.finish()
    assert hooks(model) == 0
    with pytest.raises(ClosedError):
        run.watch(model)
    run.unwatch(model)
    train(model)


# -- the end of watching --------------------------------------------------------------------


async def test_unwatch() -> None:
    run = await offline()
    one, two = Net(), Net()
    run.watch([one, two], log="all", log_freq=1, log_graph=True)
    train(one)
    run.unwatch(one)
    assert hooks(one) == 0
    train(one)
    await run.log({"i": 0})  # what waits still comes
    train(two)
    run.unwatch()
    assert hooks(two) == 0
    train(two)
    first, second = await finished(run)
    assert keys(first, "gradients/") == set(NAMES)
    assert keys(second, "gradients/") == {f"graph_1{name}" for name in NAMES}


async def test_unwatch_of_a_stranger_warns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    run = await offline()
    run.unwatch(nn.Linear(1, 1))
    assert "the Linear is not watched" in capsys.readouterr().err
    with pytest.raises(InvalidValueError):
        run.unwatch("model")  # type: ignore[arg-type]
    await run.finish()


async def test_a_model_that_is_gone_frees_its_hooks_and_index() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log="all", log_graph=True)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    run.watch(Net(), idx=0)
    await run.finish()


async def test_copies_and_pickles_of_a_watched_model_are_not_watched() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log="all", log_freq=1, log_graph=True)
    average = copy.deepcopy(model)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    twins = [average, pickle.loads(pickle.dumps(model)), torch.load(file, weights_only=False)]
    for twin in twins:
        train(twin)
    await run.log({"i": 0})
    assert "graph_0" not in run.summary
    train(model)
    first, second = await finished(run)
    assert set(first) == {"_step", "i"}
    assert keys(second, "parameters/") == set(NAMES)


async def test_a_disabled_run_hooks_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    run = await init("p", mode="disabled")
    model = Net()
    run.watch(model, log="all", log_graph=True)
    assert hooks(model) == 0
    with pytest.raises(InvalidValueError):
        run.watch(object())  # type: ignore[arg-type]
    run.unwatch(model)
    await run.finish()
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
async def test_in_a_forked_child_the_hooks_do_nothing() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log="all", log_freq=1, log_graph=True)
    train(model)
    await run.log({"i": 0})
    pid = os.fork()
    if pid == 0:
        try:
            train(model)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0  # noqa: ASYNC222 - nothing else runs here
    train(model)
    found = await finished(run)
    assert [len(keys(row, "gradients/")) for row in found] == [4, 4]


async def test_a_tensor_that_has_no_histogram_never_fails_the_training(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = await offline()
    model = nn.Linear(1, 1, device="meta")  # without any values
    run.watch(model, log_freq=1)
    for _ in range(3):
        model(torch.ones(1, 1, device="meta")).backward()
    await run.log({"i": 0})
    assert await finished(run) == [{"_step": 0, "i": 0}]
    assert sorted(record.args[0] for record in caplog.records) == [
        "gradients/bias", "gradients/weight",
    ]  # fmt: skip


# -- the graph ------------------------------------------------------------------------------


def graph_of(run: Any, key: str = "graph_0") -> list[dict[str, Any]]:
    value = run.summary[key]
    assert value["_type"] == "graph-file"
    text = Path(run.dir, value["path"]).read_bytes()
    assert len(text) == value["size"]
    found = json.loads(text)
    assert (found["format"], found["edges"]) == ("torch", [])
    nodes: list[dict[str, Any]] = found["nodes"]
    assert len({node["id"] for node in nodes}) == len(nodes)
    return nodes


async def test_the_graph_of_a_model() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log=None, log_graph=True)
    with torch.no_grad():
        model(torch.ones(3, 4))
    assert hooks(model) == 0
    nodes = graph_of(run)
    assert [(node["name"], node["class_name"]) for node in nodes] == [
        ("body.0", "Linear(in_features=4, out_features=8, bias=True)"),
        ("body.1", "ReLU()"),
        ("head", "Linear(in_features=8, out_features=2, bias=True)"),
    ]
    assert nodes[0]["parameters"] == [["weight", [8, 4]], ["bias", [8]]]
    assert nodes[0]["num_parameters"] == [32, 8]
    assert nodes[0]["output_shape"] == [[3, 8]]
    await run.finish()
    (path,) = [
        item.path
        for body in bodies(run.status().journal)
        if isinstance(body, FilesRecord)
        for item in body.files
        if item.path.startswith("media")
    ]
    assert path == run.summary["graph_0"]["path"]
    assert path.startswith("media/graph/graph_0_summary_")


class Odd(nn.Module):
    """Parts that are called twice, in another order, or never, and outputs of other shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.never = nn.Linear(1, 1)
        self.late = nn.ModuleDict({"a": nn.Linear(2, 2)})
        self.first = nn.ModuleList([nn.LSTM(2, 2)])

    def forward(self, batch: Any) -> Any:
        out, _ = self.first[0](batch)
        return {"x": self.late["a"](self.late["a"](out))}


async def test_the_graph_of_an_odd_model() -> None:
    run = await offline()
    run.watch([Odd(), nn.Tanh()], log=None, log_graph=True)
    odd = Odd()
    run.watch(odd, log=None, log_graph=True)
    odd(torch.ones(5, 1, 2))
    nodes = graph_of(run, "graph_2")
    assert [node["name"] for node in nodes] == ["first.0", "late.a"]
    assert nodes[0]["output_shape"] == [[5, 1, 2], [[1, 1, 2], [1, 1, 2]]]
    await run.finish()


async def test_parts_called_alone_make_the_graph_too() -> None:
    run = await offline()
    model = Net()
    run.watch(model, log=None, log_graph=True)
    model.head(model.body(torch.ones(1, 4)))
    assert len(graph_of(run)) == 3
    assert hooks(model) == 0
    await run.finish()


# -- on a GPU -------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
async def test_a_model_on_a_gpu_has_the_rows_of_one_on_the_cpu() -> None:
    run = await offline()
    model = Net()
    other = copy.deepcopy(model).cuda()
    run.watch([model, other], log="all", log_freq=1)
    batch = torch.randn(30, 4)
    model(batch).sum().backward()
    other(batch.cuda()).sum().backward()
    (row,) = await finished(run)
    for kind in ("gradients/", "parameters/"):
        for name in NAMES:
            here, there = row[kind + name], row[f"{kind}graph_1{name}"]
            assert there["bins"] == pytest.approx(here["bins"], rel=1e-4, abs=1e-6)
            assert sum(there["values"]) == sum(here["values"])


# -- the blocking face, and what is imported ------------------------------------------------


def test_the_blocking_face() -> None:
    run = asyncwb.sync.init(project="p", mode="offline")
    model = Net()
    assert run.watch(model, torch.nn.functional.mse_loss, "all", 1, 0, True) is None
    train(model)
    run.log({"i": 0})
    run.unwatch(model)
    run.finish()
    (row,) = user_rows(run.status().journal)
    assert keys(row, "gradients/") == keys(row, "parameters/") == set(NAMES)


def test_without_torch_it_says_what_a_model_is() -> None:
    code = """
import sys
import asyncwb.sync as wandb
run = wandb.init(project="p", mode="offline", settings={"silent": True})
try: run.watch(object())
except ValueError as error: assert "torch.nn.Module" in str(error)
else: raise SystemExit("no error")
run.finish()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
