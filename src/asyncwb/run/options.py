"""The arguments of `init`, sorted. Imports nothing, so that `asyncwb.init` is there at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.settings import Settings

__all__ = ["StartOptions"]


class StartOptions(NamedTuple):
    """What `init` was asked for.

    Attributes:
        keywords: By the names of `Settings`; None: not given.
        settings: The base that keywords win over.
        config: The given config.
        include_keys: The only keys of it to take.
        exclude_keys: Keys of it to leave out.
        wait: Whether to wait for the server.
        anonymous: Given, though it has no effect any more.
    """

    keywords: dict[str, Any]
    settings: Settings | Mapping[str, Any] | None
    config: object
    include_keys: Sequence[str] | None
    exclude_keys: Sequence[str] | None
    wait: bool
    anonymous: bool = False
