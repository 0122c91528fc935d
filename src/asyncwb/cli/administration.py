"""What the commands of administration share: the way to a server, and how answers are shown."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from asyncwb.settings import Settings

__all__ = [
    "Admin",
    "AsJson",
    "DataDir",
    "Host",
    "Yes",
    "administration",
    "confirm",
    "done",
    "show",
]

_SECONDS = 30.0

Host = Annotated[
    str | None,
    typer.Option(help="Address of the server.", show_default="the configured one"),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Data folder of a server on this machine, whether it runs or not."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Admin:
    """Requests to `/admin` of one server.

    Args:
        settings: Where it is, and the key of an administrator.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def get(self, *path: str) -> dict[str, Any]:
        """Read. Blocks."""
        return self._ask("GET", path, None)

    def post(self, *path: str, **body: Any) -> dict[str, Any]:
        """Add or change; values that are None are left out. Blocks."""
        given = {key: value for key, value in body.items() if value is not None}
        return self._ask("POST", path, given)

    def delete(self, *path: str) -> dict[str, Any]:
        """Remove. Blocks."""
        return self._ask("DELETE", path, None)

    def _ask(self, method: str, path: Sequence[str], body: dict[str, Any] | None) -> dict[str, Any]:
        from asyncwb.portal import PORTAL

        address = "/admin/" + "/".join(quote(part, safe="") for part in path)
        return PORTAL.call(partial(self._request, method, address, body))

    async def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        import msgspec

        from asyncwb.credentials import require_key
        from asyncwb.errors import CommError, UsageError
        from asyncwb.transport import Auth, Transport, TransportConfig

        settings = self._settings
        transport = await Transport.shared(
            TransportConfig(
                base_url=settings.base_url,
                auth=Auth.bearer(require_key(settings).key),
                http2=settings.http2,
                ca_file=settings.ca_file,
                insecure=settings.insecure,
                extra_headers=settings.extra_http_headers,
                user_agent="asyncwb (administration)",
            )
        )
        try:
            if method == "GET":
                answer = await transport.download(path, deadline_seconds=_SECONDS)
            elif method == "DELETE":
                answer = await transport.delete(path, deadline_seconds=_SECONDS)
            else:
                data = msgspec.json.encode(body)
                answer = await transport.post(path, data, deadline_seconds=_SECONDS)
        except CommError as exc:
            said = _message(exc)
            if said is None:
                raise
            raise UsageError(f"The server refused: {said}.", exc=exc) from exc
        found: dict[str, Any] = answer.json()
        return found


def _message(error: Any) -> str | None:
    """What the server says of a request that it refused."""
    import msgspec

    response = error.response
    if response is None or not 400 <= response.status < 500:
        return None
    try:
        return str(msgspec.json.decode(response.body)["errors"][0]["message"])
    except (msgspec.DecodeError, LookupError, TypeError):
        return None


@contextmanager
def administration(host: str | None, data_dir: Path | None) -> Generator[Admin]:
    """The server that the options of a command name; one that does not run is started meanwhile.

    Raises:
        UsageError: No server is named or configured, or the folder is not that of a server.
        AuthenticationError: There is no key for it.
    """
    from asyncwb.errors import UsageError
    from asyncwb.server import process
    from asyncwb.server.bootstrap import ensure_first_user, has_identity
    from asyncwb.settings import resolve

    if data_dir is None:
        settings = resolve({"base_url": host})
        if settings.base_url == type(settings)().base_url:
            raise UsageError(
                "No server is configured: start one with `asyncwb server start`, or name one by "
                "--host or --data-dir."
            )
        yield Admin(settings)
        return
    folder = data_dir.expanduser().absolute()
    if not has_identity(folder):
        raise UsageError(f"{data_dir} is not the data folder of a server that was started.")
    key = ensure_first_user(folder).api_key
    running = process.status()
    if running is not None and Path(running.data_dir) == folder:
        yield Admin(resolve({"base_url": running.url, "api_key": key}))
        return
    server = process.ServerProcess(process.ServerOptions(data_dir=folder))
    try:
        yield Admin(resolve({"base_url": server.url, "api_key": key}))
    finally:
        server.stop()


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is removed; no is the end of the command.

    Raises:
        Abort: The answer is no, or there is nobody to ask.
    """
    if not yes:
        typer.confirm(question, abort=True)


def show(rows: list[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print a listing: a table for people, or JSON."""
    if as_json:
        show_json(rows)
        return
    if not rows:
        typer.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        numeric = isinstance(rows[0].get(column), int)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    # A width of its own where the output is no terminal: scripts want whole lines.
    console = Console(highlight=False)
    Console(highlight=False, width=None if console.is_terminal else 500).print(table)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def done(text: str, value: dict[str, Any], *, as_json: bool) -> None:
    """Say what was done: to people, or as JSON."""
    if as_json:
        show_json(value)
    else:
        typer.echo(text)
