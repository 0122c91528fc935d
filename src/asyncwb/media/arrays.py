"""Arrays of numpy, torch, jax, TensorFlow and plain lists, as numpy arrays that nobody else has."""

from __future__ import annotations

import warnings
from inspect import currentframe
from typing import Any, cast

from asyncwb.errors import InvalidValueError

__all__ = ["as_array", "as_uint8", "is_dataframe", "is_tensor"]

_PACKAGE = "asyncwb.media"


def is_dataframe(value: object) -> bool:
    """Whether it is a dataframe of pandas or polars."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__name__ == "DataFrame" and package in ("pandas", "polars")


def is_tensor(value: object) -> bool:
    """Whether it is an array of torch, whose channels come first."""
    return type(value).__module__.partition(".")[0] == "torch"


def as_array(value: object, what: str) -> Any:
    """A numpy array of numbers; it may share the memory of `value`.

    Args:
        value: An array or tensor of any library, or nested lists.
        what: What it is for, for the message: "an image".

    Raises:
        InvalidValueError: It is none, or not one of numbers.
    """
    import numpy as np

    found: Any = value
    try:
        if hasattr(found, "detach"):
            found = found.detach().cpu()
            # numpy knows no bfloat16
            found = found.float() if "bfloat16" in str(found.dtype) else found
            found = found.numpy()
        elif hasattr(found, "numpy") and not isinstance(found, np.ndarray):
            found = found.numpy()
        array: Any = np.asarray(cast("Any", found))
    except Exception as exc:
        raise InvalidValueError(
            f"{what} cannot be made of a {_name(value)}: {exc}", exc=exc
        ) from exc
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise InvalidValueError(f"{what} is made of numbers, got a {_name(value)} of {array.dtype}")
    return array


def as_uint8(array: Any, what: str, *, normalize: bool) -> Any:
    """A copy as `uint8`, in one piece of memory.

    Args:
        array: Numbers from 0 to 255.
        what: What it is for, for the message.
        normalize: Whether the range of the values is stretched to that: [0, 1] and [-1, 1] as they
            are, any other from the lowest to the highest value.

    Raises:
        InvalidValueError: A value is not finite.
    """
    import numpy as np

    if array.dtype == np.uint8 and not normalize:
        return np.array(array, order="C")
    if not array.size:
        return array.astype(np.uint8)
    low, high = array.min(), array.max()
    if array.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidValueError(f"{what} has values that are not finite; see numpy.nan_to_num")
    low, high = float(low), float(high)
    if normalize:
        return _stretched(array, low, high)
    if low < 0 or high > 255:
        _warn(
            f"{what} has values from {low:g} to {high:g}; those outside of 0 to 255 are clipped, "
            "normalize=True scales them"
        )
        return np.ascontiguousarray(np.clip(array, 0, 255).astype(np.uint8))
    if 0 < high <= 1 and array.dtype.kind in "bf":
        _warn(
            f"{what} has values from {low:g} to {high:g} and will be nearly black: they are to be "
            "0 to 255; normalize=True scales them"
        )
    return np.ascontiguousarray(array.astype(np.uint8))


def _stretched(array: Any, low: float, high: float) -> Any:
    import numpy as np

    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= -1 and high <= 1:
        low, high = -1.0, 1.0
    elif array.dtype == np.uint8:
        low, high = 0.0, 255.0
    if low == high:
        return np.zeros(array.shape, np.uint8)
    scaled = (array.astype(np.float64) - low) * (255.0 / (high - low))
    return np.ascontiguousarray(np.rint(scaled).astype(np.uint8))


def _warn(message: str) -> None:
    """Warn of a line outside of this package."""
    frame, level = currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _name(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
