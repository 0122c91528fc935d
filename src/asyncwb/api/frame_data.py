"""Rows as a DataFrame of a package that may not be there."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asyncwb.errors import UnsupportedError
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from asyncwb.types import Row

__all__ = ["to_frame"]


async def to_frame(rows: list[Row], package: str) -> Any:
    """Make a `pandas` or `polars` DataFrame with sorted columns, in a thread; in the loop.

    Raises:
        UnsupportedError: The package is not installed.
    """
    return await offload(_build, rows, package)


def _build(rows: list[Row], package: str) -> Any:
    try:
        module: Any = import_module(package)
    except ImportError as exc:
        raise UnsupportedError(
            f"format={package!r} needs the package {package}: pip install {package}", exc=exc
        ) from exc
    if not rows:
        return module.DataFrame()
    if package == "polars":
        frame = module.from_dicts(rows, infer_schema_length=None)
        return frame.select(sorted(frame.columns))
    frame = module.DataFrame.from_records(rows)
    return frame[sorted(frame.columns)]
