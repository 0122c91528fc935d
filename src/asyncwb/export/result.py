"""What an export says of itself."""

from __future__ import annotations

import msgspec

__all__ = ["ExportProgress", "ExportResult"]


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an export came to.

    Attributes:
        to: The folder, or the address of the place in a store.
        runs: Runs in the export.
        exported: Runs whose history was written now.
        kept: Runs that an earlier call had written and that have not changed since.
        rows: History rows in the export.
    """

    to: str
    runs: int
    exported: int
    kept: int
    rows: int


class ExportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an export is.

    Attributes:
        runs: Runs done.
        total: Runs in all; None while the server has not said.
        rows: History rows written so far.
    """

    runs: int
    total: int | None
    rows: int
