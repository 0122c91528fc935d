"""`asyncwb export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asyncwb.export import ExportResult


class Form(StrEnum):
    """Of the tables."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    JSONL = "jsonl"


def export(
    path: Annotated[
        str | None,
        typer.Argument(help="entity/project, project, entity/project/run_id, or a web address."),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", "-o", help="Folder, or s3://bucket/prefix.")
    ] = "export",
    form: Annotated[Form, typer.Option("--format", "-f", help="Of the tables.")] = Form.PARQUET,
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", "-k", help="Only rows that have it, and only such keys; repeatable."),
    ] = None,
    filters: Annotated[
        str | None, typer.Option("--filter", help='As JSON: {"state": "finished"}.')
    ] = None,
    local: Annotated[
        Path | None, typer.Option("--local", help="Read run folders in place of a server.")
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Runs read at the same time.")
    ] = 8,
) -> None:
    """Write runs and their history as files of tables; again does the rest."""
    from asyncwb.portal import PORTAL

    result = PORTAL.call(_export, path, to, form.value, keys, filters, local, jobs)
    typer.echo(
        f"{result.runs} run(s), {result.rows:,} row(s) in {result.to}: "
        f"{result.exported} written, {result.kept} kept."
    )


async def _export(
    path: str | None,
    to: str,
    form: str,
    keys: list[str] | None,
    filters: str | None,
    local: Path | None,
    jobs: int,
) -> ExportResult:
    from typing import Any, cast

    from asyncwb import jsonx
    from asyncwb.api import Api
    from asyncwb.errors import InvalidValueError
    from asyncwb.export import export as write

    tree: object = {} if filters is None else jsonx.decode(filters)
    if not isinstance(tree, dict):
        raise InvalidValueError('--filter takes a JSON object: {"state": "finished"}')
    api = Api(local=local)
    parts = [part for part in (path or "").split("/") if part]
    one = len(parts) == 3 or "/runs/" in (path or "")
    runs: Any = [await api.run(path or "")] if one else api.runs(path, cast("dict[str, Any]", tree))
    kind: Any = form
    return await write(runs, to, kind, keys=keys, concurrency=jobs, progress=True)
