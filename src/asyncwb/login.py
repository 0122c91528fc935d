"""Log in: find or ask for a key, check it with the server, keep it in netrc."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from asyncwb.credentials import check_key, find_key, missing_key, netrc_path, write_netrc
from asyncwb.errors import AuthenticationError
from asyncwb.settings import resolve

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["login", "verify_key"]


async def login(
    key: str | None = None,
    *,
    relogin: bool = False,
    host: str | None = None,
    verify: bool = True,
    timeout: float = 30.0,
) -> bool:
    """Make sure that there is a working key for the server.

    A key that is given, or typed at the prompt, is checked with the server and then stored in
    netrc (mode 600), where the `wandb` package finds it, too. A key that is configured already is
    checked and left where it is. Idempotent; needed by nobody who has a key configured.

    Args:
        key: The key to store; None: the one that is configured, else ask on the terminal.
        relogin: Ask on the terminal although a key is configured.
        host: Address of the server; None: the configured one.
        verify: Ask the server whether it knows the key.
        timeout: Seconds for that question, retries included. The prompt has no limit.

    Returns:
        True when there is a key (and the server knows it); False in the modes `offline` and
        `disabled`, which need none.

    Raises:
        AuthenticationError: There is no key and no terminal to ask on, the value cannot be a key,
            or the server does not know it.
        CommError: The server cannot be asked; nothing was stored.
        UsageError: netrc cannot be written.
    """
    from anyio.to_thread import run_sync

    settings = await run_sync(resolve, {"base_url": host})
    if key is None and settings.mode in {"offline", "disabled"}:
        return False
    stored_already = False
    if key is not None:
        key = check_key(key, source="the argument")
    else:
        found = None if relogin else await run_sync(find_key, settings)
        if found is not None:
            key, stored_already = found.key, True
        else:
            key = await _ask(settings)
    if verify:
        await verify_key(settings, key, timeout=timeout)
    if not stored_already:
        await run_sync(write_netrc, settings.base_url, key, netrc_path())
    return True


async def verify_key(settings: Settings, key: str, *, timeout: float = 30.0) -> str:
    """Ask the server whose key this is.

    Args:
        settings: Where the server is.
        key: The key.
        timeout: Seconds, retries included.

    Returns:
        The user name.

    Raises:
        AuthenticationError: The server does not know the key.
        CommError: The server cannot be asked.
    """
    from asyncwb.portal import PORTAL

    return await PORTAL.acall(partial(_viewer, settings, key, timeout))


async def _viewer(settings: Settings, key: str, timeout: float) -> str:
    from asyncwb.graphql import GraphQL
    from asyncwb.graphql.api_operations import VIEWER
    from asyncwb.transport import Auth, Transport, TransportConfig

    transport = await Transport.shared(
        TransportConfig(
            base_url=settings.base_url,
            auth=Auth.basic(key),
            http2=settings.http2,
            ca_file=settings.ca_file,
            insecure=settings.insecure,
            extra_headers=settings.extra_http_headers,
            user_agent="asyncwb (login)",
        )
    )
    viewer = (await GraphQL(transport, deadline_seconds=timeout).execute(VIEWER)).viewer
    if viewer is None:
        raise AuthenticationError(f"{settings.base_url} does not know this API key.")
    return viewer.username or viewer.name or "user"


async def _ask(settings: Settings) -> str:
    """Prompt for a key without echo; only on a terminal."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        raise missing_key(settings)
    from getpass import getpass

    from anyio.to_thread import run_sync

    prompt = f"API key for {settings.base_url} (find it at {settings.web_url}/authorize): "
    typed = await run_sync(getpass, prompt, abandon_on_cancel=True)
    return check_key(typed, source="the prompt")
