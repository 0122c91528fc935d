"""`asyncwb server start|stop|status|run|url|open`, and the groups `user`, `team`, `org`, `key`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asyncwb.cli import server_key, server_organization, server_team, server_user

if TYPE_CHECKING:
    from asyncwb.server.process import ServerOptions
    from asyncwb.settings import BackgroundServer

app = typer.Typer(help="The embedded server.", no_args_is_help=True)
app.add_typer(server_user.app, name="user")
app.add_typer(server_key.app, name="key")
app.add_typer(server_team.app, name="team")
app.add_typer(server_organization.app, name="org")

NOT_RUNNING = 3
"""Exit code of `status` without a server, as init scripts have it."""

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0: any free one.", show_default="8383")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of everything the server keeps.", show_default="in the user's data folder"
    ),
]
TlsCert = Annotated[Path | None, typer.Option(help="PEM file of the certificate chain: HTTPS.")]
TlsKey = Annotated[Path | None, typer.Option(help="PEM file of the private key.")]
Database = Annotated[
    str | None,
    typer.Option(
        help="postgresql://user:password@host/name. Better in the environment: others on this "
        "machine can read command lines.",
        envvar="ASYNCWB_SERVER_DATABASE_URL",
        show_envvar=True,
        show_default="SQLite in the data folder",
    ),
]
Blobs = Annotated[
    str | None,
    typer.Option(
        help="Where uploaded files go: a folder, s3://bucket/prefix, gs://... or az://...",
        envvar="ASYNCWB_SERVER_BLOBS_URL",
        show_envvar=True,
        show_default="a folder in the data folder",
    ),
]
LinkDataDir = Annotated[
    Path | None,
    typer.Option(help="Data folder of another server.", show_default="the background server's"),
]
LinkBaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Address at which the browser reaches it.", show_default="the background server's"
    ),
]

_DEFAULT_PORT = 8383


@app.command()
def start(
    host: Host = "127.0.0.1",
    port: Port = _DEFAULT_PORT,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    database: Database = None,
    blobs: Blobs = None,
) -> None:
    """Start a server in the background; clients find it without any configuration."""
    import os

    from asyncwb.server import process

    options = _options(host, port, data_dir, tls_cert, tls_key, database, blobs)
    server, started = process.start(options)
    typer.echo(f"The server {'runs' if started else 'ran already'} at {server.url}")
    _describe(server)
    typer.echo("  page    asyncwb server open")
    if started and options.exposed:
        typer.echo(f"Note: {process.EXPOSED}")
    for variable in ("WANDB_BASE_URL", "WANDB_API_KEY"):
        if os.environ.get(variable):
            typer.echo(f"Note: {variable} is set, so clients follow it and not this server.")


@app.command()
def stop() -> None:
    """Stop the background server; harmless when none runs."""
    from asyncwb.server import process

    server = process.stop()
    typer.echo(f"Stopped the server at {server.url}." if server else "No server is running.")


@app.command()
def status(
    show_key: Annotated[bool, typer.Option("--show-key", help="Print the API key, too.")] = False,
) -> None:
    """Show the background server; exit code 3 when none runs."""
    from asyncwb.server import process

    server = process.status()
    if server is None:
        typer.echo("No server is running.")
        raise typer.Exit(NOT_RUNNING)
    typer.echo(f"A server runs at {server.url}")
    _describe(server)
    if show_key:
        typer.echo(f"  key     {server.api_key}")


@app.command()
def run(
    host: Host = "127.0.0.1",
    port: Port = _DEFAULT_PORT,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    database: Database = None,
    blobs: Blobs = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Server processes; for PostgreSQL.")
    ] = 1,
    show_key: Annotated[
        bool, typer.Option("--show-key", help="Print the API key where no terminal reads it, too.")
    ] = False,
) -> None:
    """Serve in the foreground until Ctrl-C or SIGTERM."""
    import sys

    from asyncwb.server import process
    from asyncwb.server.bootstrap import load_secrets
    from asyncwb.server.links import make_link

    options = _options(host, port, data_dir, tls_cert, tls_key, database, blobs)

    def ready(url: str) -> None:
        typer.echo(f"Serving at {url}, data in {options.data_dir}")
        # Output that goes to a file is a log, and a log is no place for a key.
        if show_key or sys.stdout.isatty():
            typer.echo(f"  export WANDB_BASE_URL={url}")
            identity, secret = load_secrets(options.data_dir)
            typer.echo(f"  export WANDB_API_KEY={identity.api_key}")
            typer.echo(f"  page (once): {make_link(url, secret, identity.username)}")

    process.run(options, ready, workers=workers)


@app.command()
def url(data_dir: LinkDataDir = None, base_url: LinkBaseUrl = None) -> None:
    """Print an address that signs a browser in to the page, once, within 15 minutes."""
    typer.echo(_link(data_dir, base_url))


@app.command("open")
def open_page(data_dir: LinkDataDir = None, base_url: LinkBaseUrl = None) -> None:
    """Open the page in a browser, signed in."""
    import webbrowser

    link = _link(data_dir, base_url)
    if not webbrowser.open(link):
        typer.echo(f"No browser can be opened here. Within 15 minutes, and once, open\n  {link}")


def _link(data_dir: Path | None, base_url: str | None) -> str:
    """A sign-in link to the background server, or to one that is named."""
    from asyncwb.errors import UsageError
    from asyncwb.server import process
    from asyncwb.server.bootstrap import has_identity, load_secrets
    from asyncwb.server.links import make_link

    server = process.status()
    if server is not None and data_dir in (None, Path(server.data_dir)):
        data_dir, base_url = Path(server.data_dir), base_url or server.url
    if data_dir is None or base_url is None:
        raise UsageError(
            "No server runs in the background: start one with `asyncwb server start`, or name "
            "another one by --data-dir and --base-url."
        )
    if not has_identity(data_dir):
        raise UsageError(f"{data_dir} is not the data folder of a server that was started.")
    identity, secret = load_secrets(data_dir)
    return make_link(base_url, secret, identity.username)


def _options(
    host: str,
    port: int,
    data_dir: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    database: str | None,
    blobs: str | None,
) -> ServerOptions:
    from asyncwb.server import process

    return process.ServerOptions(
        host=host,
        port=port,
        data_dir=data_dir or process.default_data_dir(),
        tls_cert=tls_cert,
        tls_key=tls_key,
        database=database,
        blobs=blobs,
    )


def _describe(server: BackgroundServer) -> None:
    import time

    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(server.started))
    typer.echo(f"  entity  {server.entity}")
    typer.echo(f"  data    {server.data_dir}")
    typer.echo(f"  since   {started} (process {server.pid})")
