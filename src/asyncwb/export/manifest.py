"""`manifest.json`: what an export holds, and what a later call need not do again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args
from urllib.parse import quote

import msgspec

from asyncwb.errors import UsageError

if TYPE_CHECKING:
    from asyncwb.api.run import Run

__all__ = ["FORMATS", "NAME", "Format", "Kind", "Manifest", "RunEntry", "history_name", "state_of"]

NAME = "manifest.json"
VERSION = 1

Format: TypeAlias = Literal["parquet", "arrow", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)
Kind: TypeAlias = Literal["int", "float", "bool", "text", "json"]
"""What a column holds; `json`: each value as JSON text."""


class RunEntry(msgspec.Struct, kw_only=True):
    """The history file of one run.

    Attributes:
        entity: Of the run.
        project: Of the run.
        run_id: Of the run.
        file: Path below the export's folder; None: the run has no rows.
        rows: Number of rows.
        bytes: Size of the file.
        columns: What each column holds.
        state: What the run was like: another one means that it is exported anew.
    """

    entity: str
    project: str
    run_id: str
    file: str | None
    rows: int
    bytes: int
    columns: dict[str, Kind]
    state: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity of the run."""
        return self.entity, self.project, self.run_id


class Manifest(msgspec.Struct, kw_only=True):
    """All of an export.

    Attributes:
        version: Of this file's form.
        format: Of all tables.
        keys: Keys of history that were asked for; None: all.
        complete: Whether the last call came to its end.
        runs_file: The table of runs.
        runs_columns: What its columns hold.
        runs: Number of runs.
        rows: History rows of all runs.
        history: One entry per run.
    """

    version: int = VERSION
    format: Format
    keys: list[str] | None = None
    complete: bool = False
    runs_file: str | None = None
    runs_columns: dict[str, Kind] = {}
    runs: int = 0
    rows: int = 0
    history: list[RunEntry] = []

    def encode(self) -> bytes:
        """The text of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def decode(cls, text: bytes, where: str) -> Manifest:
        """Read the file.

        Raises:
            UsageError: It is not one of ours.
        """
        try:
            found = msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise UsageError(
                f"{where}/{NAME} is not of an export: choose another place", exc=exc
            ) from exc
        if found.version != VERSION:
            raise UsageError(f"{where} was exported by another version ({found.version})")
        return found


def history_name(run: Run, suffix: str) -> str:
    """Where the history of a run goes: `history/entity=e/project=p/run_id=r/history.parquet`.

    The names come from a server: each is one part of the path, whatever it holds.
    """
    parts = {"entity": run.entity, "project": run.project, "run_id": run.id}
    folders = [f"{name}={quote(value, safe='')}" for name, value in parts.items()]
    return str(PurePosixPath("history", *folders, f"history.{suffix}"))


def state_of(run: Run) -> str:
    """What changes when a run gets rows."""
    return f"{run.state} {run.heartbeat_at} {run.history_line_count} {run.last_history_step}"
