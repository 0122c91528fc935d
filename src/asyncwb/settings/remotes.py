"""Addresses of git remotes, as they may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["public_remote"]


def public_remote(url: str) -> str:
    """Remove what could be a secret from the address of a repository.

    A password goes, its user stays (`https://user:@host/path`, as servers know it from the
    `wandb` package). A user alone goes too, because hosts accept tokens there. Addresses in the
    style of scp and paths are kept as they are; what cannot be read becomes "".
    """
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        if not at:
            return url
        shown = f"{user.partition(':')[0]}:@{host}" if parts.password is not None else host
    except ValueError:
        return ""
    return parts._replace(netloc=shown).geturl()
