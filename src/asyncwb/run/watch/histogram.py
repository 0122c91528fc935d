"""Histograms of tensors: 64 bins of equal width over the finite values.

On the CPU a histogram is counted at once, in pieces that stay in the cache. On a GPU it is counted
there: a few numbers travel to the CPU by themselves, and nobody waits for them before the row that
they belong to is logged.

A hook calls this amid a backward pass, so what a device or a kind of tensor cannot do is told by
torch's `RuntimeError` or `TypeError`.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BINS", "Histogram", "histogram"]

BINS = 64
_PIECE = 1 << 16
# Counts on a device are float32, exact up to here.
_DEVICE_PIECE = 1 << 24

Histogram: TypeAlias = "dict[str, Any]"
"""The value of a row: `_type`, `values` (counts), `bins` (one edge more)."""


def histogram(tensor: Any) -> Callable[[], Histogram | None]:
    """Count the values of a torch tensor of any kind.

    Returns:
        A function that returns the histogram; None where the tensor holds no finite value. It
        waits for a GPU at most until that has done what it was given before this call.
    """
    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()  # a part of a distributed tensor: no talk with other processes
    zeros = 0
    if tensor.layout is not sys.modules["torch"].strided:
        tensor = tensor.to_sparse().coalesce()
        zeros = tensor.numel() - tensor.values().numel()
        tensor = tensor.values()
    flat = tensor.reshape(-1)
    if flat.is_complex():
        flat = flat.real
    if flat.dtype not in (sys.modules["torch"].float32, sys.modules["torch"].float64):
        flat = flat.float()
    if flat.is_cuda and not zeros:
        try:
            return _on_its_way(_summary(flat))
        except RuntimeError:
            pass  # refused under torch.use_deterministic_algorithms
    found = _count(flat.cpu(), zeros)
    return lambda: found


def _count(flat: Any, zeros: int) -> Histogram | None:
    """Count a float tensor on the CPU, and `zeros` more values that are zero."""
    if not flat.numel():
        return None
    low, high = (float(limit) for limit in flat.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        flat = flat[flat.isfinite()]
        if not flat.numel():
            return None
        low, high = (float(limit) for limit in flat.aminmax())
    count = flat.numel() + zeros
    if zeros:
        low, high = min(low, 0.0), max(high, 0.0)
    values = flat.numpy()
    width = (high - low) / BINS
    if values.dtype.itemsize < 8 and not 1e-36 < width < 1e36:
        values = values.astype("float64")  # a float32 holds no such range, or no part of it
    if not 0 < width < math.inf:
        return _as_value([count], [low, high])
    counts = _in_bins(values, low, width)
    if zeros:
        counts[min(int((0.0 - low) / width), BINS - 1)] += zeros
    return _as_value(counts, _edges(low, high))


def _in_bins(values: Any, low: float, width: float) -> list[int]:
    import numpy as np

    kind = values.dtype.type
    offset, size = kind(low), kind(width)
    buffer = np.empty(min(_PIECE, values.size), values.dtype)
    places = np.empty(buffer.size, np.intp)
    counts = np.zeros(BINS + 1, np.int64)
    for start in range(0, values.size, _PIECE):
        piece = values[start : start + _PIECE]
        part, place = buffer[: piece.size], places[: piece.size]
        np.subtract(piece, offset, out=part)
        np.divide(part, size, out=part)
        np.copyto(place, part, casting="unsafe")
        counts += np.bincount(place, minlength=BINS + 1)
    # The highest value lies on the last edge.
    counts[BINS - 1] += counts[BINS]
    found: list[int] = counts[:BINS].tolist()
    return found


def _summary(flat: Any) -> Any:
    """Lowest and highest finite value, how many are finite, counts: on the tensor's device.

    Nothing here asks the device for an answer.
    """
    torch = sys.modules["torch"]
    finite = flat.isfinite()
    low = torch.where(finite, flat, math.inf).amin() if flat.numel() else flat.new_tensor(math.inf)
    high = torch.where(finite, flat, -math.inf).amax() if flat.numel() else -low
    scaled = (flat - low) / (high - low)
    counts = [piece.histc(BINS, min=0, max=1).double() for piece in scaled.split(_DEVICE_PIECE)]
    ends = torch.stack([low.double(), high.double(), finite.sum().double()])
    return torch.cat([ends, torch.stack(counts).sum(0)])


def _on_its_way(summary: Any) -> Callable[[], Histogram | None]:
    """Start the copy of a summary to the CPU; the function waits for it."""
    torch = sys.modules["torch"]
    with torch.cuda.device(summary.device):
        copy = summary.to("cpu", non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()

    def value() -> Histogram | None:
        try:
            arrived.synchronize()
        except RuntimeError:
            return None  # the device is lost, as whoever trains on it learns from torch
        return _from_summary(copy.tolist())

    return value


def _from_summary(numbers: list[float]) -> Histogram | None:
    low, high, count = numbers[:3]
    if not count:
        return None
    if low == high:
        return _as_value([int(count)], [low, high])
    return _as_value([int(number) for number in numbers[3:]], _edges(low, high))


def _edges(low: float, high: float) -> list[float]:
    step = (high - low) / BINS
    return [low + step * number for number in range(BINS)] + [high]


def _as_value(counts: list[int], edges: list[float]) -> Histogram:
    return {"_type": "histogram", "values": counts, "bins": edges}
