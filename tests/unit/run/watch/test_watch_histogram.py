"""Histograms of tensors against torch.histc and numpy."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from asyncwb.run.watch import histogram as module
from asyncwb.run.watch.histogram import histogram

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.torch


def of(tensor: Any) -> dict[str, Any]:
    found = histogram(tensor)()
    assert found is not None
    assert found["_type"] == "histogram"
    assert all(type(count) is int for count in found["values"])
    assert len(found["bins"]) == len(found["values"]) + 1
    return found


def from_device(tensor: Any) -> dict[str, Any] | None:
    """The way of a tensor on a GPU, on the CPU."""
    return module._from_summary(module._summary(tensor.reshape(-1).float()).tolist())


def check_like_torch(found: dict[str, Any], tensor: Any) -> None:
    finite = tensor[tensor.isfinite()]
    low, high = finite.min().item(), finite.max().item()
    counts = finite.histc(64, min=low, max=high).long()
    assert sum(found["values"]) == finite.numel()
    # Values on an edge may fall to either side, by the rounding of the division.
    moved = (torch.tensor(found["values"]) - counts).abs().sum().item()
    assert moved <= 2 + finite.numel() // 100_000
    assert found["bins"] == pytest.approx(torch.linspace(low, high, 65).tolist(), abs=1e-5)
    assert (found["bins"][0], found["bins"][-1]) == (low, high)


@pytest.mark.parametrize("shape", [(3,), (64,), (100, 7), (70_000,), (3, 65_536), (65_537,)])
@pytest.mark.parametrize("way", [of, from_device])
def test_counts_and_edges_are_torchs(shape: tuple[int, ...], way: Any) -> None:
    tensor = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    check_like_torch(way(tensor), tensor)


@pytest.mark.parametrize("way", [of, from_device])
def test_values_that_are_not_finite_are_left_out(way: Any) -> None:
    tensor = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    tensor[::7], tensor[1::7], tensor[2::7] = np.nan, np.inf, -np.inf
    check_like_torch(way(tensor), tensor)


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf, np.nan]])
@pytest.mark.parametrize("way", [lambda tensor: histogram(tensor)(), from_device])
def test_nothing_finite_has_no_histogram(values: list[float], way: Any) -> None:
    assert way(torch.tensor(values)) is None


@pytest.mark.parametrize("way", [of, from_device])
def test_equal_values_are_one_bin(way: Any) -> None:
    found = way(torch.full((5, 5), 0.25))
    assert (found["values"], found["bins"]) == ([25], [0.25, 0.25])


def test_evenly_spread_values_are_evenly_counted() -> None:
    found = of(torch.arange(0, 65, dtype=torch.float32))
    # The highest value belongs to the last bin.
    assert found["values"] == [1] * 63 + [2]
    assert found["bins"] == list(range(65))


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64", "int32", "bool"])
def test_kinds_of_numbers(kind: str) -> None:
    tensor = torch.tensor([0, 1, 1, 1]).to(getattr(torch, kind))
    found = of(tensor)
    assert (found["values"][0], found["values"][-1], sum(found["values"])) == (1, 3, 4)
    assert (found["bins"][0], found["bins"][-1]) == (0, 1)


def test_of_a_complex_number_the_real_part_counts() -> None:
    assert of(torch.tensor([1 + 5j, 2 + 7j]))["bins"][::64] == [1, 2]


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-3e38, 3e38, "float32"),
        (0.0, 1e-44, "float32"),
        (1.0, 1.0000001, "float32"),
        (-1e308, 1e308, "float64"),
        (0.0, 5e-324, "float64"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_extreme_ranges_lose_nothing(low: float, high: float, kind: str) -> None:
    tensor = torch.tensor([low, high], dtype=getattr(torch, kind))
    found = of(tensor)
    assert sum(found["values"]) == 2
    assert [found["bins"][0], found["bins"][-1]] == tensor.tolist()


def test_a_range_beyond_any_double_is_one_bin() -> None:
    assert of(torch.tensor([-1.7e308, 1.7e308], dtype=torch.float64))["values"] == [2]


def test_float64_keeps_its_digits() -> None:
    tensor = torch.tensor([1.0, 1.0 + 2**-40], dtype=torch.float64)
    assert of(tensor)["bins"][-1] == 1.0 + 2**-40


@pytest.mark.parametrize("step", [1, 3])
def test_views_that_are_not_contiguous(step: int) -> None:
    tensor = torch.arange(900.0).reshape(30, 30).T[::step]
    check_like_torch(of(tensor), tensor)


def test_a_tensor_with_a_graph_is_not_changed_by_it() -> None:
    tensor = torch.ones(4, requires_grad=True)
    of(tensor * 2)
    (tensor * 2).sum().backward()
    assert tensor.grad.tolist() == [2] * 4


@pytest.mark.parametrize(
    ("values", "ends", "zero_bin"),
    [
        ([1.0, 2.0], (0, 2), 0),
        ([-1.0, -2.0], (-2, 0), 63),
        ([-1.0, 1.0], (-1, 1), 32),
    ],
)
def test_zeros_of_a_sparse_tensor_count(values, ends, zero_bin) -> None:
    tensor = torch.sparse_coo_tensor([[1, 3]], values, (10,), check_invariants=True)
    found = of(tensor)
    assert sum(found["values"]) == 10
    assert found["values"][zero_bin] >= 8
    assert (found["bins"][0], found["bins"][-1]) == ends


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning")
def test_a_sparse_tensor_counts_as_the_dense_one() -> None:
    dense = torch.randn(50, 50, generator=torch.Generator().manual_seed(2)).clamp(min=0)
    # Entries that are stored twice add up.
    sparse = torch.cat([dense.to_sparse() / 2, dense.to_sparse() / 2], 0)
    doubled = torch.sparse_coo_tensor(
        sparse.coalesce().indices() % torch.tensor([[50], [100]]),
        sparse.coalesce().values(),
        (50, 50),
        check_invariants=True,
    )
    assert of(doubled)["values"] == of(dense)["values"]
    assert of(dense.to_sparse_csr())["values"] == of(dense)["values"]


def test_sparse_zeros_alone_have_no_histogram() -> None:
    assert histogram(torch.zeros(5).to_sparse())() is None


@pytest.mark.parametrize("lost", [False, True])
def test_a_device_is_waited_for_when_the_value_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    calls: list[str] = []

    class Event:
        def record(self) -> None:
            calls.append("record")

        def synchronize(self) -> None:
            calls.append("synchronize")
            if lost:
                raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    value = module._on_its_way(module._summary(torch.tensor([0.0, 1.0, 1.0])))
    assert calls == ["record"]
    found = value()
    assert calls == ["record", "synchronize"]
    if lost:
        assert found is None
    else:
        assert found is not None
        assert (found["values"][0], found["values"][63]) == (1, 2)


def test_the_highest_count_of_a_float32_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a device counts are float32: pieces keep them exact.
    monkeypatch.setattr(module, "_DEVICE_PIECE", 10)
    tensor = torch.tensor([0.0] * 95 + [1.0] * 5)
    found = from_device(tensor)
    assert found is not None
    assert (found["values"][0], found["values"][-1]) == (95, 5)
