"""The first user and the secrets of a data folder.

They live in a small private file beside the database, so that they can be made and read before
the server starts, by another process, without opening the database.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

__all__ = [
    "Identity",
    "StoredIdentity",
    "ensure_first_user",
    "has_identity",
    "load_secrets",
    "make_identity",
    "prepare_folder",
    "replace_identity",
]

_FILE = "identity.json"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who may log in to a fresh server.

    Attributes:
        entity: Default entity of the first user.
        username: The first user's login.
        api_key: The first user's key: 40 hexadecimal digits.
    """

    entity: str
    username: str
    api_key: str

    def __repr__(self) -> str:
        return f"Identity(entity={self.entity!r}, username={self.username!r}, api_key=<hidden>)"


class StoredIdentity(Identity, frozen=True, kw_only=True):
    """The same with the secret that signs URLs, in hexadecimal digits."""

    signing_secret: str


def make_identity(username: str, api_key: str, secret: bytes) -> StoredIdentity:
    """A first user with the secret that signs URLs."""
    return StoredIdentity(
        entity=username, username=username, api_key=api_key, signing_secret=secret.hex()
    )


def ensure_first_user(
    data_dir: str | Path, *, username: str = "local", api_key: str | None = None
) -> Identity:
    """Return the first user of a data folder, making user and key on the first call.

    Blocks for a file read or write. Safe against two processes that start at the same time: both
    get the same identity.

    Args:
        data_dir: The server's data folder; made when missing.
        username: Login and entity of a user that has to be made.
        api_key: Key of a user that has to be made; a random one by default.

    Raises:
        OSError: The folder cannot be written.
    """
    stored = _load_or_create(Path(data_dir).expanduser(), username, api_key)
    return Identity(entity=stored.entity, username=stored.username, api_key=stored.api_key)


def load_secrets(data_dir: str | Path) -> tuple[StoredIdentity, bytes]:
    """Return the first user and the secret that signs URLs."""
    stored = _load_or_create(Path(data_dir).expanduser(), "local", None)
    return stored, bytes.fromhex(stored.signing_secret)


def has_identity(data_dir: str | Path) -> bool:
    """Whether a server was started on this folder."""
    return (Path(data_dir).expanduser() / _FILE).exists()


def prepare_folder(folder: Path) -> None:
    """Make a data folder that is missing; its owner alone may look inside."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _load_or_create(folder: Path, username: str, api_key: str | None) -> StoredIdentity:
    path = folder / _FILE
    if not path.exists():
        prepare_folder(folder)
        key = api_key or secrets.token_hex(20)
        _create(path, make_identity(username, key, secrets.token_bytes(32)))
    return msgspec.json.decode(path.read_bytes(), type=StoredIdentity)


def replace_identity(folder: Path, identity: StoredIdentity) -> None:
    """Let a data folder have this first user and secret."""
    prepare_folder(folder)
    _create(folder / _FILE, identity, replace=True)


def _create(path: Path, identity: StoredIdentity, *, replace: bool = False) -> None:
    """Write the file completely under another name, then link it in place: first one wins."""
    draft = path.with_name(f".{_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(identity))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(draft, path)
            return
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
