"""`asyncwb server backup|restore|migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asyncwb.cli.server import Blobs, Database, DataDir  # noqa: TC001 - typer reads them

if TYPE_CHECKING:
    from asyncwb.server.transfer import Place

BackupPath = Annotated[Path, typer.Argument(help="Folder of the backup.")]


def backup(
    path: BackupPath, data_dir: DataDir = None, database: Database = None, blobs: Blobs = None
) -> None:
    """Write all data of a server, which may run, into a folder; again: bring it up to date.

    The folder is the data folder of a server: `asyncwb server run --data-dir` serves it.
    """
    from asyncwb.server.transfer import Place

    _transfer(_server(data_dir, database, blobs), Place.of(path), backup=True)


def restore(
    path: BackupPath, data_dir: DataDir = None, database: Database = None, blobs: Blobs = None
) -> None:
    """Give the data of a backup to a server that has none yet."""
    from asyncwb.server.transfer import Place

    _transfer(Place.of(path), _server(data_dir, database, blobs))


def migrate(
    source: Annotated[
        str, typer.Option("--from", help="A data folder, or postgresql://user:password@host/name.")
    ],
    target: Annotated[str, typer.Option("--to", help="The same of an empty place.")],
    from_blobs: Annotated[
        str | None,
        typer.Option(help="Folder or s3://... of its files.", show_default="in the data folder"),
    ] = None,
    to_blobs: Annotated[
        str | None, typer.Option(help="Where they go.", show_default="into the data folder")
    ] = None,
) -> None:
    """Move all data from one database and place of files to others; the source stays as it is."""
    from asyncwb.server.transfer import Place

    _transfer(Place.of(source, from_blobs), Place.of(target, to_blobs))


def _server(data_dir: Path | None, database: str | None, blobs: str | None) -> Place:
    from asyncwb.server.config import ServerConfig
    from asyncwb.server.process import default_data_dir
    from asyncwb.server.transfer import Place

    folder = str(data_dir or default_data_dir())
    config = ServerConfig(data_dir=folder, database_url=database, blobs_url=blobs)
    return Place.of_config(config)


def _transfer(source: Place, target: Place, *, backup: bool = False) -> None:
    import sys

    import anyio

    from asyncwb.server.process import require_extra
    from asyncwb.server.transfer import transfer

    require_extra()
    terminal = sys.stdout.isatty()

    def told(text: str) -> None:
        if terminal:
            typer.echo(f"\r\033[K{text}", nl=False)

    async def work() -> None:
        report = await transfer(source, target, told, backup=backup)
        told("")
        rows = sum(report.tables.values())
        typer.echo(
            f"{rows} rows of {len(report.tables)} tables and {report.blobs} files "
            f"({report.bytes} bytes), compared by digest"
        )
        if report.missing:
            typer.echo(f"Note: {len(report.missing)} files that the database knows are missing.")

    anyio.run(work)
