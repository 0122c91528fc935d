"""History as columns: typed numpy arrays that know which rows have a value."""

from __future__ import annotations

from asyncwb.columns.build import from_rows, from_texts, from_values
from asyncwb.columns.column import Column
from asyncwb.columns.table import Columns, concat

__all__ = ["Column", "Columns", "concat", "from_rows", "from_texts", "from_values"]
