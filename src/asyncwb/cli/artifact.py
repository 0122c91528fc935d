"""`asyncwb artifact`: download versions, and look after the cache of their files."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

app = typer.Typer(help="Artifacts and the cache of their files.", no_args_is_help=True)
cache_app = typer.Typer(help="The cache of artifact files.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")


@app.command()
def get(
    path: Annotated[
        str, typer.Argument(help="name:alias, project/name:alias or entity/project/name:alias.")
    ],
    root: Annotated[
        Path | None, typer.Option(help="Folder.", show_default="artifacts/<name>:<version>")
    ] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Type that it must have.")] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither take files from the cache nor keep them.")
    ] = False,
) -> None:
    """Download a version; what is in the folder already and right is not fetched again."""
    from rich.console import Console

    from asyncwb.cli.transfer_bar import TransferBar
    from asyncwb.sync import Api

    version = Api().artifact(path, type=kind)
    with TransferBar(Console(stderr=True), version.name) as bar:
        folder = version.download(root, skip_cache=no_cache, progress=bar.update)
    typer.echo(str(folder))


@app.command()
def put(
    path: Annotated[str, typer.Argument(help="A file, a folder, or a URI such as s3://bucket/x.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            "-n",
            help="name, project/name or entity/project/name.",
            show_default="the base name of the path",
        ),
    ] = None,
    kind: Annotated[str, typer.Option("--type", "-t", help="Type.")] = "dataset",
    description: Annotated[str | None, typer.Option("--description", "-d")] = None,
    alias: Annotated[
        list[str] | None, typer.Option("--alias", "-a", help="Alias besides latest; repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Tag; repeatable.")] = None,
) -> None:
    """Log files as a version of an artifact, by a short run of the job type "auto"."""
    import os

    from rich.console import Console

    from asyncwb.cli.transfer_bar import TransferBar
    from asyncwb.errors import InvalidValueError
    from asyncwb.sync import Artifact, init

    parts = (name or os.path.basename(path.rstrip("/"))).split("/")
    if len(parts) > 3 or not all(parts):
        raise InvalidValueError(f"a name is [entity/][project/]name, got {name!r}")
    artifact = Artifact(parts[-1], kind, description)
    if "://" in path:
        artifact.add_reference(path)
    elif os.path.isdir(path):
        artifact.add_dir(path, policy="immutable")
    else:
        artifact.add_file(path, policy="immutable")
    with init(
        entity=parts[-3] if len(parts) > 2 else None,
        project=parts[-2] if len(parts) > 1 else None,
        job_type="auto",
        mode="online",
        settings={"quiet": True, "console": "off", "disable_stats": True},
    ) as run:
        logged = run.log_artifact(artifact, aliases=alias, tags=tag)
        with TransferBar(Console(stderr=True), artifact.name) as bar:
            logged.wait(progress=bar.update)
    typer.echo(f"{logged.entity}/{logged.project}/{logged.source_name}")


@cache_app.command()
def info() -> None:
    """Show where the cache is, and how large."""
    from asyncwb.artifacts.cache import FileCache
    from asyncwb.artifacts.folders import cache_root
    from asyncwb.settings import resolve

    settings = resolve()
    cache = FileCache(cache_root(settings.cache_dir), settings.cache_limit_bytes)
    files, size = cache.size()
    typer.echo(f"{cache.root}: {files:,} files, {size:,} of {settings.cache_limit_bytes:,} bytes")


@cache_app.command()
def cleanup(
    target_size: Annotated[
        str, typer.Argument(help="What may remain: 10GB, 500MB, 0; a bare number means bytes.")
    ],
) -> None:
    """Remove what was not used for longest until the cache has at most a size."""
    from asyncwb.artifacts.cache import FileCache
    from asyncwb.artifacts.folders import cache_root
    from asyncwb.settings import resolve

    settings = resolve()
    cache = FileCache(cache_root(settings.cache_dir), settings.cache_limit_bytes)
    removed = cache.trim(_bytes_of(target_size))
    typer.echo(f"{removed:,} bytes were removed from {cache.root}.")


def _bytes_of(text: str) -> int:
    import re

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no size such as 10GB", param_hint="TARGET_SIZE")
    return int(float(found[1]) * 1024 ** "_KMGT".index(found[2].upper() or "_"))
