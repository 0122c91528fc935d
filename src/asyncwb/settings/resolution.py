"""Every source put together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

from asyncwb.errors import InvalidValueError
from asyncwb.settings.background import background_server
from asyncwb.settings.checks import check, normal_url, with_source
from asyncwb.settings.fields import ENVIRONMENT, Settings
from asyncwb.settings.remotes import public_remote
from asyncwb.settings.sources import (
    Sourced,
    config_dir,
    from_environment,
    from_file,
    from_keywords,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["resolve"]

_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on", "y", "t"), True),
    **dict.fromkeys(("0", "false", "no", "off", "n", "f"), False),
}
_BOOLEAN_FIELDS = frozenset(
    {
        *("silent", "quiet", "allow_val_change", "insecure", "symlink", "force", "save_code"),
        *("disable_code", "disable_git", "disable_meta", "disable_machine_info"),
        *("save_requirements", "agent_disable_flapping", "console_multipart"),
    }
)
_LIST_FIELDS = frozenset({"run_tags", "ignore_globs", "config_paths"})
_OLD_MODES = {"dryrun": "offline", "run": "online"}
_PAIR_FIELDS = ("extra_http_headers", "capture_loggers")
_SERVER_FIELDS = ("base_url", "api_key")


def resolve(
    overrides: Mapping[str, object] | None = None, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """Build the settings: keyword > environment > settings files > background server > default.

    Reads two small files at most and never the network. The key of netrc is not part of it:
    `asyncwb.credentials.find_key` looks there when a key is needed.

    Args:
        overrides: Keywords by the names of `Settings` (or of `ALIASES`); None: not given.
        environ: The environment to read; None: that of the process.

    Returns:
        The settings, checked.

    Raises:
        InvalidValueError: An unknown name, or a value that cannot be; names the source.
    """
    environ = os.environ if environ is None else environ
    found = {
        **from_file(config_dir(environ) / "settings"),
        **from_file(Path("wandb") / "settings"),
        **from_environment(environ),
        **from_keywords(overrides or {}),
    }
    # A key named for another place must not be sent to the local server, nor the reverse.
    if not any(name in found for name in _SERVER_FIELDS):
        found |= _from_background(environ)
    sources = {name: sourced.source for name, sourced in found.items()}
    settings = _convert({name: _raw(name, item) for name, item in found.items()}, sources)
    check(settings, sources)
    return settings


def _from_background(environ: Mapping[str, str]) -> dict[str, Sourced]:
    server = background_server(environ)
    if server is None:
        return {}
    source = "the background server"
    return {
        "base_url": Sourced(server.url, source, is_text=True),
        "api_key": Sourced(server.api_key, source, is_text=True),
    }


def _raw(name: str, item: Sourced) -> object:
    """Bring the shapes that users write into the one that the field's type has."""
    value = item.value
    if isinstance(value, os.PathLike):
        value = os.fspath(cast("os.PathLike[str]", value))
    if name in {"base_url", "app_url"} and isinstance(value, str):
        url = value
        return with_source(item.source, lambda: normal_url(name, url))
    if name == "resume" and isinstance(value, bool):
        return "auto" if value else None
    if name == "mode" and isinstance(value, str):
        return _OLD_MODES.get(value, value)
    if name == "git_remote_url" and isinstance(value, str):
        return public_remote(value)
    if name == "reinit":
        return _reinit(value)
    if name in _LIST_FIELDS and isinstance(value, str):
        return (
            [part.strip() for part in value.split(",") if part.strip()] if item.is_text else [value]
        )
    if name in _PAIR_FIELDS:
        return _pairs(name, value, item)
    if item.is_text and name in _BOOLEAN_FIELDS and isinstance(value, str):
        return _BOOLEANS.get(value.strip().lower(), value)
    return value


def _reinit(value: object) -> object:
    """Booleans are the old spelling."""
    if isinstance(value, str):
        value = _BOOLEANS.get(value.strip().lower(), value)
    if isinstance(value, bool):
        return "finish_previous" if value else "return_previous"
    return value


def _pairs(name: str, value: object, item: Sourced) -> object:
    if item.is_text and isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise InvalidValueError(f"{name} must be a JSON object (from {item.source}).") from None
    if isinstance(value, dict):
        return list(cast("dict[object, object]", value).items())
    return value


def _convert(values: dict[str, object], sources: Mapping[str, str]) -> Settings:
    try:
        # Not strict: numbers arrive as text from the environment and from files.
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as exc:
        # The message names the type that was met, never the value, which may be a key.
        what, _, where = str(exc).partition(" - at `$.")
        name = next((name for name in ENVIRONMENT if where.startswith(name)), "a setting")
        source = sources.get(name, "its source")
        choices = _choices(name)
        if choices and what.startswith("Invalid enum value"):
            what = f"one of {', '.join(map(repr, choices))} is needed"
        raise InvalidValueError(f"{name}: {what} (from {source}).", exc=exc) from exc


def _choices(name: str) -> tuple[object, ...]:
    """The values that a setting may have, where they are few."""
    hint = get_type_hints(Settings).get(name)
    options = [hint, *get_args(hint)]
    return next((get_args(option) for option in options if get_origin(option) is Literal), ())
