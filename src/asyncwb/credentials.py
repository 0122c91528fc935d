"""API keys: where they are looked up, what they may look like, how netrc keeps them.

The file and its entries are shared with the `wandb` package: the machine of an entry is the host
of the server with its port where that is not the default one. No message here shows a key.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from asyncwb.errors import AuthenticationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.settings import Settings

__all__ = [
    "Credential",
    "check_key",
    "find_key",
    "missing_key",
    "netrc_machine",
    "netrc_path",
    "read_netrc",
    "require_key",
    "write_netrc",
]

_KEY_LENGTH = 40
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_JSON_WEB_TOKEN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_WHERE_KEYS_COME_FROM = (
    "Keys come from, in this order: the api_key argument, WANDB_API_KEY, api_key in a settings "
    "file, and netrc. `asyncwb login` stores one."
)


class Credential(msgspec.Struct, frozen=True):
    """A key and where it was found; `repr` hides the key."""

    key: str
    source: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"Credential(source={self.source!r})"

    __str__ = __repr__


def find_key(settings: Settings, *, environ: Mapping[str, str] | None = None) -> Credential | None:
    """Look up the key for `settings.base_url`: in the settings, then in netrc.

    Reads one small file at most; never prompts and never asks the network.

    Raises:
        AuthenticationError: The key found cannot be one; says where it was found.
    """
    if settings.api_key is not None:
        return Credential(check_key(settings.api_key, source="the settings"), "the settings")
    path = netrc_path(environ)
    key = read_netrc(settings.base_url, path)
    if key is None:
        return None
    return Credential(check_key(key, source=str(path)), str(path))


def require_key(settings: Settings, *, environ: Mapping[str, str] | None = None) -> Credential:
    """`find_key`, where a key must be.

    Raises:
        AuthenticationError: There is no key, or it cannot be one; says where keys come from.
    """
    found = find_key(settings, environ=environ)
    if found is None:
        raise missing_key(settings)
    return found


def missing_key(settings: Settings) -> AuthenticationError:
    """The error for a server without a key: says where keys come from."""
    return AuthenticationError(
        f"There is no API key for {settings.base_url}. {_WHERE_KEYS_COME_FROM} Without a server: "
        "mode='offline' (WANDB_MODE=offline), or one of your own, `asyncwb server start`."
    )


def check_key(key: str, *, source: str) -> str:
    """Check the form of a key before any request; returns it without outer whitespace.

    A JSON web token passes as it is. Of anything else, what follows the first `-` (or all of it)
    must be 40 or more letters, digits, `_` or `-`.

    Raises:
        AuthenticationError: The value cannot be a key; names `source`, never the value.
    """
    key = key.strip()
    if _JSON_WEB_TOKEN.fullmatch(key):
        return key
    prefix, dash, rest = key.partition("-")
    secret = rest if dash else prefix
    if len(secret) < _KEY_LENGTH:
        raise AuthenticationError(
            f"The API key from {source} has {len(secret)} characters; keys have {_KEY_LENGTH} or "
            f"more. {_WHERE_KEYS_COME_FROM}"
        )
    if not _KEY.fullmatch(secret):
        raise AuthenticationError(
            f"The API key from {source} has other characters than letters, digits, '_' and '-'. "
            f"{_WHERE_KEYS_COME_FROM}"
        )
    return key


def netrc_path(environ: Mapping[str, str] | None = None) -> Path:
    """`$NETRC`, else `~/.netrc`, else an existing `~/_netrc` (the name on Windows)."""
    environ = os.environ if environ is None else environ
    named = environ.get("NETRC")
    if named:
        return Path(named).expanduser()
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    usual, other = home / ".netrc", home / "_netrc"
    return other if other.exists() and not usual.exists() else usual


def netrc_machine(base_url: str) -> str:
    """The machine of an entry: the host, with the port unless it is the scheme's default."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return host
    return f"{host}:{parts.port}"


def read_netrc(base_url: str, path: Path) -> str | None:
    """The key that the file holds for a server; None without file or entry.

    Raises:
        AuthenticationError: The file cannot be read or is not a netrc file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise AuthenticationError(f"{path} cannot be read: {exc}", exc=exc) from exc
    machine = netrc_machine(base_url)
    if machine not in text:
        return None

    import netrc

    try:
        entry = netrc.netrc(str(path)).hosts.get(machine)
    except netrc.NetrcParseError as exc:
        # Its message quotes the token it stumbled on, which may be a key.
        raise AuthenticationError(
            f"{path} is not a valid netrc file (line {exc.lineno})."
        ) from None
    return entry[2] or None if entry else None


def write_netrc(base_url: str, key: str, path: Path) -> None:
    """Store the key, in place of an older entry of the same machine; other entries stay.

    The file is replaced in one step and gets mode 600.

    Raises:
        UsageError: The file cannot be written.
    """
    machine = netrc_machine(base_url)
    try:
        # A link (dotfiles are often kept elsewhere) stays one: its target is replaced.
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        kept = _without(before, machine)
        if kept and not kept.endswith("\n"):
            kept += "\n"
        _replace(target, f"{kept}machine {machine}\n  login user\n  password {key}\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"The key cannot be stored in {path}: {exc}", exc=exc) from exc


def _without(text: str, machine: str) -> str:
    """The text of a netrc file without the entries of one machine."""
    kept: list[str] = []
    dropping = in_macro = False
    for line in text.splitlines(keepends=True):
        words = line.split()
        if in_macro:
            # A macro ends with an empty line; its text may look like an entry.
            in_macro = bool(words)
        elif words and words[0] in {"machine", "default", "macdef"}:
            dropping = words[:2] == ["machine", machine]
            in_macro = words[0] == "macdef"
        if not dropping:
            kept.append(line)
    return "".join(kept)


def _replace(target: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
